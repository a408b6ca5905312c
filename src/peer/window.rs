use std::collections::BTreeSet;

/// How many calls are remembered apart; far more than a link has in flight.
const REMEMBERED_MAX: usize = 4096;

/// Which calls of a link were seen before, so that a repeated frame is not executed twice.
///
/// Call ids count up within a link. The newest are remembered one by one; anything older than those counts as seen. So
/// a call that the network held back for thousands of others is dropped unexecuted, and its caller's deadline passes:
/// at most once is the promise, not exactly once.
#[derive(Debug, Default)]
pub struct RepeatWindow {
    /// Every id below this counts as seen.
    floor: u64,
    seen: BTreeSet<u64>,
}

impl RepeatWindow {
    /// Whether this call comes for the first time. Remembers it.
    pub fn is_new(&mut self, call: u64) -> bool {
        if call < self.floor || !self.seen.insert(call) {
            return false;
        }
        if self.seen.len() > REMEMBERED_MAX
            && let Some(oldest) = self.seen.pop_first()
        {
            self.floor = oldest.saturating_add(1);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_new_once_in_any_order() {
        let mut window = RepeatWindow::default();
        for call in [5, 3, 4, 0, u64::MAX] {
            assert!(window.is_new(call), "{call}");
        }
        for call in [0, 3, 4, 5, u64::MAX] {
            assert!(!window.is_new(call), "{call}");
        }
    }

    #[test]
    fn what_is_forgotten_counts_as_seen_and_memory_is_bounded() {
        let mut window = RepeatWindow::default();
        let calls = 3 * REMEMBERED_MAX as u64;
        assert!((1..=calls).all(|call| window.is_new(call)));
        assert_eq!(window.seen.len(), REMEMBERED_MAX);
        assert!((0..=calls).all(|call| !window.is_new(call)));
        assert!(window.is_new(calls + 1));
    }
}
