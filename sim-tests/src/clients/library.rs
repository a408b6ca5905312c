//! Confman's own client, `confman::client`, over the simulated network.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::http::{Request as HttpRequest, Response};
use bytes::Bytes;
use confman::base::{LogId, RequestId};
use confman::client::{Client, ClientConfig, Error};
use confman::host::{BoxFuture, ClientHost, Connection, Entropy, Rng, SendError, Transport};
use confman::wire;

use super::transport::{Reply, call};
use super::{Name, Outcome, PageEnd, Request, Shown};
use crate::cluster::{ADMIN_KEY, Cluster, node_of_url, url};
use crate::host::clock::{ClockSkew, SimClock};
use crate::host::net::Place;
use crate::runtime::elapsed;
use crate::seed::stream;
use crate::world::Incarnation;

/// One user of the client: the client itself, which knows what earlier answers taught it, and what its transport saw.
pub(super) struct Library {
    cluster: Cluster,
    place: Place,
    seed: u64,
    patience: Duration,
    bearer: bool,
    last: Arc<Mutex<Last>>,
    /// The client, and the node that it was made to ask first.
    client: Mutex<Option<(u64, Client)>>,
}

/// Who answered last, and how far it said that it was: the client keeps this to itself.
#[derive(Default)]
struct Last {
    node: Option<u64>,
    version: Option<LogId>,
}

impl Library {
    pub fn new(cluster: Cluster, place: Place, seed: u64, patience: Duration, bearer: bool) -> Library {
        let (last, client) = Default::default();
        Library { cluster, place, seed, patience, bearer, last, client }
    }

    /// The client whose first choice is this node: the one that there is, or a fresh one.
    fn client(&self, first: u64) -> Client {
        let mut kept = self.client.lock().expect("no panic under this lock");
        if let Some((node, client)) = &*kept
            && *node == first
        {
            return client.clone();
        }
        let others = self.cluster.in_service().into_iter().filter(|node| *node != first);
        let config = ClientConfig::new([first].into_iter().chain(others).map(url)).expect("these are addresses");
        let config = config.with_key(ADMIN_KEY).with_timeout(self.patience);
        let config = if self.bearer { config.as_bearer() } else { config };
        let host = ClientHost {
            transport: Arc::new(SimTransport {
                cluster: self.cluster.clone(),
                place: self.place,
                last: self.last.clone(),
            }),
            clock: Arc::new(SimClock::new(Arc::new(ClockSkew::default()))),
            entropy: Arc::new(ClientEntropy(stream_seed(self.seed, self.place, first))),
        };
        let client = Client::new(config, host);
        // The session goes on.
        if let Some(version) = kept.take().and_then(|(_, before)| before.version()) {
            client.seen(&version).expect("a client's version is one");
        }
        *kept = Some((first, client.clone()));
        client
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().expect("no panic under this lock")
    }

    /// What the client tells its user, and which node that comes from.
    pub async fn perform(&self, first: u64, request: &Request, request_id: &str) -> (u64, Outcome) {
        *self.last() = Last::default();
        let id = RequestId::parse(request_id).expect("the simulator's ids are request ids");
        let client = self.client(first).with_request_id(id);
        let outcome = self.ask(&client, request).await.unwrap_or_else(|error| match error {
            Error::Unavailable { why } => Outcome::Refused(why),
            Error::OutcomeUnknown { why } => Outcome::Unknown(why),
            Error::Invalid(_) | Error::Refused(_) | Error::Unexpected { .. } => Outcome::Wrong(error.to_string()),
        });
        (self.last().node.unwrap_or(first), outcome)
    }

