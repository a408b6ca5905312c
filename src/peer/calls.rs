use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::frame::{Frame, FrameKind, FrameRole};
use super::{PeerError, text};
use crate::base::{GroupId, Monotonic};

/// Calls of one link that are queued or wait for their answer. Raft keeps a handful of them; the rest is forwarded
/// writes, of which the API lets in about as many.
const CALLS_MAX: usize = 1024;
/// What the queued frames of one link, and those being sent, may weigh. Two of the largest frames.
const QUEUE_BYTES_MAX: usize = 32 << 20;
/// One send gathers queued frames up to this; at least one.
const SEND_BYTES: usize = 1 << 20;
/// So many calls without an answer in a row make a link suspect...
const TIMEOUTS_IN_A_ROW: u32 = 3;
/// ...and so long a silence makes it dead. A burst of calls that time out together is not proof enough.
const SILENCE: Duration = Duration::from_millis(500);

/// What a call ends with.
pub(super) type Answer = Result<Bytes, PeerError>;

/// The calls of one outgoing link, from queue to answer, and what is known of the peer behind it.
///
/// Whether a call was handed to the network is decided here, under one lock: so a caller that gives up knows exactly
/// which it was.
pub(super) struct Calls(Mutex<Table>);

struct Table {
    next: u64,
    /// Not handed to a link yet, in the order in which they came.
    queued: BTreeMap<u64, Queued>,
    queued_bytes: usize,
    /// Given to a send that has not returned.
    sending_bytes: usize,
    /// Handed to a link.
    handed: BTreeMap<u64, oneshot::Sender<Answer>>,
    /// Until when calls fail at once, and with what.
    rest: Option<(Monotonic, PeerError)>,
    timeouts_in_a_row: u32,
    heard: Monotonic,
}

struct Queued {
    kind: FrameKind,
    group: GroupId,
    body: Bytes,
    answer: oneshot::Sender<Answer>,
}

/// How far a call had come when its caller stopped waiting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum GaveUp {
    /// It was still queued, and now never will be sent.
    NotHanded,
    /// It was handed to the link; with `link_is_dead`, the link had better be opened anew.
    Handed { link_is_dead: bool },
    /// The answer is there.
    Answered,
}

