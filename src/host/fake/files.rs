use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use rand::RngExt;
use tokio::sync::watch;

use crate::host::{BoxFuture, File, Files, Rng};

/// What a disk writes whole or not at all.
pub const SECTOR: usize = 512;

/// Files in memory that keep a promise after a power loss only where [`Files`] gives it.
///
/// A handle belongs to one life of the node: after [`FakeFiles::power_loss`] or [`FakeFiles::kill`] the old one fails.
pub struct FakeFiles {
    disk: Arc<Mutex<Disk>>,
    life: u64,
}

#[derive(Default)]
struct Disk {
    life: u64,
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, u64>,
    names_durable: BTreeMap<String, u64>,
    /// Changes of names since their folder was last synced, in order.
    pending: Vec<NameChange>,
    /// Folders, and whether a power loss keeps them.
    dirs: BTreeMap<String, bool>,
    free_bytes: u64,
    fail_syncs: bool,
    fail_writes: bool,
    /// Changing calls until power goes; from then on nothing is answered.
    fuse: Option<u64>,
    frozen: watch::Sender<bool>,
    syncs: u64,
    writes: u64,
}

/// What becomes of one changing call.
#[derive(Clone, Copy, PartialEq)]
enum Power {
    On,
    /// It takes effect, but is never answered.
    Failing,
    /// Nothing happens any more.
    Gone,
}

#[derive(Clone)]
enum NameChange {
    Link(String, u64),
    Unlink(String),
    Rename(String, String, u64),
}

#[derive(Default, Clone)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Counts changes, so that a slow sync never takes back a later one.
    version: u64,
    durable_version: u64,
    /// Sectors that a failed sync lost: they read well and count as clean, until they are written once more.
    forgotten: BTreeSet<usize>,
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

impl FakeFiles {
    #[expect(clippy::new_without_default, reason = "a disk is made on purpose")]
    pub fn new() -> FakeFiles {
        let disk = Disk { free_bytes: 1 << 40, ..Disk::default() };
        FakeFiles { disk: Arc::new(Mutex::new(disk)), life: 0 }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("no test panics holding it")
    }

    /// The disk after a power loss. Every unsynced sector is kept or not, every unsynced name likewise.
    pub fn power_loss(&self, rng: &mut Rng) -> Arc<FakeFiles> {
        self.disk().lose_power(rng);
        self.kill()
    }

    /// The disk after the process was killed: all that was written is there.
    pub fn kill(&self) -> Arc<FakeFiles> {
        let mut disk = self.disk();
        disk.life += 1;
        disk.fuse = None;
        disk.frozen = watch::Sender::new(false);
        Arc::new(FakeFiles { disk: self.disk.clone(), life: disk.life })
    }

    /// After `calls` more changing calls (write, sync, name change) power is gone: the last one may be half done, and
    /// neither it nor any later one is ever answered.
    pub fn cut_power_after(&self, calls: u64) {
        self.disk().fuse = Some(calls);
    }

    /// Waits until power is gone.
    pub async fn power_gone(&self) {
        let mut frozen = self.disk().frozen.subscribe();
        // The sender lives in the disk, which we hold.
        let _ = frozen.wait_for(|frozen| *frozen).await;
    }

    pub fn fail_syncs(&self, fail: bool) {
        self.disk().fail_syncs = fail;
    }

    pub fn fail_writes(&self, fail: bool) {
        self.disk().fail_writes = fail;
    }

    /// From now on files can grow by this much in sum; growth beyond it is `StorageFull`.
    pub fn set_free_bytes(&self, free: u64) {
        self.disk().free_bytes = free;
    }

    /// How many file syncs and writes were made so far.
    pub fn counts(&self) -> (u64, u64) {
        let disk = self.disk();
        (disk.syncs, disk.writes)
    }

