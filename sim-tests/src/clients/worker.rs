use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request as HttpRequest};
use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;

use super::transport::{Reply, call};
use super::{History, Name, Outcome, PageEnd, Record, Request, answer};
use crate::cluster::{ADMIN_KEY, Cluster, node_of_url};
use crate::host::net::{FIRST_CLIENT, Place};
use crate::runtime::{elapsed, sleep, within};
use crate::schedule::Workload;
use crate::seed::stream;
use crate::trace::Actor;

/// The first hop and three redirects: the contract has no more.
const HOPS_MAX: usize = 4;
/// As many entries as a page of a list can have.
const LIMIT_MAX: u64 = 1_000;
/// A client reads no further than this.
const PAGES_MAX: u64 = 30;

/// One client: draws operations, carries them out one after the other, and writes down what it was told.
pub struct Worker {
    pub number: u64,
    pub cluster: Cluster,
    pub workload: Workload,
    pub history: History,
    pub rng: StdRng,
}

impl Worker {
    /// Works until `until`, then finishes what it does.
    pub async fn run(mut self, until: Duration) {
        let nodes = self.cluster.world().nodes();
        let mut node = nodes[self.rng.random_range(0..nodes.len())];
        let mut paging = stream(self.cluster.world().seed, &format!("client/{}/paging", self.number));
        let mut count = 0;
        while elapsed() < until {
            count += 1;
            if self.rng.random_bool(0.2) {
                node = nodes[self.rng.random_range(0..nodes.len())];
            }
            let request_id = format!("c{}-{count}", self.number);
            let mut request = self.draw(&request_id);
            if let Request::List { limit, .. } = &mut request
                && paging.random_bool(0.5)
            {
                *limit = paging.random_range(1..=5);
            }
            let outcome = self.carry_out(node, request_id.clone(), request.clone()).await;
            self.turn_pages(node, &request_id, request, outcome, &mut paging).await;
            let pause = Duration::from_micros(self.rng.random_range(0..=self.workload.pause_ms * 1_000));
            sleep(pause.max(Duration::from_micros(200))).await;
        }
    }

    fn draw(&mut self, request_id: &str) -> Request {
        let mix = &self.workload.mix;
        let (set, delete, get) = (mix.set, mix.set + mix.delete, mix.set + mix.delete + mix.get);
        let drawn = self.rng.random_range(0..(get + mix.list).max(1));
        let namespace = format!("app-{}", self.rng.random_range(0..self.workload.namespaces.max(1)));
        // The lower of two draws: some keys are busier than others.
        let keys = self.workload.keys.max(1);
        let key = self.rng.random_range(0..keys).min(self.rng.random_range(0..keys));
        let name = Name { namespace: namespace.clone(), key: format!("key.{key}") };
        if drawn < set {
            Request::Set { name, value: self.value(request_id) }
        } else if drawn < delete {
            Request::Delete { name }
        } else if drawn < get {
            Request::Get { name }
        } else {
            let prefix = if self.rng.random_bool(0.5) { String::new() } else { format!("key.{}", key % 10) };
            Request::List { namespace, prefix, limit: LIMIT_MAX, after: None }
        }
    }

    /// Reads a list to its end, each page on whichever node, and gives up on the first page that is not shown.
    async fn turn_pages(&self, mut node: u64, id: &str, mut request: Request, mut outcome: Outcome, rng: &mut StdRng) {
        let nodes = self.cluster.world().nodes();
        for page in 2..=PAGES_MAX {
            let Some(next) = next_page(request, outcome) else { return };
            if rng.random_bool(0.3) {
                node = nodes[rng.random_range(0..nodes.len())];
            }
            // Time for the entries to change meanwhile.
            sleep(Duration::from_micros(rng.random_range(0..=self.workload.pause_ms * 500))).await;
            outcome = self.carry_out(node, format!("{id}.{page}"), next.clone()).await;
            request = next;
        }
    }

