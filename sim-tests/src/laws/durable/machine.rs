use std::collections::{BTreeMap, BTreeSet};

use confman::base::LogId;

use super::log::{DurableLog, Event};
use super::reader::{self, Ballot};
use crate::host::files::{Change, DurableFiles};

/// What one machine's disk holds for certain: its log, followed record by record as syncs take effect, and its
/// snapshots.
#[derive(Default)]
pub struct Machine {
    log: DurableLog,
    /// By the number of each segment that is read: where its sound records end.
    ends: BTreeMap<u32, usize>,
    /// Durable names of snapshots, and whether they are whole.
    snapshots: BTreeMap<LogId, bool>,
    /// Entries, by index and term, that were durable and were truncated.
    truncated: BTreeSet<(u64, u64)>,
    /// All votes that ever were durable, by term and candidate.
    votes: BTreeSet<(u64, u64)>,
    /// A fault changed what lies on the disk. What is durable here is not known from then on, and not judged: whether
    /// the node notices is the law of damage's matter.
    damaged: bool,
}

impl Machine {
    /// Follows a change of what is durable, and says what it comes to. An error is something that was durable and is
    /// not there any more, or cannot be.
    pub fn changed(&mut self, change: Change<'_>, files: &dyn DurableFiles) -> Result<Vec<Event>, String> {
        let mut events = Vec::new();
        if let Change::Content(path) = change {
            if let Some(number) = reader::segment_number(path) {
                self.read_on(number, path, files, &mut events)?;
            }
            return Ok(events);
        }
        let newest = self.ends.last_key_value().map_or(0, |(number, _)| *number);
        for path in files.paths() {
            match reader::segment_number(path) {
                // Older segments that are back because their removal was not synced say nothing new.
                Some(number) if number >= newest => self.read_on(number, path, files, &mut events)?,
                _ => {}
            }
        }
        self.look_at_snapshots(files);
        if change == Change::PowerLoss {
            self.compare(files)?;
        }
        Ok(events)
    }

    fn read_on(
        &mut self,
        number: u32,
        path: &str,
        files: &dyn DurableFiles,
        events: &mut Vec<Event>,
    ) -> Result<(), String> {
        let at = self.ends.get(&number).copied().unwrap_or(reader::FIRST_RECORD);
        let (log, truncated, votes) = (&mut self.log, &mut self.truncated, &mut self.votes);
        let end = read_records(number, path, at, files, |said| {
            let Some(event) = log.take(said)? else { return Ok(()) };
            match &event {
                Event::Truncated(gone) => truncated.extend(gone.iter().map(|id| (id.index.0, id.term.0))),
                Event::Voted { now, .. } => drop(votes.insert((now.term, now.candidate))),
                Event::Appended { .. } | Event::Purged(_) | Event::Committed { .. } => {}
            }
            events.push(event);
            Ok(())
        })?;
        if end > reader::FIRST_RECORD {
            self.ends.insert(number, end);
        }
        Ok(())
    }

    fn look_at_snapshots(&mut self, files: &dyn DurableFiles) {
        let mut now = BTreeMap::new();
        for path in files.paths() {
            let Some(id) = reader::snapshot_id(path) else { continue };
            let mut whole = self.snapshots.get(&id).copied().unwrap_or(false);
            if !whole {
                files.read(path, &mut |content| whole = reader::is_whole_snapshot(content));
            }
            now.insert(id, whole);
        }
        self.snapshots = now;
    }

    /// Reads the whole log anew and compares: what was synced must be what it was.
    fn compare(&self, files: &dyn DurableFiles) -> Result<(), String> {
        let mut segments: Vec<(u32, &str)> =
            files.paths().into_iter().filter_map(|path| Some((reader::segment_number(path)?, path))).collect();
        segments.sort_unstable();
        let gap = segments.windows(2).rposition(|pair| pair[0].0 + 1 != pair[1].0);
        let mut anew = DurableLog::default();
        for (number, path) in segments.split_off(gap.map_or(0, |at| at + 1)) {
            read_records(number, path, reader::FIRST_RECORD, files, |said| anew.take(said).map(drop))?;
        }
        match self.log.difference(&anew) {
            None => Ok(()),
            Some(difference) => Err(format!("what was synced, and what is there after a power loss: {difference}")),
        }
    }

    /// A fault changed what lies on the disk.
    pub fn damage(&mut self) {
        self.damaged = true;
    }

    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    pub fn log(&self) -> &DurableLog {
        &self.log
    }

    /// The last id that a durable snapshot covers.
    pub fn covered(&self) -> Option<LogId> {
        self.snapshots.iter().filter(|(_, whole)| **whole).map(|(id, _)| *id).max_by_key(|id| id.index)
    }

    /// Whether this entry is durable here, itself or by a snapshot that covers it. What is in a snapshot is committed,
    /// and two entries committed at one index are another law's matter.
    pub fn holds(&self, id: LogId) -> bool {
        if self.damaged {
            return true;
        }
        match self.log.entry(id.index.0) {
            Some((term, _)) => term == id.term.0,
            None => self.covered().is_some_and(|covered| covered.index >= id.index),
        }
    }

