use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::schedule::{Schedule, When, Where, Who, Whose, Work};

/// What was taken away from a schedule, what was changed, and what is left, a line each.
pub fn report(from: &Schedule, to: &Schedule) -> Vec<String> {
    let mut lines = Vec::new();
    let kept: BTreeSet<u64> = to.faults.iter().map(|fault| fault.id).collect();
    let mut gone: BTreeMap<&str, u64> = BTreeMap::new();
    for fault in from.faults.iter().filter(|fault| !kept.contains(&fault.id)) {
        *gone.entry(fault.what.name()).or_default() += 1;
    }
    if !gone.is_empty() {
        let gone: Vec<String> = gone.iter().map(|(what, count)| format!("{count} {what}")).collect();
        lines.push(format!("gone   faults: {}", gone.join(", ")));
    }
    for (part, before, after) in [
        ("knobs", json(&from.knobs), json(&to.knobs)),
        ("network", json(&from.network), json(&to.network)),
        ("disk", json(&from.disk), json(&to.disk)),
    ] {
        let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { continue };
        for (name, value) in after.iter().filter(|(name, value)| before.get(*name) != Some(value)) {
            lines.push(format!("set    {part}: {name} {} -> {value}", before.get(name).unwrap_or(&Value::Null)));
        }
    }
    for fault in &to.faults {
        lines.push(format!(
            "left   {} {}, {}{}",
            fault.what.name(),
            whom(&fault.who),
            when(&fault.when),
            lasting(fault.for_ms)
        ));
    }
    match &to.workload.work {
        Work::Operations(operations) => {
            for operation in operations {
                let (id, client, at_ms, node) = (&operation.id, operation.client, operation.at_ms, operation.node);
                let action = json(&operation.action);
                lines.push(format!("left   {id}: client {client} at {at_ms} ms asks node {node}: {action}"));
            }
        }
        Work::Drawn(_) => lines.push(format!("left   {} clients that draw their operations", to.workload.clients)),
    }
    lines
}

fn json(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).expect("plain data has a JSON form")
}

fn whom(who: &Who) -> String {
    match who {
        Who::Nodes(nodes) => {
            let names: Vec<String> = nodes.iter().map(u64::to_string).collect();
            format!("on node {}", names.join(", "))
        }
        Who::Leader => "on the leader".to_owned(),
        Who::All => "on all nodes".to_owned(),
        Who::There => "there".to_owned(),
    }
}

fn when(when: &When) -> String {
    match when {
        When::AtMs(at_ms) => format!("at {at_ms} ms"),
        When::At(at) => {
            let node = match at.node {
                Where::Node(node) => format!("node {node}"),
                Where::One(Whose::Any) => "any node".to_owned(),
                Where::One(Whose::Leader) => "the leader".to_owned(),
            };
            format!("at {:?} number {} of {node} from {} ms on", at.point, at.nth, at.from_ms)
        }
    }
}

fn lasting(for_ms: Option<u64>) -> String {
    match for_ms {
        Some(0) => String::new(),
        Some(ms) => format!(", for {ms} ms"),
        None => ", for good".to_owned(),
    }
}