impl Calls {
    pub fn new() -> Calls {
        Calls(Mutex::new(Table {
            next: 1,
            queued: BTreeMap::new(),
            queued_bytes: 0,
            sending_bytes: 0,
            handed: BTreeMap::new(),
            rest: None,
            timeouts_in_a_row: 0,
            heard: Monotonic::default(),
        }))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it holds the lock; if it did, the node would stop.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a call; fails at once where the peer is left alone or too much is waiting.
    pub fn enqueue(
        &self,
        now: Monotonic,
        group: GroupId,
        kind: FrameKind,
        body: Bytes,
    ) -> Result<(u64, oneshot::Receiver<Answer>), PeerError> {
        let mut table = self.table();
        if let Some((until, error)) = &table.rest {
            if now < *until {
                return Err(error.clone());
            }
            table.rest = None;
        }
        let bytes = table.queued_bytes + table.sending_bytes + body.len();
        if table.queued.len() + table.handed.len() >= CALLS_MAX || bytes > QUEUE_BYTES_MAX {
            return Err(PeerError::Unreachable("queue full".to_owned()));
        }
        let call = table.next;
        table.next += 1;
        table.queued_bytes += body.len();
        let (answer, answered) = oneshot::channel();
        table.queued.insert(call, Queued { kind, group, body, answer });
        Ok((call, answered))
    }

    pub fn has_queued(&self) -> bool {
        !self.table().queued.is_empty()
    }

    /// Takes the oldest queued calls for one send. From here on they may have been delivered.
    pub fn hand_over(&self) -> Vec<Frame> {
        let mut table = self.table();
        let mut frames = Vec::new();
        let mut bytes = 0;
        while let Some(oldest) = table.queued.first_entry() {
            if !frames.is_empty() && bytes + oldest.get().body.len() > SEND_BYTES {
                break;
            }
            let (call, Queued { kind, group, body, answer }) = oldest.remove_entry();
            bytes += body.len();
            table.handed.insert(call, answer);
            frames.push(Frame { kind, role: FrameRole::Request, call, group, body });
        }
        table.queued_bytes -= bytes;
        table.sending_bytes = bytes;
        frames
    }

    /// The send of what was handed over has returned.
    pub fn sent(&self) {
        self.table().sending_bytes = 0;
    }

    /// A frame with an answer came in. One that nobody waits for, repeated or late, is dropped.
    pub fn answer(&self, now: Monotonic, frame: Frame) {
        let sentence = |body: &[u8]| text::one_line(&String::from_utf8_lossy(body), SENTENCE_BYTES_MAX);
        let result = match frame.role {
            FrameRole::Answer => Ok(frame.body),
            FrameRole::Failure => Err(PeerError::Remote(sentence(&frame.body))),
            FrameRole::Rejection => Err(PeerError::Unreachable(sentence(&frame.body))),
            FrameRole::Request => unreachable!("the reader of answers lets no request through"),
        };
        let mut table = self.table();
        table.heard = now;
        table.timeouts_in_a_row = 0;
        if let Some(answer) = table.handed.remove(&frame.call) {
            // Sent under the lock, so that a caller that finds the call gone finds the answer. It may have left.
            let _ = answer.send(result);
        }
    }

    /// The caller's deadline has passed.
    pub fn give_up(&self, now: Monotonic, call: u64) -> GaveUp {
        let mut table = self.table();
        if let Some(queued) = table.queued.remove(&call) {
            table.queued_bytes -= queued.body.len();
            return GaveUp::NotHanded;
        }
        if table.handed.remove(&call).is_none() {
            return GaveUp::Answered;
        }
        table.timeouts_in_a_row += 1;
        let link_is_dead = table.timeouts_in_a_row >= TIMEOUTS_IN_A_ROW && now.since(table.heard) >= SILENCE;
        GaveUp::Handed { link_is_dead }
    }

    /// The caller has left without waiting for its deadline.
    pub fn forget(&self, call: u64) {
        let mut table = self.table();
        if let Some(queued) = table.queued.remove(&call) {
            table.queued_bytes -= queued.body.len();
        }
        table.handed.remove(&call);
    }

    /// A link is open: it has a clean record.
    pub fn link_opened(&self, now: Monotonic) {
        let mut table = self.table();
        table.rest = None;
        table.timeouts_in_a_row = 0;
        table.heard = now;
    }

    /// The link is gone: what was handed to it will not be answered. What is queued can go over the next one.
    pub fn link_lost(&self, why: &str) {
        let mut table = self.table();
        table.sending_bytes = 0;
        for (_, answer) in std::mem::take(&mut table.handed) {
            let _ = answer.send(Err(PeerError::Broken(why.to_owned())));
        }
    }

    /// No link: fails what is queued, and until `until` whatever comes.
    pub fn rest(&self, until: Monotonic, error: PeerError) {
        debug_assert!(error.is_surely_not_executed(), "a queued call was not delivered");
        let mut table = self.table();
        table.queued_bytes = 0;
        for (_, queued) in std::mem::take(&mut table.queued) {
            let _ = queued.answer.send(Err(error.clone()));
        }
        table.rest = Some((until, error));
    }

    /// The peer gave a sign of life: the next call may try.
    pub fn end_rest(&self) {
        self.table().rest = None;
    }
}

/// A failure's sentence, as it is sent and as it is taken in.
pub(super) const SENTENCE_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Monotonic = Monotonic(Duration::ZERO);

    fn queue(calls: &Calls, body: &'static [u8]) -> (u64, oneshot::Receiver<Answer>) {
        calls.enqueue(NOW, GroupId::MAIN, FrameKind::Append, Bytes::from_static(body)).expect("room")
    }

    fn answer(call: u64, role: FrameRole) -> Frame {
        Frame { kind: FrameKind::Append, role, call, group: GroupId::MAIN, body: Bytes::from_static(b"so") }
    }

    #[test]
    fn answers_find_their_calls_in_any_order_and_once() {
        let calls = Calls::new();
        let (first, mut first_answer) = queue(&calls, b"1");
        let (second, mut second_answer) = queue(&calls, b"2");
        calls.answer(NOW, answer(first, FrameRole::Answer)); // not handed over yet: cannot be an answer to it
        let bodies: Vec<_> = calls.hand_over().into_iter().map(|frame| frame.body).collect();
        assert_eq!(bodies, ["1", "2"]);
        calls.answer(NOW, answer(second, FrameRole::Failure));
        calls.answer(NOW, answer(second, FrameRole::Answer));
        calls.answer(NOW, answer(first, FrameRole::Answer));
        calls.answer(NOW, answer(99, FrameRole::Answer));
        assert_eq!(first_answer.try_recv(), Ok(Ok(Bytes::from_static(b"so"))));
        assert_eq!(second_answer.try_recv(), Ok(Err(PeerError::Remote("so".into()))));
        assert_eq!(calls.give_up(NOW, first), GaveUp::Answered);
    }

