//! What is in a log, a snapshot, a backup or a whole data directory, read without a node and without changing anything,
//! and whether all of it is as it was written.
//!
//! | file | what it is |
//! |---|---|
//! | here | a whole data directory: the parts, and whether they fit each other |
//! | `state` | the rows of a store or a snapshot: each one readable, their sum, the audit chain |
//! | `snapshot` | one snapshot file; a backup is one |
//! | `report` | what is told |
//!
//! Damage is what a node would refuse, rebuild or stop at. What a crash leaves is no damage, and is told as a note.

mod report;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use openraft::AsyncRuntime;

pub use report::{
    Damage, DirectoryReport, IdentityReport, LogReport, MemberReport, MembershipReport, Note, Report, SegmentReport,
    SnapshotReport, StateReport, StoreReport, TermReport, VoteReport,
};
pub use snapshot::check as check_snapshot;
pub use state::StateCheck;

use crate::apply::{self, ApplyError};
use crate::base::{GroupId, LogId};
use crate::host::{Files, Store};
use crate::keys::{Steps, everything};
use crate::log::survey::{self, LogContent, SegmentContent};
use crate::log::{LogError, snapshot as snapshot_files};
use crate::node::{IdentityError, identity, restore};
use crate::raft;

/// A store, as whoever knows its engine gives it: checked file by file, and opened on a copy.
pub struct StoreLook {
    /// None where its files are damaged, or there is no such store.
    pub store: Option<Arc<dyn Store>>,
    pub damage: Vec<Damage>,
    pub bytes: u64,
}

/// Looks at a whole data directory. `look` opens the store of a name.
pub async fn directory<R: AsyncRuntime>(
    files: &dyn Files,
    group: GroupId,
    mut look: impl AsyncFnMut(&str) -> StoreLook,
) -> Report {
    let mut report = Report::default();
    let mut dir = DirectoryReport { identity: identity_of(files, &mut report).await, ..DirectoryReport::default() };
    dir.store = match apply::current_store(files, group).await {
        Ok(Some(name)) => {
            let look = look(&name).await;
            Some(store::<R>(group, name, look, &mut report))
        }
        Ok(None) => None,
        Err(ApplyError::File { path, what }) => {
            report.damaged(&path, None, what);
            None
        }
        Err(error) => {
            report.damaged("apply", None, error.to_string());
            None
        }
    };
    dir.snapshots = snapshots::<R>(files, group, &mut report).await;
    if files.list("restore").await.is_ok_and(|names| names.iter().any(|name| restore::STAGED.ends_with(name))) {
        dir.restore = snapshot::check::<R>(files, group, restore::STAGED, &mut report).await;
        report.note(restore::STAGED, None, "the next start makes a node of this backup");
    }
    let applied = dir.store.as_ref().and_then(|store| store.state.as_ref()?.applied);
    let newest = dir.snapshots.iter().map(|snapshot| snapshot.last).max();
    // As a node does: what was applied from the log was synced before; what a snapshot brought need not be in the log.
    let from_log = applied.filter(|applied| newest.is_none_or(|newest| newest < *applied));
    match survey::read(files, group, from_log).await {
        Ok(content) => {
            fit(&content, applied, newest, dir.restore.is_some(), &mut report);
            dir.log = Some(log::<R>(content, &mut report));
        }
        Err(error) => report.log_error(error),
    }
    report.directory = Some(dir);
    report
}

/// Looks at one file, whatever it is.
pub async fn file<R: AsyncRuntime>(files: &dyn Files, group: GroupId, path: &str) -> Report {
    let mut report = Report::default();
    match survey::read_segment(files, path).await {
        Ok(Some((segment, torn))) => {
            if let Some(offset) = torn {
                report.note(path, Some(offset), TORN);
            }
            report.segment = Some(segment_report(segment));
        }
        Ok(None) => report.snapshot = snapshot::check::<R>(files, group, path, &mut report).await,
        Err(error) => report.log_error(error),
    }
    report
}

const TORN: &str = "a record ends here that was not written whole: what a power loss leaves of writes that nobody was \
                    told of. The next start cuts it";

async fn identity_of(files: &dyn Files, report: &mut Report) -> Option<IdentityReport> {
    match identity::look(files).await {
        Ok(Some(found)) => {
            Some(IdentityReport { cluster: found.cluster, node: found.node.0, storage: found.storage.to_string() })
        }
        Ok(None) => None,
        Err(IdentityError::Damaged(what)) => {
            report.damaged("identity", None, what);
            None
        }
        Err(error) => {
            report.damaged("identity", None, error.to_string());
            None
        }
    }
}

