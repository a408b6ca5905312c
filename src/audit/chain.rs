//! The audit chain, checked: pure, so that it serves the node, a command line tool and a test alike.
//!
//! Each event's hash covers the event and the hash before it (see [`crate::model::AuditEvent`]), so that the last hash
//! stands for all events. After Crosby and Wallach, "Efficient Data Structures for Tamper-Evident Logging" (2009),
//! section 2: the simple hash chain.

use std::fmt;

use crate::base::LogIndex;
use crate::model::{AuditEvent, CHAIN_START, ChainHash, EventId};

/// How far a chain has been verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The hash of the last verified event.
    pub head: ChainHash,
    /// How many events were verified.
    pub events: u64,
    pub last: Option<EventId>,
}

impl Verified {
    /// Before the first event.
    pub const START: Verified = Verified { head: CHAIN_START, events: 0, last: None };

    /// The position of the last verified event.
    pub fn position(&self) -> Option<(LogIndex, u32)> {
        self.last.map(|id| (id.revision.index, id.n))
    }
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Broken {
    /// How far it is whole.
    pub upto: Verified,
    /// The first event that does not fit behind those before it; none where all that are there fit.
    pub event: Option<EventId>,
    pub what: &'static str,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.event, self.upto.last) {
            (Some(event), _) => write!(f, "the audit chain is broken at event {event}: {}", self.what),
            (None, Some(last)) => write!(f, "the audit chain is broken behind event {last}: {}", self.what),
            (None, None) => write!(f, "the audit chain is broken behind the beginning: {}", self.what),
        }
    }
}

/// Verifies the events that follow `from`, oldest first.
pub fn verify<'a>(from: Verified, events: impl IntoIterator<Item = &'a AuditEvent>) -> Result<Verified, Broken> {
    events.into_iter().try_fold(from, |verified, event| {
        let broken = |what| Err(Broken { upto: verified, event: Some(event.id), what });
        if !follows(verified.last, event.id) {
            return broken("its id does not follow the one before it");
        }
        if event.previous_hash != verified.head {
            return broken(
                "it was made behind another event than the one before it: events are missing, added or altered",
            );
        }
        if event.chained_hash() != event.hash {
            return broken("it is not what its hash was made from: it was altered");
        }
        Ok(Verified { head: event.hash, events: verified.events + 1, last: Some(event.id) })
    })
}

/// The next number of the same revision, or the first of a later one.
fn follows(last: Option<EventId>, next: EventId) -> bool {
    match last {
        Some(last) if last.revision == next.revision => next.n == last.n + 1,
        Some(last) => {
            next.n == 0 && next.revision.index > last.revision.index && next.revision.term >= last.revision.term
        }
        None => next.n == 0,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::{LogId, RequestId, WallTime};
    use crate::model::{Action, Digest, Key, Namespace, ValueType};

    /// A whole chain, with two events in every third revision.
    pub fn chain(length: u64) -> Vec<AuditEvent> {
        let mut head = CHAIN_START;
        let ids = (1..).flat_map(|index| {
            let numbers = if index % 3 == 0 { 0..2 } else { 0..1 };
            numbers.map(move |n| EventId { revision: LogId::new(1 + index / 5, index), n })
        });
        let event = |id: EventId| {
            let mut event = AuditEvent {
                id,
                timestamp: WallTime(id.revision.index.0),
                action: Action::ConfigSet,
                actor: "ann".into(),
                request_id: RequestId::parse("r").unwrap(),
                namespace: Namespace::parse("n").unwrap(),
                key: Some(Key::parse("k").unwrap()),
                old_digest: None,
                new_digest: Some(Digest::of_value(ValueType::String, "v")),
                old_revision: None,
                previous_hash: head,
                hash: CHAIN_START,
            };
            event.hash = event.chained_hash();
            head = event.hash;
            event
        };
        ids.take(length as usize).map(event).collect()
    }

    #[test]
    fn a_whole_chain_is_verified_in_any_steps() {
        let events = chain(20);
        let whole = verify(Verified::START, &events).unwrap();
        assert_eq!((whole.events, whole.head, whole.last), (20, events[19].hash, Some(events[19].id)));
        let first = verify(Verified::START, &events[..7]).unwrap();
        assert_eq!(verify(first, &events[7..]), Ok(whole));
        assert_eq!(verify(whole, []), Ok(whole));
    }

    #[test]
    fn what_was_altered_left_out_added_or_moved_is_named() {
        let events = chain(12);
        for at in 0..12 {
            let mut altered = events.clone();
            altered[at].actor = "mallory".into();
            assert_eq!(verify(Verified::START, &altered).unwrap_err().event, Some(events[at].id));

            // Altered with a hash of its own: the next one tells.
            altered[at].hash = altered[at].chained_hash();
            let error = verify(Verified::START, &altered).err().and_then(|broken| broken.event);
            assert_eq!(error, events.get(at + 1).map(|event| event.id));

            let mut missing = events.clone();
            missing.remove(at);
            let error = verify(Verified::START, &missing).err().and_then(|broken| broken.event);
            assert_eq!(error, events.get(at + 1).map(|event| event.id));

            let mut twice = events.clone();
            twice.insert(at, events[at].clone());
            assert_eq!(verify(Verified::START, &twice).unwrap_err().event, Some(events[at].id));
        }
        let mut moved = events.clone();
        moved.swap(4, 5);
        assert_eq!(verify(Verified::START, &moved).unwrap_err().event, Some(events[5].id));
    }

    #[test]
    fn a_chain_made_anew_over_ids_that_do_not_follow_is_refused() {
        let mut events = chain(3);
        events[1].id.n = 1;
        events[1].hash = events[1].chained_hash();
        assert_eq!(verify(Verified::START, &events).unwrap_err().what, "its id does not follow the one before it");
    }
}
