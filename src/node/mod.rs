//! The one place that wires actors: from a host and a configuration to a node that serves.
//!
//! | file | what it is |
//! |---|---|
//! | here | the order in which a node starts |
//! | `storage` | opens store, log and snapshots, and checks them against each other |
//! | `restore` | a new cluster from a backup |
//! | `identity` | which cluster and node a data directory belongs to |
//! | `guard` | which other nodes may talk to this one |
//! | `service` | hands the frames of other nodes to the right actor |
//! | `below` | gives the API actor what it needs from the rooms below it |
//! | `bootstrap` | how a fresh cluster comes to be |

mod below;
mod bootstrap;
mod guard;
pub mod identity;
pub mod restore;
#[cfg(test)]
mod restore_tests;
mod service;
mod storage;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::time::Duration;

use openraft::AsyncRuntime;
use tracing::Instrument;

pub use identity::IdentityError;

use crate::api::{self, ApiHandle};
use crate::apply::{ApplyError, ApplyHandle};
use crate::audit::AuditHandle;
use crate::base::{GroupId, StorageId};
use crate::config::{ApiKey, NodeConfig};
use crate::host::{BoxFuture, Host, Spawn, TaskHandle};
use crate::http::{self, HttpState};
use crate::log::LogError;
use crate::peer::{self, PeerHandle};
use crate::raft::{self, Member, RaftHandle, RaftSettings};

/// How long a node that ends waits for another to take the leadership over.
const HAND_OVER_WITHIN: Duration = Duration::from_secs(1);

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
    http: HttpState,
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
    #[error(transparent)]
    Restore(#[from] restore::RestoreError),
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
        let (peer, url) = (config.peer.address.clone(), config.http.url.clone());
        let founder = restore::Founder { node: config.node, member: Member { peer, url, storage } };
        let stores = storage::open::<R>(&host, group, &config.storage, &founder).await?;

        let guard = Arc::new(guard::Guard::new(&host, config.node, stores.wal.clone(), config.members.clone()));
        let own = Member { peer: config.peer.address.clone(), url: config.http.url.clone(), storage };
        let service = service::Service::new(own, stores.wal.clone());
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
        guard.follow(&raft);
        host.spawn("peer-links", guard::end_links_of_removed(host.clone(), peers.clone(), raft.subscribe()));
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
        let (members, to) = (config.members.clone(), peers.clone());
        host.spawn("look-around", bootstrap::look_around(host.clone(), config.node, members, to, raft.clone()));
        host.spawn("secrets", bootstrap::give_secrets(host.clone(), raft.clone(), stores.apply.clone()));
        let http = HttpState::new(&host, api.clone(), config.api_keys, config.requests.follower_writes);
        let router = http::router(http.clone());
        Ok(Node { storage, api, raft, apply: stores.apply, audit, peers, router, http })
    }

    /// From now on these keys are known, and no others.
    pub fn reload_keys(&self, keys: Vec<ApiKey>) {
        self.http.reload_keys(keys);
    }

    /// Takes no new writes, waits for those in flight, and hands the leadership over where this node has it.
    pub async fn stop(&self) {
        self.api.stop().await;
        self.raft.hand_over(HAND_OVER_WITHIN).await;
    }
}

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
