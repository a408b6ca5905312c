use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request as HttpRequest};
use bytes::Bytes;
use confman::base::LogId;
use rand::RngExt;

use super::library::Library;
use super::operations::{self, Draw, Issued, draw};
use super::transport::{Reply, call};
use super::{History, MustBe, Name, Outcome, PageEnd, Record, Request, Terms, answer};
use crate::cluster::{ADMIN_KEY, Cluster, node_of_url};
use crate::coverage::Point;
use crate::host::net::{FIRST_CLIENT, Place};
use crate::runtime::{cause, elapsed, sleep, sleep_until, within};
use crate::schedule::{Consistency, Drawn, Operation, Schedule};
use crate::seed::stream;
use crate::trace::{Actor, Event, Member, Trace};

/// The first hop and three redirects: the contract has no more.
const HOPS_MAX: usize = 4;
/// A client looks at a page for up to this long.
const TURNS_PAGE_WITHIN_US: u64 = 100_000;
/// A request that is to be done once is sent again so often at most, and after up to this long.
const AGAIN_MAX: usize = 3;
const AGAIN_WITHIN_US: u64 = 500_000;
/// A client reads no further than this.
const PAGES_MAX: u64 = 30;

/// How a client asks.
enum By {
    /// With HTTP requests of its own, and every answer held against the contract.
    Requests,
    /// With `confman::client`.
    Library(Library),
}

/// One client: carries operations out, one after the other, and writes down what it was told.
pub struct Worker {
    number: u64,
    cluster: Cluster,
    seed: u64,
    patience: Duration,
    history: History,
    issued: Issued,
    began: Duration,
    by: By,
    /// The newest that it was told of.
    seen: Mutex<Option<LogId>>,
    terms_percent: u64,
    /// What it last learned of the entries: where each was, or that it was absent.
    known: Mutex<BTreeMap<Name, Option<LogId>>>,
}

impl Worker {
    /// A client of a run whose work begins now: moments count from here.
    pub fn new(number: u64, cluster: Cluster, schedule: &Schedule, history: History, issued: Issued) -> Worker {
        let (seed, patience) = (schedule.seed, Duration::from_millis(schedule.workload.patience_ms));
        let by = if number <= schedule.workload.with_library {
            let place = FIRST_CLIENT + number;
            By::Library(Library::new(cluster.clone(), place, seed, patience, bears(number)))
        } else {
            By::Requests
        };
        let terms_percent = match by {
            By::Requests => schedule.workload.terms_percent,
            By::Library(_) => 0,
        };
        let (seen, known) = Default::default();
        Worker { number, cluster, seed, patience, history, issued, began: elapsed(), by, seen, terms_percent, known }
    }

    /// Draws operations until `until`, then finishes what it does.
    pub async fn draws(self, from: Drawn, until: Duration) {
        let (mut node, mut count) = (1, 0);
        while elapsed() < until {
            count += 1;
            let nodes = self.cluster.in_service();
            let Draw { action, consistency, moves_to, rest } = draw(self.seed, self.number, count, &from, &nodes);
            node = moves_to.unwrap_or(node);
            let at_ms = (elapsed() - self.began).as_millis() as u64;
            let id = format!("c{}-{count}", self.number);
            self.carry_out(&Operation { id, client: self.number, at_ms, node, action, consistency }).await;
            sleep(rest).await;
        }
    }

    /// Carries out those operations that are its own, each at its moment or when the one before is done.
    pub async fn follows(self, operations: Vec<Operation>) {
        let mut own: Vec<Operation> = operations.into_iter().filter(|each| each.client == self.number).collect();
        own.sort_by_key(|operation| operation.at_ms);
        for operation in own {
            sleep_until(self.began + Duration::from_millis(operation.at_ms)).await;
            self.carry_out(&operation).await;
        }
    }

    async fn carry_out(&self, operation: &Operation) {
        self.issued.begin(operation);
        let request = operations::request(operation);
        let outcome = self.ask_for(operation.node, operation.id.clone(), request.clone(), operation.consistency).await;
        self.turn_pages(operation, request, outcome).await;
    }

    fn fresh(&self, consistency: Consistency) -> Fresh {
        match (consistency, *self.seen.lock().expect("no panic under this lock")) {
            (Consistency::Session, Some(seen)) => Fresh::Since(seen),
            (Consistency::Linearizable, _) => Fresh::Linearizable,
            (Consistency::Eventual, _) | (Consistency::Session, None) => Fresh::Eventual,
        }
    }

