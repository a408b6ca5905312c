use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::api::{
    self, AuditLog, AuditPage, BackupBytes, Below, CallError, Consensus, ListPage, NamespacePage, OpenedBackup,
    PeerCall, Peers, ProposeError, RaftRole, RaftStatus, ReadError, ReadView, State,
};
use crate::apply::{ApplyHandle, SnapshotMetaParts};
use crate::audit::{AuditError, AuditHandle, AuditRecord, Verification};
use crate::base::{GroupId, LogId, LogIndex, Monotonic, NodeId, RequestId, Term, WallTime};
use crate::host::{BoxFuture, StoreError};
use crate::keys::{DiffPage, HistoryPage, Selection, StateView};
use crate::log::{SnapshotMeta, SnapshotStream};
use crate::model::{Applied, Command, Entry, EventId, Key, KeyState, Namespace, NamespaceState, Write};
use crate::peer::{FrameKind, Lane, PeerHandle, PeerTarget};
use crate::raft::{self, ChangeError, ChangeRequest, Changed, RaftHandle, ReadIndexError, Standing};

/// Binds the API actor's view of the world below it.
pub(super) fn bind(
    group: GroupId,
    raft: RaftHandle,
    apply: ApplyHandle,
    audit: AuditHandle,
    peers: PeerHandle,
) -> Below {
    Below {
        consensus: Arc::new(Raft(raft)),
        state: Arc::new(apply),
        audit: Arc::new(audit),
        peers: Arc::new(Nodes { group, peers }),
    }
}

struct Raft(RaftHandle);

