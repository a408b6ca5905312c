use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::base::{LogId, Monotonic, NodeId};
use crate::config::MemberConfig;
use crate::host::{Clock, Host};
use crate::log::Wal;
use crate::peer::{PeerClaim, PeerGuard, PeerHandle, Refusal, RefusalCode};
use crate::raft::{Member, RaftHandle, RaftStatus, Standing};

/// Answers that are under way go out before the links of a removed node end: it may be the one that asked.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often the log says that this node waits to be added.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Decides who may talk to this node, before any frame passes: the members of the cluster, each with the data
/// directory that the membership knows. A node whose directory was wiped would vote again where it has voted.
///
/// Whom this node does not know may be newer than what it knows: a node that was away while others were added. So it
/// lets in who goes by a membership beyond all that it knows to be committed, and looks again once its own has become
/// newer. To others it says as of what they are no members, so that a node that was removed hears of it, and one that was
/// added by a leader whose word was never committed.
pub(super) struct Guard {
    node: NodeId,
    wal: Wal,
    clock: Arc<dyn Clock>,
    /// The members of a fresh cluster: who may talk while this node's own log is empty.
    configured: Vec<MemberConfig>,
    raft: OnceLock<(RaftHandle, watch::Receiver<RaftStatus>)>,
    said: Mutex<Option<Monotonic>>,
}

impl Guard {
    pub(super) fn new(host: &Host, node: NodeId, wal: Wal, configured: Vec<MemberConfig>) -> Guard {
        let clock = host.clock.clone();
        Guard { node, wal, clock, configured, raft: OnceLock::new(), said: Mutex::new(None) }
    }

    /// From here on the membership decides.
    pub(super) fn follow(&self, raft: &RaftHandle) {
        self.raft.set((raft.clone(), raft.subscribe())).ok();
    }

    fn says_it_now(&self) -> bool {
        let now = self.clock.now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let due = said.is_none_or(|said| now.since(said) >= SAY_AGAIN);
        if due {
            *said = Some(now);
        }
        due
    }
}

/// Ends the links of nodes that are no members any more, whenever the membership changes.
pub(super) async fn end_links_of_removed(host: Host, peers: PeerHandle, mut status: watch::Receiver<RaftStatus>) {
    let mut known = None;
    loop {
        if status.wait_for(|status| status.members_at != known).await.is_err() {
            return;
        }
        host.sleep(LAST_WORDS).await;
        let (at, members): (_, BTreeSet<NodeId>) = {
            let status = status.borrow_and_update();
            (status.members_at, status.members.keys().copied().collect())
        };
        peers.members_changed(&members);
        known = at;
    }
}

/// Another data directory under a known id.
fn another_directory(node: NodeId, peer: &PeerClaim, member: &Member, status: &RaftStatus) -> Refusal {
    let unused = status.members.keys().map(|id| id.0).max().unwrap_or(0) + 1;
    let sentence = format!(
        "node {node} comes with data directory {}, but the cluster knows it with {}: its data was wiped or replaced, and \
         under this id it could vote twice. Bring the old directory back; or give it a new id, start it empty, and run \
         `confman cluster replace {node} {unused} --peer {} --url {}`",
        peer.storage, member.storage, member.peer, member.url
    );
    Refusal::new(RefusalCode::OtherDirectory, sentence)
}

fn not_a_member(node: NodeId, status: &RaftStatus) -> Refusal {
    let at = status.committed.map_or("nothing".to_owned(), |at| at.to_string());
    let sentence = format!(
        "node {node} is not a member of this cluster, as of {at}. A new node is added with `confman cluster add {node} \
         --peer HOST:PORT --url URL`; one that was removed is stopped, and comes back with an empty data directory and a \
         new id"
    );
    // What is not committed may never be.
    let as_of = status.committed.filter(|_| status.members_committed);
    Refusal { as_of, ..Refusal::new(RefusalCode::NotMember, sentence) }
}

impl PeerGuard for Guard {
    fn members_at(&self) -> Option<LogId> {
        let (_, status) = self.raft.get()?;
        status.borrow().members_at
    }

    fn admit(&self, peer: &PeerClaim) -> Result<(), Refusal> {
        let refuse = |what: String| Err(Refusal::new(RefusalCode::NotAdmitted, what));
        let Some((_, status)) = self.raft.get() else {
            return refuse("this node is starting; try again".to_owned());
        };
        let (node, status) = (peer.node, status.borrow());
        if status.members.is_empty() {
            return if self.wal.last().is_some() {
                refuse("this node is reading its membership; try again".to_owned())
            } else if peer.members_at.is_some() || self.configured.iter().any(|member| member.id == node) {
                Ok(())
            } else {
                refuse(format!("node {node} is not among the [[members]] of this fresh cluster's settings"))
            };
        }
        match status.members.get(&node) {
            Some(member) if member.storage == peer.storage => Ok(()),
            Some(member) => Err(another_directory(node, peer, member, &status)),
            // Called to see whether it can be added.
            None if peer.was_called => Ok(()),
            None if peer.members_at > status.committed => Ok(()),
            None => Err(not_a_member(node, &status)),
        }
    }

    fn refused(&self, by: NodeId, refusal: &Refusal) {
        let Some((raft, status)) = self.raft.get() else { return };
        match refusal.code {
            RefusalCode::NotMember => {}
            // The refusal itself is in the log, with the command that helps.
            RefusalCode::OtherDirectory if self.wal.last().is_none() => return raft.stands(Standing::NotAdded),
            _ => return,
        }
        let (own_at, standing, is_of_this_cluster) = {
            let status = status.borrow();
            let known = status.members.get(&by).map(|member| member.storage);
            (status.members_at, status.standing, known == refusal.storage)
        };
        if own_at.is_none() && self.wal.last().is_none() {
            raft.stands(Standing::NotAdded);
            if self.says_it_now()
                && let Some(own) = self.configured.iter().find(|member| member.id == self.node)
            {
                tracing::warn!(
                    by = by.0,
                    "this node is empty, and the cluster exists without it. Add it, from any machine with an admin key: \
                     `confman cluster add {} --peer {} --url {}`, or in the place of a node that is lost: \
                     `confman cluster replace OLD {} --peer {} --url {}`",
                    own.id,
                    own.peer,
                    own.url,
                    own.id,
                    own.peer,
                    own.url
                );
            }
            return;
        }
        // A node of a cluster that was restored from this one's backup knows nothing of who belongs to this one. And one
        // that has committed less than this node goes by may just be behind. What is committed up to there and beyond
        // has the membership that this node goes by, or that was never committed: its leader was lost.
        let Some(at) = refusal.as_of.filter(|at| is_of_this_cluster && Some(*at) >= own_at) else { return };
        if !matches!(standing, Standing::Removed { .. }) {
            tracing::error!(
                by = by.0, %at,
                "this node was removed from the cluster, or never came to belong to it: it serves nothing any more. Stop \
                 it, and keep its data directory only for as long as it may be wanted; to bring the machine back, give it \
                 an empty directory and a new id, and add it"
            );
        }
        raft.stands(Standing::Removed { at });
    }
}