    fn told(&self, outcome: &Outcome) {
        let mut seen = self.seen.lock().expect("no panic under this lock");
        if let Some(applied) = outcome.applied()
            && seen.is_none_or(|seen| seen.index < applied.index)
        {
            *seen = Some(applied);
        }
    }

    /// Reads a list to its end, each page on whichever node, and gives up on the first page that is not shown.
    async fn turn_pages(&self, operation: &Operation, mut request: Request, mut outcome: Outcome) {
        let (id, mut node) = (&operation.id, operation.node);
        let mut rng = stream(self.seed, &format!("client/{id}/pages"));
        for page in 2..=PAGES_MAX {
            let Some(next) = next_page(request, outcome) else { return };
            if rng.random_bool(0.3) {
                let nodes = self.cluster.in_service();
                node = nodes[rng.random_range(0..nodes.len())];
            }
            // Time for the entries to change meanwhile.
            sleep(Duration::from_micros(rng.random_range(0..=TURNS_PAGE_WITHIN_US))).await;
            outcome = self.ask_for(node, format!("{id}.{page}"), next.clone(), operation.consistency).await;
            request = next;
        }
    }

    async fn ask_for(&self, node: u64, request_id: String, request: Request, consistency: Consistency) -> Outcome {
        let client = self.number;
        let trace = self.cluster.world().trace.clone();
        let terms = self.terms(&request_id, &request);
        let asked = ask(&trace, client, &request_id, node, &request, &terms);
        // The library is a session of its own, unless it is told otherwise.
        let by_library = matches!(self.by, By::Library(_));
        let consistency = if by_library { Consistency::Session } else { consistency };
        let number = self.history.begin(Record {
            client,
            request_id: request_id.clone(),
            request: request.clone(),
            consistency,
            terms: terms.clone(),
            invoked: elapsed(),
            returned: None,
            outcome: Outcome::Unknown("no answer yet".to_owned()),
            node,
            events: vec![asked],
        });
        let (place, bearer) = (FIRST_CLIENT + client, bears(client));
        let (by, outcome) = match &self.by {
            By::Library(library) => library.perform(node, &request, &request_id).await,
            By::Requests => {
                let sender = Sender { cluster: &self.cluster, place, bearer, patience: self.patience };
                let fresh = self.fresh(consistency);
                self.until_told(&sender, node, &Asked { request: &request, id: &request_id, terms: &terms, fresh })
                    .await
            }
        };
        self.told(&outcome);
        self.learn(&request, &outcome);
        let told = tell(&trace, client, &request_id, by, &outcome);
        trace.count(kind(&request, &outcome));
        self.history.end(number, told, by, outcome.clone());
        outcome
    }
}

/// How new a read has to be, as it is asked for.
#[derive(Clone, Copy)]
enum Fresh {
    Eventual,
    Since(LogId),
    Linearizable,
}

impl Worker {
    /// On what terms it asks: drawn apart from everything else.
    fn terms(&self, request_id: &str, request: &Request) -> Terms {
        let (Request::Set { name, .. } | Request::Delete { name }) = request else { return Terms::default() };
        if self.terms_percent == 0 {
            return Terms::default();
        }
        let share = self.terms_percent as f64 / 100.0;
        let mut rng = stream(self.seed, &format!("client/{request_id}/terms"));
        let (once, conditional, else_absent) = (rng.random_bool(share), rng.random_bool(share), rng.random_bool(0.5));
        let known = self.known.lock().expect("no panic under this lock").get(name).copied();
        let must_be = match known {
            Some(Some(revision)) => Some(MustBe::At(revision)),
            Some(None) => Some(MustBe::Absent),
            None => else_absent.then_some(MustBe::Absent),
        };
        Terms { once, must_be: must_be.filter(|_| conditional) }
    }

    fn learn(&self, request: &Request, outcome: &Outcome) {
        let (Request::Set { name, .. } | Request::Delete { name } | Request::Get { name }) = request else { return };
        let now = match outcome {
            Outcome::Set { revision, .. } => Some(*revision),
            Outcome::Found { entry, .. } => Some(entry.revision),
            Outcome::Failed { current, .. } => *current,
            Outcome::Deleted { .. } | Outcome::Absent { .. } => None,
            _ => return,
        };
        self.known.lock().expect("no panic under this lock").insert(name.clone(), now);
    }

