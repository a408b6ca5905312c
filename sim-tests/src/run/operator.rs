//! What an operator does in a run: asks for other members, hands the leadership on, takes backups and restores them.
//!
//! All through the nodes' own REST interface; who asks does not know who leads, is not always answered, and asks again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, Request as HttpRequest, StatusCode};
use bytes::Bytes;
use confman::base::LogId;
use confman::host::{BoxFuture, File};
use confman::node::restore;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

use crate::clients::{Reply, call};
use crate::cluster::{ADMIN_KEY, Cluster, node_of_url, peer_address, url};
use crate::host::net::FIRST_CLIENT;
use crate::laws::Laws;
use crate::laws::members::Asked;
use crate::runtime::cause::Caused;
use crate::runtime::{Guarded, elapsed, sleep, within};
use crate::trace::{Member, Trace};
use crate::world::{RESTORED, Stop};

const HOPS_MAX: usize = 4;
/// Where an operator sits on the network.
const PLACE: u64 = FIRST_CLIENT + 980;

/// See the module.
#[derive(Clone)]
pub struct Operator {
    pub cluster: Cluster,
    pub laws: Laws,
    /// How long an answer is waited for. A change may wait for a node to catch up.
    pub patience: Duration,
}

/// What an operator was told.
enum Told {
    /// By the entry that it was written as, if one was needed.
    Done(Option<LogId>),
    /// The leader goes on with it, once the new node has caught up.
    Pending,
    /// Not done. Or not yet; or it is not known.
    NotDone(String),
    /// There is no such member.
    NoSuchMember,
}

impl Operator {
    fn trace(&self) -> &Trace {
        &self.cluster.world().trace
    }

    /// Asks for a change, whichever node, until it is done or `until`.
    pub async fn insist(&self, asked: Asked, until: Duration, rng: &mut StdRng) -> bool {
        loop {
            if self.ask_once(asked, rng).await {
                return true;
            }
            if elapsed() >= until {
                return false;
            }
            sleep(Duration::from_millis(rng.random_range(20..500))).await;
        }
    }

    /// Asks for a change once; whether it is done.
    pub async fn ask_once(&self, asked: Asked, rng: &mut StdRng) -> bool {
        self.laws.change_asked(asked);
        let mut nodes = self.cluster.in_service();
        // Who is gone for good is not asked.
        nodes.retain(|node| !self.cluster.is_lost(*node));
        let told = self.ask(nodes[rng.random_range(0..nodes.len())], asked).await;
        let (what, done) = match &told {
            Told::Done(at) => (format!("done at {at:?}"), true),
            Told::Pending => ("under way".to_owned(), false),
            Told::NotDone(why) => (why.clone(), false),
            // Who is to go has gone.
            Told::NoSuchMember => ("no such member".to_owned(), matches!(asked, Asked::Remove { .. })),
        };
        self.trace().of_run("operator", &[("told", Member::Text(&what))], format_args!("{asked:?}"));
        if let Told::Done(Some(at)) = told {
            self.trace().count("changes of members done");
            self.laws.change_done(asked, at);
        }
        done
    }

    async fn ask(&self, mut node: u64, asked: Asked) -> Told {
        let newcomer = |id: u64| json!({ "id": id, "peer": peer_address(id), "url": url(id) }).to_string();
        let base = "/api/v1/cluster";
        let (method, mut path, body) = match asked {
            Asked::Add { node } => (Method::POST, format!("{base}/members"), newcomer(node)),
            Asked::Remove { node } => (Method::DELETE, format!("{base}/members/{node}"), String::new()),
            Asked::Replace { old, node } => (Method::POST, format!("{base}/members/{old}/replace"), newcomer(node)),
            Asked::Promote { node } => {
                (Method::PUT, format!("{base}/members/{node}"), json!({ "voter": true }).to_string())
            }
            Asked::Lead { node } => (Method::POST, format!("{base}/leader"), json!({ "node": node }).to_string()),
        };
        for _ in 0..HOPS_MAX {
            let request = HttpRequest::builder().method(method.clone()).uri(&path).header("x-api-key", ADMIN_KEY);
            let request = request.header("content-type", "application/json").body(Bytes::from(body.clone()));
            let answer =
                match within(self.patience, call(&self.cluster, PLACE, node, request.expect("sane parts"))).await {
                    Some(Reply::Answer(answer)) => answer,
                    Some(Reply::NotDelivered(why)) => return Told::NotDone(why),
                    Some(Reply::Broken) => return Told::NotDone("the connection broke".to_owned()),
                    None => return Told::NotDone("no answer in time".to_owned()),
                };
            if answer.status() != StatusCode::TEMPORARY_REDIRECT {
                return read(&answer);
            }
            let location = answer.headers().get("location").and_then(|location| location.to_str().ok());
            let leads_to = location.and_then(|to| Some((node_of_url(to)?, to.strip_prefix("http://")?.find('/')?, to)));
            let Some((next, at, to)) = leads_to else {
                return Told::NotDone("a redirect that leads nowhere".to_owned());
            };
            (node, path) = (next, to["http://".len() + at..].to_owned());
        }
        Told::NotDone("too many redirects".to_owned())
    }

