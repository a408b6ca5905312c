//! A pretended node, to try the simulator itself: one process that keeps its entries in a journal, with bugs to
//! choose from. What it pretends to is the REST contract, as far as the simulator's clients use it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use confman::base::LogId;
use confman::config::NodeConfig;
use confman::host::{BoxFuture, File, Host};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sim_tests::cluster::{NodeFactory, Observation, SimNode};
use sim_tests::host::net::FrameTap;
use sim_tests::laws::votes::VoteTap;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// What is wrong with the pretended node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    None,
    /// Answers before the journal is synced.
    AnswersBeforeSync,
    /// Says that it did not do what it did, now and then.
    RefusesWhatItDoes,
    /// Forgets an event of the audit, now and then.
    LosesEvents,
    /// Shows what nobody wrote, now and then.
    ShowsGarbage,
    /// Shows what was before the last changes, and says that it is of now.
    ShowsThePast,
    /// Says that it is older than what it showed before, and is.
    GoesBack,
    /// Leaves out the last entry of a list, now and then.
    CutsLists,
    /// Shows each page of a list as of now.
    PagesDrift,
    /// Takes every write for the first of its entry, now and then.
    ForgetsVersions,
    /// Stops itself, now and then.
    Stops,
    /// Does not come back after its second start.
    StaysDown,
}

pub struct Pretenders(pub Bug);

#[derive(Clone, Serialize, Deserialize)]
struct Change {
    namespace: String,
    key: String,
    /// `None` deletes.
    value: Option<String>,
    term: u64,
    index: u64,
    /// 0: nothing was there to delete.
    version: u64,
    request_id: String,
}

impl Change {
    fn revision(&self) -> LogId {
        LogId::new(self.term, self.index)
    }

    fn shown(&self) -> Value {
        json!({"namespace": self.namespace, "key": self.key, "value": self.value, "version": self.version,
               "revision": self.revision().to_string()})
    }
}

struct Pretender {
    bug: Bug,
    host: Host,
    file: Arc<dyn File>,
    end: tokio::sync::Mutex<u64>,
    state: Mutex<Pretended>,
    term: u64,
}

#[derive(Default)]
struct Pretended {
    changes: Vec<Change>,
    entries: BTreeMap<(String, String), Change>,
    hash: u128,
}

impl Pretended {
    fn applied(&self) -> LogId {
        self.changes.last().map(Change::revision).unwrap_or_default()
    }

    /// The entries as of the change with this index.
    fn at(&self, index: u64) -> BTreeMap<(String, String), Change> {
        let mut past = Pretended::default();
        self.changes.iter().filter(|change| change.index <= index).for_each(|change| past.apply(change.clone()));
        past.entries
    }

    fn apply(&mut self, change: Change) {
        let place = (change.namespace.clone(), change.key.clone());
        match change.value {
            Some(_) => self.entries.insert(place, change.clone()),
            None => self.entries.remove(&place),
        };
        self.hash = xxh3_128_with_seed(change.request_id.as_bytes(), self.hash as u64);
        self.changes.push(change);
    }
}

impl NodeFactory for Pretenders {
    fn start(&self, host: Host, _: NodeConfig) -> BoxFuture<'static, Result<Arc<dyn SimNode>, String>> {
        let bug = self.0;
        Box::pin(async move {
            let node = open(host, bug).await.map_err(|error| error.to_string())?;
            Ok(Arc::new(Serving(Arc::new(node))) as Arc<dyn SimNode>)
        })
    }

    fn vote_tap(&self, _: VoteTap) -> Option<Arc<dyn FrameTap>> {
        None
    }
}

/// Records of the journal: a length of four bytes, then JSON with the sum of what precedes. A torn end is cut.
async fn open(host: Host, bug: Bug) -> std::io::Result<Pretender> {
    let names = host.files.list("").await?;
    if bug == Bug::StaysDown && names.iter().any(|name| name == "once") {
        std::future::pending::<()>().await;
    }
    let file = if names.iter().any(|name| name == "journal") {
        host.files.open("journal").await?
    } else {
        host.files.create("journal").await?
    };
    if bug == Bug::StaysDown {
        host.files.create("once").await?;
    }
    host.files.sync_dir("").await?;
    let content = file.read_at(0, file.len().await? as usize).await?;
    let (mut state, mut end, mut term) = (Pretended::default(), 0usize, 0);
    while let Some(record) = record_at(&content, end) {
        let change: Change = serde_json::from_slice(record)?;
        end += record.len() + 12;
        term = term.max(change.term);
        if !change.namespace.is_empty() {
            state.apply(change);
        }
    }
    file.truncate(end as u64).await?;
    file.sync().await?;
    let (end, state) = (tokio::sync::Mutex::new(end as u64), Mutex::new(state));
    let node = Pretender { bug, host, file, end, state, term: term + 1 };
    let mark = Change {
        namespace: String::new(),
        key: String::new(),
        value: None,
        term: node.term,
        index: 0,
        version: 0,
        request_id: String::new(),
    };
    node.journal(&mut *node.end.lock().await, &mark, true).await?;
    Ok(node)
}