    /// Asks; and where that is to be done once, asks again, another node perhaps, while it is not known what came of it,
    /// and sometimes when it is: then it must be told the same.
    async fn until_told(&self, sender: &Sender<'_>, node: u64, asked: &Asked<'_>) -> (u64, Outcome) {
        let (mut by, mut outcome) = perform(sender, node, asked).await;
        if !asked.terms.once {
            return (by, outcome);
        }
        let mut rng = stream(self.seed, &format!("client/{}/again", asked.id));
        let trace = &self.cluster.world().trace;
        for _ in 0..AGAIN_MAX {
            let is_known = outcome.is_known();
            if matches!(outcome, Outcome::Wrong(_)) || (is_known && !rng.random_bool(0.3)) {
                break;
            }
            sleep(Duration::from_micros(rng.random_range(0..=AGAIN_WITHIN_US))).await;
            let nodes = self.cluster.in_service();
            let (other, again) = perform(sender, nodes[rng.random_range(0..nodes.len())], asked).await;
            if is_known && again.is_known() && again != outcome {
                let what = format!("it was told {outcome:?}, and, asking again, {again:?}");
                return (other, Outcome::Wrong(what));
            }
            if is_known && again.is_known() {
                trace.count("repeats told the same");
            } else if again.is_known() || matches!(again, Outcome::Wrong(_)) {
                trace.count("repeats told what was unknown");
                (by, outcome) = (other, again);
            } else if !is_known && matches!(again, Outcome::Unknown(_)) {
                // What was surely not done may be by now.
                outcome = again;
            }
        }
        (by, outcome)
    }
}

impl Outcome {
    /// Whether it says what came of a write.
    fn is_known(&self) -> bool {
        matches!(self, Outcome::Set { .. } | Outcome::Deleted { .. } | Outcome::Absent { .. } | Outcome::Failed { .. })
    }
}

/// Half of the clients bear their key as a token.
fn bears(client: u64) -> bool {
    client.is_multiple_of(2)
}

/// What asks for the page after this one.
fn next_page(request: Request, outcome: Outcome) -> Option<Request> {
    let Request::List { namespace, prefix, limit, .. } = request else { return None };
    let Outcome::Listed { mut items, revision, next: Some(cursor), .. } = outcome else { return None };
    let after = Some(PageEnd { cursor, key: items.pop()?.name.key, revision });
    Some(Request::List { namespace, prefix, limit, after })
}

/// Who sends, and how.
struct Sender<'a> {
    cluster: &'a Cluster,
    place: Place,
    bearer: bool,
    patience: Duration,
}

/// What is sent.
struct Asked<'a> {
    request: &'a Request,
    id: &'a str,
    terms: &'a Terms,
    fresh: Fresh,
}

