//! The calls at which faults strike: counted, and watched for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use confman::peer::{FrameKind, FrameRole};

use crate::schedule::{Point, Where, Whose};

/// What is done when an armed point is reached, given the node that reached it. It happens within the node's call, so
/// the process may be dead when the call goes on.
pub type Strike = Box<dyn FnOnce(u64) + Send>;

/// Which points the nodes of a run reach, and what waits for them.
#[derive(Clone, Default)]
pub struct Points(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    reached: BTreeMap<(u64, Point), u64>,
    armed: BTreeMap<u64, Armed>,
    next: u64,
    leader: Option<u64>,
}

struct Armed {
    point: Point,
    node: Where,
    /// How many more times the point must be reached.
    left: u64,
    strike: Strike,
}

impl Points {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic under this lock")
    }

    /// Strikes when `node` reaches the point for the `nth` time from now. The number is for [`disarm`](Self::disarm).
    pub fn arm(&self, point: Point, node: Where, nth: u64, strike: Strike) -> u64 {
        let mut inner = self.lock();
        inner.next += 1;
        let number = inner.next;
        inner.armed.insert(number, Armed { point, node, left: nth.max(1), strike });
        number
    }

    /// What was armed strikes no more.
    pub fn disarm(&self, number: u64) {
        let disarmed = self.lock().armed.remove(&number);
        drop(disarmed);
    }

    /// A node is at this point. To be called with no lock held: what strikes may end any process, this one too.
    pub fn reach(&self, node: u64, point: Point) {
        let mut inner = self.lock();
        *inner.reached.entry((node, point)).or_default() += 1;
        if inner.armed.is_empty() {
            return;
        }
        let leader = inner.leader;
        let mut due = Vec::new();
        for (number, armed) in &mut inner.armed {
            let counts = match armed.node {
                Where::Node(only) => only == node,
                Where::One(Whose::Any) => true,
                Where::One(Whose::Leader) => leader == Some(node),
            };
            if armed.point == point && counts {
                armed.left -= 1;
                if armed.left == 0 {
                    due.push(*number);
                }
            }
        }
        let strikes: Vec<Strike> =
            due.iter().filter_map(|number| inner.armed.remove(number)).map(|armed| armed.strike).collect();
        drop(inner);
        for strike in strikes {
            strike(node);
        }
    }

    /// How often a node reached a point.
    pub fn count(&self, node: u64, point: Point) -> u64 {
        self.lock().reached.get(&(node, point)).copied().unwrap_or(0)
    }

    /// Who leads, as far as can be seen.
    pub fn leader(&self) -> Option<u64> {
        self.lock().leader
    }

    /// See [`leader`](Self::leader).
    pub fn set_leader(&self, leader: Option<u64>) {
        self.lock().leader = leader;
    }
}

/// Whether a path is that of a segment of the log.
fn is_log(path: &str) -> bool {
    path.starts_with("log/")
}

fn is_snapshot(path: &str) -> bool {
    path.starts_with("snapshot/")
}

fn is_current(path: &str) -> bool {
    path.starts_with("apply/CURRENT")
}

/// A file is created.
pub fn of_create(path: &str) -> &'static [Point] {
    if is_snapshot(path) { &[Point::SnapshotFileCreated] } else { &[] }
}

/// A file is about to be written.
pub fn before_write(path: &str) -> &'static [Point] {
    match path {
        path if is_log(path) => &[Point::BeforeAppend],
        path if is_snapshot(path) => &[Point::DuringSnapshotWrite],
        _ => &[],
    }
}

/// A file is about to be synced.
pub fn before_sync(path: &str) -> &'static [Point] {
    if is_log(path) { &[Point::BeforeSync, Point::AfterAppendBeforeSync] } else { &[Point::BeforeSync] }
}

/// A file is synced.
pub fn after_sync(path: &str) -> &'static [Point] {
    if is_log(path) { &[Point::AfterSyncBeforeAnswer] } else { &[] }
}

/// A file is about to be renamed to this.
pub fn before_rename(to: &str) -> &'static [Point] {
    match to {
        to if is_log(to) => &[Point::BeforeRename, Point::BeforeSegmentRename],
        to if is_snapshot(to) => &[Point::BeforeRename, Point::BeforeSnapshotRename],
        to if is_current(to) => &[Point::BeforeRename, Point::BeforeCurrentSwap],
        _ => &[Point::BeforeRename],
    }
}

