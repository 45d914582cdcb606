//! The page, from the description.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::schema::{fields, kind};

/// HTML that says what an OpenAPI document says.
pub fn page(description: &Value) -> String {
    let info = &description["info"];
    let (title, version) = (text(&info["title"]), text(&info["version"]));
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} {version}: requests</title>\n\
         <link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n<body>\n<h1>{title} {version}</h1>\n<p>{}</p>\n\
         <p>For programs: <a href=\"/openapi.json\">/openapi.json</a>.</p>\n",
        prose(&info["description"])
    );
    let operations = operations(description);
    let mut tags: Vec<&str> = Vec::new();
    for (.., operation) in &operations {
        let tag = tag(operation);
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let _ = writeln!(html, "<nav>\n<ul>");
    for (method, path, operation) in &operations {
        let (id, path) = (text(&operation["operationId"]), escaped(path));
        let _ = writeln!(html, "<li><a href=\"#{id}\">{method} {path}</a></li>");
    }
    let _ = writeln!(html, "<li><a href=\"#schemas\">Schemas</a></li>\n</ul>\n</nav>\n<main>");
    for name in tags {
        let _ = writeln!(html, "<h2>{}</h2>", escaped(name));
        for (method, path, operation) in operations.iter().filter(|(.., one)| tag(one) == name) {
            operation_into(&mut html, method, path, operation);
        }
    }
    let _ = writeln!(html, "<h2 id=\"schemas\">Schemas</h2>");
    for (name, schema) in object(&description["components"]["schemas"]) {
        schema_into(&mut html, name, schema);
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn operations(description: &Value) -> Vec<(String, &str, &Value)> {
    let paths = object(&description["paths"]).iter();
    let of_path = |(path, item)| {
        let each = object(item).iter();
        each.map(move |(method, operation)| {
            (method.to_uppercase(), String::as_str(path), operation)
        })
    };
    paths.flat_map(of_path).collect()
}

fn tag(operation: &Value) -> &str {
    operation["tags"][0].as_str().unwrap_or("requests")
}

fn operation_into(html: &mut String, method: &str, path: &str, operation: &Value) {
    let (id, path) = (text(&operation["operationId"]), escaped(path));
    let _ = writeln!(
        html,
        "<section id=\"{id}\">\n<h3><span class=\"method\">{method}</span><code>{path}</code></h3>\n<p>{}</p>",
        prose(&operation["summary"])
    );
    if operation["description"].is_string() {
        let _ = writeln!(html, "<p>{}</p>", prose(&operation["description"]));
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.map(|parameter| {
        let needed = if parameter["required"] == true { ", needed" } else { "" };
        let place = format!("{}{needed}", text(&parameter["in"]));
        [
            code(&parameter["name"]),
            place,
            kind(&parameter["schema"]),
            prose(&parameter["description"]),
        ]
    });
    table(html, "Parameters", ["name", "where", "value", ""], parameters.collect());
    for (media_type, content) in object(&operation["requestBody"]["content"]) {
        let _ = writeln!(
            html,
            "<p>Body, <code>{}</code>: {}</p>",
            escaped(media_type),
            kind(&content["schema"])
        );
        if !content["example"].is_null() {
            let example = serde_json::to_string_pretty(&content["example"]).unwrap_or_default();
            let _ = writeln!(html, "<pre>{}</pre>", escaped(&example));
        }
    }
    let answers = object(&operation["responses"]).iter().map(|(status, answer)| {
        let contents = object(&answer["content"]).iter();
        let contents = contents.map(|(media_type, content)| {
            format!("<code>{}</code>: {}", escaped(media_type), kind(&content["schema"]))
        });
        let headers: Vec<String> = object(&answer["headers"])
            .keys()
            .map(|name| format!("<code>{}</code>", escaped(name)))
            .collect();
        let contents: Vec<String> = contents.collect();
        [escaped(status), prose(&answer["description"]), contents.join("<br>"), headers.join(" ")]
    });
    table(html, "Answers", ["status", "", "body", "headers"], answers.collect());
    html.push_str("</section>\n");
}

fn schema_into(html: &mut String, name: &str, schema: &Value) {
    let name = escaped(name);
    let _ = writeln!(
        html,
        "<section id=\"schema-{name}\">\n<h3>{name}</h3>\n<p>{}</p>",
        prose(&schema["description"])
    );
    let rows: Vec<[String; 4]> = fields(schema)
        .into_iter()
        .map(|(field, schema, is_required)| {
            let needed = if is_required { "always" } else { "" };
            [
                format!("<code>{}</code>", escaped(field)),
                needed.to_owned(),
                kind(schema),
                prose(&schema["description"]),
            ]
        })
        .collect();
    if rows.is_empty() || schema["allOf"].is_array() {
        let _ = writeln!(html, "<p>{}</p>", kind(schema));
    }
    table(html, "Fields", ["name", "", "value", ""], rows);
    html.push_str("</section>\n");
}

fn table(html: &mut String, caption: &str, head: [&str; 4], rows: Vec<[String; 4]>) {
    if rows.is_empty() {
        return;
    }
    let cells =
        |tag: &str, row: [&str; 4]| row.map(|cell| format!("<{tag}>{cell}</{tag}>")).concat();
    let _ = writeln!(html, "<table>\n<caption>{caption}</caption>\n<tr>{}</tr>", cells("th", head));
    for row in &rows {
        let _ = writeln!(html, "<tr>{}</tr>", cells("td", row.each_ref().map(String::as_str)));
    }
    html.push_str("</table>\n");
}

fn object(value: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

/// A text, or nothing, for HTML.
fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

/// The same with what stands in backticks as code.
fn prose(value: &Value) -> String {
    let text = text(value);
    let mut html = String::new();
    for (place, part) in text.split('`').enumerate() {
        html.push_str(&if place % 2 == 1 {
            format!("<code>{part}</code>")
        } else {
            part.to_owned()
        });
    }
    html
}

/// A value as code.
pub fn code(value: &Value) -> String {
    let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("<code>{}</code>", escaped(&plain))
}

/// A text as HTML shows it, in an attribute, too.
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::http::openapi;

    #[test]
    fn every_operation_parameter_and_schema_stands_in_it_and_every_link_leads_somewhere() {
        let description: Value = serde_json::from_str(&openapi::text().unwrap()).unwrap();
        let html = page(&description);
        for (method, path, operation) in operations(&description) {
            let heading = format!("<span class=\"method\">{method}</span><code>{path}</code>");
            assert!(html.contains(&heading), "{heading}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(html.contains(&code(&parameter["name"])), "{parameter}");
            }
        }
        let ids: Vec<&str> =
            html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let different: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(different.len(), ids.len(), "an id twice");
        let links = html.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
        let mut count = 0;
        for link in links {
            assert!(different.contains(link), "#{link}");
            count += 1;
        }
        assert!(count > 100, "{count}");
        // Nothing of others, nothing that runs, nothing that the policy would forbid.
        for forbidden in ["http://", "https://", "//cdn", "<script", "<style", " style=", "<img"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
        assert!(html.len() < 150_000, "{}", html.len());
    }

    #[test]
    fn what_a_description_says_is_text_and_no_markup() {
        let hostile = "</title><script>alert('`x`')</script>\"&";
        let description = json!({
            "info": {"title": hostile, "version": hostile, "description": hostile},
            "paths": {hostile: {"get": {"tags": [hostile], "operationId": hostile, "summary": hostile,
                "parameters": [{"name": hostile, "in": hostile, "description": hostile, "schema": {"enum": [hostile]}}],
                "responses": {hostile: {"description": hostile, "content": {hostile: {"schema": {"$ref": hostile}}}}}}}},
            "components": {"schemas": {hostile: {"type": hostile, "properties": {hostile: {"type": hostile}}}}},
        });
        let html = page(&description);
        assert!(
            !html.contains("<script") && !html.contains("\"&\"") && html.contains("&lt;script&gt;"),
            "{html}"
        );
    }
}