/// Sends a request, follows redirects, and says what the client may conclude and which node told it.
async fn perform(sender: &Sender<'_>, mut node: u64, asked: &Asked<'_>) -> (u64, Outcome) {
    let give_up_at = elapsed() + sender.patience;
    let (cluster, request) = (sender.cluster, asked.request);
    let mut target = path_of(request);
    let is_read = matches!(request, Request::Get { .. } | Request::List { .. });
    if let (Fresh::Since(_), true) = (asked.fresh, sender.bearer && is_read) {
        target.push_str(if target.contains('?') { "&onStale=redirect" } else { "?onStale=redirect" });
    }
    for _ in 0..HOPS_MAX {
        let http = http_request(asked, &target, sender.bearer);
        let left = give_up_at.saturating_sub(elapsed());
        let Some(reply) = within(left, call(cluster, sender.place, node, http)).await else {
            return (node, Outcome::Unknown("no answer in time".to_owned()));
        };
        let answer = match reply {
            Reply::Answer(answer) => answer,
            Reply::NotDelivered(why) => return (node, Outcome::Refused(why)),
            Reply::Broken => return (node, Outcome::Unknown("the connection broke".to_owned())),
        };
        if let Some(outcome) = answer::read(asked.request, &answer) {
            return (node, outcome);
        }
        let Some((next, path)) = answer::location(&answer).and_then(follow) else {
            return (node, Outcome::Wrong("307 with a Location that leads nowhere".to_owned()));
        };
        cluster.world().trace.sometimes(Point::RedirectFollowed);
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

fn http_request(asked: &Asked<'_>, target: &str, bearer: bool) -> HttpRequest<Bytes> {
    let (method, body) = match asked.request {
        Request::Set { value, .. } => (Method::PUT, serde_json::json!({ "value": value }).to_string()),
        Request::Delete { .. } => (Method::DELETE, String::new()),
        Request::Get { .. } | Request::List { .. } => (Method::GET, String::new()),
    };
    let builder = HttpRequest::builder().method(method).uri(target).header("x-request-id", asked.id);
    let builder = if asked.terms.once { builder.header("idempotency-key", asked.id) } else { builder };
    let builder = match asked.terms.must_be {
        Some(MustBe::At(revision)) => builder.header("if-match", format!("\"{revision}\"")),
        Some(MustBe::Absent) => builder.header("if-none-match", "*"),
        None => builder,
    };
    let builder = if bearer {
        builder.header("authorization", format!("Bearer {ADMIN_KEY}"))
    } else {
        builder.header("x-api-key", ADMIN_KEY)
    };
    let builder = match asked.fresh {
        Fresh::Eventual => builder,
        Fresh::Since(version) => builder.header("x-confman-min-version", version.to_string()),
        Fresh::Linearizable => builder.header("x-confman-consistency", "linearizable"),
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
    let trace = &cluster.world().trace;
    let terms = Terms::default();
    let asked = ask(trace, client, &request_id, node, &request, &terms);
    let number = history.begin(Record {
        client,
        request_id: request_id.clone(),
        request: request.clone(),
        consistency: Consistency::Eventual,
        terms: terms.clone(),
        invoked: elapsed(),
        returned: None,
        outcome: Outcome::Unknown("no answer yet".to_owned()),
        node,
        events: vec![asked],
    });
    let (patience, place, bearer) = (Duration::from_secs(3), FIRST_CLIENT + client, node.is_multiple_of(2));
    let sender = Sender { cluster, place, bearer, patience };
    let asked = Asked { request: &request, id: &request_id, terms: &terms, fresh: Fresh::Eventual };
    let (by, outcome) = perform(&sender, node, &asked).await;
    let said = told(&outcome);
    let told = tell(trace, client, &request_id, by, &outcome);
    let served = matches!(outcome, Outcome::Set { .. });
    history.end(number, told, by, outcome);
    if served { Ok(()) } else { Err(said) }
}

/// Records that a client asks.
fn ask(trace: &Trace, client: u64, request_id: &str, node: u64, request: &Request, terms: &Terms) -> u64 {
    let what = match request {
        Request::Set { .. } => "set",
        Request::Delete { .. } => "delete",
        Request::Get { .. } => "get",
        Request::List { .. } => "list",
    };
    let members = [("op", Member::Text(request_id)), ("to", Member::Place(node)), ("what", Member::Text(what))];
    let detail = format_args!("{}{}", brief(request), on_terms(terms));
    trace.record(Event { actor: Actor::Client(client), kind: "ask", cause: None, members: &members, detail })
}

/// Records what a client was told.
fn tell(trace: &Trace, client: u64, request_id: &str, by: u64, outcome: &Outcome) -> u64 {
    let short = match outcome {
        Outcome::Set { .. } => "set",
        Outcome::Deleted { .. } => "deleted",
        Outcome::Absent { .. } => "absent",
        Outcome::Failed { .. } => "failed",
        Outcome::Found { .. } => "found",
        Outcome::Listed { .. } => "listed",
        Outcome::Refused(_) => "refused",
        Outcome::Unknown(_) => "unknown",
        Outcome::Wrong(_) => "wrong",
    };
    let members = [("op", Member::Text(request_id)), ("from", Member::Place(by)), ("outcome", Member::Text(short))];
    let (actor, cause) = (Actor::Client(client), cause::current());
    trace.record(Event { actor, kind: "told", cause, members: &members, detail: format_args!("{}", told(outcome)) })
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

fn on_terms(terms: &Terms) -> String {
    let once = if terms.once { ", once" } else { "" };
    match terms.must_be {
        Some(MustBe::At(revision)) => format!("{once}, if it is at {revision}"),
        Some(MustBe::Absent) => format!("{once}, if it is absent"),
        None => once.to_owned(),
    }
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Set { revision, created, version } => format!("set at {revision}, version {version}, new {created}"),
        Outcome::Deleted { revision } => format!("deleted at {revision}"),
        Outcome::Absent { revision } => format!("absent as of {revision}"),
        Outcome::Failed { current: Some(current), revision } => format!("not made at {revision}: it is at {current}"),
        Outcome::Failed { current: None, revision } => format!("not made at {revision}: it is absent"),
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
        Outcome::Failed { .. } => "conditions that did not hold",
        _ if write => "writes acknowledged",
        Outcome::Listed { .. } if matches!(request, Request::List { after: Some(_), .. }) => "further pages read",
        _ => "reads answered",
    }
}
