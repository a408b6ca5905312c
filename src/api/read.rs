//! Reads: from the newest view of this node, without a message to the actor.

use std::sync::atomic::Ordering;

use super::actor::ApiHandle;
use super::cursor::{Cursor, Position, Query};
use super::types::{AuditEvent, EventId};
use crate::base::LogId;
use crate::base::limits::PAGE_BYTES_MAX;
use crate::host::StoreError;
use crate::model::{Entry, Key, Namespace};

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

/// A page of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAnswer {
    pub entries: Vec<Entry>,
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
    /// A cursor of another query, or of no cluster of ours.
    #[error("the cursor is not of this query")]
    InvalidCursor,
    /// It took longer than the read timeout.
    #[error("the read took too long")]
    TimedOut,
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
        self.recovered()?;
        let view = self.shared.below.state.view()?;
        Ok(ReadAnswer { applied: view.applied(), value: view.entry(namespace, key)? })
    }

    /// A page of the entries of a namespace whose keys begin with `prefix`.
    ///
    /// Each page shows this node's state of its own moment and continues after the last key of the page before. The
    /// cursor carries the first page's revision, for the release that can read history.
    pub fn list(
        &self,
        namespace: &Namespace,
        prefix: &str,
        page: PageRequest<'_>,
    ) -> Result<ReadAnswer<ListAnswer>, ReadError> {
        self.recovered()?;
        let view = self.shared.below.state.view()?;
        let query = Query::Entries { namespace, prefix };
        let (first_revision, after) = match page.cursor {
            None => (view.applied(), None),
            Some(text) => match Cursor::open(text, &view.cursor_key()?, &query).ok_or(ReadError::InvalidCursor)? {
                Cursor { first_revision, position: Position::After(key) } => (first_revision, Some(key)),
                Cursor { position: Position::Before(_), .. } => return Err(ReadError::InvalidCursor),
            },
        };
        let found = view.list(namespace, prefix, after.as_ref(), page.limit, PAGE_BYTES_MAX)?;
        let next_cursor = match found.entries.last() {
            Some(last) if found.more => {
                let cursor = Cursor { first_revision, position: Position::After(last.key.clone()) };
                Some(cursor.seal(&view.cursor_key()?, &query))
            }
            _ => None,
        };
        Ok(ReadAnswer { applied: view.applied(), value: ListAnswer { entries: found.entries, next_cursor } })
    }

    /// A page of the audit of one namespace or of all.
    pub async fn audit(
        &self,
        namespace: Option<Namespace>,
        page: PageRequest<'_>,
    ) -> Result<ReadAnswer<AuditAnswer>, ReadError> {
        self.recovered()?;
        let query = Query::Audit { namespace: namespace.as_ref() };
        let cursor_key = self.shared.below.state.view()?.cursor_key()?;
        let opened = match page.cursor {
            None => None,
            Some(text) => Some(Cursor::open(text, &cursor_key, &query).ok_or(ReadError::InvalidCursor)?),
        };
        let before: Option<EventId> = match &opened {
            None => None,
            Some(Cursor { position: Position::Before(id), .. }) => Some(*id),
            Some(Cursor { position: Position::After(_), .. }) => return Err(ReadError::InvalidCursor),
        };
        let deadline = self.shared.host.clock.now().after(self.shared.read_timeout);
        let events = self.shared.below.audit.events(namespace.clone(), before, page.limit, PAGE_BYTES_MAX);
        let found = match self.shared.host.until(deadline, events).await {
            Some(found) => found.map_err(ReadError::Failed)?,
            None => return Err(ReadError::TimedOut),
        };
        let next_cursor = match found.events.last() {
            Some(last) if found.more => {
                let first_revision = opened.map_or(found.applied, |cursor| cursor.first_revision);
                Some(Cursor { first_revision, position: Position::Before(last.id) }.seal(&cursor_key, &query))
            }
            _ => None,
        };
        Ok(ReadAnswer { applied: found.applied, value: AuditAnswer { events: found.events, next_cursor } })
    }

    /// Storage rule: nothing is read until recovery is done.
    fn recovered(&self) -> Result<(), ReadError> {
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
