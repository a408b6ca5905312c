//! What the log holds, in memory: where each entry lies, and the newest entries themselves.

use std::collections::VecDeque;

use bytes::Bytes;

use super::LogEntry;
use crate::base::{LogId, LogIndex};

/// Where one entry lies. 24 bytes each.
#[derive(Clone, Copy, Debug)]
struct Slot {
    term: u64,
    /// Payload bytes up to the end of this entry, counted from a start that does not matter.
    bytes_end: u64,
    /// Segment and offset of its record; segment 0 where it is not written yet.
    seq: u32,
    offset: u32,
}

struct Cached {
    /// Tells an entry from an earlier one at the same index.
    ticket: u64,
    payload: Bytes,
}

/// Where to get an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Cached(Bytes),
    File { seq: u32, offset: u64, payload_bytes: u64 },
}

/// The entries of the log: one slot each, and a cache that always holds the newest, the unwritten among them.
pub struct EntryIndex {
    purged: Option<LogId>,
    /// The index of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    /// `bytes_end` of the entry before the first slot.
    bytes_before: u64,
    /// The payloads of the last `cache.len()` slots.
    cache: VecDeque<Cached>,
    cache_bytes: usize,
    cache_bytes_max: usize,
}

impl EntryIndex {
    /// No entries, all up to `purged` gone.
    pub fn new(purged: Option<LogId>, cache_bytes_max: usize) -> EntryIndex {
        EntryIndex {
            purged,
            first: purged.map_or(0, |id| id.index.0.saturating_add(1)),
            slots: VecDeque::new(),
            bytes_before: 0,
            cache: VecDeque::new(),
            cache_bytes: 0,
            cache_bytes_max,
        }
    }

    pub fn purged(&self) -> Option<LogId> {
        self.purged
    }

    /// The last entry, or what was purged.
    pub fn last(&self) -> Option<LogId> {
        match self.slots.back() {
            Some(slot) => Some(LogId::new(slot.term, self.first + (self.slots.len() as u64 - 1))),
            None => self.purged,
        }
    }

    /// Whether an entry of this index may come next. The very first one may have any index.
    pub fn takes(&self, index: LogIndex) -> bool {
        self.last().is_none_or(|last| last.index.0.checked_add(1) == Some(index.0))
    }

    fn slot(&self, index: LogIndex) -> Option<&Slot> {
        self.slots.get(usize::try_from(index.0.checked_sub(self.first)?).ok()?)
    }

    /// How many entries there are.
    pub fn count(&self) -> u64 {
        self.slots.len() as u64
    }

    /// The id of the entry at `index`, or of the purged one.
    pub fn id_at(&self, index: LogIndex) -> Option<LogId> {
        match self.slot(index) {
            Some(slot) => Some(LogId { term: crate::base::Term(slot.term), index }),
            None => self.purged.filter(|purged| purged.index == index),
        }
    }

    /// Payload bytes of the entries after `index`, or of all.
    pub fn bytes_after(&self, index: Option<LogIndex>) -> u64 {
        let end = self.slots.back().map_or(self.bytes_before, |slot| slot.bytes_end);
        let from = match index {
            Some(index) if index.0 >= self.first => self.slot(index).map_or(end, |slot| slot.bytes_end),
            _ => self.bytes_before,
        };
        end - from
    }

    fn push(&mut self, id: LogId, payload_bytes: u64, seq: u32, offset: u32) {
        assert!(self.takes(id.index), "entry {id} cannot follow {:?}", self.last());
        if self.slots.is_empty() {
            self.first = id.index.0;
        }
        let before = self.slots.back().map_or(self.bytes_before, |slot| slot.bytes_end);
        self.slots.push_back(Slot { term: id.term.0, bytes_end: before + payload_bytes, seq, offset });
    }

    /// Adds an entry that is not written yet. It must be the next one: see [`EntryIndex::takes`].
    pub fn append(&mut self, entry: &LogEntry, ticket: u64) {
        self.push(entry.id, entry.payload.len() as u64, 0, 0);
        self.cache_bytes += entry.payload.len();
        self.cache.push_back(Cached { ticket, payload: entry.payload.clone() });
    }

    /// Adds an entry that was found in a segment.
    pub fn recover(&mut self, id: LogId, payload_bytes: u64, seq: u32, offset: u32) {
        debug_assert!(self.cache.is_empty(), "the cache would have a hole");
        self.push(id, payload_bytes, seq, offset);
    }

    /// The record of the entry that was appended under `ticket` is in the file now.
    pub fn locate(&mut self, index: LogIndex, ticket: u64, seq: u32, offset: u32) {
        let cache_first = self.first + (self.slots.len() - self.cache.len()) as u64;
        let Some(at) = index.0.checked_sub(cache_first).map(|at| at as usize) else { return };
        if self.cache.get(at).is_some_and(|cached| cached.ticket == ticket) {
            let slot = &mut self.slots[(index.0 - self.first) as usize];
            (slot.seq, slot.offset) = (seq, offset);
        }
    }

    /// Drops the oldest payloads that are in a file, down to the cache's bound.
    pub fn shrink_cache(&mut self) {
        while self.cache_bytes > self.cache_bytes_max {
            let oldest = self.slots.len() - self.cache.len();
            match self.slots.get(oldest) {
                Some(slot) if slot.seq != 0 => {}
                _ => return,
            }
            if let Some(cached) = self.cache.pop_front() {
                self.cache_bytes -= cached.payload.len();
            }
        }
    }

    /// Drops the entries after `last`; what is purged stays so.
    pub fn truncate_after(&mut self, last: Option<LogId>) {
        let keep = last.map_or(0, |id| id.index.0.saturating_add(1)).saturating_sub(self.first);
        while self.slots.len() as u64 > keep {
            self.slots.pop_back();
            if let Some(cached) = self.cache.pop_back() {
                self.cache_bytes -= cached.payload.len();
            }
        }
    }

