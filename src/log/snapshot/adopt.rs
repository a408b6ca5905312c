use bytes::Bytes;

use super::format::{Encoder, SnapshotRows};
use super::{SnapshotFile, SnapshotMeta, Snapshots};
use crate::host::{File, Row};
use crate::log::LogError;

impl Snapshots {
    /// Writes the rows of another file, each as `change` leaves it, as the snapshot of `meta`, and makes it the current
    /// one; where that is as new already, returns it instead. `change` keeps the keys.
    pub async fn adopt(
        &self,
        meta: SnapshotMeta,
        rows: SnapshotRows,
        change: impl Fn(Row) -> Row,
    ) -> Result<SnapshotFile, LogError> {
        if let Some(current) = self.current().filter(|current| current.meta().last >= meta.last) {
            return Ok(current);
        }
        self.collect_garbage().await;
        let (file, name) = self.create(&meta).await?;
        let written = self.write_changed(&*file, name.path(), &meta, rows, change).await;
        self.finish(meta, file, name, written).await
    }

    async fn write_changed(
        &self,
        file: &dyn File,
        path: &str,
        meta: &SnapshotMeta,
        mut rows: SnapshotRows,
        change: impl Fn(Row) -> Row,
    ) -> Result<u64, LogError> {
        let refused = |what: String| LogError::Refused { file: path.to_owned(), what };
        let (mut encoder, header) = Encoder::start(self.inner.group, meta).map_err(refused)?;
        let mut at = 0;
        let mut write = async |bytes: Bytes| {
            let len = bytes.len() as u64;
            file.write_at(at, bytes).await.map_err(LogError::io(path))?;
            at += len;
            Ok::<u64, LogError>(at)
        };
        write(header).await?;
        while let Some(chunk) = rows.next_chunk().await? {
            for row in chunk {
                if let Some(bytes) = encoder.row(&change(row)).map_err(refused)? {
                    write(bytes).await?;
                }
            }
        }
        let bytes = write(encoder.end()).await?;
        file.sync().await.map_err(LogError::io(path))?;
        Ok(bytes)
    }
}
