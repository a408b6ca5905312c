//! One YAML mapping with a line for each key, which readers of YAML 1.1 and 1.2 understand alike: all text is in double
//! quotes, and `json` values are flow collections.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::ValueType;

/// A name on one line with its value has at most 1024 characters (section 7.4.2).
const NAME_BYTES_MAX: usize = 1000;

/// Appends a line. The error says what of the value cannot be said.
pub(super) fn write(text: &mut String, key: &str, value_type: ValueType, value: &str) -> Result<(), &'static str> {
    let line_start = text.len();
    if is_plain(key) {
        text.push_str(key);
    } else {
        string(text, key);
    }
    text.push_str(": ");
    match value_type {
        ValueType::Boolean => text.push_str(value),
        ValueType::Number => number(text, value),
        ValueType::String | ValueType::Yaml => string(text, value),
        ValueType::Json => {
            let mut json = Json { rest: value, text };
            if let Err(why) = json.value() {
                text.truncate(line_start);
                return Err(why);
            }
        }
    }
    text.push('\n');
    Ok(())
}

/// Whether a key needs no quotes: it can be no number, date or anything else but text, in 1.1 either.
fn is_plain(key: &str) -> bool {
    const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte))
        && !WORDS.iter().any(|word| key.eq_ignore_ascii_case(word))
}

/// In double quotes (YAML 1.2.2, section 7.3.1), on one line.
fn string(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // What is not printable (section 5.1), and what some take for a line break or a byte order mark.
            '\0'..='\x1f' | '\x7f'..='\u{9f}' => drop(write!(text, "\\x{:02x}", c as u32)),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => drop(write!(text, "\\u{:04x}", c as u32)),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// A JSON number as YAML has it. That of 1.1 knows a float by its point and the sign of its exponent.
fn number(text: &mut String, value: &str) {
    let Some(at) = value.find(['e', 'E']) else { return text.push_str(value) };
    let (mantissa, exponent) = (&value[..at], &value[at + 1..]);
    text.push_str(mantissa);
    if !mantissa.contains('.') {
        text.push_str(".0");
    }
    text.push('e');
    if !exponent.starts_with(['+', '-']) {
        text.push('+');
    }
    text.push_str(exponent);
}

/// Copies a JSON text, which is known to be one and nested at most 128 deep.
struct Json<'a> {
    rest: &'a str,
    text: &'a mut String,
}

