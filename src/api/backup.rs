use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::actor::ApiHandle;
use super::below::BackupBytes;
use super::read::ReadError;
use crate::base::LogId;

/// Backups that one node gives at once. Each holds a view of the store, which keeps what was superseded meanwhile.
pub(super) const BACKUPS_MAX: usize = 2;

/// A backup on its way out: the state at one revision, whatever is written meanwhile.
pub struct Backup {
    /// The last log entry that it holds.
    pub revision: LogId,
    bytes: Box<dyn BackupBytes>,
    _permit: OwnedSemaphorePermit,
}

impl Backup {
    /// The next bytes of the file; `None` behind the last. An error is final: what was sent so far is no backup, and its
    /// missing end shows it.
    pub async fn next(&mut self) -> Result<Option<Bytes>, String> {
        self.bytes.next().await
    }
}

impl ApiHandle {
    /// Begins a backup of what this node has applied. [`ReadError::Overloaded`] where as many as may are under way.
    pub async fn backup(&self) -> Result<Backup, ReadError> {
        let permit = self.shared.backups.clone().try_acquire_owned().map_err(|_| ReadError::Overloaded)?;
        self.readable()?;
        let (revision, bytes) = self.shared.below.state.backup().await.map_err(ReadError::Failed)?;
        Ok(Backup { revision, bytes, _permit: permit })
    }
}