impl Consensus for Raft {
    fn propose(
        &self,
        write: Write,
        actor: String,
        request_id: RequestId,
        deadline: Monotonic,
    ) -> BoxFuture<'static, Result<Applied, ProposeError>> {
        let raft = self.0.clone();
        Box::pin(async move {
            // The Raft actor stamps the time.
            let command = Command { stamp: WallTime(0), actor, request_id, write };
            raft.propose(command, deadline).await.map_err(|error| match error {
                raft::ProposeError::NotLeader { .. } => ProposeError::NotLeader,
                raft::ProposeError::Overloaded => ProposeError::Overloaded,
                raft::ProposeError::StorageFull { free_bytes } => ProposeError::StorageFull { free_bytes },
                raft::ProposeError::OutcomeUnknown => ProposeError::OutcomeUnknown,
            })
        })
    }

    fn change_members(
        &self,
        request: ChangeRequest,
        deadline: Monotonic,
    ) -> BoxFuture<'static, Result<Changed, ChangeError>> {
        let raft = self.0.clone();
        Box::pin(async move { raft.change_members(request, deadline).await })
    }

    fn read_index(&self, deadline: Monotonic) -> BoxFuture<'static, Result<(), ReadIndexError>> {
        let raft = self.0.clone();
        Box::pin(async move { raft.read_index(deadline).await.map(drop) })
    }

    fn committed(&self, deadline: Monotonic) -> BoxFuture<'static, Result<LogId, ReadIndexError>> {
        let raft = self.0.clone();
        Box::pin(async move { raft.committed(deadline).await })
    }

    fn status(&self) -> RaftStatus {
        let status = self.0.status();
        let members: BTreeMap<NodeId, api::Member> = status
            .members
            .iter()
            .map(|(id, member)| {
                let voter = status.voters.contains(id);
                let (peer, url) = (member.peer.clone(), member.url.clone());
                (*id, api::Member { peer, url, storage: member.storage, voter })
            })
            .collect();
        RaftStatus {
            node: status.node,
            role: match status.role {
                raft::RaftRole::Leader => RaftRole::Leader,
                raft::RaftRole::Candidate => RaftRole::Candidate,
                raft::RaftRole::Follower => RaftRole::Follower,
                raft::RaftRole::Learner | raft::RaftRole::Stopped => RaftRole::Learner,
            },
            term: status.term,
            leader: status.leader,
            last_log: status.last_log.map(|id| id.index),
            committed: status.committed,
            applied: status.applied,
            snapshot: status.snapshot,
            purged: status.purged,
            members,
            members_at: status.members_at,
            joint: status.joint,
            caught_up: status.caught_up,
        }
    }

    fn standing(&self) -> Standing {
        self.0.standing()
    }

    fn leader_other_than(&self, ruled_out: Option<(Term, NodeId)>) -> BoxFuture<'static, ()> {
        let mut status = self.0.subscribe();
        Box::pin(async move {
            let named = |status: &raft::RaftStatus| names_another_leader(status, ruled_out);
            // An error means that consensus ended: the caller's deadline speaks then.
            if status.wait_for(named).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// Whether a leader is known that can also be reached. A fresh follower hears of its leader before it has the
/// membership that says where the leader is.
fn names_another_leader(status: &raft::RaftStatus, ruled_out: Option<(Term, NodeId)>) -> bool {
    status.leader_member().is_some_and(|(leader, _)| ruled_out != Some((status.term, leader)))
}

impl State for ApplyHandle {
    fn status(&self) -> api::ApplyStatus {
        let status = ApplyHandle::status(self);
        api::ApplyStatus { applied: status.applied, state_hash: status.state_hash, alarm: status.alarm }
    }

    fn view(&self) -> Result<Box<dyn ReadView>, String> {
        match ApplyHandle::view(self) {
            Ok(view) => Ok(Box::new(view)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn wait_applied(&self, index: LogIndex) -> BoxFuture<'static, bool> {
        let apply = self.clone();
        Box::pin(async move { ApplyHandle::wait_applied(&apply, index).await.is_ok() })
    }

    /// A backup is a snapshot file.
    fn backup(&self) -> BoxFuture<'static, Result<OpenedBackup, String>> {
        let apply = self.clone();
        Box::pin(async move {
            let (parts, view, range) = apply.snapshot_view().await.map_err(|error| error.to_string())?;
            let meta = SnapshotMeta { last: parts.last, membership: parts.membership.clone() };
            let stream = SnapshotStream::start(apply.group(), &meta, view, range)?;
            Ok((parts.last, Box::new(SnapshotBytes { apply, parts, stream }) as Box<dyn BackupBytes>))
        })
    }
}

struct SnapshotBytes {
    apply: ApplyHandle,
    parts: SnapshotMetaParts,
    stream: SnapshotStream,
}

impl BackupBytes for SnapshotBytes {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, String>> {
        Box::pin(async move {
            let next = self.stream.next();
            // The view compares its rows with the state hash: a backup of damaged rows has no end.
            if let (Err(_), Some(what)) = (&next, self.parts.damage.get()) {
                self.apply.report_damage(self.parts.store.clone(), what.clone()).await;
            }
            next
        })
    }
}

impl ReadView for StateView {
    fn applied(&self) -> Option<LogId> {
        StateView::applied(self)
    }

    fn term_at(&self, index: LogIndex) -> Result<Option<Term>, StoreError> {
        StateView::term_at(self, index)
    }

    fn entry(&self, namespace: &Namespace, key: &Key) -> Result<Option<Entry>, StoreError> {
        StateView::entry(self, namespace, key)
    }

    fn list(
        &self,
        of: Selection<'_>,
        after: Option<&Key>,
        limit: usize,
        bytes_max: usize,
        at: Option<LogIndex>,
    ) -> Result<ListPage, StoreError> {
        let page = match at {
            Some(at) => self.list_at(of, after, limit, bytes_max, at)?,
            None => StateView::list(self, of, after, limit, bytes_max)?,
        };
        Ok(ListPage { entries: page.entries, next: page.next })
    }

    fn key_state_at(&self, namespace: &Namespace, key: &Key, at: LogIndex) -> Result<Option<KeyState>, StoreError> {
        StateView::key_state_at(self, namespace, key, at)
    }

    fn history(
        &self,
        namespace: &Namespace,
        key: &Key,
        before: Option<LogIndex>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<HistoryPage, StoreError> {
        StateView::history(self, namespace, key, before, limit, bytes_max)
    }

    fn diff(
        &self,
        namespace: &Namespace,
        between: (LogIndex, LogIndex),
        after: Option<&Key>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<DiffPage, StoreError> {
        StateView::diff(self, namespace, between, after, limit, bytes_max)
    }

    fn log_time(&self) -> WallTime {
        StateView::log_time(self)
    }

    fn revision_at(&self, time: WallTime) -> Result<Option<LogId>, StoreError> {
        StateView::revision_at(self, time)
    }

    fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceState>, StoreError> {
        StateView::namespace(self, namespace)
    }

    fn namespaces(
        &self,
        prefix: &str,
        after: Option<&Namespace>,
        limit: usize,
        bytes_max: usize,
        at: Option<LogIndex>,
    ) -> Result<NamespacePage, StoreError> {
        let at = at.unwrap_or(LogIndex(u64::MAX));
        let page = self.namespaces_at(prefix, after, limit, bytes_max, at)?;
        Ok(NamespacePage { namespaces: page.namespaces, more: page.more })
    }

    fn list_changed(&self, namespace: Option<&Namespace>) -> Result<Option<LogId>, StoreError> {
        StateView::list_changed(self, namespace)
    }

    fn cursor_key(&self) -> Option<[u8; 32]> {
        StateView::cursor_key(self)
    }
}

impl AuditLog for AuditHandle {
    fn events(
        &self,
        namespace: Option<Namespace>,
        before: Option<api::EventId>,
        limit: usize,
    ) -> BoxFuture<'static, Result<AuditPage, ReadError>> {
        let audit = self.clone();
        Box::pin(async move {
            let before = before.map(|id| EventId { revision: id.revision, n: id.n });
            let page = AuditHandle::events(&audit, namespace, before, limit).await.map_err(audit_error)?;
            let events = page.records.into_iter().map(audit_event).collect();
            Ok(AuditPage { events, more: page.more, applied: page.applied })
        })
    }

    fn verify(&self) -> BoxFuture<'static, Result<api::AuditVerification, ReadError>> {
        let audit = self.clone();
        Box::pin(async move { AuditHandle::verify(&audit).await.map(audit_verification).map_err(audit_error) })
    }
}

fn audit_verification(found: Verification) -> api::AuditVerification {
    let id = |id: EventId| api::EventId { revision: id.revision, n: id.n };
    api::AuditVerification {
        events: found.verified.events,
        first: found.first.map(id),
        last: found.verified.last.map(id),
        last_hash: hex::encode(found.verified.head),
        applied: found.applied,
        broken: found.broken.map(|it| api::AuditBreak { event: it.event.map(id), reason: it.what }),
    }
}

fn audit_error(error: AuditError) -> ReadError {
    match error {
        AuditError::Overloaded => ReadError::Overloaded,
        AuditError::Stopped => ReadError::Stopping,
        AuditError::State(error) => ReadError::Failed(error.to_string()),
    }
}

fn audit_event(record: AuditRecord) -> api::AuditEvent {
    let event = record.event;
    api::AuditEvent {
        id: api::EventId { revision: event.id.revision, n: event.id.n },
        timestamp: event.timestamp,
        action: event.action.as_str().to_owned(),
        actor: event.actor,
        namespace: event.namespace,
        key: event.key,
        old_value: record.old_value,
        new_value: record.new_value,
        old_digest: event.old_digest.map(|digest| digest.to_string()),
        new_digest: event.new_digest.map(|digest| digest.to_string()),
        request_id: event.request_id,
        previous_hash: hex::encode(event.previous_hash),
        hash: hex::encode(event.hash),
    }
}

struct Nodes {
    group: GroupId,
    peers: PeerHandle,
}

impl Peers for Nodes {
    fn call(
        &self,
        to: NodeId,
        address: &str,
        call: PeerCall,
        body: Bytes,
        deadline: Monotonic,
    ) -> BoxFuture<'static, Result<Bytes, CallError>> {
        let (group, peers) = (self.group, self.peers.clone());
        let target = PeerTarget { node: to, address: address.to_owned() };
        let kind = match call {
            PeerCall::Forward => FrameKind::Forward,
            PeerCall::Status => FrameKind::Status,
        };
        Box::pin(async move {
            peers.call(&target, Lane::Control, group, kind, body, deadline).await.map_err(|error| {
                if error.is_surely_not_executed() {
                    CallError::NotDelivered(error.to_string())
                } else {
                    CallError::NoAnswer(error.to_string())
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_counts_once_it_is_known_where_it_is() {
        let leader = NodeId(2);
        let mut status = raft::RaftStatus { leader: Some(leader), term: Term(3), ..raft::RaftStatus::default() };
        assert!(!names_another_leader(&status, None), "nobody knows where it is: a writer would ask in a circle");
        status.members = Arc::new(BTreeMap::from([(leader, raft::Member::default())]));
        assert!(names_another_leader(&status, None));
        assert!(!names_another_leader(&status, Some((Term(3), leader))), "it was tried");
        assert!(names_another_leader(&status, Some((Term(2), leader))), "it was elected again");
    }
}
