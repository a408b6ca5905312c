use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;

use super::content::Content;
use super::sectors::Sectors;

/// What a disk writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;

/// One file's content: as the operating system holds it, as it would be found after a power loss, and what is on the
/// way between a call and its effect.
#[derive(Default)]
pub struct Inode {
    /// With the effect of all operations done so far, synced or not.
    cached: Content,
    /// As of the last sync.
    durable: Content,
    /// Sectors of `cached` that a sync or the system may still write.
    dirty: Sectors,
    /// Since it was last asked.
    durable_changed: bool,
    /// Called, not yet in effect; in the order of the calls, which is the order of their effects.
    queue: VecDeque<Pending>,
    /// When the last call so far takes effect.
    busy_until: Duration,
}

struct Pending {
    at: Duration,
    operation: Operation,
    answer: Answer,
}

/// What a call does to a file.
pub enum Operation {
    Write {
        offset: u64,
        data: Bytes,
    },
    Truncate {
        len: u64,
    },
    /// Where it was chosen to fail, the data counts as clean from then on, although only some of it reached the disk:
    /// no later sync writes it, unless it is written to the file once more. So Linux does (Rebello et al., 2020).
    Sync {
        fails: bool,
    },
    Read {
        offset: u64,
        len: usize,
    },
    Len,
    /// A call that is refused when its turn comes.
    Refused(io::ErrorKind, &'static str),
}

/// What a call answers: bytes for a read, the length for `Len`.
pub enum Output {
    Done,
    Bytes(Bytes),
    Len(u64),
}

/// Where a call's answer appears once it has taken effect.
pub type Answer = Arc<Mutex<Option<io::Result<Output>>>>;

impl Inode {
    /// Queues a call that takes `cost`; says when it takes effect and where its answer will be.
    pub fn submit(&mut self, now: Duration, cost: Duration, operation: Operation) -> (Duration, Answer) {
        let at = self.busy_until.max(now) + cost;
        self.busy_until = at;
        let answer = Answer::default();
        self.queue.push_back(Pending { at, operation, answer: answer.clone() });
        (at, answer)
    }

    /// Lets everything take effect whose time has come.
    pub fn settle(&mut self, now: Duration, rng: &mut StdRng) {
        while self.queue.front().is_some_and(|next| next.at <= now) {
            let Some(next) = self.queue.pop_front() else { return };
            let output = self.perform(next.operation, rng);
            *next.answer.lock().expect("no panic under this lock") = Some(output);
        }
    }

    /// The length that the file has or will have once all calls so far took effect.
    pub fn len_to_be(&self) -> u64 {
        self.queue.iter().fold(self.cached.len() as u64, |len, pending| match &pending.operation {
            Operation::Write { offset, data } => len.max(offset + data.len() as u64),
            Operation::Truncate { len } => *len,
            _ => len,
        })
    }

    fn perform(&mut self, operation: Operation, rng: &mut StdRng) -> io::Result<Output> {
        match operation {
            Operation::Write { offset, data } => {
                self.write(offset as usize, &data);
                Ok(Output::Done)
            }
            Operation::Truncate { len } => {
                let (before, after) = (self.cached.len(), len as usize);
                self.cached.resize(after);
                self.touch(before.min(after), before.max(after));
                Ok(Output::Done)
            }
            Operation::Sync { fails } => {
                self.sync(fails, rng);
                if fails { Err(io::Error::other("injected fault: the sync failed")) } else { Ok(Output::Done) }
            }
            Operation::Read { offset, len } => {
                let start = self.cached.len().min(offset as usize);
                let end = self.cached.len().min(start.saturating_add(len));
                let bytes = self.cached.get(start..end).expect("it lies within the file");
                Ok(Output::Bytes(Bytes::from(bytes.into_owned())))
            }
            Operation::Len => Ok(Output::Len(self.cached.len() as u64)),
            Operation::Refused(kind, why) => Err(io::Error::new(kind, why)),
        }
    }

    fn write(&mut self, offset: usize, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let before = self.cached.len();
        self.cached.write(offset, data);
        self.touch(offset.min(before), offset + data.len());
    }

    fn touch(&mut self, from: usize, to: usize) {
        self.dirty.add(from / SECTOR_BYTES..to.div_ceil(SECTOR_BYTES));
    }

    /// What a power loss leaves for certain.
    pub fn durable(&self) -> &Content {
        &self.durable
    }

    /// Whether a sync has taken effect since this was last asked. One that fails may do some of its work, too.
    pub fn take_durable_changed(&mut self) -> bool {
        std::mem::take(&mut self.durable_changed)
    }