    #[test]
    fn giving_up_tells_what_was_handed_over_and_takes_back_what_was_not() {
        let calls = Calls::new();
        let (first, _answer) = queue(&calls, b"1");
        calls.hand_over();
        let (second, _answer) = queue(&calls, b"2");
        assert_eq!(calls.give_up(NOW, first), GaveUp::Handed { link_is_dead: false });
        assert_eq!(calls.give_up(NOW, second), GaveUp::NotHanded);
        assert_eq!(calls.hand_over(), []);
    }

    #[test]
    fn a_link_is_dead_after_timeouts_in_a_row_and_silence() {
        let calls = Calls::new();
        calls.link_opened(NOW);
        let late = NOW.after(SILENCE);
        let give_up = |at| {
            let (call, _answer) = queue(&calls, b"x");
            calls.hand_over();
            calls.give_up(at, call)
        };
        for _ in 0..TIMEOUTS_IN_A_ROW * 2 {
            assert_eq!(give_up(NOW), GaveUp::Handed { link_is_dead: false }, "a burst is not a silence");
        }
        calls.answer(late, answer(1, FrameRole::Answer)); // late, but a sign of life
        let later = late.after(SILENCE);
        let verdicts: Vec<_> = (0..TIMEOUTS_IN_A_ROW).map(|_| give_up(later)).collect();
        assert_eq!(verdicts[1], GaveUp::Handed { link_is_dead: false });
        assert_eq!(verdicts[2], GaveUp::Handed { link_is_dead: true });
    }

    #[test]
    fn the_queue_is_bounded_by_count() {
        let calls = Calls::new();
        let _answers: Vec<_> = (0..CALLS_MAX).map(|_| queue(&calls, b"x")).collect();
        let full = Err(PeerError::Unreachable("queue full".into()));
        let one_more = || calls.enqueue(NOW, GroupId::MAIN, FrameKind::Vote, Bytes::new()).map(|(call, _)| call);
        assert_eq!(one_more(), full);
        calls.hand_over();
        assert_eq!(one_more(), full, "handed over, but not answered: still held");
        calls.forget(7);
        assert!(one_more().is_ok());
    }

    #[test]
    fn the_queue_is_bounded_by_bytes_until_they_are_sent() {
        let calls = Calls::new();
        let half = Bytes::from(vec![0; QUEUE_BYTES_MAX / 2]);
        let enqueue = || calls.enqueue(NOW, GroupId::MAIN, FrameKind::Append, half.clone());
        let (_one, _two) = (enqueue().unwrap(), enqueue().unwrap());
        assert!(enqueue().is_err());
        assert_eq!(calls.hand_over().len(), 1, "one send takes few large frames");
        assert!(enqueue().is_err(), "still being sent");
        calls.sent();
        let (three, _answer) = enqueue().expect("room again");
        assert!(enqueue().is_err());
        calls.forget(three);
        assert!(enqueue().is_ok());
    }

    #[test]
    fn a_lost_link_fails_what_was_handed_over_and_a_rest_fails_the_others() {
        let calls = Calls::new();
        let (_, mut handed) = queue(&calls, b"1");
        calls.hand_over();
        let (_, mut queued) = queue(&calls, b"2");
        calls.link_lost("cut");
        assert_eq!(handed.try_recv(), Ok(Err(PeerError::Broken("cut".into()))));
        assert!(queued.try_recv().is_err(), "it can go over the next link");
        let gone = PeerError::Unreachable("gone".into());
        calls.rest(NOW.after(SILENCE), gone.clone());
        assert_eq!(queued.try_recv(), Ok(Err(gone.clone())));
        let enqueue = |at| calls.enqueue(at, GroupId::MAIN, FrameKind::Vote, Bytes::new()).map(|(call, _)| call);
        assert_eq!(enqueue(NOW), Err(gone));
        assert!(enqueue(NOW.after(SILENCE)).is_ok(), "the rest is over");
        calls.rest(NOW.after(SILENCE * 3), PeerError::Unreachable("gone".into()));
        calls.end_rest();
        assert!(enqueue(NOW.after(SILENCE)).is_ok(), "the rest was ended");
    }
}
