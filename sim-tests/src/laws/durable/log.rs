use std::collections::BTreeMap;

use confman::base::LogId;
use xxhash_rust::xxh3::xxh3_64;

use super::reader::{Ballot, Said, Summary, voters};

/// What the synced records of one machine's log say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DurableLog {
    /// By index: term, and hash of the payload.
    entries: BTreeMap<u64, (u64, u64)>,
    summary: Summary,
    begun: bool,
}

/// What a further record changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An entry, and the id of the one before it.
    Appended {
        id: LogId,
        before: Option<LogId>,
        hash: u64,
        voters: Option<Vec<Vec<u64>>>,
    },
    /// These entries are gone.
    Truncated(Vec<LogId>),
    Voted {
        before: Option<Ballot>,
        now: Ballot,
    },
    /// The entries up to here are gone.
    Purged(LogId),
    Committed {
        before: Option<LogId>,
        now: LogId,
    },
}

impl DurableLog {
    /// Takes the next record. An error is one that contradicts those before it.
    pub fn take(&mut self, said: &Said<'_>) -> Result<Option<Event>, String> {
        let first = !std::mem::replace(&mut self.begun, true);
        let summary = &mut self.summary;
        let event = match *said {
            Said::Append { id, payload } => {
                let before = summary.last;
                if before.is_some_and(|before| before.index.0 + 1 != id.index.0) {
                    return Err(format!("entry {id} stands behind {}", shown(before)));
                }
                let hash = xxh3_64(payload);
                summary.last = Some(id);
                self.entries.insert(id.index.0, (id.term.0, hash));
                Event::Appended { id, before, hash, voters: voters(payload) }
            }
            Said::Truncate(to) => {
                let to = later(to, summary.purged);
                let from = to.map_or(0, |to| to.index.0 + 1);
                let gone = self.entries.split_off(&from);
                if index(to) < index(summary.last) {
                    summary.last = to;
                }
                Event::Truncated(gone.into_iter().map(|(index, (term, _))| LogId::new(term, index)).collect())
            }
            Said::Vote(now) => Event::Voted { before: summary.vote.replace(now), now },
            Said::Purge(upto) => {
                summary.purged = later(summary.purged, Some(upto));
                summary.last = later(summary.last, summary.purged);
                self.entries = self.entries.split_off(&(upto.index.0 + 1));
                Event::Purged(upto)
            }
            Said::Committed(now) => Event::Committed { before: summary.committed.replace(now), now },
            Said::Checkpoint(told) => {
                if !first && told != *summary {
                    return Err(format!("a segment begins with {told:?}, and those before it said {summary:?}"));
                }
                *summary = told;
                return Ok(None);
            }
        };
        Ok(Some(event))
    }

    /// The term of the entry at this index, and the hash of its payload.
    pub fn entry(&self, index: u64) -> Option<(u64, u64)> {
        self.entries.get(&index).copied()
    }

    pub fn vote(&self) -> Option<Ballot> {
        self.summary.vote
    }

    pub fn purged(&self) -> Option<LogId> {
        self.summary.purged
    }

    /// Whether no record was ever durable.
    pub fn is_empty(&self) -> bool {
        !self.begun
    }

    /// What the other log says otherwise, in a few words.
    pub fn difference(&self, other: &DurableLog) -> Option<String> {
        if self.summary != other.summary {
            return Some(format!("{:?} and {:?}", self.summary, other.summary));
        }
        let indexes = self.entries.keys().chain(other.entries.keys());
        let mut differing = indexes.filter(|index| self.entries.get(index) != other.entries.get(index));
        differing
            .next()
            .map(|index| format!("the entry at {index}: {:?} and {:?}", self.entry(*index), other.entry(*index)))
    }
}

fn index(id: Option<LogId>) -> Option<u64> {
    id.map(|id| id.index.0)
}

/// The one with the higher index; the first where they are equal.
fn later(a: Option<LogId>, b: Option<LogId>) -> Option<LogId> {
    if index(b) > index(a) { b } else { a }
}

fn shown(id: Option<LogId>) -> String {
    id.map_or("nothing".to_owned(), |id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(term: u64, index: u64) -> Said<'static> {
        Said::Append { id: LogId::new(term, index), payload: b"x" }
    }

    fn of(records: &[Said<'_>]) -> DurableLog {
        let mut log = DurableLog::default();
        records.iter().for_each(|said| drop(log.take(said).unwrap()));
        log
    }

    #[test]
    fn truncation_and_purge_take_their_entries() {
        let mut log = of(&[append(1, 0), append(1, 1), append(1, 2), append(2, 3)]);
        let gone = log.take(&Said::Truncate(Some(LogId::new(1, 1)))).unwrap();
        assert_eq!(gone, Some(Event::Truncated(vec![LogId::new(1, 2), LogId::new(2, 3)])));
        log.take(&append(3, 2)).unwrap();
        log.take(&Said::Purge(LogId::new(1, 1))).unwrap();
        assert_eq!((log.entry(1), log.entry(2).map(|(term, _)| term)), (None, Some(3)));
        log.take(&Said::Purge(LogId::new(4, 9))).unwrap();
        assert!(log.take(&append(4, 9)).is_err() && log.clone().take(&append(5, 10)).is_ok());
    }

    #[test]
    fn a_gap_and_a_checkpoint_that_says_otherwise_are_seen() {
        let mut log = of(&[append(1, 0)]);
        assert!(log.take(&append(1, 2)).is_err());
        let told = Summary { last: Some(LogId::new(1, 0)), ..Summary::default() };
        assert_eq!(log.take(&Said::Checkpoint(told)), Ok(None));
        let other = Summary { purged: told.last, ..told };
        assert!(log.take(&Said::Checkpoint(other)).is_err());
        assert_eq!(DurableLog::default().take(&Said::Checkpoint(other)), Ok(None), "the older segments are gone");
    }

    #[test]
    fn a_difference_is_named() {
        let log = of(&[append(1, 0), append(1, 1)]);
        assert_eq!(log.difference(&log.clone()), None);
        assert!(log.difference(&of(&[append(1, 0)])).is_some());
        let other = Said::Append { id: LogId::new(1, 1), payload: b"y" };
        assert!(log.difference(&of(&[append(1, 0), other])).is_some());
    }
}