    /// What a file holds now.
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.disk();
        disk.names.get(path).map(|inode| disk.inodes[inode].now.clone())
    }

    /// Replaces what a file holds, durably: for tests of damage.
    pub fn set_contents(&self, path: &str, bytes: Vec<u8>) {
        let mut disk = self.disk();
        let dir = parent(path).to_owned();
        disk.make_dirs(&dir, true);
        let id = match disk.names.get(path) {
            Some(id) => *id,
            None => disk.new_inode(),
        };
        disk.names.insert(path.to_owned(), id);
        disk.names_durable.insert(path.to_owned(), id);
        let inode = disk.inodes.entry(id).or_default();
        *inode = Inode { durable: bytes.clone(), now: bytes, ..inode.clone() };
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<String> {
        self.disk().names.keys().cloned().collect()
    }

    /// A change of names: made at once, answered a moment later.
    fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> BoxFuture<'static, io::Result<T>> {
        let mut disk = self.disk();
        let outcome = match disk.enter(self.life) {
            Ok(Power::Gone) => Ok(None),
            Ok(power) => change(&mut disk).map(|done| (power == Power::On).then_some(done)),
            Err(error) => Err(error),
        };
        drop(disk);
        answer(outcome)
    }
}

/// Answers after a moment; `None` is never answered.
fn answer<T: Send + 'static>(outcome: io::Result<Option<T>>) -> BoxFuture<'static, io::Result<T>> {
    Box::pin(async move {
        tokio::task::yield_now().await;
        match outcome {
            Ok(Some(done)) => Ok(done),
            Ok(None) => std::future::pending().await,
            Err(error) => Err(error),
        }
    })
}

impl Disk {
    /// Counts a changing call.
    fn enter(&mut self, life: u64) -> io::Result<Power> {
        self.check(life)?;
        match self.fuse {
            None => Ok(Power::On),
            Some(0) => Ok(Power::Gone),
            Some(left) => {
                self.fuse = Some(left - 1);
                if left > 1 {
                    return Ok(Power::On);
                }
                self.frozen.send_replace(true);
                Ok(Power::Failing)
            }
        }
    }

    fn check(&self, life: u64) -> io::Result<()> {
        if self.life == life { Ok(()) } else { Err(io::Error::other("a handle of an earlier life")) }
    }

    fn new_inode(&mut self) -> u64 {
        let id = self.inodes.keys().next_back().map_or(0, |last| last + 1);
        self.inodes.insert(id, Inode::default());
        id
    }

    fn find(&self, path: &str) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, path.to_owned()))
    }

    fn make_dirs(&mut self, dir: &str, durable: bool) {
        let mut dir = dir;
        while !dir.is_empty() {
            let kept = self.dirs.entry(dir.to_owned()).or_insert(false);
            *kept |= durable;
            dir = parent(dir);
        }
    }

    fn need_dir(&self, path: &str) -> io::Result<()> {
        let dir = parent(path);
        if dir.is_empty() || self.dirs.contains_key(dir) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, format!("no folder {dir}")))
    }

    fn resize(&mut self, id: u64, len: usize) -> io::Result<()> {
        // An open file lives on after its name is gone.
        let inode = self.inodes.entry(id).or_default();
        let (old, new) = (inode.now.len() as u64, len as u64);
        if new > old && new - old > self.free_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.free_bytes = self.free_bytes + old - new;
        inode.now.resize(len, 0);
        Ok(())
    }

    /// The end of a sync that caught `bytes` at its start; false where power went in between.
    fn finish_sync(&mut self, life: u64, id: u64, caught: Option<(Vec<u8>, u64)>) -> io::Result<bool> {
        self.check(life)?;
        if self.fuse == Some(0) {
            return Ok(false);
        }
        if self.fail_syncs {
            if let Some(inode) = self.inodes.get_mut(&id) {
                inode.forgotten.extend(inode.unsynced());
            }
            return Err(io::Error::other("injected: the sync failed"));
        }
        if let (Some(inode), Some((bytes, version))) = (self.inodes.get_mut(&id), caught)
            && version >= inode.durable_version
        {
            let before = std::mem::replace(&mut inode.durable, bytes);
            for sector in &inode.forgotten {
                copy_sector(&before, &mut inode.durable, *sector);
            }
            inode.durable_version = version;
        }
        Ok(true)
    }

    fn release(&mut self, id: u64) {
        let bytes = self.inodes.get(&id).map_or(0, |inode| inode.now.len() as u64);
        self.free_bytes += bytes;
    }

    fn lose_power(&mut self, rng: &mut Rng) {
        let mut names = std::mem::take(&mut self.names_durable);
        let keep = pick_share(rng);
        for change in std::mem::take(&mut self.pending) {
            if rng.random_bool(keep) {
                change.apply(&mut names);
            }
        }
        self.dirs.retain(|_, durable| *durable || rng.random_bool(keep));
        let dirs = &self.dirs;
        let all_there = |path: &str| {
            let mut dir = parent(path);
            while !dir.is_empty() {
                if !dirs.contains_key(dir) {
                    return false;
                }
                dir = parent(dir);
            }
            true
        };
        names.retain(|path, _| all_there(path));
        self.dirs.values_mut().for_each(|durable| *durable = true);
        self.names = names.clone();
        self.names_durable = names;
        for inode in self.inodes.values_mut() {
            inode.lose_power(rng);
        }
    }
}

