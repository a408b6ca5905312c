//! The file that names a group's current store.
//!
//! Three lines: what it is and its format, the store's name, and the CRC of the two. It is replaced as a whole: a
//! temporary file, synced, renamed, the folder synced. A power loss leaves the old or the new one.

use std::io::ErrorKind;

use bytes::Bytes;

use super::ApplyError;
use crate::base::GroupId;
use crate::host::{Files, Host};

const DIR: &str = "apply";
const MAGIC: &str = "confman current store, format ";
const FORMAT: u32 = 1;
/// The file is three short lines: a longer one is not ours.
const BYTES_MAX: u64 = 4096;

/// Reads and replaces the pointer of one group.
#[derive(Clone)]
pub(super) struct Pointer {
    host: Host,
    path: String,
}

impl Pointer {
    pub fn new(host: &Host, group: GroupId) -> Pointer {
        Pointer { host: host.clone(), path: path(group) }
    }

    /// The name of the current store. `None` where there is none, and where the file is damaged: then no store can be
    /// trusted to be the current one, and the caller starts an empty one.
    pub async fn read(&self) -> Result<Option<String>, ApplyError> {
        let file = match self.host.files.open(&self.path).await {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.failed("open", e)),
        };
        let len = file.len().await.map_err(|e| self.failed("read", e))?.min(BYTES_MAX);
        let bytes = file.read_at(0, len as usize).await.map_err(|e| self.failed("read", e))?;
        match parse(&bytes) {
            Parsed::Store(name) => Ok(Some(name)),
            Parsed::Newer(format) => Err(ApplyError::File {
                path: self.path.clone(),
                what: format!("it has format {format}, this release knows up to {FORMAT}: run the newer release again"),
            }),
            Parsed::Damaged => {
                tracing::warn!(file = self.path, "damaged: the state will be rebuilt from snapshot and log");
                Ok(None)
            }
        }
    }

    /// Makes `store` the current one, durably.
    pub async fn write(&self, store: &str) -> Result<(), ApplyError> {
        let temp = format!("{}.tmp", self.path);
        let files = &self.host.files;
        self.make_dir().await?;
        self.remove(&temp).await?;
        let file = files.create(&temp).await.map_err(|e| self.failed("create", e))?;
        file.write_at(0, render(store)).await.map_err(|e| self.failed("write", e))?;
        file.sync().await.map_err(|e| self.sync_failed(e))?;
        drop(file);
        files.rename(&temp, &self.path).await.map_err(|e| self.failed("rename", e))?;
        files.sync_dir(DIR).await.map_err(|e| self.sync_failed(e))
    }

    /// Names no store any more, durably: the next start begins with an empty one.
    pub async fn clear(&self) -> Result<(), ApplyError> {
        self.make_dir().await?;
        self.remove(&self.path).await?;
        self.host.files.sync_dir(DIR).await.map_err(|e| self.sync_failed(e))
    }

    async fn make_dir(&self) -> Result<(), ApplyError> {
        self.host.files.create_dir(DIR).await.map_err(|e| self.failed("create the folder of", e))?;
        // The folder's own name must last too, or what it holds is lost with it.
        self.host.files.sync_dir("").await.map_err(|e| self.sync_failed(e))
    }

    async fn remove(&self, path: &str) -> Result<(), ApplyError> {
        match self.host.files.remove(path).await {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(self.failed("remove", e)),
            _ => Ok(()),
        }
    }

    fn failed(&self, doing: &str, error: std::io::Error) -> ApplyError {
        ApplyError::File { path: self.path.clone(), what: format!("cannot {doing} it: {error}") }
    }

    /// A failed sync is final: what the disk holds is not known any more, and no later sync would tell.
    fn sync_failed(&self, error: std::io::Error) -> ApplyError {
        let error = self.failed("sync", error);
        self.host.fatal(&error.to_string());
        error
    }
}

