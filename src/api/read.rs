//! Reads: from the newest view of this node, without a message to the actor.

use std::sync::atomic::Ordering;

use super::actor::ApiHandle;
use super::below::ReadView;
use super::cursor::{Cursor, Position, Query};
use super::past::Moment;
use super::types::{AuditEvent, AuditVerification};
use crate::base::limits::PAGE_ITEMS_BYTES_MAX;
use crate::base::{LogId, WallTime};
use crate::host::StoreError;
use crate::keys::Selection;
use crate::model::{Entry, Key, Namespace, NamespaceState};
use crate::raft::Standing;

/// An answer, and what this node had applied when it read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAnswer<T> {
    pub applied: Option<LogId>,
    pub value: T,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest<'a> {
    pub limit: usize,
    /// As the page before gave it.
    pub cursor: Option<&'a str>,
}

/// Which entries, and which page of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRequest<'a> {
    pub of: Selection<'a>,
    /// Which members of them the client wants, as it said so: a cursor is good for the same ones alone.
    pub fields: &'a str,
    /// As they were then; `None`: as this node has them now.
    pub at: Option<Moment>,
    pub page: PageRequest<'a>,
}

/// A page of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAnswer {
    pub entries: Vec<Entry>,
    /// What this and all other pages of one cursor show.
    pub revision: Option<LogId>,
    /// What last changed the list, or something later: the same for as long as the page is.
    pub changed: Option<LogId>,
    /// Present where more follow.
    pub next_cursor: Option<String>,
}

/// A page of namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespacesAnswer {
    pub namespaces: Vec<NamespaceState>,
    /// What this and all other pages of one cursor show.
    pub revision: Option<LogId>,
    /// See [`ListAnswer::changed`].
    pub changed: Option<LogId>,
    /// Present where more follow.
    pub next_cursor: Option<String>,
}

/// A page of audit events, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditAnswer {
    pub events: Vec<AuditEvent>,
    /// Present where older ones follow.
    pub next_cursor: Option<String>,
}

/// A read that was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The node has not caught up since it started; what it has may be older than what it served before.
    #[error("the node has not caught up since it started")]
    NotCaughtUp { leader_known: bool },
    /// The node was removed from the cluster: what it has grows old.
    #[error("the node is not a member of the cluster")]
    NotAMember,
    /// The node found its own state damaged.
    #[error("the state is damaged: {0}")]
    Damaged(String),
    /// A cursor of another query, or of no cluster of ours.
    #[error("the cursor is not of this query")]
    InvalidCursor,
    /// The node did not come to apply what the read needs in time.
    #[error("the node has not applied {0}")]
    VersionNotReached(LogId),
    /// The revision is of no write in this cluster's history.
    #[error("{0} is not in the history of this cluster")]
    UnknownVersion(LogId),
    /// No quorum confirmed in time what a linearizable read has to see.
    #[error("there is no leader with a quorum behind it")]
    NoLeader,
    /// No write came within the read timeout that would have brought log time past the time that the read names.
    #[error("log time is {log_time}, and has not passed the time that was asked for")]
    BehindTime { log_time: WallTime },
    /// Too many reads wait, or this one took longer than the read timeout.
    #[error("too many reads are waiting")]
    Overloaded,
    /// The node is about to stop.
    #[error("the node is stopping")]
    Stopping,
    /// The store failed.
    #[error("{0}")]
    Failed(String),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> ReadError {
        ReadError::Failed(error.to_string())
    }
}

impl ApiHandle {
    /// One entry, as this node has it now.
    pub fn read(&self, namespace: &Namespace, key: &Key) -> Result<ReadAnswer<Option<Entry>>, ReadError> {
        let view = self.view()?;
        Ok(ReadAnswer { applied: view.applied(), value: view.entry(namespace, key)? })
    }

    /// A page of entries. The first page shows what this node has applied, or the moment that is asked for; all that follow
    /// show that same revision, on whichever node they are asked for.
    pub async fn list(&self, request: ListRequest<'_>) -> Result<ReadAnswer<ListAnswer>, ReadError> {
        let ListRequest { of, fields, at, page } = request;
        let Selection { namespace, prefix, value_type } = of;
        let query = Query::Entries { namespace, prefix, value_type, fields, at };
        let (view, at, after) = match self.open_cursor(page.cursor, &query)? {
            None => match at {
                None => (self.view()?, None, None),
                Some(at) => {
                    let (view, at) = self.as_of(at).await?;
                    (view, Some(at), None)
                }
            },
            Some(Cursor { revision, position: Position::After(key) }) => {
                (self.view_with(revision, self.read_deadline()).await?, Some(revision), Some(key))
            }
            Some(_) => return Err(ReadError::InvalidCursor),
        };
        let at_index = at.map(|at| at.index);
        let found = view.list(of, after.as_ref(), page.limit, PAGE_ITEMS_BYTES_MAX, at_index)?;
        let revision = at.or(view.applied());
        // What the other pages show stands still.
        let changed = if at.is_some() { at } else { view.list_changed(Some(namespace))? };
        let next_cursor = match (found.next, revision, view.cursor_key()) {
            (Some(next), Some(revision), Some(key)) => {
                Some(Cursor { revision, position: Position::After(next) }.seal(&key, &query))
            }
            _ => None,
        };
        let value = ListAnswer { entries: found.entries, revision, changed, next_cursor };
        Ok(ReadAnswer { applied: view.applied(), value })
    }