    fn sync(&mut self, fails: bool, rng: &mut StdRng) {
        self.durable_changed = true;
        if fails {
            let dirty = std::mem::take(&mut self.dirty);
            let lucky: Vec<usize> = dirty.iter().filter(|_| rng.random_bool(0.5)).collect();
            // The length goes with the sectors: a file system that failed here promised neither.
            self.durable = self.survive(self.durable.len(), &lucky);
            return;
        }
        // A page is written whole, as the kernel does: beside what is dirty also what a failed sync left in it.
        self.durable.share(&self.cached, self.dirty.iter().map(|sector| sector * SECTOR_BYTES));
        self.dirty.clear();
    }

    /// The durable content with a new length and with these sectors as the cache has them.
    fn survive(&self, len: usize, sectors: &[usize]) -> Content {
        let mut content = self.durable.clone();
        content.resize(len);
        for &sector in sectors {
            content.copy(&self.cached, sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES);
        }
        content
    }

    /// The process died: what was called and not yet in effect happens up to some point, the write there in part.
    pub fn crash(&mut self, now: Duration, rng: &mut StdRng) {
        self.settle(now, rng);
        let queue = std::mem::take(&mut self.queue);
        let happens = rng.random_range(0..=queue.len());
        for (i, pending) in queue.into_iter().enumerate() {
            match pending.operation {
                Operation::Sync { .. } => {}
                operation if i < happens => {
                    let _ = self.perform(operation, rng);
                }
                Operation::Write { offset, data } if i == happens => {
                    let part = whole_sectors(offset as usize, rng.random_range(0..=data.len()), data.len());
                    self.write(offset as usize, &data[..part]);
                }
                _ => break,
            }
        }
        self.busy_until = now;
    }

    /// The sectors in which something other than zeros is written.
    pub fn written_sectors(&self) -> Vec<usize> {
        self.cached.written(SECTOR_BYTES).map(|start| start / SECTOR_BYTES).collect()
    }

    /// How many bytes of a sector there are up to the last that is not zero.
    pub fn written_bytes(&self, sector: usize) -> usize {
        self.sector(sector).iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
    }

    /// What stands in a sector.
    pub fn sector(&self, sector: usize) -> Vec<u8> {
        let start = (sector * SECTOR_BYTES).min(self.cached.len());
        let end = (start + SECTOR_BYTES).min(self.cached.len());
        self.cached.get(start..end).expect("it lies within the file").into_owned()
    }

    /// Turns a bit over, in memory and on disk alike, and tells the byte that it makes.
    pub fn flip(&mut self, at: usize, bit: u8) -> Vec<u8> {
        let mut flipped = Vec::new();
        for content in [&mut self.durable, &mut self.cached] {
            if let Some(byte) = content.get(at..at + 1) {
                flipped = vec![byte[0] ^ (1 << bit)];
                content.write(at, &flipped);
            }
        }
        flipped
    }

    /// Puts something else into a sector, in memory and on disk alike, and tells what stands there then.
    pub fn overwrite(&mut self, sector: usize, with: &[u8]) -> Vec<u8> {
        let start = sector * SECTOR_BYTES;
        for content in [&mut self.cached, &mut self.durable] {
            let end = (start + with.len()).min(content.len());
            if start < end {
                content.write(start, &with[..end - start]);
            }
        }
        self.sector(sector)
    }

    /// Whether these bytes stand here.
    pub fn holds(&self, offset: usize, bytes: &[u8]) -> bool {
        self.cached.get(offset..offset + bytes.len()).as_deref() == Some(bytes)
    }

