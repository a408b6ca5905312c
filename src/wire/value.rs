use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as DeserializeDerive, Serialize};

/// What a value claims to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, DeserializeDerive)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Any text.
    #[default]
    String,
    /// A JSON number (RFC 8259, section 6), with nothing around it.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A JSON text (RFC 8259), nested at most 128 deep.
    Json,
    /// One or more YAML 1.2 documents.
    Yaml,
}

/// A value that does not parse as its type, and where it stops doing so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (line {line}, column {column})")]
pub struct InvalidValue {
    /// From 1.
    pub line: usize,
    /// From 1, in characters for YAML and in bytes for JSON.
    pub column: usize,
    /// What is wrong, without the value.
    pub what: String,
}

impl ValueType {
    /// Checks that `value` parses as this type. Takes time and memory in proportion to the value; follows no YAML
    /// alias, so that nothing expands.
    pub fn check(self, value: &str) -> Result<(), InvalidValue> {
        match self {
            ValueType::String => Ok(()),
            ValueType::Boolean if matches!(value, "true" | "false") => Ok(()),
            ValueType::Boolean => Err(at_start("a boolean is true or false, in lower case with nothing around it")),
            ValueType::Number => check_number(value),
            ValueType::Json => check_json(value),
            ValueType::Yaml => check_yaml(value),
        }
    }
}

fn at_start(what: &str) -> InvalidValue {
    InvalidValue { line: 1, column: 1, what: what.to_owned() }
}

fn check_number(value: &str) -> Result<(), InvalidValue> {
    // The first and last character tell a number from all other JSON texts, and from one with space around it.
    let looks_like_one =
        value.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && value.ends_with(|c: char| c.is_ascii_digit());
    if !looks_like_one {
        return Err(at_start("a number is written as in JSON, like 42, -0.5 or 1e6, with nothing around it"));
    }
    check_json(value)
}

fn check_json(value: &str) -> Result<(), InvalidValue> {
    let mut json = serde_json::Deserializer::from_str(value);
    Checked::deserialize(&mut json).and_then(|Checked| json.end()).map_err(|error| InvalidValue {
        line: error.line().max(1),
        column: error.column().max(1),
        what: without_position(&error),
    })
}

/// The parser's message without its own " at line 1 column 2".
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

fn check_yaml(value: &str) -> Result<(), InvalidValue> {
    for event in saphyr_parser::Parser::new_from_str(value) {
        event.map_err(|error| InvalidValue {
            line: error.marker().line().max(1),
            // The parser counts columns from 0.
            column: error.marker().col() + 1,
            what: error.info().to_owned(),
        })?;
    }
    Ok(())
}

/// A JSON value that was parsed in full (escapes, number ranges, nesting) and not kept.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Checked, D::Error> {
        from.deserialize_any(CheckedVisitor)
    }
}

struct CheckedVisitor;

impl<'de> Visitor<'de> for CheckedVisitor {
    type Value = Checked;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Checked, A::Error> {
        while seq.next_element::<Checked>()?.is_some() {}
        Ok(Checked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
        while map.next_key_seed(AnyKey)?.is_some() {
            map.next_value::<Checked>()?;
        }
        Ok(Checked)
    }
}

/// A member name, parsed and not kept.
struct AnyKey;

impl<'de> DeserializeSeed<'de> for AnyKey {
    type Value = Checked;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Checked, D::Error> {
        from.deserialize_str(CheckedVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(value_type: ValueType, value: &str) -> String {
        match value_type.check(value) {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn values_parse_as_their_type_or_say_where_they_do_not() {
        use ValueType::{Boolean, Json, Number, String, Yaml};
        for (value_type, good) in [
            (String, ""),
            (String, "\u{0}anything"),
            (Number, "0"),
            (Number, "-12.5e+3"),
            (Number, "123456789012345678901234567890"),
            (Boolean, "true"),
            (Boolean, "false"),
            (Json, r#" {"a":[1,2.5,null,true,"ä\n"],"a":{}} "#),
            (Json, "\"x\""),
            (Yaml, ""),
            (Yaml, "a: [1, 2]\nb:\n  - x\n---\nsecond: &anchor {}\nthird: *anchor\n"),
        ] {
            assert_eq!(verdict(value_type, good), "ok", "{value_type:?} {good:?}");
        }
        for (value_type, bad) in [
            (Number, ""),
            (Number, " 1"),
            (Number, "1 "),
            (Number, "01"),
            (Number, "1_000"),
            (Number, "0x10"),
            (Number, "NaN"),
            (Number, "+1"),
            (Number, "1."),
            (Number, "1 2"),
            (Number, "1e999"),
            (Boolean, "TRUE"),
            (Boolean, "1"),
            (Boolean, "true\n"),
            (Json, ""),
            (Json, "{\"a\":1,}"),
            (Json, "[1] 2"),
            (Json, "'a'"),
            (Json, "\"\\ud800\""),
            (Yaml, "a: [1, 2"),
            (Yaml, "a: *nowhere"),
            (Yaml, "\t- a: b: c"),
        ] {
            assert!(value_type.check(bad).is_err(), "{value_type:?} {bad:?}");
        }
    }

    #[test]
    fn the_position_is_counted_from_one() {
        let json = ValueType::Json.check("{\"a\":1,\n  oops}").expect_err("not JSON");
        assert_eq!((json.line, json.column), (2, 3), "{json}");
        let yaml = ValueType::Yaml.check("a: 1\nb: *nowhere").expect_err("an alias without its anchor");
        assert_eq!((yaml.line, yaml.column), (2, 4), "{yaml}");
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
        for open in ["[", "{\"a\":"] {
            assert!(ValueType::Json.check(&open.repeat(200_000)).is_err());
        }
        for open in ["[", "- ", "? ", "{a: ", "- - \n", "&a ", "!!x ", "a: &b ", "\"", "> "] {
            // Whatever the verdict is, there must be one.
            let _ = ValueType::Yaml.check(&open.repeat(200_000));
        }
    }

    #[test]
    fn yaml_aliases_do_not_expand() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..60 {
            let before = level - 1;
            bomb.push_str(&format!("a{level}: &a{level} [*a{before},*a{before},*a{before},*a{before}]\n"));
        }
        assert_eq!(verdict(ValueType::Yaml, &bomb), "ok");
    }
}
