//! Files in memory that never fail, and so a future of theirs never waits.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use confman::host::{BoxFuture, File, Files};
use futures_util::FutureExt;

/// What every call returns at once.
pub fn now<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("nothing here waits")
}

#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<BTreeMap<String, Content>>>);

type Content = Arc<Mutex<Vec<u8>>>;

impl Disk {
    pub fn with(path: &str, bytes: Vec<u8>) -> Disk {
        let disk = Disk::default();
        disk.names().insert(path.to_owned(), Arc::new(Mutex::new(bytes)));
        disk
    }

    /// Every file and what is in it.
    pub fn image(&self) -> BTreeMap<String, Vec<u8>> {
        let bytes = |content: &Content| content.lock().expect("nothing panics holding it").clone();
        self.names().iter().map(|(path, content)| (path.clone(), bytes(content))).collect()
    }

    fn names(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Content>> {
        self.0.lock().expect("nothing panics holding it")
    }
}

fn ready<T: Send + 'static>(done: io::Result<T>) -> BoxFuture<'static, io::Result<T>> {
    Box::pin(std::future::ready(done))
}

fn missing<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotFound.into())
}

impl Files for Disk {
    fn create(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        let content = Content::default();
        let taken = self.names().insert(path.to_owned(), content.clone()).is_some();
        assert!(!taken, "{path} was created over a file of that name");
        ready(Ok(Arc::new(OpenFile(content)) as Arc<dyn File>))
    }

    fn open(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        let found = self.names().get(path).cloned();
        ready(found.map_or_else(missing, |content| Ok(Arc::new(OpenFile(content)) as Arc<dyn File>)))
    }

    fn rename(&self, from: &str, to: &str) -> BoxFuture<'static, io::Result<()>> {
        let mut names = self.names();
        let found = names.remove(from);
        ready(found.map_or_else(missing, |content| {
            names.insert(to.to_owned(), content);
            Ok(())
        }))
    }

    fn remove(&self, path: &str) -> BoxFuture<'static, io::Result<()>> {
        let found = self.names().remove(path);
        ready(found.map_or_else(missing, |_| Ok(())))
    }

    fn list(&self, dir: &str) -> BoxFuture<'static, io::Result<Vec<String>>> {
        let names = self.names();
        let inside = |path: &String| {
            let (folder, name) = path.rsplit_once('/')?;
            (folder == dir).then(|| name.to_owned())
        };
        ready(Ok(names.keys().filter_map(inside).collect()))
    }

    fn create_dir(&self, _: &str) -> BoxFuture<'static, io::Result<()>> {
        ready(Ok(()))
    }

    fn sync_dir(&self, _: &str) -> BoxFuture<'static, io::Result<()>> {
        ready(Ok(()))
    }

    fn free_bytes(&self) -> BoxFuture<'static, io::Result<u64>> {
        ready(Ok(u64::MAX))
    }
}

struct OpenFile(Content);

impl OpenFile {
    fn content(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("nothing panics holding it")
    }
}

impl File for OpenFile {
    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<'static, io::Result<Bytes>> {
        let content = self.content();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let to = from.saturating_add(len).min(content.len());
        ready(Ok(Bytes::copy_from_slice(&content[from..to])))
    }

    fn write_at(&self, offset: u64, data: Bytes) -> BoxFuture<'static, io::Result<()>> {
        let mut content = self.content();
        let (from, to) = (offset as usize, offset as usize + data.len());
        if content.len() < to {
            content.resize(to, 0);
        }
        content[from..to].copy_from_slice(&data);
        ready(Ok(()))
    }

    fn sync(&self) -> BoxFuture<'static, io::Result<()>> {
        ready(Ok(()))
    }

    fn truncate(&self, len: u64) -> BoxFuture<'static, io::Result<()>> {
        self.content().resize(len as usize, 0);
        ready(Ok(()))
    }

    fn len(&self) -> BoxFuture<'static, io::Result<u64>> {
        ready(Ok(self.content().len() as u64))
    }
}