impl NameChange {
    fn dirs(&self) -> [&str; 2] {
        match self {
            NameChange::Link(path, _) | NameChange::Unlink(path) => [parent(path), parent(path)],
            NameChange::Rename(from, to, _) => [parent(from), parent(to)],
        }
    }

    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            NameChange::Link(path, id) => drop(names.insert(path.clone(), *id)),
            NameChange::Unlink(path) => drop(names.remove(path)),
            NameChange::Rename(from, to, id) => {
                names.remove(from);
                names.insert(to.clone(), *id);
            }
        }
    }
}

/// How much of the unsynced survives: often nothing or all, else anything between.
fn pick_share(rng: &mut Rng) -> f64 {
    match rng.random_range(0..6) {
        0 => 0.0,
        1 => 1.0,
        2 => 0.9,
        3 => 0.1,
        _ => rng.random_range(0.0..=1.0),
    }
}

fn sector(content: &[u8], sector: usize) -> &[u8] {
    content.chunks(SECTOR).nth(sector).unwrap_or_default()
}

/// Zeros where there is nothing to copy.
fn copy_sector(from: &[u8], to: &mut [u8], at: usize) {
    let mut from = sector(from, at).iter().copied().chain(std::iter::repeat(0));
    to.iter_mut().skip(at * SECTOR).take(SECTOR).for_each(|byte| *byte = from.next().unwrap_or_default());
}

impl Inode {
    /// The sectors that the disk does not have as they read.
    fn unsynced(&self) -> Vec<usize> {
        let sectors = 0..self.now.len().div_ceil(SECTOR);
        sectors.filter(|at| sector(&self.now, *at) != sector(&self.durable, *at)).collect()
    }

    fn lose_power(&mut self, rng: &mut Rng) {
        let (short, long) = {
            let lens = [self.now.len(), self.durable.len()];
            (lens[0].min(lens[1]), lens[0].max(lens[1]))
        };
        let len = match rng.random_range(0..3) {
            0 => short,
            1 => long,
            _ => rng.random_range(short..=long),
        };
        let keep = pick_share(rng);
        let mut kept = self.durable.clone();
        kept.resize(long, 0);
        self.now.resize(long, 0);
        for (at, (old, new)) in kept.chunks_mut(SECTOR).zip(self.now.chunks(SECTOR)).enumerate() {
            if old != new && !self.forgotten.contains(&at) && rng.random_bool(keep) {
                old.copy_from_slice(new);
            }
        }
        kept.truncate(len);
        *self = Inode { now: kept.clone(), durable: kept, ..Inode::default() };
    }
}