    /// A value that tells who wrote it, and is as long as it happens to be.
    fn value(&mut self, request_id: &str) -> String {
        let len = self.rng.random_range(0..=self.workload.value_bytes) as usize;
        let mut value = format!("{request_id}|");
        let fill = len.saturating_sub(value.len());
        value.extend(std::iter::repeat_n('x', fill));
        value
    }

    async fn carry_out(&self, node: u64, request_id: String, request: Request) -> Outcome {
        let client = self.number;
        let trace = self.cluster.world().trace.clone();
        trace.event(Actor::Client(client), "ask", format_args!("{request_id} node {node}: {}", brief(&request)));
        let number = self.history.begin(Record {
            client,
            request_id: request_id.clone(),
            request: request.clone(),
            invoked: elapsed(),
            returned: None,
            outcome: Outcome::Unknown("no answer yet".to_owned()),
            node,
        });
        let patience = Duration::from_millis(self.workload.patience_ms);
        let place = FIRST_CLIENT + client;
        let bearer = client.is_multiple_of(2);
        let (by, outcome) = perform(&self.cluster, place, node, &request, &request_id, bearer, patience).await;
        trace.event(Actor::Client(client), "told", format_args!("{request_id} by node {by}: {}", told(&outcome)));
        trace.count(kind(&request, &outcome));
        self.history.end(number, elapsed(), by, outcome.clone());
        outcome
    }
}

/// What asks for the page after this one.
fn next_page(request: Request, outcome: Outcome) -> Option<Request> {
    let Request::List { namespace, prefix, limit, .. } = request else { return None };
    let Outcome::Listed { mut items, revision, next: Some(cursor), .. } = outcome else { return None };
    let after = Some(PageEnd { cursor, key: items.pop()?.name.key, revision });
    Some(Request::List { namespace, prefix, limit, after })
}

/// Sends a request, follows redirects, and says what the client may conclude and which node told it.
async fn perform(
    cluster: &Cluster,
    client: Place,
    mut node: u64,
    request: &Request,
    request_id: &str,
    bearer: bool,
    patience: Duration,
) -> (u64, Outcome) {
    let give_up_at = elapsed() + patience;
    let mut target = path_of(request);
    for _ in 0..HOPS_MAX {
        let http = http_request(request, &target, request_id, bearer);
        let left = give_up_at.saturating_sub(elapsed());
        let Some(reply) = within(left, call(cluster, client, node, http)).await else {
            return (node, Outcome::Unknown("no answer in time".to_owned()));
        };
        let answer = match reply {
            Reply::Answer(answer) => answer,
            Reply::NotDelivered(why) => return (node, Outcome::Refused(why)),
            Reply::Broken => return (node, Outcome::Unknown("the connection broke".to_owned())),
        };
        if let Some(outcome) = answer::read(request, &answer) {
            return (node, outcome);
        }
        let Some((next, path)) = answer::location(&answer).and_then(follow) else {
            return (node, Outcome::Wrong("307 with a Location that leads nowhere".to_owned()));
        };
        (node, target) = (next, path);
    }
    (node, Outcome::Wrong(format!("a redirect after {HOPS_MAX} requests")))
}

/// The node and the path that an absolute URL leads to.
fn follow(location: &str) -> Option<(u64, String)> {
    let node = node_of_url(location)?;
    let path = location.strip_prefix("http://")?.split_once('/')?.1;
    Some((node, format!("/{path}")))
}

fn path_of(request: &Request) -> String {
    match request {
        Request::Set { name, .. } | Request::Delete { name } | Request::Get { name } => {
            format!("/api/v1/config/{}/{}", name.namespace, name.key)
        }
        Request::List { namespace, prefix, limit, after } => {
            let mut path = format!("/api/v1/config/{namespace}?limit={limit}");
            if !prefix.is_empty() {
                path.push_str(&format!("&prefix={prefix}"));
            }
            if let Some(PageEnd { cursor, .. }) = after {
                path.push_str(&format!("&cursor={cursor}"));
            }
            path
        }
    }
}

