use super::view::{PASSED_ROWS_MAX, StateView, entry_bytes};
use super::{RowError, Steps, audit, config, history};
use crate::base::limits::ENTRY_JSON_BYTES;
use crate::base::{LogId, LogIndex, WallTime, json_bytes};
use crate::host::{Direction, KeyRange, StoreError};
use crate::model::{Entry, Key, KeyState, Namespace};

/// Part of the history of a key, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    pub states: Vec<KeyState>,
    /// There are older ones behind the last.
    pub more: bool,
}

/// A key that has not the same value at two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub key: Key,
    pub before: Option<Entry>,
    pub after: Option<Entry>,
}

/// Part of what differs, in byte order of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiffPage {
    pub differences: Vec<Difference>,
    /// There may be more: behind this key.
    pub next: Option<Key>,
}

impl StateView {
    /// All that is kept of a key from before `before`, newest first, what is current too: at most `limit`, and fewer where
    /// they would pass `bytes_max` of JSON (but at least one, where there is one).
    pub fn history(
        &self,
        namespace: &Namespace,
        key: &Key,
        before: Option<LogIndex>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<HistoryPage, StoreError> {
        let mut range = history::range(self.group, namespace, key);
        if let Some(before) = before {
            range.end = history::key(self.group, namespace, key, before);
        }
        let mut steps = Steps::backward(range);
        let current = self.key_state(namespace, key)?;
        let mut found: Vec<KeyState> =
            current.into_iter().filter(|state| before.is_none_or(|before| state.revision().index < before)).collect();
        let (mut states, mut bytes) = (Vec::new(), 0);
        loop {
            for state in found {
                bytes += state_bytes(&state);
                if states.len() == limit || (bytes > bytes_max && !states.is_empty()) {
                    return Ok(HistoryPage { states, more: true });
                }
                states.push(state);
            }
            let rows = steps.next(self.raw(), limit + 1 - states.len())?;
            if rows.is_empty() {
                return Ok(HistoryPage { states, more: false });
            }
            let decode = |(_, row): &(_, bytes::Bytes)| history::decode(namespace.clone(), key.clone(), row);
            found = rows.iter().map(decode).collect::<Result<_, RowError>>().map_err(|e| self.unreadable(e))?;
        }
    }

    /// The keys of a namespace behind `after` whose type or value is not the same at two revisions: at most `limit`, and
    /// fewer where they would pass `bytes_max` of JSON, or where too many keys lie between them.
    pub fn diff(
        &self,
        namespace: &Namespace,
        (from, to): (LogIndex, LogIndex),
        after: Option<&Key>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<DiffPage, StoreError> {
        let mut steps = Steps::new(config::range(self.group, namespace, "", after));
        let (mut differences, mut bytes, mut passed): (Vec<Difference>, _, _) = (Vec::new(), 0, 0);
        loop {
            let rows = steps.next(self.raw(), (limit + 1 - differences.len()).max(passed))?;
            let Some((last, _)) = rows.last() else {
                return Ok(DiffPage { differences, next: None });
            };
            for (row_key, row) in &rows {
                let Some(difference) = self.difference(row_key, row, from, to)? else {
                    passed += 1;
                    continue;
                };
                bytes += [&difference.before, &difference.after].into_iter().flatten().map(entry_bytes).sum::<usize>();
                // A patch is not longer than the value.
                bytes += difference.after.as_ref().map_or(0, |entry| entry.value.len());
                if let Some(before) = differences.last()
                    && (differences.len() == limit || bytes > bytes_max)
                {
                    let next = Some(before.key.clone());
                    return Ok(DiffPage { differences, next });
                }
                differences.push(difference);
            }
            if passed >= PASSED_ROWS_MAX {
                let (_, key) = config::decode_key(self.group, last).map_err(|e| self.unreadable(e))?;
                return Ok(DiffPage { differences, next: Some(key) });
            }
        }
    }

    /// What a row of the current state stands for at two revisions, where that is not the same.
    fn difference(
        &self,
        row_key: &[u8],
        row: &[u8],
        from: LogIndex,
        to: LogIndex,
    ) -> Result<Option<Difference>, StoreError> {
        let (namespace, key) = config::decode_key(self.group, row_key).map_err(|e| self.unreadable(e))?;
        let state = config::decode(namespace.clone(), key.clone(), row).map_err(|e| self.unreadable(e))?;
        if state.revision().index <= from.min(to) {
            return Ok(None);
        }
        let at = |at: LogIndex| -> Result<Option<Entry>, StoreError> {
            if state.revision().index <= at {
                return Ok(state.clone().live());
            }
            Ok(self.superseded_at(&namespace, &key, at)?.and_then(KeyState::live))
        };
        let (before, after) = (at(from)?, at(to)?);
        fn said(entry: &Option<Entry>) -> Option<(crate::model::ValueType, &str)> {
            entry.as_ref().map(|entry| (entry.value_type, entry.value.as_str()))
        }
        let same = said(&before) == said(&after);
        Ok((!same).then_some(Difference { key, before, after }))
    }

    /// The last revision that changed anything at or before a time; `None` where all changes are later. Once log time has
    /// passed that time the answer stays the same, on every node.
    pub fn revision_at(&self, time: WallTime) -> Result<Option<LogId>, StoreError> {
        // Every change of the state has its audit event, whose time never goes back from index to index. What has an
        // index below `low` is at or before the time, what has one from `high` on is later.
        let (mut low, mut high) = (0, self.applied().map_or(0, |applied| applied.index.0 + 1));
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.audit_from(LogIndex(middle))? {
                Some((revision, timestamp)) if timestamp <= time => {
                    low = revision.index.0 + 1;
                    found = Some(revision);
                }
                _ => high = middle,
            }
        }
        Ok(found)
    }

    /// The first audit event of this index or a later one.
    fn audit_from(&self, index: LogIndex) -> Result<Option<(LogId, WallTime)>, StoreError> {
        let range = KeyRange { start: audit::key(self.group, (index, 0)), ..audit::range_after(self.group, None) };
        let row = self.raw().scan(&range, 1, Direction::Forward)?.pop();
        let event = row.map(|(key, row)| audit::decode_key(self.group, &key).and_then(|at| audit::decode(at, &row)));
        let event = event.transpose().map_err(|e| self.unreadable(e))?;
        Ok(event.map(|event| (event.id.revision, event.timestamp)))
    }
}

/// What a state takes on a page, at most.
fn state_bytes(state: &KeyState) -> usize {
    match state {
        KeyState::Live(entry) => entry_bytes(entry),
        KeyState::Deleted(gone) => {
            let names = gone.namespace.as_str().len() + gone.key.as_str().len();
            ENTRY_JSON_BYTES + names + json_bytes(&gone.deleted_by)
        }
    }
}