impl Files for FakeFiles {
    fn create(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        let (shared, life) = (self.disk.clone(), self.life);
        self.change(|disk| {
            disk.need_dir(path)?;
            if disk.names.contains_key(path) {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, path.to_owned()));
            }
            let id = disk.new_inode();
            disk.names.insert(path.to_owned(), id);
            disk.pending.push(NameChange::Link(path.to_owned(), id));
            Ok(Arc::new(FakeFile { disk: shared, life, id }) as Arc<dyn File>)
        })
    }

    fn open(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        let disk = self.disk();
        let found = disk.check(self.life).and_then(|()| disk.find(path));
        let file = |id| Some(Arc::new(FakeFile { disk: self.disk.clone(), life: self.life, id }) as Arc<dyn File>);
        answer(found.map(file))
    }

    fn rename(&self, from: &str, to: &str) -> BoxFuture<'static, io::Result<()>> {
        self.change(|disk| {
            disk.need_dir(to)?;
            let id = disk.find(from)?;
            disk.names.remove(from);
            if let Some(old) = disk.names.insert(to.to_owned(), id) {
                disk.release(old);
            }
            disk.pending.push(NameChange::Rename(from.to_owned(), to.to_owned(), id));
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> BoxFuture<'static, io::Result<()>> {
        self.change(|disk| {
            let id = disk.find(path)?;
            disk.release(id);
            disk.names.remove(path);
            disk.pending.push(NameChange::Unlink(path.to_owned()));
            Ok(())
        })
    }

    fn list(&self, dir: &str) -> BoxFuture<'static, io::Result<Vec<String>>> {
        let disk = self.disk();
        let names = disk.names.keys().filter(|path| parent(path) == dir);
        let names = names.map(|path| path.rsplit('/').next().unwrap_or(path).to_owned()).collect();
        answer(disk.check(self.life).map(|()| Some(names)))
    }

    fn create_dir(&self, dir: &str) -> BoxFuture<'static, io::Result<()>> {
        self.change(|disk| {
            disk.make_dirs(dir, false);
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &str) -> BoxFuture<'static, io::Result<()>> {
        self.change(|disk| {
            if disk.fail_syncs {
                return Err(io::Error::other("injected: the sync failed"));
            }
            if disk.fuse == Some(0) {
                // Power went during this call: what it would have kept stays undecided.
                return Ok(());
            }
            let (done, pending) =
                std::mem::take(&mut disk.pending).into_iter().partition(|change| change.dirs().contains(&dir));
            disk.pending = pending;
            for change in Vec::<NameChange>::from_iter(done) {
                change.apply(&mut disk.names_durable);
            }
            for (path, durable) in disk.dirs.iter_mut() {
                *durable |= parent(path) == dir;
            }
            Ok(())
        })
    }

    fn free_bytes(&self) -> BoxFuture<'static, io::Result<u64>> {
        let disk = self.disk();
        answer(disk.check(self.life).map(|()| Some(disk.free_bytes)))
    }
}

struct FakeFile {
    disk: Arc<Mutex<Disk>>,
    life: u64,
    id: u64,
}

impl FakeFile {
    fn change(&self, change: impl FnOnce(&mut Disk) -> io::Result<()>) -> BoxFuture<'static, io::Result<()>> {
        let mut disk = self.disk.lock().expect("no test panics holding it");
        let entered = disk.enter(self.life);
        let outcome = match entered {
            Ok(Power::Gone) => Ok(None),
            Ok(_) if disk.fail_writes => Err(io::Error::other("injected: the write failed")),
            Ok(power) => change(&mut disk).map(|()| (power == Power::On).then_some(())),
            Err(error) => Err(error),
        };
        disk.writes += 1;
        if let Some(inode) = disk.inodes.get_mut(&self.id) {
            inode.version += 1;
        }
        answer(outcome)
    }
}

