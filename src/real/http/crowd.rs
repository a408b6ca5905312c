use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use tokio::sync::Notify;

use super::stages::{Stages, Waiting, WaitsFor};

/// How many connections one look at all of them finds that may go: a flood must not cost a look for each.
const FOUND_AT_ONCE: usize = 64;

/// All open connections: where there is no room for another, the one that waits the longest for its client makes room. So
/// whoever opens connections and leaves them idle, or does not read, keeps nobody out.
#[derive(Default)]
pub(super) struct Crowd {
    members: Mutex<Members>,
    /// One that was asked to go stays.
    stayed: Notify,
}

#[derive(Default)]
struct Members {
    next: u64,
    all: BTreeMap<u64, Arc<Stages>>,
    /// Found by the last look, the first to go at the end.
    may_go: Vec<(u64, Waiting)>,
}

/// A connection's place among the others, until it is dropped.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    number: u64,
    stages: Arc<Stages>,
}

impl Crowd {
    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().expect("no code that holds this lock can panic")
    }

    pub fn enter(self: &Arc<Self>, stages: &Arc<Stages>) -> Place {
        let mut members = self.members();
        let number = members.next;
        members.next += 1;
        members.all.insert(number, stages.clone());
        Place { crowd: self.clone(), number, stages: stages.clone() }
    }

    /// Asks one connection to go; false where all are at work. If a request reaches that one first it stays, and another
    /// has to be asked: [`Crowd::one_stayed`].
    pub fn make_room(&self) -> bool {
        let mut members = self.members();
        // Those who would miss their connection do not go for what was found a while ago.
        if members.may_go.last().is_none_or(|(_, waiting)| waiting.what_for >= WaitsFor::Next) {
            members.look();
        }
        while let Some((number, waiting)) = members.may_go.pop() {
            if let Some(stages) = members.all.get(&number)
                && stages.waiting().is_some_and(|still| still.since == waiting.since)
            {
                stages.send_away();
                return true;
            }
        }
        false
    }

    /// Completes when one that was asked to go stays, now or since this last completed.
    pub async fn one_stayed(&self) {
        self.stayed.notified().await;
    }
}

impl Place {
    /// Completes when the connection has to go: says how it waited. Where it does not wait any more it stays.
    pub fn poll_sent_away(&self, cx: &mut Context<'_>) -> Poll<Waiting> {
        match ready!(self.stages.poll_sent_away(cx)) {
            Some(waiting) => Poll::Ready(waiting),
            None => {
                self.crowd.stayed.notify_one();
                Poll::Pending
            }
        }
    }
}

impl Members {
    fn look(&mut self) {
        let waiting = |(number, stages): (&u64, &Arc<Stages>)| Some((*number, stages.waiting()?));
        let mut found: Vec<(u64, Waiting)> = self.all.iter().filter_map(waiting).collect();
        if found.len() > FOUND_AT_ONCE {
            found.select_nth_unstable_by_key(FOUND_AT_ONCE, |(_, waiting)| *waiting);
            found.truncate(FOUND_AT_ONCE);
        }
        found.sort_by_key(|(_, waiting)| std::cmp::Reverse(*waiting));
        self.may_go = found;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.members().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::time::Duration;

    use super::*;
    use crate::real::http::stages::{Patience, Stage};

    fn stages() -> Arc<Stages> {
        let patience = Duration::from_secs(10);
        Stages::new(Patience { header: patience, idle: patience, body: patience })
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_asked_goes_first_then_who_just_came_then_who_is_idle_and_nobody_at_work() {
        let crowd = Arc::new(Crowd::default());
        let mut all = Vec::new();
        for number in 0..7 {
            let stages = stages();
            all.push((crowd.enter(&stages), stages));
            tokio::time::advance(Duration::from_millis(if number < 5 { 600 } else { 10 })).await;
        }
        let enter = |number: usize, stage: Stage| all[number].1.enter(stage);
        // 0 was idle before 1 was; 2 has a request in hand; 3 and 4 never asked; 5 and 6 had no time to.
        for number in [0, 1, 2] {
            enter(number, Stage::Request);
        }
        for number in [0, 1] {
            enter(number, Stage::Idle);
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        let mut gone = Vec::new();
        while crowd.make_room() {
            let is_new = |number: &usize| all[*number].1.is_sent_away() && !gone.contains(number);
            let next = (0..all.len()).find(is_new).expect("one more was sent away");
            gone.push(next);
            // It is busy with going.
            enter(next, Stage::Request);
        }
        assert_eq!(gone, [3, 4, 5, 6, 0, 1]);
        drop(all);
        assert!(crowd.members().all.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_a_request_before_it_could_go_stays_and_says_so() {
        let crowd = Arc::new(Crowd::default());
        let stages = stages();
        let place = crowd.enter(&stages);
        assert!(crowd.make_room());
        stages.enter(Stage::Request);
        assert!(futures_util::poll!(poll_fn(|cx| place.poll_sent_away(cx))).is_pending());
        assert!(futures_util::poll!(pin!(crowd.one_stayed())).is_ready());
        assert!(futures_util::poll!(pin!(crowd.one_stayed())).is_pending(), "told once");
        // When it waits again it can be asked again.
        stages.enter(Stage::Idle);
        assert!(futures_util::poll!(poll_fn(|cx| place.poll_sent_away(cx))).is_pending());
        assert!(crowd.make_room());
        assert!(futures_util::poll!(poll_fn(|cx| place.poll_sent_away(cx))).is_ready());
        assert!(futures_util::poll!(pin!(crowd.one_stayed())).is_pending());
    }
}
