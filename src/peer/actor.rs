use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use rand::Rng as _;

use super::frame::{BODY_BYTES_MAX, FrameKind};
use super::handshake::{Credentials, Nonce, VERSIONS};
use super::incoming::{self, Sessions};
use super::outgoing::Outgoing;
use super::refusals::RefusalBook;
use super::{Identity, Lane, PeerError, PeerGuard, PeerRefusal, PeerService, PeerTarget};
use crate::base::{GroupId, Monotonic, NodeId};
use crate::config::Secret;
use crate::host::{Host, Rng, TaskHandle};

/// The way to other nodes, and theirs to this one. Cheap to clone; when the last clone is gone, all links close.
#[derive(Clone)]
pub struct PeerHandle(Arc<Registry>);

/// What all links share.
pub(super) struct Context {
    pub host: Host,
    pub credentials: Credentials,
    pub guard: Arc<dyn PeerGuard>,
    pub service: Arc<dyn PeerService>,
    pub refusals: RefusalBook,
    pub sessions: Sessions,
    links: Mutex<BTreeMap<(NodeId, Lane), Weak<Outgoing>>>,
    rng: Mutex<Rng>,
}

impl Context {
    pub fn with_rng<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn nonce(&self) -> Nonce {
        let mut nonce = Nonce::default();
        self.with_rng(|rng| rng.fill_bytes(&mut nonce));
        nonce
    }

    /// The peer has just linked to us, so it is there: whoever left it alone may call it again. Otherwise a node that
    /// comes back would be out of reach for as long as the longest rest.
    pub fn is_alive(&self, node: NodeId) {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        for link in [Lane::Control, Lane::Append, Lane::Bulk].iter().filter_map(|lane| links.get(&(node, *lane))) {
            if let Some(link) = link.upgrade() {
                link.end_rest();
            }
        }
    }
}

/// The outgoing links. Their tasks hold the context, never this: so it goes with the last handle.
struct Registry {
    context: Arc<Context>,
    links: Mutex<BTreeMap<(NodeId, Lane), Arc<Outgoing>>>,
    accepting: Option<TaskHandle>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
        self.context.sessions.close();
    }
}

impl PeerHandle {
    /// Starts to accept links from other nodes. Links to them are opened when they are first called.
    pub fn start(
        host: &Host,
        identity: Identity,
        secret: Option<Secret>,
        guard: Arc<dyn PeerGuard>,
        service: Arc<dyn PeerService>,
    ) -> PeerHandle {
        let context = Arc::new(Context {
            host: host.clone(),
            credentials: Credentials { identity, secret, versions: VERSIONS },
            guard,
            service,
            refusals: RefusalBook::default(),
            sessions: Sessions::default(),
            links: Mutex::default(),
            rng: Mutex::new(host.entropy.fork("peer")),
        });
        let accepting = Some(host.spawn("peer-accept", incoming::accept(context.clone())));
        PeerHandle(Arc::new(Registry { context, links: Mutex::default(), accepting }))
    }

    /// Asks another node for something and waits for its answer until `deadline`.
    ///
    /// The request may be executed also after the deadline, and, where its kind is idempotent, more than once. See
    /// [`PeerError`] for what each error says of it. A node cannot call itself.
    pub async fn call(
        &self,
        to: &PeerTarget,
        lane: Lane,
        group: GroupId,
        kind: FrameKind,
        body: Bytes,
        deadline: Monotonic,
    ) -> Result<Bytes, PeerError> {
        if to.node == self.0.context.credentials.identity.node {
            return Err(PeerError::Refused(format!("node {} does not call itself", to.node)));
        }
        if body.len() > BODY_BYTES_MAX {
            let what = format!("a request of {} bytes, more than {BODY_BYTES_MAX}", body.len());
            return Err(PeerError::Unreachable(what));
        }
        self.link(to, lane).call(group, kind, body, deadline).await
    }

    /// The membership has changed: ends the links of those that the guard would not let in any more, and those to nodes
    /// that are not `members`. Calls that are under way end by themselves.
    pub fn members_changed(&self, members: &BTreeSet<NodeId>) {
        self.0.context.sessions.recheck(&*self.0.context.guard);
        let mut links = self.0.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|(node, _), _| members.contains(node));
        let mut known = self.0.context.links.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(node, _), _| members.contains(node));
    }

    /// Forgets the links to a node: the next call tries at once, whatever came of those before.
    pub fn forget(&self, node: NodeId) {
        self.0.links.lock().unwrap_or_else(PoisonError::into_inner).retain(|(to, _), _| *to != node);
        self.0.context.links.lock().unwrap_or_else(PoisonError::into_inner).retain(|(to, _), _| *to != node);
    }

    /// The last refused handshake per peer, sorted; a peer that was admitted since is not among them.
    pub fn refusals(&self) -> Vec<PeerRefusal> {
        self.0.context.refusals.all()
    }

    /// The link for a target. At a new address it is a new one; the old ends when its last call has.
    fn link(&self, to: &PeerTarget, lane: Lane) -> Arc<Outgoing> {
        let mut links = self.0.links.lock().unwrap_or_else(PoisonError::into_inner);
        match links.get(&(to.node, lane)) {
            Some(link) if link.address == to.address => link.clone(),
            _ => {
                let link = Arc::new(Outgoing::start(&self.0.context, to, lane));
                links.insert((to.node, lane), link.clone());
                let mut known = self.0.context.links.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert((to.node, lane), Arc::downgrade(&link));
                link
            }
        }
    }
}
