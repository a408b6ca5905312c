//! One JSON object (RFC 8259) with a member for each key.

use super::ValueType;

/// Appends a member. Numbers keep their digits, and `json` values are as they were set: both are JSON already.
pub(super) fn write(text: &mut String, key: &str, value_type: ValueType, value: &str) {
    if !text.is_empty() {
        text.push_str(",\n");
    }
    text.push_str("  ");
    text.push_str(&string(key));
    text.push_str(": ");
    match value_type {
        ValueType::Number | ValueType::Boolean | ValueType::Json => {
            text.push_str(value.trim_matches([' ', '\t', '\n', '\r']));
        }
        ValueType::String | ValueType::Yaml => text.push_str(&string(value)),
    }
}

fn string(text: &str) -> String {
    serde_json::to_string(text).expect("text always becomes JSON")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::{Value, json};

    use super::super::FileFormat::Json as AsJson;
    use super::super::tests::file;
    use crate::wire::ValueType::{Boolean, Json, Number, String as Text, Yaml};

    #[test]
    fn values_have_their_types() {
        let entries = [
            ("a", Text, "line\n\"quoted\" \u{0} ä"),
            ("b", Number, "123456789012345678901234567890"),
            ("c", Number, "-1.50e3"),
            ("d", Boolean, "false"),
            ("e", Json, " {\"x\": [1, null]}\n"),
            ("f", Yaml, "x: 1\n"),
            ("g", Text, "5"),
        ];
        let text = file(AsJson, &entries).expect("everything can be said");
        expect![[r#"
            {
              "a": "line\n\"quoted\" \u0000 ä",
              "b": 123456789012345678901234567890,
              "c": -1.50e3,
              "d": false,
              "e": {"x": [1, null]},
              "f": "x: 1\n",
              "g": "5"
            }
        "#]]
        .assert_eq(&text);
        let read: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (&read["a"], &read["e"], &read["g"]),
            (&json!(entries[0].2), &json!({ "x": [1, null] }), &json!("5"))
        );
    }
}