    /// One namespace, as this node has it now.
    pub fn namespace(&self, namespace: &Namespace) -> Result<ReadAnswer<Option<NamespaceState>>, ReadError> {
        let view = self.view()?;
        Ok(ReadAnswer { applied: view.applied(), value: view.namespace(namespace)? })
    }

    /// A page of the namespaces that begin with `prefix`; its pages as those of [`ApiHandle::list`].
    pub async fn namespaces(
        &self,
        prefix: &str,
        page: PageRequest<'_>,
    ) -> Result<ReadAnswer<NamespacesAnswer>, ReadError> {
        let query = Query::Namespaces { prefix };
        let (view, at, after) = match self.open_cursor(page.cursor, &query)? {
            None => (self.view()?, None, None),
            Some(Cursor { revision, position: Position::AfterNamespace(namespace) }) => {
                (self.view_with(revision, self.read_deadline()).await?, Some(revision), Some(namespace))
            }
            Some(_) => return Err(ReadError::InvalidCursor),
        };
        let at_index = at.map(|at| at.index);
        let found = view.namespaces(prefix, after.as_ref(), page.limit, PAGE_ITEMS_BYTES_MAX, at_index)?;
        let revision = at.or(view.applied());
        let changed = if at.is_some() { at } else { view.list_changed(None)? };
        let next_cursor = match (found.namespaces.last(), revision, view.cursor_key()) {
            (Some(last), Some(revision), Some(key)) if found.more => {
                Some(Cursor { revision, position: Position::AfterNamespace(last.path.clone()) }.seal(&key, &query))
            }
            _ => None,
        };
        let value = NamespacesAnswer { namespaces: found.namespaces, revision, changed, next_cursor };
        Ok(ReadAnswer { applied: view.applied(), value })
    }

    /// A page of the audit of one namespace or of all. Events never change, and new ones come before the first page.
    pub async fn audit(
        &self,
        namespace: Option<Namespace>,
        page: PageRequest<'_>,
    ) -> Result<ReadAnswer<AuditAnswer>, ReadError> {
        let query = Query::Audit { namespace: namespace.as_ref() };
        let opened = self.open_cursor(page.cursor, &query)?;
        let before = match &opened {
            None => None,
            Some(Cursor { position: Position::Before(id), .. }) => Some(*id),
            Some(_) => return Err(ReadError::InvalidCursor),
        };
        let cursor_key = self.view()?.cursor_key();
        if let Some(cursor) = &opened {
            self.view_with(cursor.revision, self.read_deadline()).await?;
        }
        let deadline = self.read_deadline();
        let events = self.shared.below.audit.events(namespace.clone(), before, page.limit);
        let found = self.shared.host.until(deadline, events).await.unwrap_or(Err(ReadError::Overloaded))?;
        let revision = opened.map(|cursor| cursor.revision).or(found.applied);
        let next_cursor = match (found.events.last(), revision, cursor_key) {
            (Some(last), Some(revision), Some(key)) if found.more => {
                Some(Cursor { revision, position: Position::Before(last.id) }.seal(&key, &query))
            }
            _ => None,
        };
        Ok(ReadAnswer { applied: found.applied, value: AuditAnswer { events: found.events, next_cursor } })
    }

    /// Verifies the whole audit chain of this node, however long that takes.
    pub async fn verify_audit(&self) -> Result<AuditVerification, ReadError> {
        // Only to know that this node may be read.
        self.view()?;
        self.shared.below.audit.verify().await
    }

    pub(super) fn open_cursor(&self, text: Option<&str>, query: &Query<'_>) -> Result<Option<Cursor>, ReadError> {
        let Some(text) = text else { return Ok(None) };
        let key = self.view()?.cursor_key().ok_or(ReadError::InvalidCursor)?;
        Cursor::open(text, &key, query).map(Some).ok_or(ReadError::InvalidCursor)
    }

    /// The newest view. Nothing is read until recovery is done, nor once the state was found damaged.
    pub(super) fn view(&self) -> Result<Box<dyn ReadView>, ReadError> {
        self.readable()?;
        self.shared.below.state.view().map_err(ReadError::Failed)
    }

    pub(super) fn readable(&self) -> Result<(), ReadError> {
        self.recovered()?;
        match self.shared.below.state.status().alarm {
            Some(alarm) => Err(ReadError::Damaged(alarm)),
            None => Ok(()),
        }
    }

    fn recovered(&self) -> Result<(), ReadError> {
        if matches!(self.shared.below.consensus.standing(), Standing::Removed { .. }) {
            return Err(ReadError::NotAMember);
        }
        let known = &self.shared.caught_up;
        if known.load(Ordering::Acquire) {
            return Ok(());
        }
        let status = self.shared.below.consensus.status();
        if status.caught_up {
            known.store(true, Ordering::Release);
            return Ok(());
        }
        Err(ReadError::NotCaughtUp { leader_known: status.leader.is_some() })
    }
}