/// The name of a group's current store, for those who look at a data directory: damage is an error here.
pub async fn current_store(files: &dyn Files, group: GroupId) -> Result<Option<String>, ApplyError> {
    let path = path(group);
    let failed = |what: String| ApplyError::File { path: path.clone(), what };
    let file = match files.open(&path).await {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    // One byte more than it may have: a longer file is not ours.
    let bytes = file.read_at(0, BYTES_MAX as usize + 1).await.map_err(|error| failed(error.to_string()))?;
    match parse(&bytes) {
        Parsed::Store(name) => Ok(Some(name)),
        Parsed::Newer(format) => Err(failed(format!("it has format {format}, this release knows up to {FORMAT}"))),
        Parsed::Damaged => Err(failed("it is not what was written. Snapshot and log can rebuild the store".to_owned())),
    }
}

fn path(group: GroupId) -> String {
    format!("{DIR}/CURRENT-{group}")
}

enum Parsed {
    Store(String),
    Newer(u32),
    Damaged,
}

fn render(store: &str) -> Bytes {
    let text = format!("{MAGIC}{FORMAT}\n{store}\n");
    let crc = crc32c::crc32c(text.as_bytes());
    format!("{text}{crc:08x}\n").into()
}

fn parse(bytes: &[u8]) -> Parsed {
    let read = || {
        let text = std::str::from_utf8(bytes).ok()?;
        let format: u32 = text.strip_prefix(MAGIC)?.split_once('\n')?.0.parse().ok()?;
        if format > FORMAT {
            return Some(Parsed::Newer(format));
        }
        let name = text.lines().nth(1)?;
        (render(name) == bytes).then(|| Parsed::Store(name.to_owned()))
    };
    read().unwrap_or(Parsed::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake;

    #[tokio::test]
    async fn it_names_what_was_written_last_and_survives_a_power_loss() {
        use rand::SeedableRng;
        for seed in 0..20 {
            let host = fake::host();
            let pointer = Pointer::new(&host.host, GroupId(0));
            assert_eq!(pointer.read().await, Ok(None));
            pointer.write("state-0-1").await.unwrap();
            pointer.write("state-0-2").await.unwrap();
            let host = host.power_loss(&mut crate::host::Rng::seed_from_u64(seed));
            let pointer = Pointer::new(&host.host, GroupId(0));
            assert_eq!(pointer.read().await, Ok(Some("state-0-2".into())));
            assert_eq!(Pointer::new(&host.host, GroupId(1)).read().await, Ok(None), "each group has its own");
            pointer.clear().await.unwrap();
            let host = host.power_loss(&mut crate::host::Rng::seed_from_u64(seed));
            assert_eq!(Pointer::new(&host.host, GroupId(0)).read().await, Ok(None));
        }
    }

    #[tokio::test]
    async fn damage_names_nothing_and_a_newer_format_is_refused() {
        let host = fake::host();
        let pointer = Pointer::new(&host.host, GroupId(0));
        pointer.write("state-0-1").await.unwrap();
        let whole = host.files.contents("apply/CURRENT-0").unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            host.files.set_contents("apply/CURRENT-0", bytes);
            match pointer.read().await {
                Ok(name) => assert_eq!(name, None, "byte {at}"),
                Err(e) => assert!(e.to_string().contains("newer release"), "byte {at}: {e}"),
            }
        }
        for cut in 0..whole.len() {
            host.files.set_contents("apply/CURRENT-0", whole[..cut].to_vec());
            assert_eq!(pointer.read().await, Ok(None), "cut at {cut}");
        }
        host.files.set_contents("apply/CURRENT-0", format!("{MAGIC}2\nwhatever").into_bytes());
        assert!(pointer.read().await.is_err());
    }

    #[tokio::test]
    async fn a_failed_sync_stops_the_node() {
        let host = fake::host();
        let pointer = Pointer::new(&host.host, GroupId(0));
        host.files.fail_syncs(true);
        assert!(pointer.write("state-0-1").await.is_err());
        assert!(host.fatal_reason().unwrap().contains("CURRENT-0"));
    }
}
