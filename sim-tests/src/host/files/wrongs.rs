use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What can be wrong with a disk for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// Syncs take this many times as long.
    SlowSyncs(u32),
    /// Reads, writes and syncs take this many times as long.
    SlowIo(u32),
    /// This much space is left.
    Free(u64),
    /// The next sync fails.
    FailSync,
    /// The next read fails.
    FailRead,
    /// The next call takes these many milliseconds longer.
    Hang(u64),
}

/// What is wrong with a disk now, each by what caused it: where two overlap, the end of one leaves the other.
#[derive(Default)]
pub(super) struct Wrongs {
    slow_syncs: BTreeMap<u64, u32>,
    slow_io: BTreeMap<u64, u32>,
    /// How much the files may hold all in all.
    capacity: BTreeMap<u64, u64>,
    syncs_to_fail: BTreeSet<u64>,
    reads_to_fail: BTreeSet<u64>,
    hangs: BTreeMap<u64, u64>,
}

impl Wrongs {
    pub(super) fn begin(&mut self, cause: u64, fault: DiskFault, used: u64) {
        match fault {
            DiskFault::SlowSyncs(factor) => _ = self.slow_syncs.insert(cause, factor),
            DiskFault::SlowIo(factor) => _ = self.slow_io.insert(cause, factor),
            DiskFault::Free(bytes) => _ = self.capacity.insert(cause, used + bytes),
            DiskFault::FailSync => _ = self.syncs_to_fail.insert(cause),
            DiskFault::FailRead => _ = self.reads_to_fail.insert(cause),
            DiskFault::Hang(ms) => _ = self.hangs.insert(cause, ms),
        }
    }

    pub(super) fn end(&mut self, cause: u64) {
        self.slow_syncs.remove(&cause);
        self.slow_io.remove(&cause);
        self.capacity.remove(&cause);
        self.syncs_to_fail.remove(&cause);
        self.reads_to_fail.remove(&cause);
        self.hangs.remove(&cause);
    }

    pub(super) fn access_slowness(&self) -> u32 {
        self.slow_io.values().copied().max().unwrap_or(1).max(1)
    }

    pub(super) fn sync_slowness(&self) -> u32 {
        self.slow_syncs.values().copied().max().unwrap_or(1).max(self.access_slowness())
    }

    pub(super) fn capacity(&self) -> Option<u64> {
        self.capacity.values().copied().min()
    }

    /// Whether this sync fails.
    pub(super) fn sync_fails(&mut self) -> bool {
        self.syncs_to_fail.pop_first().is_some()
    }

    /// How much longer this call takes.
    pub(super) fn hangs_for(&mut self) -> Duration {
        Duration::from_millis(self.hangs.pop_first().map_or(0, |(_, ms)| ms))
    }

    /// Whether this read fails.
    pub(super) fn read_fails(&mut self) -> bool {
        self.reads_to_fail.pop_first().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_one_fault_leaves_the_others() {
        let mut wrongs = Wrongs::default();
        wrongs.begin(1, DiskFault::SlowSyncs(5), 0);
        wrongs.begin(2, DiskFault::SlowSyncs(30), 0);
        wrongs.begin(3, DiskFault::SlowIo(10), 0);
        wrongs.begin(4, DiskFault::Free(100), 7);
        wrongs.begin(5, DiskFault::Free(50), 7);
        assert_eq!((wrongs.sync_slowness(), wrongs.access_slowness(), wrongs.capacity()), (30, 10, Some(57)));
        wrongs.end(2);
        wrongs.end(5);
        assert_eq!((wrongs.sync_slowness(), wrongs.access_slowness(), wrongs.capacity()), (10, 10, Some(107)));
        wrongs.end(3);
        wrongs.end(4);
        assert_eq!((wrongs.sync_slowness(), wrongs.access_slowness(), wrongs.capacity()), (5, 1, None));
    }

    #[test]
    fn a_failure_strikes_once_or_not_at_all() {
        let mut wrongs = Wrongs::default();
        wrongs.begin(1, DiskFault::FailSync, 0);
        wrongs.begin(2, DiskFault::FailRead, 0);
        wrongs.begin(3, DiskFault::FailRead, 0);
        wrongs.begin(4, DiskFault::Hang(5), 0);
        wrongs.end(3);
        assert!(wrongs.sync_fails() && !wrongs.sync_fails());
        assert!(wrongs.read_fails() && !wrongs.read_fails());
        assert_eq!([wrongs.hangs_for(), wrongs.hangs_for()], [Duration::from_millis(5), Duration::ZERO]);
    }
}
