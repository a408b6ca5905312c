//! Events as columns.
//!
//! Events with the same kind and the same members have one *shape*, and each of its members is a column; texts are
//! kept once and named by number. A page is so a fifth of its trace, and is read at once by the browser.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

use serde::de::{MapAccess, Visitor};
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::ExplainError;

/// The trace's format that is understood here.
const FORMAT: u64 = 2;

/// The greatest whole number that a script reads exactly.
const EXACT_MAX: u64 = 1 << 53;

/// A trace, packed.
#[derive(Debug, Default)]
pub struct Packed {
    /// Nanoseconds since the event before.
    steps_ns: Vec<u64>,
    /// The shape of each event; its row is the number of events of that shape before it.
    order: Vec<usize>,
    shapes: Vec<Shape>,
    texts: Vec<String>,
    /// Whether the last line was cut short.
    cut_short: bool,
    /// The schedule's seed.
    pub seed: Option<String>,
    /// The first law that was broken.
    pub law: Option<String>,
}

/// The events of one kind with the same members.
#[derive(Debug)]
struct Shape {
    kind: String,
    members: Vec<String>,
    columns: Vec<Column>,
}

/// The values of one member.
#[derive(Debug)]
enum Column {
    /// Whole numbers.
    Numbers(Vec<i64>),
    /// Numbers of texts.
    Texts(Vec<usize>),
    Values(Vec<Value>),
}

/// An event's members in the order in which they were written.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Reads a trace.
pub fn pack(mut trace: impl BufRead) -> Result<Packed, ExplainError> {
    let mut packing = Packing::default();
    let mut text = String::new();
    for line in 1.. {
        text.clear();
        if trace.read_line(&mut text).map_err(ExplainError::Read)? == 0 {
            break;
        }
        match serde_json::from_str::<Members>(&text) {
            Ok(members) => packing.add(members).map_err(|why| ExplainError::Line { line, why })?,
            Err(_) if !text.ends_with('\n') && line > 1 => packing.packed.cut_short = true,
            Err(error) => return Err(ExplainError::Line { line, why: error.to_string() }),
        }
    }
    if packing.packed.order.is_empty() { Err(ExplainError::Empty) } else { Ok(packing.packed) }
}

#[derive(Default)]
struct Packing {
    packed: Packed,
    text_numbers: BTreeMap<String, usize>,
    /// By kind and members.
    shape_numbers: BTreeMap<(String, Vec<String>), usize>,
    at_ns: u64,
}

impl Packing {
    fn add(&mut self, Members(members): Members) -> Result<(), String> {
        let number = self.packed.order.len() as u64;
        let (mut kind, mut at, mut said) = (None, None, None);
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (name, value) in members {
            match (name.as_str(), value) {
                ("n", value) => said = value.as_u64(),
                ("t", value) => at = value.as_f64(),
                ("kind", Value::String(value)) => kind = Some(value),
                ("cause", value) => {
                    // Kept as how far back it lies: a small number, where causes are near.
                    let cause = value.as_u64().filter(|cause| *cause < number);
                    let back = cause.map(|cause| number - cause).ok_or("its cause is no event before it")?;
                    names.push(name);
                    values.push(Value::from(back));
                }
                (_, value) => {
                    names.push(name);
                    values.push(value);
                }
            }
        }
        if said != Some(number) {
            return Err(format!("event {number} has the number {}", said.map_or("none".to_owned(), |n| n.to_string())));
        }
        let kind = kind.ok_or("an event without a kind")?;
        let at = at.ok_or("an event without a moment")?;
        if number == 0 {
            self.begin(&kind, &names, &values)?;
        }
        if kind == "violation" && self.packed.law.is_none() {
            self.packed.law = member(&names, &values, "law").and_then(Value::as_str).map(str::to_owned);
        }
        let at_ns = (at * 1e9).round() as u64;
        let step = at_ns.checked_sub(self.at_ns).ok_or("time goes back")?;
        self.at_ns = at_ns;
        self.packed.steps_ns.push(step);
        self.row(kind, names, values);
        Ok(())
    }

    fn begin(&mut self, kind: &str, names: &[String], values: &[Value]) -> Result<(), String> {
        let format = member(names, values, "format").and_then(Value::as_u64);
        if kind != "run" || format != Some(FORMAT) {
            let shown = format.map_or("none".to_owned(), |format| format.to_string());
            return Err(format!("format {shown} where {FORMAT} is known"));
        }
        let seed = member(names, values, "schedule").and_then(|schedule| schedule.get("seed"));
        self.packed.seed = seed.map(Value::to_string);
        Ok(())
    }

    fn row(&mut self, kind: String, members: Vec<String>, values: Vec<Value>) {
        let packed = &mut self.packed;
        let shape = *self.shape_numbers.entry((kind, members)).or_insert_with_key(|(kind, members)| {
            let columns = values.iter().map(Column::for_values_like).collect();
            packed.shapes.push(Shape { kind: kind.clone(), members: members.clone(), columns });
            packed.shapes.len() - 1
        });
        packed.order.push(shape);
        for (column, value) in packed.shapes[shape].columns.iter_mut().zip(values) {
            match (&mut *column, value) {
                (Column::Numbers(numbers), Value::Number(n)) if exact(&n).is_some() => numbers.extend(exact(&n)),
                (Column::Texts(texts), Value::String(text)) => {
                    let number = *self.text_numbers.entry(text).or_insert_with_key(|text| {
                        packed.texts.push(text.clone());
                        packed.texts.len() - 1
                    });
                    texts.push(number);
                }
                (_, value) => column.as_values(&packed.texts).push(readable(value)),
            }
        }
    }
}

