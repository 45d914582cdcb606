//! A table's columns in Delta Lake's words.

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use serde_json::{Map, Value, json};

/// The JSON of a schema, as it stands in a log's metadata.
pub fn schema_string(schema: &Schema) -> String {
    let field = |field: &std::sync::Arc<Field>| {
        let comments = field.metadata().iter().filter(|(name, _)| *name == "comment");
        let metadata: Map<String, Value> =
            comments.map(|(name, text)| (name.clone(), json!(text))).collect();
        json!({
            "name": field.name(),
            "type": type_of(field.data_type()),
            "nullable": field.is_nullable(),
            "metadata": metadata,
        })
    };
    let fields: Vec<Value> = schema.fields().iter().map(field).collect();
    json!({"type": "struct", "fields": fields}).to_string()
}

fn type_of(data_type: &DataType) -> Value {
    match data_type {
        DataType::Int32 => json!("integer"),
        DataType::Int64 => json!("long"),
        DataType::Float32 => json!("float"),
        DataType::Float64 => json!("double"),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => json!("timestamp"),
        DataType::List(element) => json!({
            "type": "array",
            "elementType": type_of(element.data_type()),
            "containsNull": element.is_nullable(),
        }),
        // Texts: a test sees to it that no table has columns of other types.
        _ => json!("string"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::LoggedTable;

    #[test]
    fn every_column_of_every_table_has_a_type_in_delta_lake() {
        for table in LoggedTable::ALL {
            for field in table.schema().fields() {
                let is_text = type_of(field.data_type()) == "string";
                assert_eq!(
                    is_text,
                    *field.data_type() == DataType::Utf8,
                    "{table}.{}",
                    field.name()
                );
            }
        }
        let items = schema_string(&LoggedTable::Items.schema());
        assert!(
            items.contains(r#"{"containsNull":false,"elementType":"string","type":"array"}"#),
            "{items}"
        );
    }
}