    /// The machine lost power: what was synced stays, of the rest any subset of sectors. Says how many of the
    /// unsynced sectors stayed, and how many there were.
    pub fn power_loss(&mut self, now: Duration, rng: &mut StdRng) -> (usize, usize) {
        self.crash(now, rng);
        let keep_share = [0.0, 0.1, 0.5, 0.9, 1.0][rng.random_range(0..5)];
        let kept: Vec<usize> = self.dirty.iter().filter(|_| rng.random_bool(keep_share)).collect();
        let (synced, cached) = (self.durable.len(), self.cached.len());
        let len = match rng.random_range(0..3) {
            0 => synced,
            1 => cached,
            _ => rng.random_range(synced.min(cached)..=synced.max(cached)),
        };
        let counts = (kept.len(), self.dirty.len());
        self.durable = self.survive(len, &kept);
        self.cached = self.durable.clone();
        self.dirty.clear();
        counts
    }
}

/// How much of a write that was cut short is in effect. The kernel copies page by page, each under a lock, and looks
/// for a deadly signal in between; a disk writes a sector whole or not at all. So a write ends at a sector's border.
fn whole_sectors(offset: usize, part: usize, whole: usize) -> usize {
    if part == whole { whole } else { ((offset + part) / SECTOR_BYTES * SECTOR_BYTES).saturating_sub(offset) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;

    fn settled(operations: Vec<Operation>) -> (Inode, StdRng) {
        let (mut inode, mut rng) = (Inode::default(), stream(7, "inode"));
        for operation in operations {
            inode.submit(Duration::ZERO, Duration::ZERO, operation);
        }
        inode.settle(Duration::ZERO, &mut rng);
        (inode, rng)
    }

    fn cached(inode: &Inode) -> Vec<u8> {
        inode.cached.get(0..inode.cached.len()).unwrap().into_owned()
    }

    fn write(offset: u64, byte: u8, len: usize) -> Operation {
        Operation::Write { offset, data: Bytes::from(vec![byte; len]) }
    }

    #[test]
    fn a_power_loss_keeps_what_was_synced_and_whole_sectors_of_the_rest() {
        let (mut some_kept, mut some_lost) = (false, false);
        for round in 0..200 {
            let synced = vec![write(0, 1, 4096), Operation::Sync { fails: false }];
            let (mut inode, _) = settled(synced);
            let mut rng = stream(round, "power");
            inode.submit(Duration::ZERO, Duration::ZERO, write(1024, 2, 2048));
            inode.power_loss(Duration::ZERO, &mut rng);
            assert_eq!(inode.cached.len(), 4096);
            for (i, sector) in cached(&inode).chunks(SECTOR_BYTES).enumerate() {
                let expected: &[u8] = if (2..6).contains(&i) { &[1, 2] } else { &[1] };
                assert!(sector.iter().all(|b| *b == sector[0]) && expected.contains(&sector[0]), "sector {i}");
                some_kept |= sector[0] == 2;
                some_lost |= (2..6).contains(&i) && sector[0] == 1;
            }
        }
        assert!(some_kept && some_lost);
    }

    #[test]
    fn a_crash_keeps_what_took_effect_and_tears_what_was_under_way() {
        let mut torn = false;
        for round in 0..100 {
            let (mut inode, _) = settled(vec![write(0, 1, 600)]);
            inode.submit(Duration::ZERO, Duration::from_secs(1), write(600, 2, 600));
            inode.crash(Duration::ZERO, &mut stream(round, "crash"));
            assert_eq!(cached(&inode)[..600], [1; 600]);
            assert!(cached(&inode)[600..].iter().all(|b| *b == 2));
            let len = inode.cached.len();
            assert!(matches!(len, 600 | 1024 | 1200), "a sector is written whole or not at all, not up to {len}");
            torn |= len == 1024;
        }
        assert!(torn);
    }

    #[test]
    fn a_failed_sync_makes_nothing_safe() {
        let mut lost = false;
        for round in 0..50 {
            let (mut inode, _) = settled(vec![write(0, 1, 2048), Operation::Sync { fails: true }]);
            inode.power_loss(Duration::ZERO, &mut stream(round, "power"));
            lost |= cached(&inode) != [1; 2048];
        }
        assert!(lost);
    }

    #[test]
    fn what_a_failed_sync_lost_no_later_one_writes() {
        let after_power_loss = |more: &[Operation], round| {
            let (mut inode, _) = settled(vec![write(0, 1, 2048), Operation::Sync { fails: true }]);
            let mut rng = stream(round, "power");
            for operation in more {
                let operation = match operation {
                    Operation::Write { offset, data } => Operation::Write { offset: *offset, data: data.clone() },
                    _ => Operation::Sync { fails: false },
                };
                inode.submit(Duration::ZERO, Duration::ZERO, operation);
            }
            inode.power_loss(Duration::ZERO, &mut rng);
            cached(&inode)
        };
        let sync = || Operation::Sync { fails: false };
        assert!((0..20).any(|round| after_power_loss(&[sync()], round) != [1; 2048]));
        assert!((0..20).all(|round| after_power_loss(&[write(0, 1, 2048), sync()], round) == [1; 2048]));
    }

    #[test]
    fn calls_take_effect_in_their_order() {
        let (mut inode, mut rng) = (Inode::default(), stream(7, "inode"));
        let ms = Duration::from_millis;
        inode.submit(ms(0), ms(5), write(0, 1, 4));
        let (at, answer) = inode.submit(ms(0), ms(1), Operation::Read { offset: 0, len: 10 });
        inode.submit(ms(0), ms(1), write(0, 2, 4));
        assert_eq!(at, ms(6));
        inode.settle(ms(5), &mut rng);
        assert!(answer.lock().unwrap().is_none());
        inode.settle(ms(100), &mut rng);
        let Some(Ok(Output::Bytes(read))) = answer.lock().unwrap().take() else { panic!("no answer") };
        assert_eq!(read, Bytes::from_static(&[1; 4]));
    }
}
