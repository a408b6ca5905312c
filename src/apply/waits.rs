use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::Stopped;
use crate::base::LogIndex;

/// Who waits until an index is applied. Each waits once and is woken once, however many entries are applied meanwhile;
/// all that wait for one index share one place.
#[derive(Clone, Default)]
pub(super) struct Waits(Arc<Mutex<Places>>);

#[derive(Default)]
struct Places {
    reached: Option<LogIndex>,
    stopped: bool,
    by_index: BTreeMap<LogIndex, watch::Sender<()>>,
}

/// A place that nobody is left at is taken away.
struct Place<'a> {
    waits: &'a Waits,
    index: LogIndex,
    woken: Option<watch::Receiver<()>>,
}

impl Waits {
    pub fn new(reached: Option<LogIndex>) -> Waits {
        Waits(Arc::new(Mutex::new(Places { reached, ..Places::default() })))
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().expect("nothing panics while it holds this lock")
    }

    /// Completes once `index` is applied.
    pub async fn until(&self, index: LogIndex) -> Result<(), Stopped> {
        let Some(woken) = self.place(index)? else { return Ok(()) };
        let mut place = Place { waits: self, index, woken: Some(woken) };
        let woken = place.woken.as_mut().expect("it is taken when the place is left");
        // Nothing is ever sent: the place ends when its index is reached, and with the actor.
        let _ = woken.changed().await;
        if self.places().reached >= Some(index) { Ok(()) } else { Err(Stopped) }
    }

    /// `None` where there is nothing to wait for.
    fn place(&self, index: LogIndex) -> Result<Option<watch::Receiver<()>>, Stopped> {
        let mut places = self.places();
        if places.reached >= Some(index) {
            return Ok(None);
        }
        if places.stopped {
            return Err(Stopped);
        }
        Ok(Some(places.by_index.entry(index).or_default().subscribe()))
    }

    /// All up to `index` is applied, and can be read.
    pub fn reach(&self, index: Option<LogIndex>) {
        let mut places = self.places();
        places.reached = index;
        if let Some(index) = index {
            // Dropping a place wakes all that wait there.
            let later = places.by_index.split_off(&LogIndex(index.0.saturating_add(1)));
            places.by_index = later;
        }
    }

    /// Nothing more will be applied.
    pub fn stop(&self) {
        let mut places = self.places();
        places.stopped = true;
        places.by_index.clear();
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut places = self.waits.places();
        drop(self.woken.take());
        if places.by_index.get(&self.index).is_some_and(watch::Sender::is_closed) {
            places.by_index.remove(&self.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;

    fn places(waits: &Waits) -> usize {
        waits.places().by_index.len()
    }

    #[tokio::test]
    async fn who_waits_is_woken_when_its_index_is_reached_and_not_before() {
        let waits = Waits::new(Some(LogIndex(3)));
        waits.until(LogIndex(3)).await.unwrap();
        let (mut five, mut seven) = (pin!(waits.until(LogIndex(5))), pin!(waits.until(LogIndex(7))));
        assert!(poll!(&mut five).is_pending() && poll!(&mut seven).is_pending());
        waits.reach(Some(LogIndex(4)));
        assert!(poll!(&mut five).is_pending());
        // Many are applied at once.
        waits.reach(Some(LogIndex(6)));
        assert!(poll!(&mut five).is_ready() && poll!(&mut seven).is_pending());
        waits.stop();
        assert_eq!(seven.await, Err(Stopped));
        assert_eq!(waits.until(LogIndex(8)).await, Err(Stopped));
        waits.until(LogIndex(6)).await.unwrap();
    }

    #[tokio::test]
    async fn a_thousand_that_wait_for_one_index_have_one_place_and_leave_none_behind() {
        let waits = Waits::new(None);
        let mut all: Vec<_> = (0..1000).map(|_| Box::pin(waits.until(LogIndex(9)))).collect();
        for one in &mut all {
            assert!(poll!(one).is_pending());
        }
        assert_eq!(places(&waits), 1);
        all.truncate(1);
        assert_eq!(places(&waits), 1);
        all.clear();
        assert_eq!(places(&waits), 0);
    }
}