    async fn ask(&self, client: &Client, request: &Request) -> Result<Outcome, Error> {
        Ok(match request {
            Request::Set { name: Name { namespace, key }, value } => {
                let written = client.set(namespace, key, value, wire::ValueType::default()).await?;
                self.with_version(|told| {
                    let entry = shown(written.now)?;
                    if told != entry.revision {
                        return Err(format!("X-Confman-Version {told} and revision {}", entry.revision));
                    }
                    Ok(Outcome::Set { revision: told, created: written.created, version: entry.version })
                })
            }
            Request::Delete { name: Name { namespace, key } } => match client.delete(namespace, key).await? {
                Some(deleted) => match deleted.revision.parse() {
                    Ok(revision) => Outcome::Deleted { revision },
                    Err(_) => Outcome::Wrong(format!("deleted at {}", deleted.revision)),
                },
                None => self.with_version(|revision| Ok(Outcome::Absent { revision })),
            },
            Request::Get { name: Name { namespace, key } } => {
                let found = client.get(namespace, key).await?;
                self.with_version(|applied| match found {
                    Some(entry) => Ok(Outcome::Found { entry: shown(entry)?, applied }),
                    None => Ok(Outcome::Absent { revision: applied }),
                })
            }
            Request::List { namespace, prefix, limit, after } => {
                let mut pages = client.list(namespace, prefix)?.with_page_size(*limit as usize);
                if let Some(PageEnd { cursor, .. }) = after {
                    pages = pages.after(cursor.clone());
                }
                let page = pages.next_page().await?;
                self.with_version(|applied| {
                    let page = page.ok_or("no page where one was asked for")?;
                    let items = page.items.into_iter().map(shown).collect::<Result<Vec<_>, _>>()?;
                    let revision = page.revision.as_deref().and_then(|text| text.parse().ok());
                    let revision = revision.ok_or("a list without revision")?;
                    Ok(Outcome::Listed { items, revision, applied, next: page.cursor })
                })
            }
        })
    }

    fn with_version(&self, outcome: impl FnOnce(LogId) -> Result<Outcome, String>) -> Outcome {
        let version = self.last().version.ok_or("no X-Confman-Version".to_owned());
        version.and_then(outcome).unwrap_or_else(Outcome::Wrong)
    }
}

fn shown(entry: wire::Entry) -> Result<Shown, String> {
    let revision = entry.revision.parse().map_err(|_| format!("an entry of revision {}", entry.revision))?;
    let name = Name { namespace: entry.namespace, key: entry.key };
    Ok(Shown { name, value: entry.value, version: entry.version, revision })
}

struct SimTransport {
    cluster: Cluster,
    place: Place,
    last: Arc<Mutex<Last>>,
}

impl Transport for SimTransport {
    fn connect(&self, base: &str) -> BoxFuture<'_, Result<Box<dyn Connection>, String>> {
        let connected = match node_of_url(base) {
            Some(node) => Ok(Box::new(SimConnection {
                cluster: self.cluster.clone(),
                place: self.place,
                node,
                process: self.cluster.node(node).map(|(process, _)| process),
                last: self.last.clone(),
            }) as Box<dyn Connection>),
            None => Err(format!("{base} is none of the simulated nodes")),
        };
        Box::pin(std::future::ready(connected))
    }
}

/// To one process: it ends with that.
struct SimConnection {
    cluster: Cluster,
    place: Place,
    node: u64,
    process: Option<Arc<Incarnation>>,
    last: Arc<Mutex<Last>>,
}

impl Connection for SimConnection {
    fn is_open(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.is_alive())
    }

    fn send(&mut self, request: HttpRequest<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        Box::pin(async move {
            match call(&self.cluster, self.place, self.node, request).await {
                Reply::Answer(answer) => {
                    let version = answer.headers().get("x-confman-version").and_then(|text| text.to_str().ok());
                    let version = version.and_then(|text| text.parse().ok());
                    *self.last.lock().expect("no panic under this lock") = Last { node: Some(self.node), version };
                    Ok(answer)
                }
                Reply::NotDelivered(why) => Err(SendError::NotSent(why)),
                Reply::Broken => Err(SendError::Broken("the connection broke".to_owned())),
            }
        })
    }
}

/// What identifies one client's randomness: each that is made has its own.
fn stream_seed(seed: u64, place: Place, first: u64) -> (u64, String) {
    (seed, format!("client/{place}/library/{first}/{}", elapsed().as_nanos()))
}

struct ClientEntropy((u64, String));

impl Entropy for ClientEntropy {
    fn fork(&self, label: &'static str) -> Rng {
        let (seed, name) = &self.0;
        stream(*seed, &format!("{name}/{label}"))
    }
}
