//! A JSON schema in a few words of HTML.

use serde_json::Value;

use super::page::{code, escaped};

/// What a value may be: `text`, `number`, a link to a schema with a name, or an array or choice of these; with its bounds.
pub fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or(reference));
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for (several, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
        if let Some(schemas) = schema[several].as_array() {
            return schemas.iter().map(kind).collect::<Vec<_>>().join(between);
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(code).collect::<Vec<_>>().join(" or ");
    }
    let named = match &schema["type"] {
        Value::Array(types) => {
            types.iter().map(|one| simple(one, schema)).collect::<Vec<_>>().join(" or ")
        }
        one => simple(one, schema),
    };
    named + &bounds(schema)
}

fn simple(name: &Value, schema: &Value) -> String {
    match name.as_str() {
        Some("array") => format!("array of {}", kind(&schema["items"])),
        Some("object") => match &schema["additionalProperties"] {
            values @ Value::Object(_) => format!("object of {}", kind(values)),
            _ => "object".to_owned(),
        },
        Some(name) => match schema["format"].as_str() {
            Some("date-time") => "time".to_owned(),
            _ => escaped(name),
        },
        None => "anything".to_owned(),
    }
}

fn bounds(schema: &Value) -> String {
    let from_to = |least: &str, most: &str, of: &str| match (&schema[least], &schema[most]) {
        (Value::Null, Value::Null) => None,
        (least, Value::Null) => Some(format!("at least {least}{of}")),
        (Value::Null, most) => Some(format!("at most {most}{of}")),
        (least, most) => Some(format!("{least} to {most}{of}")),
    };
    let all = [
        from_to("minimum", "maximum", ""),
        from_to("minLength", "maxLength", " characters"),
        from_to("minItems", "maxItems", " of them"),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() { String::new() } else { format!(", {}", all.join(", ")) }
}

/// The fields of an object, those of schemas that it is made of, too: name, schema, whether it is always there.
pub fn fields(schema: &Value) -> Vec<(&str, &Value, bool)> {
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(fields);
    let properties = schema["properties"].as_object().into_iter().flatten();
    let required = |name: &str| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|one| one == name))
    };
    let own = properties.map(|(name, schema)| (name.as_str(), schema, required(name)));
    parts.chain(own).collect()
}
