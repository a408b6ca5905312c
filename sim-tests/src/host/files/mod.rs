//! Files that outlive a crash, and after a power loss are what a real disk may make of them.

mod content;
mod damage;
mod disk;
mod inode;
mod sectors;
mod tap;
mod wrongs;

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use confman::host::{BoxFuture, File, Files};
pub use content::Content;
pub use damage::{Damage, How};
pub use disk::{Disk, DiskSettings, Losses};
use inode::{Answer, Inode, Operation, Output};
pub use tap::{Change, DiskTap, DurableFiles};
pub use wrongs::DiskFault;

use super::points;
use crate::runtime::{elapsed, sleep, sleep_until};
use crate::schedule::Point;
use crate::trace::Member;
use crate::world::Incarnation;

/// [`Files`] of one incarnation.
pub struct SimFiles {
    disk: Disk,
    process: Arc<Incarnation>,
}

impl SimFiles {
    pub fn new(disk: Disk, process: Arc<Incarnation>) -> SimFiles {
        SimFiles { disk, process }
    }

    /// Does `work` on the names, at the beginning or the end of the time that it takes: a crash in between then finds
    /// it done though nobody was told, or not done.
    fn on_names<T: Send + 'static>(
        &self,
        kind: &'static str,
        path: String,
        points: Around,
        work: impl FnOnce(&Disk) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, io::Result<T>> {
        let (disk, process) = (self.disk.clone(), self.process.clone());
        Box::pin(async move {
            process.calls_files(points.before);
            alive(&process)?;
            let cost = disk.access_cost();
            process.event(kind, format_args!("{path}"));
            let happens_first = disk.happens_first();
            if !happens_first {
                sleep(cost).await;
                alive(&process)?;
            }
            let done = work(&disk);
            if done.is_ok() {
                points.after.iter().for_each(|point| process.reach(*point));
                alive(&process)?;
            }
            if happens_first {
                sleep(cost).await;
            }
            done
        })
    }

    fn handle(&self) -> impl FnOnce(String, Arc<Mutex<Inode>>) -> Arc<dyn File> + Send + 'static {
        let (disk, process) = (self.disk.clone(), self.process.clone());
        move |path, inode| Arc::new(SimFile { disk, process, path, inode })
    }
}

/// The points before and after a call.
#[derive(Default)]
struct Around {
    before: &'static [Point],
    after: &'static [Point],
}

fn alive(process: &Incarnation) -> io::Result<()> {
    if process.is_alive() { Ok(()) } else { Err(io::Error::other("this process is dead")) }
}

impl Files for SimFiles {
    fn create(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        let (path, handle) = (path.to_owned(), self.handle());
        let points = Around { after: points::of_create(&path), ..Around::default() };
        self.on_names("create", path.clone(), points, move |disk| Ok(handle(path.clone(), disk.create(&path)?)))
    }

    fn open(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        let (path, handle) = (path.to_owned(), self.handle());
        self.on_names("open", path.clone(), Around::default(), move |disk| Ok(handle(path.clone(), disk.open(&path)?)))
    }

    fn rename(&self, from: &str, to: &str) -> BoxFuture<'static, io::Result<()>> {
        let (from, to) = (from.to_owned(), to.to_owned());
        let points = Around { before: points::before_rename(&to), after: points::after_rename(&to) };
        self.on_names("rename", format!("{from} to {to}"), points, move |disk| disk.rename(&from, &to))
    }

    fn remove(&self, path: &str) -> BoxFuture<'static, io::Result<()>> {
        let path = path.to_owned();
        self.on_names("remove", path.clone(), Around::default(), move |disk| disk.remove(&path))
    }

    fn list(&self, dir: &str) -> BoxFuture<'static, io::Result<Vec<String>>> {
        let dir = dir.to_owned();
        self.on_names("list", dir.clone(), Around::default(), move |disk| Ok(disk.list(&dir)))
    }

    fn create_dir(&self, dir: &str) -> BoxFuture<'static, io::Result<()>> {
        let dir = dir.to_owned();
        self.on_names("create-dir", dir.clone(), Around::default(), move |disk| {
            disk.create_folder(&dir);
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &str) -> BoxFuture<'static, io::Result<()>> {
        let (disk, process, dir) = (self.disk.clone(), self.process.clone(), dir.to_owned());
        Box::pin(async move {
            process.calls_files(&[Point::BeforeSync, Point::BeforeDirSync]);
            alive(&process)?;
            let (cost, fails) = disk.begin_sync(process.number);
            let io = process.record("sync", &[], format_args!("{dir}/"));
            sleep(cost).await;
            alive(&process)?;
            process.record("synced", &[("io", Member::Number(io)), ("ok", Member::Flag(!fails))], format_args!(""));
            if fails {
                return Err(io::Error::other("injected fault: the sync failed"));
            }
            let synced = disk.sync_folder(&dir);
            process.reach(Point::AfterDirSync);
            alive(&process)?;
            synced
        })
    }

    fn free_bytes(&self) -> BoxFuture<'static, io::Result<u64>> {
        let disk = self.disk.clone();
        Box::pin(async move { Ok(disk.free()) })
    }
}