impl Json<'_> {
    fn value(&mut self) -> Result<(), &'static str> {
        match self.peek() {
            '{' => {
                let mut names = BTreeSet::new();
                self.members('}', |json| {
                    let name = json.quoted();
                    let start = json.text.len();
                    string(json.text, &name);
                    if json.text.len() - start > NAME_BYTES_MAX {
                        return Err("has an object with a name of more than a thousand bytes");
                    }
                    // Section 3.2.1.3.
                    if !names.insert(name) {
                        return Err("has an object with two members of one name");
                    }
                    json.take(':');
                    json.text.push_str(": ");
                    json.value()
                })
            }
            '[' => self.members(']', Json::value),
            '"' => {
                let value = self.quoted();
                string(self.text, &value);
                Ok(())
            }
            _ => {
                let end = self.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                if word.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    self.text.push_str(word);
                } else {
                    number(self.text, word);
                }
                Ok(())
            }
        }
    }

    /// What is between brackets, which are here and in YAML the same.
    fn members(
        &mut self,
        close: char,
        mut member: impl FnMut(&mut Self) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let open = self.peek();
        self.take(open);
        self.text.push(open);
        let mut is_first = true;
        while self.peek() != close {
            if !is_first {
                self.take(',');
                self.text.push_str(", ");
            }
            is_first = false;
            member(self)?;
        }
        self.take(close);
        self.text.push(close);
        Ok(())
    }

    /// The next string, without its quotes and escapes.
    fn quoted(&mut self) -> String {
        self.peek();
        let mut strings = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        let value = strings.next().and_then(Result::ok).expect("the value was checked to be JSON when it was set");
        self.rest = &self.rest[strings.byte_offset()..];
        value
    }

    fn take(&mut self, c: char) {
        self.peek();
        self.rest = self.rest.strip_prefix(c).expect("the value was checked to be JSON when it was set");
    }

    fn peek(&mut self) -> char {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.chars().next().expect("the value was checked to be JSON when it was set")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use saphyr_parser::{Event, Parser, ScalarStyle};

    use super::super::FileFormat::Yaml as AsYaml;
    use super::super::tests::file;
    use crate::wire::ValueType::{Boolean, Json as AJson, Number, String as Text, Yaml};

    #[test]
    fn values_have_their_types() {
        let entries = [
            ("1.5", Text, "a key that is a number"),
            ("NO", Text, "true"),
            ("big", Number, "123456789012345678901234567890"),
            ("db.url", Text, "postgres://a # b: c"),
            ("deep", AJson, " {\"a b\" : [1 , -2.5e10,null, {}, [ ] ],\n \"\\ud83d\\ude00\":\"x\\/\\u0000y\"}\n"),
            ("e", Number, "1e6"),
            ("lines", Text, "a\n\tb\r\n"),
            ("on", Boolean, "true"),
            ("text", AJson, "\"5\""),
            ("yaml", Yaml, "x: 1\n---\ny: 2\n"),
            ("zero", AJson, "0"),
        ];
        expect![[r#"
            "1.5": "a key that is a number"
            "NO": "true"
            big: 123456789012345678901234567890
            db.url: "postgres://a # b: c"
            deep: {"a b": [1, -2.5e+10, null, {}, []], "😀": "x/\x00y"}
            e: 1.0e+6
            lines: "a\n\tb\r\n"
            "on": true
            text: "5"
            yaml: "x: 1\n---\ny: 2\n"
            zero: 0
        "#]]
        .assert_eq(&file(AsYaml, &entries).expect("all of it can be said"));
    }

    #[test]
    fn names_that_a_mapping_cannot_have_cannot_be_said() {
        let long = format!("{{\"{}\":1}}", "x".repeat(1000));
        for json in [r#"{"a":1,"a":2}"#, r#"[{"x":{"a":1,"\u0061":2}}]"#, &long] {
            let error = file(AsYaml, &[("k", AJson, json)]).expect_err("it cannot be said");
            assert_eq!((error.keys.as_slice(), error.why.contains("\"k\"")), (&["k".to_owned()][..], true), "{error}");
        }
        assert!(file(AsYaml, &[("k", AJson, r#"[{"a":1},{"a":2},{"b":{"a":3},"a":4}]"#)]).is_ok());
    }

    /// Every text comes through a parser of YAML as it is.
    #[test]
    fn text_is_read_as_it_was_set() {
        let mut values: Vec<String> = (0..=0x2ff).filter_map(char::from_u32).map(|c| format!("a{c}b{c}")).collect();
        let harder =
            ["", " ", "\n", "- x", "? x", "{{ x }}", "%x", "---", "\u{2028}\u{feff}\u{ffff}", "😀", "\\", "\"", "'"];
        values.extend(harder.map(str::to_owned));
        let keys: Vec<String> = (0..values.len()).map(|n| format!("k{n}")).collect();
        let entries: Vec<_> =
            keys.iter().zip(&values).map(|(key, value)| (key.as_str(), Text, value.as_str())).collect();
        let text = file(AsYaml, &entries).expect("all of it can be said");
        // Line breaks to readers of YAML 1.1, and what is not printable.
        assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || "\u{2028}\u{2029}\u{feff}\u{ffff}".contains(c))));
        let mut read = Vec::new();
        for event in Parser::new_from_str(&text) {
            if let (Event::Scalar(value, ScalarStyle::DoubleQuoted, ..), _) = event.expect("YAML") {
                read.push(value.into_owned());
            }
        }
        assert_eq!(read, values);
    }

    #[test]
    fn the_deepest_json_is_no_stack_overflow() {
        let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
        assert_eq!(AJson.check(&deep), Ok(()));
        assert_eq!(file(AsYaml, &[("k", AJson, &deep)]), Ok(format!("k: {deep}\n")));
    }
}