impl File for FakeFile {
    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<'static, io::Result<Bytes>> {
        let disk = self.disk.lock().expect("no test panics holding it");
        let read = disk.check(self.life).map(|()| {
            let bytes = disk.inodes.get(&self.id).map_or(&[][..], |inode| &inode.now);
            let start = bytes.len().min(offset as usize);
            let end = bytes.len().min(start.saturating_add(len));
            Some(Bytes::copy_from_slice(&bytes[start..end]))
        });
        answer(read)
    }

    fn write_at(&self, offset: u64, data: Bytes) -> BoxFuture<'static, io::Result<()>> {
        self.change(|disk| {
            let (start, end) = (offset as usize, offset as usize + data.len());
            let len = disk.inodes.get(&self.id).map_or(0, |inode| inode.now.len());
            disk.resize(self.id, len.max(end))?;
            let inode = disk.inodes.entry(self.id).or_default();
            inode.now[start..end].copy_from_slice(&data);
            inode.forgotten.retain(|sector| !(start / SECTOR..end.div_ceil(SECTOR)).contains(sector));
            Ok(())
        })
    }

    fn sync(&self) -> BoxFuture<'static, io::Result<()>> {
        let mut disk = self.disk.lock().expect("no test panics holding it");
        disk.syncs += 1;
        let entered = disk.enter(self.life);
        let caught = disk.inodes.get(&self.id).map(|inode| (inode.now.clone(), inode.version));
        drop(disk);
        let (shared, life, id) = (self.disk.clone(), self.life, self.id);
        Box::pin(async move {
            if entered? != Power::On {
                return std::future::pending().await;
            }
            // Power may go, and others may write, while the disk is at work.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            let synced = shared.lock().expect("no test panics holding it").finish_sync(life, id, caught)?;
            if !synced {
                return std::future::pending().await;
            }
            Ok(())
        })
    }

    fn truncate(&self, len: u64) -> BoxFuture<'static, io::Result<()>> {
        self.change(|disk| disk.resize(self.id, len as usize))
    }

    fn len(&self) -> BoxFuture<'static, io::Result<u64>> {
        let disk = self.disk.lock().expect("no test panics holding it");
        answer(
            disk.check(self.life).map(|()| Some(disk.inodes.get(&self.id).map_or(0, |inode| inode.now.len() as u64))),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use super::*;

    #[tokio::test]
    async fn what_is_synced_stays_and_each_other_sector_may_go() {
        let (mut names, mut contents) = (BTreeSet::new(), BTreeSet::new());
        for seed in 0..200 {
            let files = FakeFiles::new();
            files.create_dir("d").await.unwrap();
            files.sync_dir("").await.unwrap();
            let file = files.create("d/a").await.unwrap();
            file.write_at(0, vec![1; 3 * SECTOR].into()).await.unwrap();
            file.sync().await.unwrap();
            files.sync_dir("d").await.unwrap();
            files.create("d/b").await.unwrap();
            file.write_at(0, vec![2; 2 * SECTOR].into()).await.unwrap();
            let after = files.power_loss(&mut Rng::seed_from_u64(seed));
            assert!(file.sync().await.is_err(), "an old handle is fenced");
            names.insert(after.list("d").await.unwrap());
            let bytes = after.contents("d/a").unwrap();
            assert_eq!(bytes.len(), 3 * SECTOR);
            contents.insert((bytes[0], bytes[SECTOR], bytes[2 * SECTOR]));
        }
        assert_eq!(names, BTreeSet::from([vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()]]));
        assert_eq!(contents, BTreeSet::from([(1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 2, 1)]));
    }

    #[tokio::test]
    async fn a_full_disk_refuses_growth_and_takes_it_again_once_freed() {
        let files = FakeFiles::new();
        files.set_free_bytes(10);
        let file = files.create("a").await.unwrap();
        file.write_at(0, vec![1; 10].into()).await.unwrap();
        let full = file.write_at(10, vec![1; 1].into()).await.unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        file.write_at(0, vec![2; 10].into()).await.unwrap();
        files.remove("a").await.unwrap();
        assert_eq!(files.free_bytes().await.unwrap(), 10);
    }
}
