use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Refusal;
use crate::base::{Monotonic, NodeId};

/// Strangers can claim any id; they cannot make us remember, or log, more of them than this.
const STRANGERS_MAX: usize = 64;
/// The same refusal is logged again after this.
const LOG_AGAIN: Duration = Duration::from_secs(60);
/// However refusals change, one peer's are not logged more often than this.
const LOG_PAUSE: Duration = Duration::from_secs(1);

/// Which of the two nodes opened the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// This node called the peer.
    Us,
    /// The peer, or someone who claims to be it, called this node.
    Them,
}

/// The last refused handshake between this node and a peer; gone once one succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRefusal {
    pub node: NodeId,
    pub caller: Caller,
    /// Why, and what to do.
    pub refusal: Refusal,
    pub at: Monotonic,
}

/// The last refusals, per peer and direction.
#[derive(Default)]
pub(super) struct RefusalBook(Mutex<BTreeMap<(NodeId, Caller), Noted>>);

struct Noted {
    refusal: Refusal,
    at: Monotonic,
    logged: Monotonic,
}

impl RefusalBook {
    /// Remembers a refusal. Says whether it is worth a line in the log.
    pub fn note(&self, node: NodeId, caller: Caller, refusal: &Refusal, now: Monotonic) -> bool {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that we call are members; they always have room.
        let room = caller == Caller::Us || book.len() < STRANGERS_MAX;
        match book.get_mut(&(node, caller)) {
            Some(noted) => {
                let since = now.since(noted.logged);
                let worth_it = since >= LOG_AGAIN || (since >= LOG_PAUSE && noted.refusal != *refusal);
                let logged = if worth_it { now } else { noted.logged };
                *noted = Noted { refusal: refusal.clone(), at: now, logged };
                worth_it
            }
            None if room => {
                book.insert((node, caller), Noted { refusal: refusal.clone(), at: now, logged: now });
                true
            }
            None => false,
        }
    }

    /// A handshake with this peer succeeded.
    pub fn clear(&self, node: NodeId, caller: Caller) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(node, caller));
    }

    /// All that is remembered, sorted.
    pub fn all(&self) -> Vec<PeerRefusal> {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.iter()
            .map(|(&(node, caller), noted)| PeerRefusal { node, caller, refusal: noted.refusal.clone(), at: noted.at })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::RefusalCode;

    #[test]
    fn strangers_fill_neither_memory_nor_the_log() {
        let book = RefusalBook::default();
        let refusal = Refusal::new(RefusalCode::WrongSecret, "no");
        let lines = (0..1000).filter(|n| book.note(NodeId(*n), Caller::Them, &refusal, Monotonic::default())).count();
        assert_eq!((lines, book.all().len()), (STRANGERS_MAX, STRANGERS_MAX));
    }

    #[test]
    fn a_refusal_is_logged_when_it_is_new_changes_or_has_lasted() {
        let book = RefusalBook::default();
        let at = |secs| Monotonic(Duration::from_secs(secs));
        let [a, b] = ["a", "b"].map(|sentence| Refusal::new(RefusalCode::WrongNode, sentence));
        let logged = [(0, &a), (1, &a), (2, &b), (2, &a), (61, &a), (62, &a), (121, &a)]
            .map(|(secs, refusal)| book.note(NodeId(1), Caller::Us, refusal, at(secs)));
        assert_eq!(logged, [true, false, true, false, false, true, false]);
        book.clear(NodeId(1), Caller::Us);
        assert_eq!(book.all(), []);
    }
}
