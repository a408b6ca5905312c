//! The one place that wires actors: from a host and a configuration to a node that serves.
//!
//! | file | what it is |
//! |---|---|
//! | here | the order in which a node starts |
//! | `storage` | opens store, log and snapshots, and checks them against each other |
//! | `identity` | which cluster and node a data directory belongs to |
//! | `guard` | which other nodes may talk to this one |
//! | `service` | hands the frames of other nodes to the right actor |
//! | `below` | gives the API actor what it needs from the rooms below it |
//! | `bootstrap` | how a fresh cluster comes to be |

mod below;
mod bootstrap;
mod guard;
mod identity;
mod service;
mod storage;

use std::sync::Arc;

use openraft::AsyncRuntime;
use tracing::Instrument;

pub use identity::IdentityError;

use crate::api::{self, ApiHandle};
use crate::apply::{ApplyError, ApplyHandle};
use crate::audit::AuditHandle;
use crate::base::{GroupId, StorageId};
use crate::config::NodeConfig;
use crate::host::{BoxFuture, Host, Spawn, TaskHandle};
use crate::http::{self, HttpState};
use crate::log::LogError;
use crate::peer::{self, PeerHandle};
use crate::raft::{self, RaftHandle, RaftSettings};

/// A running node.
#[derive(Clone)]
pub struct Node {
    pub storage: StorageId,
    pub api: ApiHandle,
    pub raft: RaftHandle,
    pub apply: ApplyHandle,
    pub audit: AuditHandle,
    pub peers: PeerHandle,
    /// All that REST clients can ask for.
    pub router: axum::Router,
}

/// Why a node did not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    State(#[from] ApplyError),
    #[error("{0}")]
    Raft(String),
}

impl Node {
    /// Starts a node on what its host keeps: recovers the store, the log and the snapshot, checks them against each
    /// other, replays what is committed, and then talks to its peers.
    pub async fn start<R: AsyncRuntime>(host: Host, config: NodeConfig) -> Result<Node, StartError> {
        let group = GroupId::MAIN;
        let span = tracing::info_span!("node", node = config.node.0, group = group.0);
        let host = Host { spawn: Arc::new(InSpan { spawn: host.spawn.clone(), span: span.clone() }), ..host };
        Node::start_on::<R>(host, config, group).instrument(span).await
    }

    async fn start_on<R: AsyncRuntime>(host: Host, config: NodeConfig, group: GroupId) -> Result<Node, StartError> {
        let storage = identity::open(&host, &config.cluster, config.node).await?;
        let stores = storage::open(&host, group, &config.storage).await?;

        let guard = Arc::new(guard::Guard::new(stores.wal.clone(), config.members.clone()));
        let service = service::Service::new(storage, stores.wal.clone());
        let identity = peer::Identity { cluster: config.cluster.clone(), node: config.node, storage };
        let peers = PeerHandle::start(&host, identity, config.peer.secret.clone(), guard.clone(), service.clone());

        let settings = RaftSettings {
            cluster: config.cluster.clone(),
            node: config.node,
            group,
            raft: config.raft.clone(),
            storage: config.storage.clone(),
        };
        let (raft, server) =
            raft::start::<R>(&host, settings, stores.clone(), peers.clone()).await.map_err(StartError::Raft)?;
        guard.follow(raft.subscribe());
        service.bind_raft(server);

        let audit = AuditHandle::start(&host, group, stores.apply.views());
        let who = api::Identity {
            cluster: config.cluster.clone(),
            node: config.node,
            group,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let below = below::bind(group, raft.clone(), stores.apply.clone(), audit.clone(), peers.clone());
        let api = ApiHandle::start(&host, &config.requests, who, below);
        service.bind_api(api.clone());
        host.spawn("state-comparison", api.clone().watch_states());
        let forming = bootstrap::form_cluster(
            host.clone(),
            (config.node, storage),
            config.members.clone(),
            stores.wal.clone(),
            peers.clone(),
            raft.clone(),
        );
        host.spawn("bootstrap", forming);
        host.spawn("secrets", bootstrap::give_secrets(host.clone(), raft.clone(), stores.apply.clone()));
        let http = HttpState::new(&host, api.clone(), config.api_keys, config.requests.follower_writes);
        let router = http::router(http);
        Ok(Node { storage, api, raft, apply: stores.apply, audit, peers, router })
    }

    /// Takes no new writes and waits for those in flight.
    pub async fn stop(&self) {
        self.api.stop().await;
    }
}
<<<<<<< HEAD

/// Starts tasks within a span, so that every line they log says which node and group it is of.
struct InSpan {
    spawn: Arc<dyn Spawn>,
    span: tracing::Span,
}

impl Spawn for InSpan {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        self.spawn.spawn(name, Box::pin(task.instrument(self.span.clone())))
    }
}

/// Opens store, log and snapshots. What can be rebuilt gives way to what must never be lost: a store that claims
/// more than the durable log and snapshot hold, or something else, is set aside.
async fn open_storage(host: &Host, group: GroupId, config: &NodeConfig) -> Result<GroupStorage, StartError> {
    let apply = ApplyHandle::start(host, group).await?;
    let snapshots = Snapshots::open(host, group).await?;
    let settings = WalSettings {
        segment_bytes: config.storage.segment_bytes,
        cache_bytes: LOG_CACHE_BYTES,
        reserve_bytes: config.storage.reserve_bytes,
    };
    let snapshot = snapshots.current().map(|file| file.meta().last);
    // What was applied from the log was synced before, so the log must still hold it. What a snapshot brought need
    // never have been in this log.
    let from_log = apply.status().applied.filter(|applied| snapshot.is_none_or(|snapshot| snapshot < *applied));
    let wal = Wal::open(host, group, settings, from_log).await?;
    if let Some(reason) = contradiction(apply.status().applied, snapshot, &wal) {
        apply.start_over(&reason).await?;
    }
    Ok(GroupStorage { wal, apply, snapshots })
}

/// Why the store cannot belong to this log and snapshot, if it cannot.
fn contradiction(applied: Option<LogId>, snapshot: Option<LogId>, wal: &Wal) -> Option<String> {
    let applied = applied?;
    let durable = wal.last().max(snapshot);
    if durable.is_none_or(|durable| durable.index < applied.index) {
        let durable = durable.map_or("nothing".to_owned(), |id| id.to_string());
        return Some(format!("it has applied {applied}, but log and snapshot end at {durable}"));
    }
    let kept = wal.id_at(applied.index).filter(|kept| *kept != applied)?;
    Some(format!("it has applied {applied}, but the log has {kept} there"))
}
=======
>>>>>>> w-review1