fn record_at(content: &[u8], at: usize) -> Option<&[u8]> {
    let header = content.get(at..at + 12)?;
    let len = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
    let record = content.get(at + 12..at + 12 + len).filter(|_| len > 0)?;
    let sum = u64::from_le_bytes(header[4..].try_into().ok()?);
    (xxhash_rust::xxh3::xxh3_64_with_seed(record, at as u64) == sum).then_some(record)
}

impl Pretender {
    async fn journal(&self, end: &mut u64, change: &Change, sync: bool) -> std::io::Result<()> {
        let record = serde_json::to_vec(change)?;
        let mut data = (record.len() as u32).to_le_bytes().to_vec();
        data.extend(xxhash_rust::xxh3::xxh3_64_with_seed(&record, *end).to_le_bytes());
        data.extend(record);
        let len = data.len() as u64;
        self.file.write_at(*end, Bytes::from(data)).await?;
        if sync {
            self.file.sync().await?;
        }
        *end += len;
        Ok(())
    }

    /// Whether the bug shows this time.
    fn strikes(&self, bug: Bug, one_in: usize) -> bool {
        self.bug == bug && self.state.lock().unwrap().changes.len() % one_in == one_in - 1
    }

    async fn write(&self, namespace: String, key: String, value: Option<String>, headers: &HeaderMap) -> Response {
        let request_id = headers["x-request-id"].to_str().unwrap().to_owned();
        let mut end = self.end.lock().await;
        let (index, before) = {
            let state = self.state.lock().unwrap();
            let before = state.entries.get(&(namespace.clone(), key.clone())).map(|change| change.version);
            (state.changes.len() as u64 + 1, before)
        };
        let found = value.is_some() || before.is_some();
        let forgets = self.strikes(Bug::ForgetsVersions, 20);
        let version = if found { before.filter(|_| !forgets).unwrap_or(0) + 1 } else { 0 };
        let change = Change { namespace, key, value, term: self.term, index, version, request_id };
        let sync = self.bug != Bug::AnswersBeforeSync;
        if let Err(error) = self.journal(&mut end, &change, sync).await {
            self.host.fatal(&format!("journal: {error}"));
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
        if self.strikes(Bug::Stops, 50) {
            self.host.fatal("a bug");
        }
        self.state.lock().unwrap().apply(change.clone());
        let told = [("x-confman-version", change.revision().to_string())];
        match change.value {
            _ if self.strikes(Bug::RefusesWhatItDoes, 50) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Some(_) if version == 1 => (StatusCode::CREATED, told, Json(change.shown())).into_response(),
            Some(_) => (told, Json(change.shown())).into_response(),
            None if found => (StatusCode::NO_CONTENT, told).into_response(),
            None => (StatusCode::NOT_FOUND, told, Json(json!({}))).into_response(),
        }
    }

    fn read(&self, namespace: String, key: String) -> Response {
        let state = self.state.lock().unwrap();
        let mut applied = state.applied();
        let mut found = state.entries.get(&(namespace.clone(), key.clone())).cloned();
        if matches!(self.bug, Bug::ShowsThePast | Bug::GoesBack) && applied.index.0 % 10 == 9 {
            let past = applied.index.0 - 5;
            found = state.at(past).remove(&(namespace, key));
            if self.bug == Bug::GoesBack {
                applied = state.changes[past as usize - 1].revision();
            }
        }
        if let Some(change) = &mut found
            && self.bug == Bug::ShowsGarbage
            && change.index % 50 == 49
        {
            change.value = Some("garbage".to_owned());
        }
        let told = [("x-confman-version", applied.to_string())];
        match found {
            Some(change) => (told, Json(change.shown())).into_response(),
            None => (StatusCode::NOT_FOUND, told).into_response(),
        }
    }

    /// The cursor is the index that the first page was of, and the last key.
    fn list(&self, namespace: &str, query: &BTreeMap<String, String>) -> Response {
        let state = self.state.lock().unwrap();
        let prefix = query.get("prefix").map_or("", String::as_str);
        let limit: usize = query["limit"].parse().unwrap();
        let cursor = query.get("cursor").and_then(|cursor| cursor.split_once(':'));
        let cursor = cursor.map(|(index, key)| (index.parse::<u64>().unwrap(), key));
        let applied = state.applied();
        let index = cursor.map_or(applied.index.0, |(index, _)| index);
        let revision = state.changes.iter().find(|change| change.index == index).map(Change::revision);
        let shown = if self.bug == Bug::PagesDrift { applied.index.0 } else { index };
        let entries = if shown == applied.index.0 { state.entries.clone() } else { state.at(shown) };
        let inside = entries.iter().filter(|((n, k), _)| n == namespace && k.starts_with(prefix));
        let rest = inside.filter(|((_, k), _)| cursor.is_none_or(|(_, after)| k.as_str() > after));
        let mut items: Vec<&Change> = rest.map(|(_, change)| change).collect();
        if self.bug == Bug::CutsLists && applied.index.0 % 10 == 9 {
            items.pop();
        }
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| format!("{index}:{}", last.key));
        let items: Vec<Value> = items.into_iter().map(Change::shown).collect();
        let told = [("x-confman-version", applied.to_string())];
        let pagination = json!({"hasMore": more, "nextCursor": next});
        let revision = revision.unwrap_or_default().to_string();
        (told, Json(json!({"items": items, "revision": revision, "pagination": pagination}))).into_response()
    }