    /// Whether this entry is durable here, or was until a leader of a later term had it truncated.
    pub fn held_in(&self, term: u64, id: LogId) -> bool {
        let followed_later = self.log.vote().is_some_and(|vote| vote.term > term);
        self.holds(id) || (followed_later && self.truncated.contains(&(id.index.0, id.term.0)))
    }

    /// Whether this vote is, or once was, durable here.
    pub fn has_voted(&self, term: u64, candidate: u64) -> bool {
        self.damaged || self.votes.contains(&(term, candidate))
    }

    pub fn vote(&self) -> Option<Ballot> {
        self.log.vote()
    }
}

/// Shows the sound records from `at` on, and says where they end.
fn read_records(
    number: u32,
    path: &str,
    mut at: usize,
    files: &dyn DurableFiles,
    mut take: impl FnMut(&reader::Said<'_>) -> Result<(), String>,
) -> Result<usize, String> {
    let mut read = Ok(());
    files.read(path, &mut |content| {
        read = (|| {
            while let Some(record) = reader::record(content, number, at) {
                let said = record.said().ok_or_else(|| format!("the record at {at} says nothing"))?;
                take(&said)?;
                at = record.next;
            }
            Ok(())
        })();
    });
    read.map(|()| at).map_err(|what: String| format!("{path}: {what}"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;
    use confman::base::GroupId;
    use confman::host::Host;
    use confman::log::{LogEntry, Wal, WalSettings};

    use super::*;
    use crate::host::files::{DiskSettings, DiskTap};
    use crate::host::net::NetSettings;
    use crate::trace::Trace;
    use crate::world::{Stop, World};

    #[derive(Default)]
    struct Followed(Mutex<(Machine, Vec<Event>)>);

    impl DiskTap for Followed {
        fn changed(&self, change: Change<'_>, files: &dyn DurableFiles) {
            let (machine, events) = &mut *self.0.lock().unwrap();
            events.extend(machine.changed(change, files).unwrap());
        }
    }

    impl Followed {
        fn holds(&self, term: u64, index: u64) -> bool {
            self.0.lock().unwrap().0.holds(LogId::new(term, index))
        }
    }

    async fn open(host: &Host) -> Wal {
        let settings = WalSettings { segment_bytes: 4096, cache_bytes: 1 << 20, reserve_bytes: 0 };
        Wal::open(host, GroupId::MAIN, settings, None).await.unwrap()
    }

    async fn append(wal: &Wal, term: u64, indexes: std::ops::Range<u64>) {
        let entry = |index| LogEntry { id: LogId::new(term, index), payload: Bytes::from(vec![7; 100]) };
        let (tell, told) = tokio::sync::oneshot::channel();
        wal.append(indexes.map(entry).collect(), Box::new(move |done| drop(tell.send(done))));
        told.await.unwrap().unwrap();
    }

    /// What the log itself writes is followed through segments, truncation, purge and restarts: what it says to be
    /// durable is held, and nothing else.
    #[test]
    fn the_real_log_is_followed() {
        madsim::runtime::Runtime::new().block_on(async {
            let world = World::new(3, Trace::default(), &[1], DiskSettings::default(), NetSettings::default());
            let followed = Arc::new(Followed::default());
            world.disk(1).set_tap(followed.clone());
            let (process, host) = world.boot(1);
            let first_life = process.tasks().spawn({
                let followed = followed.clone();
                async move {
                    let wal = open(&host).await;
                    for round in 0..20 {
                        append(&wal, 1, round * 5..round * 5 + 5).await;
                        assert!(followed.holds(1, round * 5 + 4), "it was told to be durable");
                        assert!(!followed.holds(1, round * 5 + 5) && !followed.holds(2, round * 5 + 4));
                    }
                    wal.truncate_after(Some(LogId::new(1, 90))).await.unwrap();
                    assert!(followed.holds(1, 90) && !followed.holds(1, 91));
                    append(&wal, 2, 91..95).await;
                    wal.purge(LogId::new(1, 80)).await.unwrap();
                    assert!(followed.holds(2, 94) && !followed.holds(1, 80), "and no snapshot has it");
                    wal.append(vec![LogEntry { id: LogId::new(2, 95), payload: Bytes::new() }], Box::new(drop));
                }
            });
            first_life.await.unwrap();
            assert!(!followed.holds(2, 95), "it was not synced");
            world.stop(1, Stop::PowerLoss);
            let (process, host) = world.boot(1);
            let second_life = process.tasks().spawn(async move { open(&host).await.last() });
            let last = second_life.await.unwrap().unwrap();
            assert!(followed.holds(2, 94) && followed.holds(last.term.0, last.index.0));
            let (_, events) = &*followed.0.lock().unwrap();
            assert!(
                events.iter().filter(|event| matches!(event, Event::Truncated(gone) if gone.len() == 9)).count() == 1
            );
        });
    }
}