struct SimFile {
    disk: Disk,
    process: Arc<Incarnation>,
    path: String,
    inode: Arc<Mutex<Inode>>,
}

impl SimFile {
    /// Queues the operation now, whether or not the caller stays to hear the answer.
    fn call(&self, kind: &'static str, operation: Operation) -> BoxFuture<'static, io::Result<Output>> {
        self.process.calls_files(match &operation {
            Operation::Sync { .. } => points::before_sync(&self.path),
            Operation::Write { .. } => points::before_write(&self.path),
            _ => &[],
        });
        if !self.process.is_alive() {
            return Box::pin(async { Err(io::Error::other("this process is dead")) });
        }
        let (cost, operation) = match operation {
            Operation::Sync { .. } => {
                let (cost, fails) = self.disk.begin_sync(self.process.number);
                (cost, Operation::Sync { fails })
            }
            Operation::Read { .. } if self.disk.read_fails(self.process.number) => {
                (self.disk.access_cost(), Operation::Refused(io::ErrorKind::Other, "injected fault: the read failed"))
            }
            operation => (self.disk.access_cost(), self.refuse_without_space(operation)),
        };
        let syncs = matches!(operation, Operation::Sync { .. });
        let io = self.process.event(kind, format_args!("{}{operation}", self.path));
        let (at, answer) = self.inode.lock().expect("no panic under this lock").submit(elapsed(), cost, operation);
        let (disk, inode, process) = (self.disk.clone(), self.inode.clone(), self.process.clone());
        let after = if syncs { points::after_sync(&self.path) } else { &[] };
        Box::pin(async move {
            sleep_until(at).await;
            disk.settle(&inode);
            let answer = take(&answer);
            if syncs && process.is_alive() {
                let members = [("io", Member::Number(io)), ("ok", Member::Flag(answer.is_ok()))];
                process.follow_up(Some(io), "synced", &members, format_args!(""));
                after.iter().for_each(|point| process.reach(*point));
                alive(&process)?;
            }
            answer
        })
    }

    fn refuse_without_space(&self, operation: Operation) -> Operation {
        let len = self.inode.lock().expect("no panic under this lock").len_to_be();
        let growth = match &operation {
            Operation::Write { offset, data } => (offset + data.len() as u64).saturating_sub(len),
            Operation::Truncate { len: to } => to.saturating_sub(len),
            _ => 0,
        };
        if self.disk.has_space(growth, self.process.number) {
            operation
        } else {
            Operation::Refused(io::ErrorKind::StorageFull, "injected fault: the disk is full")
        }
    }
}

fn take(answer: &Answer) -> io::Result<Output> {
    let answer = answer.lock().expect("no panic under this lock").take();
    // A process that died meanwhile has no turn any more.
    answer.unwrap_or_else(|| Err(io::Error::other("this process is dead")))
}

impl File for SimFile {
    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<'static, io::Result<Bytes>> {
        let call = self.call("read", Operation::Read { offset, len });
        Box::pin(async move {
            match call.await? {
                Output::Bytes(bytes) => Ok(bytes),
                Output::Done | Output::Len(_) => unreachable!("a read answers bytes"),
            }
        })
    }

    fn write_at(&self, offset: u64, data: Bytes) -> BoxFuture<'static, io::Result<()>> {
        let call = self.call("write", Operation::Write { offset, data });
        Box::pin(async move { call.await.map(|_| ()) })
    }

    fn sync(&self) -> BoxFuture<'static, io::Result<()>> {
        let call = self.call("sync", Operation::Sync { fails: false });
        Box::pin(async move { call.await.map(|_| ()) })
    }

    fn truncate(&self, len: u64) -> BoxFuture<'static, io::Result<()>> {
        let call = self.call("truncate", Operation::Truncate { len });
        Box::pin(async move { call.await.map(|_| ()) })
    }

    fn len(&self) -> BoxFuture<'static, io::Result<u64>> {
        let call = self.call("len", Operation::Len);
        Box::pin(async move {
            match call.await? {
                Output::Len(len) => Ok(len),
                Output::Done | Output::Bytes(_) => unreachable!("a length answers a length"),
            }
        })
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Operation::Write { offset, data } => {
                let sum = xxhash_rust::xxh3::xxh3_64(data) as u32;
                write!(f, " {offset} +{} {sum:08x}", data.len())
            }
            Operation::Truncate { len } => write!(f, " to {len}"),
            Operation::Sync { .. } | Operation::Len => Ok(()),
            Operation::Read { offset, len } => write!(f, " {offset} +{len}"),
            Operation::Refused(_, why) => write!(f, ": {why}"),
        }
    }
}