/// A file was renamed to this.
pub fn after_rename(to: &str) -> &'static [Point] {
    match to {
        to if is_snapshot(to) => &[Point::AfterSnapshotRename],
        to if is_current(to) => &[Point::AfterCurrentSwap],
        _ => &[],
    }
}

/// A frame between nodes has left (`sent`), or arrives.
pub fn of_frame(frame: &Bytes, sent: bool) -> Option<Point> {
    let is = |at: usize, byte: u8| frame.get(at) == Some(&byte);
    // The first byte is the format, then come kind and role: see `confman::peer`.
    let kind = FrameKind::ALL.into_iter().find(|kind| is(1, *kind as u8))?;
    let asks = is(2, FrameRole::Request as u8);
    let answers = is(2, FrameRole::Answer as u8);
    match (kind, sent) {
        (FrameKind::Vote, true) if asks => Some(Point::VoteSent),
        (FrameKind::Vote, false) if asks => Some(Point::VoteReceived),
        (FrameKind::Vote, true) if answers => Some(Point::VoteAnswered),
        (FrameKind::Vote, false) if answers => Some(Point::VoteAnswerReceived),
        (FrameKind::Append, true) if asks => Some(Point::AppendSent),
        (FrameKind::Append, false) if asks => Some(Point::AppendReceived),
        (FrameKind::Append, true) if answers => Some(Point::AppendAnswered),
        (FrameKind::Append, false) if answers => Some(Point::AppendAnswerReceived),
        (FrameKind::SnapshotChunk, true) if asks => Some(Point::SnapshotChunkSent),
        (FrameKind::SnapshotChunk, false) if asks => Some(Point::SnapshotChunkReceived),
        (FrameKind::Forward, true) if asks => Some(Point::ForwardSent),
        (FrameKind::Forward, false) if asks => Some(Point::ForwardReceived),
        (FrameKind::TransferLeader, false) if asks => Some(Point::TransferReceived),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn the_nth_call_of_whom_it_waits_for_strikes_once() {
        let points = Points::default();
        let struck = Arc::new(AtomicU64::new(0));
        let arm = |node, nth| {
            let struck = struck.clone();
            points.arm(
                Point::BeforeSync,
                node,
                nth,
                Box::new(move |node| _ = struck.fetch_add(node, Ordering::Relaxed)),
            )
        };
        let after = |node, point| {
            points.reach(node, point);
            struck.swap(0, Ordering::Relaxed)
        };
        arm(Where::Node(2), 2);
        assert_eq!(after(2, Point::BeforeSync), 0);
        assert_eq!(after(1, Point::BeforeSync), 0, "another node's");
        assert_eq!(after(2, Point::BeforeApply), 0, "another point");
        assert_eq!(after(2, Point::BeforeSync), 2);
        assert_eq!(after(2, Point::BeforeSync), 0, "only once");
        arm(Where::One(Whose::Leader), 1);
        assert_eq!(after(1, Point::BeforeSync), 0, "nobody leads");
        points.set_leader(Some(3));
        assert_eq!(after(3, Point::BeforeSync), 3);
        let number = arm(Where::One(Whose::Any), 1);
        points.disarm(number);
        assert_eq!(after(1, Point::BeforeSync), 0);
        assert_eq!(points.count(2, Point::BeforeSync), 3);
    }

    #[test]
    fn frames_are_told_apart_by_their_head() {
        let frame = |kind: FrameKind, role: FrameRole| Bytes::from(vec![1, kind as u8, role as u8, 0]);
        let vote = frame(FrameKind::Vote, FrameRole::Request);
        assert_eq!(of_frame(&vote, true), Some(Point::VoteSent));
        assert_eq!(of_frame(&vote, false), Some(Point::VoteReceived));
        assert_eq!(of_frame(&frame(FrameKind::Append, FrameRole::Answer), true), Some(Point::AppendAnswered));
        assert_eq!(of_frame(&frame(FrameKind::Append, FrameRole::Failure), true), None);
        assert_eq!(of_frame(&Bytes::from_static(b"\x01"), true), None);
    }
}