    fn audit(&self, namespace: &str) -> Response {
        let state = self.state.lock().unwrap();
        let inside = state.changes.iter().rev().filter(|change| change.namespace == namespace && change.version > 0);
        let kept = inside.filter(|change| self.bug != Bug::LosesEvents || change.index % 50 != 49);
        let event = |change: &Change| {
            let action = if change.value.is_some() { "config.set" } else { "config.delete" };
            json!({"id": format!("{}:0", change.revision()), "timestamp": "2026-01-01T00:00:00.000Z",
                   "action": action, "key": change.key, "revision": change.revision().to_string(),
                   "requestId": change.request_id, "hash": ""})
        };
        let items: Vec<Value> = kept.map(event).collect();
        Json(json!({"items": items, "pagination": {"hasMore": false}})).into_response()
    }
}

type Shared = State<Arc<Pretender>>;

/// The node as the simulator holds it.
struct Serving(Arc<Pretender>);

impl SimNode for Serving {
    fn router(&self) -> Router {
        let entry = get(|State(node): Shared, Path((namespace, key)): Path<(String, String)>| async move {
            node.read(namespace, key)
        })
        .put(
            |State(node): Shared,
             Path((namespace, key)): Path<(String, String)>,
             headers: HeaderMap,
             Json(body): Json<Value>| async move {
                let value = body["value"].as_str().unwrap().to_owned();
                node.write(namespace, key, Some(value), &headers).await
            },
        )
        .delete(
            |State(node): Shared, Path((namespace, key)): Path<(String, String)>, headers: HeaderMap| async move {
                node.write(namespace, key, None, &headers).await
            },
        );
        let list = |State(node): Shared,
                    Path(namespace): Path<String>,
                    Query(query): Query<BTreeMap<String, String>>| async move {
            node.list(&namespace, &query)
        };
        let audit = |State(node): Shared, Path(namespace): Path<String>| async move { node.audit(&namespace) };
        Router::new()
            .route("/api/v1/config/{namespace}/{key}", entry)
            .route("/api/v1/config/{namespace}", get(list))
            .route("/api/v1/audit/{namespace}", get(audit))
            .with_state(self.0.clone())
    }

    fn observe(&self) -> Observation {
        let state = self.0.state.lock().unwrap();
        let applied = state.changes.last().map(Change::revision);
        Observation { term: self.0.term, leads: true, applied, state_hash: state.hash, ..Observation::default() }
    }

    fn read_index(&self, _: Duration) -> BoxFuture<'static, Result<LogId, String>> {
        let applied = self.0.state.lock().unwrap().changes.last().map(Change::revision);
        Box::pin(std::future::ready(applied.ok_or_else(|| "nothing is applied".to_owned())))
    }
}
