use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::Request as HttpRequest;
use bytes::Bytes;
use confman::base::LogId;
use serde_json::Value;

use super::transport::{Reply, call};
use super::{Name, answer};
use crate::cluster::{ADMIN_KEY, Cluster};
use crate::host::net::FIRST_CLIENT;
use crate::runtime::{elapsed, within};

/// All that a node shows, read through its own REST interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    pub node: u64,
    pub began: Duration,
    pub ended: Duration,
    pub entries: BTreeMap<Name, Seen>,
    /// By namespace, newest first, as the node shows them.
    pub audit: BTreeMap<String, Vec<AuditEvent>>,
}

/// An entry's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub value: String,
    pub version: u64,
    pub revision: LogId,
}

/// An event of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    pub id: String,
    /// As the node writes it.
    pub time: String,
    pub action: String,
    pub key: Option<String>,
    pub revision: LogId,
    pub request_id: String,
    pub hash: String,
}

/// Reads everything that a node shows of these namespaces.
pub async fn scan(cluster: &Cluster, node: u64, namespaces: &[String]) -> Result<Scan, String> {
    let began = elapsed();
    let mut scan = Scan { node, began, ended: began, entries: BTreeMap::new(), audit: BTreeMap::new() };
    for namespace in namespaces {
        for item in pages(cluster, node, &format!("/api/v1/config/{namespace}?limit=200")).await? {
            let shown = answer::shown(&item)?;
            let seen = Seen { value: shown.value, version: shown.version, revision: shown.revision };
            if scan.entries.insert(shown.name.clone(), seen).is_some() {
                return Err(format!("node {node} lists {}/{} twice", shown.name.namespace, shown.name.key));
            }
        }
        let events = pages(cluster, node, &format!("/api/v1/audit/{namespace}?limit=500")).await?;
        let events = events.iter().map(event).collect::<Result<Vec<_>, _>>()?;
        scan.audit.insert(namespace.clone(), events);
    }
    scan.ended = elapsed();
    Ok(scan)
}

async fn pages(cluster: &Cluster, node: u64, path: &str) -> Result<Vec<Value>, String> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let target = if cursor.is_empty() { path.to_owned() } else { format!("{path}&cursor={cursor}") };
        let page = get(cluster, node, &target).await?;
        let found = page["items"].as_array().ok_or(format!("node {node}: {target}: no items"))?;
        items.extend(found.iter().cloned());
        if page["pagination"]["hasMore"] != Value::Bool(true) {
            return Ok(items);
        }
        let next = page["pagination"]["nextCursor"].as_str().ok_or(format!("node {node}: {target}: no nextCursor"))?;
        if next == cursor || found.is_empty() {
            return Err(format!("node {node}: {target}: pages that do not advance"));
        }
        next.clone_into(&mut cursor);
    }
}

async fn get(cluster: &Cluster, node: u64, target: &str) -> Result<Value, String> {
    let request = HttpRequest::get(target).header("x-api-key", ADMIN_KEY);
    let request = request.body(Bytes::new()).expect("made of sane parts");
    let told = |what: String| format!("node {node}: GET {target}: {what}");
    match within(Duration::from_secs(10), call(cluster, FIRST_CLIENT + 990, node, request)).await {
        Some(Reply::Answer(answer)) if answer.status() == 200 => answer::json(&answer).map_err(told),
        Some(Reply::Answer(answer)) => {
            let body = String::from_utf8_lossy(answer.body()).chars().take(300).collect::<String>();
            Err(told(format!("{} {body}", answer.status())))
        }
        Some(Reply::NotDelivered(why)) => Err(told(why)),
        Some(Reply::Broken) => Err(told("the connection broke".to_owned())),
        None => Err(told("no answer in 10 s".to_owned())),
    }
}

fn event(event: &Value) -> Result<AuditEvent, String> {
    let text = |member: &str| event[member].as_str().map(str::to_owned);
    let must = |member: &str| text(member).ok_or(format!("an audit event without {member}"));
    Ok(AuditEvent {
        id: must("id")?,
        time: must("timestamp")?,
        action: must("action")?,
        key: text("key"),
        revision: must("revision")?.parse().map_err(|_| "an audit event whose revision is none".to_owned())?,
        request_id: must("requestId")?,
        hash: must("hash")?,
    })
}
