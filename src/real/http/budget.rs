use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that all connections together may hold. What one client may hold is bounded too, but there may be ten thousand.
#[derive(Clone)]
pub(super) struct Budget(Arc<Shared>);

struct Shared {
    most: usize,
    held: AtomicUsize,
}

/// Some of a budget's bytes, until it is dropped.
pub(super) struct Held {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    pub fn of(most: usize) -> Budget {
        Budget(Arc::new(Shared { most, held: AtomicUsize::new(0) }))
    }

    pub fn hold_nothing(&self) -> Held {
        Held { budget: self.clone(), bytes: 0 }
    }
}

impl Held {
    /// Holds so many more; false, and no more held, where that is beyond the budget.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let shared = &self.budget.0;
        let within = |held: usize| held.checked_add(bytes).filter(|held| *held <= shared.most);
        let granted = shared.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok();
        if granted {
            self.bytes += bytes;
        }
        granted
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.0.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_free_again() {
        let budget = Budget::of(10);
        let (mut one, mut two) = (budget.hold_nothing(), budget.hold_nothing());
        assert!(one.grow(6) && two.grow(4) && !two.grow(1) && !two.grow(usize::MAX));
        drop(one);
        assert!(two.grow(6) && !two.grow(1));
    }
}
