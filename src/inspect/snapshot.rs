use openraft::AsyncRuntime;
use sha2::{Digest, Sha256};

use super::report::{Report, SnapshotReport};
use super::state::StateCheck;
use crate::base::GroupId;
use crate::host::Files;
use crate::log::{LogError, snapshot};

const PIECE_BYTES: usize = 1 << 20;

/// Reads a snapshot or backup to its end and checks all of it: the sums of the file, every row, the state hash, the audit
/// chain. None where it could not be read; what is wrong is in the report.
pub async fn check<R: AsyncRuntime>(
    files: &dyn Files,
    group: GroupId,
    path: &str,
    report: &mut Report,
) -> Option<SnapshotReport> {
    match read::<R>(files, group, path, report).await {
        Ok(found) => Some(found),
        Err(error) => {
            report.log_error(error);
            None
        }
    }
}

async fn read<R: AsyncRuntime>(
    files: &dyn Files,
    group: GroupId,
    path: &str,
    report: &mut Report,
) -> Result<SnapshotReport, LogError> {
    let (meta, mut rows) = snapshot::read(files, group, path).await?;
    let mut check = StateCheck::new(group);
    while let Some(chunk) = rows.next_chunk().await? {
        chunk.iter().for_each(|row| check.take(row));
    }
    let held = check.membership().cloned();
    let state = check.finish::<R>(path, report);
    if state.applied != Some(meta.last) {
        report.damaged(path, Some(0), format!("it says to be of revision {}, its rows say otherwise", meta.last));
    }
    if held.is_some_and(|(_, held)| held != meta.membership) {
        report.damaged(path, Some(0), "its header holds another membership than its rows");
    }
    let (bytes, sha256) = digest(files, path).await?;
    Ok(SnapshotReport { file: path.to_owned(), bytes, last: meta.last, sha256, state })
}

async fn digest(files: &dyn Files, path: &str) -> Result<(u64, String), LogError> {
    let failed = |source| LogError::Io { file: path.to_owned(), source };
    let file = files.open(path).await.map_err(failed)?;
    let (mut sum, mut at) = (Sha256::new(), 0);
    loop {
        let piece = file.read_at(at, PIECE_BYTES).await.map_err(failed)?;
        if piece.is_empty() {
            return Ok((at, hex::encode(sum.finalize())));
        }
        sum.update(&piece);
        at += piece.len() as u64;
    }
}
