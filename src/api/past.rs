//! Reads of what was: an entry or a list at a moment, the history of a key, what differs between two moments.

use serde::{Deserialize, Serialize};

use super::actor::ApiHandle;
use super::below::ReadView;
use super::cursor::{Cursor, Position, Query};
use super::read::{PageRequest, ReadAnswer, ReadError};
use crate::base::limits::PAGE_ITEMS_BYTES_MAX;
use crate::base::{LogId, LogIndex, WallTime};
use crate::keys::Difference;
use crate::model::{Entry, Key, KeyState, Namespace};

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// Right after this revision.
    Revision(LogId),
    /// After the last revision whose log time is this or before it.
    Time(WallTime),
}

impl Moment {
    /// Reads a version token, or a time of RFC 3339.
    pub fn parse(text: &str) -> Option<Moment> {
        let revision = || text.parse().ok().map(Moment::Revision);
        revision().or_else(|| WallTime::parse(text).map(Moment::Time))
    }
}

/// A page of the history of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryAnswer {
    /// Newest first.
    pub states: Vec<KeyState>,
    /// Present where older ones follow.
    pub next_cursor: Option<String>,
}

/// A page of what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffAnswer {
    /// What all pages of one cursor compare.
    pub from: LogId,
    pub to: LogId,
    /// In byte order of the keys.
    pub differences: Vec<Difference>,
    /// Present where more follow.
    pub next_cursor: Option<String>,
}

impl ApiHandle {
    /// One entry, as it was.
    pub async fn read_at(
        &self,
        namespace: &Namespace,
        key: &Key,
        at: Moment,
    ) -> Result<ReadAnswer<Option<Entry>>, ReadError> {
        let (view, at) = self.as_of(at).await?;
        let entry = view.key_state_at(namespace, key, at.index)?.and_then(KeyState::live);
        Ok(ReadAnswer { applied: view.applied(), value: entry })
    }

    /// A page of all that a key ever was, newest first, deletes too. What is older never changes, and what is new comes
    /// before the first page. `None` for a key that was never set.
    pub async fn history(
        &self,
        namespace: &Namespace,
        key: &Key,
        page: PageRequest<'_>,
    ) -> Result<ReadAnswer<Option<HistoryAnswer>>, ReadError> {
        let query = Query::History { namespace, key };
        let mut view = self.view()?;
        let (before, revision) = match self.open_cursor(page.cursor, &query)? {
            None => (None, view.applied()),
            Some(Cursor { revision, position: Position::BeforeIndex(index) }) => {
                view = self.view_with(revision, self.read_deadline()).await?;
                (Some(index), Some(revision))
            }
            Some(_) => return Err(ReadError::InvalidCursor),
        };
        let found = view.history(namespace, key, before, page.limit, PAGE_ITEMS_BYTES_MAX)?;
        let next_cursor = match (found.states.last(), revision, view.cursor_key()) {
            (Some(last), Some(revision), Some(key)) if found.more => {
                Some(Cursor { revision, position: Position::BeforeIndex(last.revision().index) }.seal(&key, &query))
            }
            _ => None,
        };
        let was_never_set = found.states.is_empty() && before.is_none();
        let value = (!was_never_set).then_some(HistoryAnswer { states: found.states, next_cursor });
        Ok(ReadAnswer { applied: view.applied(), value })
    }

    /// A page of the keys of a namespace that have not the same value at two moments. Without `to` it is what this node
    /// has applied; all pages compare the same two revisions, on whichever node they are asked for.
    pub async fn diff(
        &self,
        namespace: &Namespace,
        from: Moment,
        to: Option<Moment>,
        page: PageRequest<'_>,
    ) -> Result<ReadAnswer<DiffAnswer>, ReadError> {
        let query = Query::Diff { namespace, from, to };
        let (view, from, to, after) = match self.open_cursor(page.cursor, &query)? {
            None => {
                let (view, from) = self.as_of(from).await?;
                let (view, to) = match to {
                    Some(to) => self.as_of(to).await?,
                    None => {
                        let applied = view.applied().unwrap_or_default();
                        (view, applied)
                    }
                };
                (view, from, to, None)
            }
            Some(cursor) => {
                let view = self.view_with(cursor.furthest(), self.read_deadline()).await?;
                let Position::AfterDifference { key, from } = cursor.position else {
                    return Err(ReadError::InvalidCursor);
                };
                (view, from, cursor.revision, Some(key))
            }
        };
        let indexes = (from.index, to.index);
        let found = view.diff(namespace, indexes, after.as_ref(), page.limit, PAGE_ITEMS_BYTES_MAX)?;
        let next_cursor = match (found.next, view.cursor_key()) {
            (Some(key), Some(secret)) => {
                let position = Position::AfterDifference { key, from };
                Some(Cursor { revision: to, position }.seal(&secret, &query))
            }
            _ => None,
        };
        let value = DiffAnswer { from, to, differences: found.differences, next_cursor };
        Ok(ReadAnswer { applied: view.applied(), value })
    }

    /// Waits until this node has reached a moment; the error says that there is no such moment, or not yet. For those who
    /// must not wait later.
    pub async fn reach(&self, at: Moment) -> Result<(), ReadError> {
        self.as_of(at).await.map(|_| ())
    }

    /// A view that has reached a moment, and the revision of that moment, the same on every node.
    pub(super) async fn as_of(&self, at: Moment) -> Result<(Box<dyn ReadView>, LogId), ReadError> {
        match at {
            Moment::Revision(revision) => Ok((self.view_with(revision, self.read_deadline()).await?, revision)),
            Moment::Time(time) => {
                let (mut view, deadline) = (self.view()?, self.read_deadline());
                // While log time stands at that very millisecond another change of it may come.
                while view.log_time() <= time {
                    let next = view.applied().map_or(LogIndex(0), |applied| applied.index.next());
                    let log_time = view.log_time();
                    // It keeps what is superseded meanwhile.
                    drop(view);
                    let applied = self.shared.below.state.wait_applied(next);
                    match self.shared.host.until(deadline, applied).await {
                        Some(true) => view = self.view()?,
                        Some(false) => return Err(ReadError::Stopping),
                        None => return Err(ReadError::BehindTime { log_time }),
                    }
                }
                let before_all = LogId { term: view.term_at(LogIndex(0))?.unwrap_or_default(), index: LogIndex(0) };
                let revision = view.revision_at(time)?.unwrap_or(before_all);
                Ok((view, revision))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_revision_or_a_time() {
        assert_eq!(Moment::parse("5:42"), Some(Moment::Revision(LogId::new(5, 42))));
        for time in ["2023-11-14T22:13:20.123Z", "2023-11-14T23:13:20.1234+01:00"] {
            assert_eq!(Moment::parse(time), Some(Moment::Time(WallTime(1_700_000_000_123))), "{time}");
        }
        for bad in ["", "5", "5:", "05:1", "2023-11-14", "2023-11-14T22:13:20", "yesterday", "1960-01-01T00:00:00Z"] {
            assert_eq!(Moment::parse(bad), None, "{bad}");
        }
    }
}