fn http_request(request: &Request, target: &str, request_id: &str, bearer: bool) -> HttpRequest<Bytes> {
    let (method, body) = match request {
        Request::Set { value, .. } => (Method::PUT, serde_json::json!({ "value": value }).to_string()),
        Request::Delete { .. } => (Method::DELETE, String::new()),
        Request::Get { .. } | Request::List { .. } => (Method::GET, String::new()),
    };
    let builder = HttpRequest::builder().method(method).uri(target).header("x-request-id", request_id);
    let builder = if bearer {
        builder.header("authorization", format!("Bearer {ADMIN_KEY}"))
    } else {
        builder.header("x-api-key", ADMIN_KEY)
    };
    let builder = if body.is_empty() { builder } else { builder.header(CONTENT_TYPE, "application/json") };
    builder.body(Bytes::from(body)).expect("made of sane parts")
}

/// Whether a node serves: it reads, and a write that is sent to it is acknowledged. The write is on record.
pub async fn probe(cluster: &Cluster, history: &History, node: u64, count: u64) -> Result<(), String> {
    let name = Name { namespace: "probe".to_owned(), key: format!("node.{node}") };
    let request_id = format!("p{node}-{count}");
    let request = Request::Set { name, value: format!("{request_id}|") };
    let client = 900 + node;
    let number = history.begin(Record {
        client,
        request_id: request_id.clone(),
        request: request.clone(),
        invoked: elapsed(),
        returned: None,
        outcome: Outcome::Unknown("no answer yet".to_owned()),
        node,
    });
    let patience = Duration::from_secs(3);
    let place = FIRST_CLIENT + client;
    let (by, outcome) = perform(cluster, place, node, &request, &request_id, node.is_multiple_of(2), patience).await;
    let said = told(&outcome);
    cluster.world().trace.event(Actor::Client(client), "probe", format_args!("{request_id} by node {by}: {said}"));
    let served = matches!(outcome, Outcome::Set { .. });
    history.end(number, elapsed(), by, outcome);
    if served { Ok(()) } else { Err(said) }
}

fn brief(request: &Request) -> String {
    match request {
        Request::Set { name, value } => format!("set {}/{} ({} bytes)", name.namespace, name.key, value.len()),
        Request::Delete { name } => format!("delete {}/{}", name.namespace, name.key),
        Request::Get { name } => format!("get {}/{}", name.namespace, name.key),
        Request::List { namespace, prefix, limit, after: None } => format!("list {namespace}/{prefix}*, limit {limit}"),
        Request::List { namespace, prefix, limit, after: Some(PageEnd { key, revision, .. }) } => {
            format!("list {namespace}/{prefix}*, limit {limit}, as of {revision} after {key}")
        }
    }
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Set { revision, created, version } => format!("set at {revision}, version {version}, new {created}"),
        Outcome::Deleted { revision } => format!("deleted at {revision}"),
        Outcome::Absent { revision } => format!("absent as of {revision}"),
        Outcome::Found { entry, applied } => {
            format!("version {} at {}, as of {applied}", entry.version, entry.revision)
        }
        Outcome::Listed { items, revision, applied, next } => {
            let more = next.is_some();
            format!("{} entries as of {revision}, more {more}, applied {applied}", items.len())
        }
        Outcome::Refused(why) => format!("refused: {why}"),
        Outcome::Unknown(why) => format!("unknown: {why}"),
        Outcome::Wrong(why) => format!("wrong: {why}"),
    }
}

fn kind(request: &Request, outcome: &Outcome) -> &'static str {
    let write = matches!(request, Request::Set { .. } | Request::Delete { .. });
    match outcome {
        Outcome::Refused(_) if write => "writes refused",
        Outcome::Refused(_) => "reads refused",
        Outcome::Unknown(_) if write => "writes unknown",
        Outcome::Unknown(_) => "reads unknown",
        Outcome::Wrong(_) => "answers wrong",
        _ if write => "writes acknowledged",
        Outcome::Listed { .. } if matches!(request, Request::List { after: Some(_), .. }) => "further pages read",
        _ => "reads answered",
    }
}
