//! What makes one JSON value of another (RFC 6902).

use serde_json::{Value, json};

use crate::wire::{Entry, ValueType};

/// A patch from `before` to `after`, where both are `json`. It is not longer than one that says to replace all of it, and
/// is that one where it would be.
pub(super) fn between(before: &Entry, after: &Entry) -> Option<Value> {
    let value = |entry: &Entry| {
        let is_json = entry.value_type == ValueType::Json;
        is_json.then(|| serde_json::from_str::<Value>(&entry.value).ok()).flatten()
    };
    let (old, new) = (value(before)?, value(after)?);
    let bytes_left = after.value.len() + WHOLE_BYTES;
    let mut patch = Patch { operations: Vec::new(), path: String::new(), bytes_left };
    Some(match patch.compare(&old, &new) {
        Some(()) => patch.operations.into(),
        None => json!([{ "op": "replace", "path": "", "value": new }]),
    })
}

/// What a patch that replaces all takes beside the value.
const WHOLE_BYTES: usize = r#"[{"op":"replace","path":"","value":}]"#.len();

/// Operations, and where they come to next. Its end is in sight all the time: paths can be long, and many.
struct Patch {
    operations: Vec<Value>,
    /// A JSON pointer (RFC 6901).
    path: String,
    bytes_left: usize,
}

impl Patch {
    /// `None` where it becomes too long.
    fn compare(&mut self, before: &Value, after: &Value) -> Option<()> {
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => {
                for name in before.keys().filter(|name| !after.contains_key(*name)) {
                    self.at(name, |patch| patch.push(json!({ "op": "remove", "path": patch.path })))?;
                }
                for (name, new) in after {
                    self.at(name, |patch| match before.get(name) {
                        Some(old) => patch.compare(old, new),
                        None => patch.push(json!({ "op": "add", "path": patch.path, "value": new })),
                    })?;
                }
                Some(())
            }
            (Value::Array(before), Value::Array(after)) => {
                for (place, (old, new)) in before.iter().zip(after).enumerate() {
                    self.at(&place.to_string(), |patch| patch.compare(old, new))?;
                }
                // From the end, so that those before stay where they are.
                for place in (after.len()..before.len()).rev() {
                    self.at(&place.to_string(), |patch| patch.push(json!({ "op": "remove", "path": patch.path })))?;
                }
                for (place, new) in after.iter().enumerate().skip(before.len()) {
                    self.at(&place.to_string(), |patch| {
                        patch.push(json!({ "op": "add", "path": patch.path, "value": new }))
                    })?;
                }
                Some(())
            }
            _ if before == after => Some(()),
            _ => self.push(json!({ "op": "replace", "path": self.path, "value": after })),
        }
    }

    fn at(&mut self, name: &str, what: impl FnOnce(&mut Patch) -> Option<()>) -> Option<()> {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        let done = what(self);
        self.path.truncate(length);
        done
    }

    fn push(&mut self, operation: Value) -> Option<()> {
        self.bytes_left = self.bytes_left.checked_sub(operation.to_string().len() + ",".len())?;
        self.operations.push(operation);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: &str, value_type: ValueType) -> Entry {
        Entry {
            namespace: "n".to_owned(),
            key: "k".to_owned(),
            value: value.to_owned(),
            value_type,
            version: 1,
            revision: "5:1".to_owned(),
            created_at: String::new(),
            updated_at: String::new(),
            updated_by: String::new(),
        }
    }

    #[test]
    fn a_patch_makes_the_one_of_the_other() {
        let cases = [
            (r#"{"a":1,"b":[1,2],"c~/":"x"}"#, r#"{"a":2,"b":[1,2,3],"d":null,"e":{"long":"and longer"}}"#),
            ("[1,2,3]", "[3]"),
            ("1", "\"x\""),
            ("{}", "{}"),
            (r#"{"a":{"b":{"c":1}}}"#, r#"{"a":{"b":{"c":2}}}"#),
            ("[0,0,0,0,0,0,0,0,0,0]", "[1,1,1,1,1,1,1,1,1,1]"),
        ];
        for (before, after) in cases {
            let patch = between(&entry(before, ValueType::Json), &entry(after, ValueType::Json)).expect("a patch");
            assert!(patch.to_string().len() <= after.len() + WHOLE_BYTES, "{patch}");
            let mut value: Value = serde_json::from_str(before).expect("JSON");
            let parsed: json_patch::Patch = serde_json::from_value(patch).expect("a patch");
            json_patch::patch(&mut value, &parsed).expect("it fits");
            assert_eq!(value, serde_json::from_str::<Value>(after).expect("JSON"));
        }
        let small = between(
            &entry(r#"{"a":1,"b":"cdefghijkl"}"#, ValueType::Json),
            &entry(r#"{"a":2,"b":"cdefghijkl"}"#, ValueType::Json),
        );
        assert_eq!(small, Some(json!([{ "op": "replace", "path": "/a", "value": 2 }])));
    }

    /// A thousand changes below a name of half a megabyte.
    #[test]
    fn a_patch_is_bounded_while_it_is_made() {
        let of = |n: u32| format!("{{\"{}\":{:?}}}", "x".repeat(1 << 19), vec![n; 1000]);
        let patch = between(&entry(&of(1), ValueType::Json), &entry(&of(2), ValueType::Json)).expect("a patch");
        assert_eq!((patch[0]["path"].as_str(), patch.as_array().map(Vec::len)), (Some(""), Some(1)));
    }

    #[test]
    fn only_json_has_a_patch() {
        assert_eq!(between(&entry("1", ValueType::Json), &entry("2", ValueType::Number)), None);
        assert_eq!(between(&entry("a", ValueType::String), &entry("b", ValueType::String)), None);
    }
}