    /// Takes a backup from a node; what it holds and its revision.
    async fn take_backup(&self, node: u64) -> Result<(LogId, Bytes), String> {
        let request = HttpRequest::get("/api/v1/backup").header("x-api-key", ADMIN_KEY).body(Bytes::new());
        match within(self.patience, call(&self.cluster, PLACE, node, request.expect("sane parts"))).await {
            Some(Reply::Answer(answer)) if answer.status() == StatusCode::OK => {
                let revision = answer.headers().get("x-confman-version").and_then(|text| text.to_str().ok());
                let revision = revision.and_then(|text| text.parse().ok()).ok_or("a backup without its revision")?;
                Ok((revision, answer.into_body()))
            }
            Some(Reply::Answer(answer)) => Err(answer.status().to_string()),
            Some(Reply::NotDelivered(why)) => Err(why),
            Some(Reply::Broken) => Err("the connection broke".to_owned()),
            None => Err("no answer in time".to_owned()),
        }
    }

    /// Takes a backup from a node, as soon as it gives one, and makes another cluster of it, on a machine whose power
    /// goes this many times in its first moments. The revision of the backup; `None` where the node gave none in time.
    pub async fn restore(
        &self,
        onto: &Cluster,
        from: u64,
        until: Duration,
        power_losses: u64,
        rng: &mut StdRng,
    ) -> Option<LogId> {
        let (revision, backup) = loop {
            match self.take_backup(from).await {
                Ok(taken) => break taken,
                Err(_) if elapsed() >= until => return None,
                Err(_) => sleep(Duration::from_millis(rng.random_range(50..500))).await,
            }
        };
        let bytes = backup.len() as u64;
        let members = [("revision", Member::Text(&revision.to_string())), ("bytes", Member::Number(bytes))];
        self.trace().of_run("backup", &members, format_args!("from node {from}"));
        let world = onto.world();
        let (process, host) = world.boot(RESTORED);
        let laying = async move { restore::stage(&*host.files, Arc::new(Held(backup))).await };
        let laid = process.tasks().spawn(Caused::new(Guarded::new(laying))).await;
        if !matches!(laid, Ok(Ok(Ok(())))) {
            let what = format!("the backup at {revision} of node {from} could not be laid down: {laid:?}");
            self.laws.judge(elapsed(), crate::laws::restored::NAME, Err(what));
            return None;
        }
        onto.stop(RESTORED, Stop::PowerLoss);
        for _ in 0..power_losses {
            onto.start(RESTORED);
            sleep(Duration::from_micros(rng.random_range(0..200_000))).await;
            onto.stop(RESTORED, Stop::PowerLoss);
        }
        onto.start(RESTORED);
        Some(revision)
    }
}

fn read(answer: &axum::http::Response<Bytes>) -> Told {
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let at = || body["revision"].as_str().and_then(|text| text.parse().ok());
    let in_header = || answer.headers().get("x-confman-version")?.to_str().ok()?.parse().ok();
    match answer.status() {
        StatusCode::ACCEPTED => Told::Pending,
        status if status.is_success() => Told::Done(at().or_else(in_header)),
        StatusCode::NOT_FOUND => Told::NoSuchMember,
        status => Told::NotDone(format!("{status} {}", body["detail"].as_str().unwrap_or_default())),
    }
}

/// A file in memory, to be read.
struct Held(Bytes);

fn read_only() -> BoxFuture<'static, io::Result<()>> {
    Box::pin(std::future::ready(Err(io::Error::other("to be read only"))))
}

impl File for Held {
    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<'static, io::Result<Bytes>> {
        let begin = (offset as usize).min(self.0.len());
        let end = begin.saturating_add(len).min(self.0.len());
        Box::pin(std::future::ready(Ok(self.0.slice(begin..end))))
    }

    fn write_at(&self, _: u64, _: Bytes) -> BoxFuture<'static, io::Result<()>> {
        read_only()
    }

    fn sync(&self) -> BoxFuture<'static, io::Result<()>> {
        read_only()
    }

    fn truncate(&self, _: u64) -> BoxFuture<'static, io::Result<()>> {
        read_only()
    }

    fn len(&self) -> BoxFuture<'static, io::Result<u64>> {
        Box::pin(std::future::ready(Ok(self.0.len() as u64)))
    }
}