fn member<'a>(names: &[String], values: &'a [Value], name: &str) -> Option<&'a Value> {
    names.iter().position(|known| known == name).map(|at| &values[at])
}

/// A whole number that a script reads exactly.
fn exact(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().filter(|n| n.unsigned_abs() < EXACT_MAX)
}

/// Whole numbers that a script would round become texts.
fn readable(value: Value) -> Value {
    match value {
        Value::Number(n) if !n.is_f64() && exact(&n).is_none() => Value::String(n.to_string()),
        Value::Array(values) => values.into_iter().map(readable).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, readable(value))).collect(),
        value => value,
    }
}

impl Column {
    fn for_values_like(value: &Value) -> Column {
        match value {
            Value::Number(n) if exact(n).is_some() => Column::Numbers(Vec::new()),
            Value::String(_) => Column::Texts(Vec::new()),
            _ => Column::Values(Vec::new()),
        }
    }

    /// The column as one that takes anything.
    fn as_values(&mut self, known: &[String]) -> &mut Vec<Value> {
        let values = match self {
            Column::Numbers(numbers) => numbers.iter().map(|n| Value::from(*n)).collect(),
            Column::Texts(texts) => texts.iter().map(|text| Value::from(known[*text].as_str())).collect(),
            Column::Values(values) => std::mem::take(values),
        };
        *self = Column::Values(values);
        match self {
            Column::Values(values) => values,
            Column::Numbers(_) | Column::Texts(_) => unreachable!("made a column of values just above"),
        }
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Packed", 5)?;
        object.serialize_field("stepsNs", &self.steps_ns)?;
        object.serialize_field("order", &self.order)?;
        object.serialize_field("shapes", &self.shapes)?;
        object.serialize_field("texts", &self.texts)?;
        object.serialize_field("cutShort", &self.cut_short)?;
        object.end()
    }
}

impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Shape", 3)?;
        object.serialize_field("kind", &self.kind)?;
        object.serialize_field("members", &self.members)?;
        object.serialize_field("columns", &self.columns)?;
        object.end()
    }
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(1))?;
        match self {
            Column::Numbers(numbers) => {
                // Numbers that count up (messages, log indices) are short as differences.
                let differences: Vec<i64> =
                    std::iter::once(0).chain(numbers.iter().copied()).zip(numbers).map(|(a, b)| b - a).collect();
                let greatest = |numbers: &[i64]| numbers.iter().map(|n| n.unsigned_abs()).max().unwrap_or(0);
                if numbers.len() > 1 && greatest(&differences[1..]).saturating_mul(10) < greatest(numbers) {
                    object.serialize_entry("steps", &differences)?;
                } else {
                    object.serialize_entry("numbers", numbers)?;
                }
            }
            Column::Texts(texts) => object.serialize_entry("texts", texts)?,
            Column::Values(values) => object.serialize_entry("values", values)?,
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn packed(lines: &str) -> Value {
        serde_json::to_value(pack(lines.as_bytes()).unwrap()).unwrap()
    }

    const RUN: &str = "{\"n\":0,\"t\":0,\"kind\":\"run\",\"format\":2}\n";

    #[test]
    fn events_of_one_shape_are_columns() {
        let packed = packed(&format!(
            "{RUN}{}\n{}\n{}\n",
            r#"{"n":1,"t":0.5,"node":1,"kind":"send","to":"n2","msg":7000}"#,
            r#"{"n":2,"t":0.500000001,"node":2,"kind":"receive","cause":1,"msg":7000}"#,
            r#"{"n":3,"t":2.000000000,"node":3,"kind":"send","to":"n2","msg":7002}"#,
        ));
        assert_eq!(packed["stepsNs"], json!([0, 500_000_000, 1, 1_499_999_999]));
        assert_eq!(packed["order"], json!([0, 1, 2, 1]));
        assert_eq!(packed["texts"], json!(["n2"]));
        let columns = json!([{ "numbers": [1, 3] }, { "texts": [0, 0] }, { "steps": [7000, 2] }]);
        let send = json!({ "kind": "send", "members": ["node", "to", "msg"], "columns": columns });
        assert_eq!(packed["shapes"][1], send);
        assert_eq!(packed["shapes"][2]["columns"][1], json!({ "numbers": [1] }), "one event back");
    }

    #[test]
    fn a_column_of_many_kinds_of_values_keeps_them_all() {
        let lines: String = [r#""a""#, "1", "18446744073709551615", "[true,9007199254740993]", "1.5"]
            .iter()
            .enumerate()
            .map(|(at, value)| format!("{{\"n\":{},\"t\":1,\"kind\":\"x\",\"v\":{value}}}\n", at + 1))
            .collect();
        let packed = packed(&format!("{RUN}{lines}"));
        let values = json!(["a", 1, "18446744073709551615", [true, "9007199254740993"], 1.5]);
        assert_eq!(packed["shapes"][1]["columns"][0]["values"], values);
    }

    #[test]
    fn a_trace_that_was_cut_short_is_read_up_to_there() {
        assert_eq!(packed(RUN)["cutShort"], json!(false));
        let cut = packed(&format!("{RUN}{{\"n\":1,\"t\":0."));
        assert_eq!((&cut["cutShort"], &cut["order"]), (&json!(true), &json!([0])));
    }

    #[test]
    fn causes_and_time_only_go_forward() {
        let refused = |line: &str| pack(format!("{RUN}{line}\n").as_bytes()).unwrap_err().to_string();
        assert!(refused(r#"{"n":1,"t":1,"kind":"x","cause":1}"#).contains("cause"));
        let back = "{\"n\":1,\"t\":2,\"kind\":\"x\"}\n{\"n\":2,\"t\":1,\"kind\":\"x\"}";
        assert!(refused(back).contains("time goes back"));
    }
}