    /// Drops the entries up to and with `upto`, which may lie beyond the last.
    pub fn purge(&mut self, upto: LogId) {
        if self.purged.is_some_and(|purged| purged.index >= upto.index) {
            return;
        }
        let next = upto.index.0.saturating_add(1);
        while let Some(slot) = self.slots.front().filter(|_| self.first < next) {
            self.bytes_before = slot.bytes_end;
            if self.cache.len() == self.slots.len()
                && let Some(cached) = self.cache.pop_front()
            {
                self.cache_bytes -= cached.payload.len();
            }
            self.slots.pop_front();
            self.first += 1;
        }
        // The first entry may lie further on, where nothing was purged before it came.
        self.first = self.first.max(next);
        self.purged = Some(upto);
    }

    /// The entries from `from` to before `to`, as many as `bytes_max` allows but at least one, as far as they exist.
    pub fn plan(&self, from: LogIndex, to: LogIndex, bytes_max: usize) -> Vec<(LogId, Source)> {
        let mut plan = Vec::new();
        let (mut bytes, cached_from) = (0u64, self.slots.len() - self.cache.len());
        let start = (from.0.saturating_sub(self.first)).min(self.slots.len() as u64) as usize;
        let mut bytes_end = match start.checked_sub(1) {
            Some(before) => self.slots.get(before).map_or(0, |slot| slot.bytes_end),
            None => self.bytes_before,
        };
        for (at, slot) in (start..).zip(self.slots.range(start..)) {
            let index = self.first + at as u64;
            let payload_bytes = slot.bytes_end - bytes_end;
            bytes_end = slot.bytes_end;
            bytes += payload_bytes;
            if index >= to.0 || (bytes > bytes_max as u64 && !plan.is_empty()) {
                break;
            }
            let source = match at.checked_sub(cached_from).and_then(|at| self.cache.get(at)) {
                Some(cached) => Source::Cached(cached.payload.clone()),
                None => Source::File { seq: slot.seq, offset: u64::from(slot.offset), payload_bytes },
            };
            plan.push((LogId::new(slot.term, index), source));
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(term: u64, index: u64, bytes: usize) -> LogEntry {
        LogEntry { id: LogId::new(term, index), payload: vec![index as u8; bytes].into() }
    }

    fn filled(count: u64) -> EntryIndex {
        let mut index = EntryIndex::new(None, 25);
        for at in 0..count {
            index.append(&entry(1, at, 10), at);
        }
        index
    }

    #[test]
    fn the_unwritten_are_never_dropped_from_the_cache() {
        let mut index = filled(5);
        index.shrink_cache();
        assert!(index.plan(LogIndex(0), LogIndex(9), 99).iter().all(|(_, s)| matches!(s, Source::Cached(_))));
        for at in 0..5 {
            index.locate(LogIndex(at), at, 1, 100 + at as u32);
        }
        index.shrink_cache();
        let plan = index.plan(LogIndex(0), LogIndex(9), 99);
        assert_eq!(plan[2].1, Source::File { seq: 1, offset: 102, payload_bytes: 10 });
        assert_eq!(plan[3].1, Source::Cached(vec![3; 10].into()));
    }

    #[test]
    fn an_entry_that_was_replaced_is_not_located_by_its_forerunner() {
        let mut index = filled(3);
        index.truncate_after(Some(LogId::new(1, 1)));
        index.append(&entry(2, 2, 10), 9);
        index.locate(LogIndex(2), 2, 1, 100);
        index.cache_bytes_max = 0;
        for at in 0..2 {
            index.locate(LogIndex(at), at, 1, at as u32);
        }
        index.shrink_cache();
        assert!(matches!(index.plan(LogIndex(2), LogIndex(3), 0)[..], [(_, Source::Cached(_))]));
        assert_eq!(index.last(), Some(LogId::new(2, 2)));
    }

    #[test]
    fn bytes_and_bounds_follow_truncation_and_purge() {
        let mut index = filled(10);
        assert_eq!(index.bytes_after(None), 100);
        index.purge(LogId::new(1, 3));
        assert_eq!((index.bytes_after(None), index.bytes_after(Some(LogIndex(5)))), (60, 40));
        assert_eq!((index.id_at(LogIndex(2)), index.id_at(LogIndex(3))), (None, Some(LogId::new(1, 3))));
        index.truncate_after(Some(LogId::new(1, 6)));
        assert_eq!((index.bytes_after(None), index.last()), (30, Some(LogId::new(1, 6))));
        assert_eq!(index.plan(LogIndex(0), LogIndex(99), 20).len(), 2);
        assert_eq!(index.plan(LogIndex(5), LogIndex(99), 0).len(), 1);
        index.purge(LogId::new(1, 20));
        assert_eq!((index.last(), index.bytes_after(None)), (Some(LogId::new(1, 20)), 0));
        assert!(index.takes(LogIndex(21)) && !index.takes(LogIndex(7)));
        index.truncate_after(None);
        assert_eq!(index.last(), Some(LogId::new(1, 20)));
    }

    #[test]
    fn a_purge_before_the_first_entry_moves_no_entry() {
        let mut index = EntryIndex::new(None, 25);
        index.append(&entry(1, 93, 10), 0);
        index.purge(LogId::new(1, 46));
        assert_eq!((index.purged(), index.last()), (Some(LogId::new(1, 46)), Some(LogId::new(1, 93))));
        assert_eq!((index.id_at(LogIndex(47)), index.id_at(LogIndex(93))), (None, Some(LogId::new(1, 93))));
    }
}