fn store<R: AsyncRuntime>(group: GroupId, name: String, look: StoreLook, report: &mut Report) -> StoreReport {
    let StoreLook { store, damage, bytes } = look;
    let file = format!("stores/{name}");
    report.damage.extend(damage);
    let Some(store) = store else {
        report.note(&file, None, "its rows were not read. Snapshot and log can rebuild it");
        return StoreReport { name, bytes, state: None };
    };
    let mut check = StateCheck::new(group);
    let mut steps = Steps::new(everything());
    loop {
        match steps.next(&*store, usize::MAX) {
            Ok(rows) if rows.is_empty() => break,
            Ok(rows) => rows.iter().for_each(|row| check.take(row)),
            Err(error) => {
                report.damaged(&file, None, error.what);
                return StoreReport { name, bytes, state: None };
            }
        }
    }
    // A store that nothing was applied to is as whole as one can be.
    let state = if check.is_empty() { None } else { Some(check.finish::<R>(&file, report)) };
    StoreReport { name, bytes, state }
}

async fn snapshots<R: AsyncRuntime>(files: &dyn Files, group: GroupId, report: &mut Report) -> Vec<SnapshotReport> {
    let mut found = Vec::new();
    for name in files.list(snapshot_files::SNAPSHOT_DIR).await.unwrap_or_default() {
        let path = format!("{}/{name}", snapshot_files::SNAPSHOT_DIR);
        if name.ends_with(".snap") {
            found.extend(snapshot::check::<R>(files, group, &path, report).await);
        } else if name.ends_with(".tmp") {
            report.note(&path, None, "a snapshot that was not finished: the next start removes it");
        } else {
            report.note(&path, None, "set aside by a node: it is not used");
        }
    }
    found
}

fn log<R: AsyncRuntime>(content: LogContent, report: &mut Report) -> LogReport {
    for (file, offset) in &content.torn {
        report.note(file, Some(*offset), TORN);
    }
    for file in &content.leftovers {
        report.note(file, None, "of no use any more: the next start removes it");
    }
    let vote = content.vote.as_ref().and_then(|vote| match raft::read_vote::<R>(vote) {
        Ok(vote) => Some(VoteReport { term: vote.term.0, node: vote.node.0, committed: vote.committed }),
        Err(error) => {
            report.damaged("log", None, format!("the vote cannot be read: {error}"));
            None
        }
    });
    LogReport {
        segments: content.segments.into_iter().map(segment_report).collect(),
        vote,
        purged: content.purged,
        committed: content.committed,
        last: content.last,
        entries: content.entries,
        payload_bytes: content.payload_bytes,
    }
}

fn segment_report(segment: SegmentContent) -> SegmentReport {
    let SegmentContent { file, bytes, records, end, highest } = segment;
    SegmentReport { file, bytes, records, end, highest_index: highest.map(|index| index.0) }
}

/// Whether log, store and snapshots can be of one node: what its start would say.
fn fit(content: &LogContent, applied: Option<LogId>, newest: Option<LogId>, restoring: bool, report: &mut Report) {
    if content.vote.is_none() && (applied.is_some() || newest.is_some()) && !restoring {
        report.damaged("log", None, "the log is gone, and store or snapshot prove that there was one");
        return;
    }
    let held = applied.max(newest);
    if let Some(purged) = content.purged
        && held.is_none_or(|held| held.index < purged.index)
    {
        let held = held.map_or("nothing".to_owned(), |held| held.to_string());
        let what = format!("the log was purged up to {purged}, and store and snapshots hold {held}");
        report.damaged(snapshot_files::SNAPSHOT_DIR, None, what);
    }
    let end = content.last.max(newest);
    if let Some(applied) = applied
        && end.is_none_or(|end| end.index < applied.index)
    {
        let what = format!("the store has applied {applied}, beyond log and snapshots: the next start sets it aside");
        report.note("stores", None, &what);
    }
}

impl Report {
    fn log_error(&mut self, error: LogError) {
        match error {
            LogError::Damaged { file, offset, what } => self.damaged(&file, Some(offset), what),
            LogError::Io { file, source } => self.damaged(&file, None, format!("it cannot be read: {source}")),
            LogError::NewerFormat { ref file, .. } => self.damaged(file, None, error.to_string()),
            LogError::Refused { file, what } => self.damaged(&file, None, what),
        }
    }
}
