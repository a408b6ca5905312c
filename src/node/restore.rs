//! A new cluster from a backup.
//!
//! `confman restore` lays a checked backup into an empty data directory, as the file `restore/backup`, and does no more:
//! who the node is, its configuration says, which is read by `confman serve`. The first start makes of the backup what
//! a node has that was brought up by a snapshot, in this order:
//!
//! 1. the identity of the data directory, with a storage id of its own (`identity`);
//! 2. a snapshot of all rows, in which this node alone is the membership;
//! 3. a log that holds nothing but a vote, and ends where the snapshot does;
//! 4. `restore/backup` is removed, durably.
//!
//! Each step is durable before the next begins, and does nothing where an earlier start has done it: a crash at any
//! moment is repaired by the next start. The node talks to nobody before the last one. The store is filled from the
//! snapshot then, as after any loss of it.
//!
//! The vote is of a term beyond all that the backup has seen, and at least the time in seconds: so that the version
//! tokens of writes that the backup does not hold never come back for other writes. The old cluster's nodes and this one
//! know each other under other storage ids, and so refuse each other.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use openraft::AsyncRuntime;

use crate::base::{GroupId, LogId, NodeId, Term};
use crate::host::{File, Files, Host};
use crate::keys::meta;
use crate::log::{LogError, Snapshots, Wal, snapshot};
use crate::raft::{self, Member};

const DIR: &str = "restore";
/// The backup that the next start makes a node of.
pub const STAGED: &str = "restore/backup";
const BEFORE_RENAME: &str = "restore/backup.tmp";
const PIECE_BYTES: usize = 1 << 20;

/// Why a backup did not become a node. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("{STAGED}: {0}; check the disk (space, permissions, hardware), then try again")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Log(#[from] LogError),
    #[error(
        "{STAGED} in the data directory is damaged at offset {offset}: {what}. Run `confman restore` again, with a backup \
         that `confman inspect` finds whole, into an empty directory"
    )]
    Damaged { offset: u64, what: String },
    #[error(
        "`confman restore` did not come to its end in this data directory ({BEFORE_RENAME} is there, {STAGED} is not): \
         remove the directory, and run it again"
    )]
    CutOff,
    #[error(
        "the data directory holds a backup to restore ({STAGED}) beside data of its own ({what}): a restore begins in an \
         empty directory. Move {STAGED} away if this node is to go on with the data that it has"
    )]
    Occupied { what: String },
}

/// Lays a backup into a data directory: once this returns, the next start makes a node of it. The caller has checked
/// that the backup is whole and the directory empty.
pub async fn stage(files: &dyn Files, source: Arc<dyn File>) -> Result<(), RestoreError> {
    files.create_dir(DIR).await?;
    files.sync_dir("").await?;
    match files.remove(BEFORE_RENAME).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let file = files.create(BEFORE_RENAME).await?;
    let mut at = 0;
    loop {
        let piece = source.read_at(at, PIECE_BYTES).await?;
        if piece.is_empty() {
            break;
        }
        let len = piece.len() as u64;
        file.write_at(at, piece).await?;
        at += len;
    }
    file.sync().await?;
    // What counts is what was written, not what was read.
    let (_, mut rows) = snapshot::read(files, GroupId::MAIN, BEFORE_RENAME).await.map_err(damaged)?;
    while rows.next_chunk().await.map_err(damaged)?.is_some() {}
    files.rename(BEFORE_RENAME, STAGED).await?;
    files.sync_dir(DIR).await?;
    Ok(())
}

fn damaged(error: LogError) -> RestoreError {
    match error {
        LogError::Damaged { offset, what, .. } => RestoreError::Damaged { offset, what },
        other => RestoreError::Log(other),
    }
}

/// The node that a backup becomes: the only member of the new cluster.
#[derive(Clone, Debug)]
pub(super) struct Founder {
    pub node: NodeId,
    pub member: Member,
}

/// A restore that this start goes on with.
pub(super) struct Restoring {
    last: LogId,
}

/// The first part, where a backup waits: makes it the current snapshot, with `founder` as the membership. `applied` is
/// what the store holds, which must be nothing.
pub(super) async fn begin<R: AsyncRuntime>(
    host: &Host,
    group: GroupId,
    snapshots: &Snapshots,
    applied: Option<LogId>,
    founder: &Founder,
) -> Result<Option<Restoring>, RestoreError> {
    let (found, rows) = match snapshot::read(&*host.files, group, STAGED).await {
        Ok(found) => found,
        Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let half = host.files.list(DIR).await?.iter().any(|name| BEFORE_RENAME.ends_with(name));
            return if half { Err(RestoreError::CutOff) } else { Ok(None) };
        }
        Err(error) => return Err(damaged(error)),
    };
    let last = found.last;
    let occupied = |what: String| Err(RestoreError::Occupied { what });
    if let Some(applied) = applied {
        return occupied(format!("a store at {applied}"));
    }
    tracing::info!(%group, revision = %last, "restoring a backup: this node begins a new cluster");
    let membership = raft::membership_of_one::<R>(last, founder.node, founder.member.clone());
    let (key, value) = (meta::membership_key(group), meta::encode_membership(last, &membership));
    let change = |row: (Bytes, Bytes)| if row.0 == key { (row.0, value.clone()) } else { row };
    let meta = snapshot::SnapshotMeta { last, membership };
    let current = snapshots.adopt(meta, rows, change).await.map_err(damaged)?;
    if current.meta().last != last {
        return occupied(format!("a snapshot at {}", current.meta().last));
    }
    Ok(Some(Restoring { last }))
}

impl Restoring {
    /// The second part: the vote, unless an earlier start gave it. What is left for the log is to end where the snapshot
    /// does, as for any snapshot that is beyond it.
    pub async fn vote<R: AsyncRuntime>(&self, host: &Host, wal: &Wal, founder: &Founder) -> Result<(), RestoreError> {
        if let Some(end) = wal.last().filter(|end| *end != self.last) {
            return Err(RestoreError::Occupied { what: format!("a log that ends at {end}") });
        }
        if wal.vote().is_none() {
            let seconds = host.clock.wall().0 / 1000;
            let term = Term(seconds.max(self.last.term.0 + 1));
            wal.save_vote(raft::vote_for_itself::<R>(term, founder.node)).await?;
        }
        Ok(())
    }

    /// The end: from here on this is a node like any other.
    pub async fn finish(self, host: &Host) -> Result<(), RestoreError> {
        host.files.remove(STAGED).await?;
        host.files.sync_dir(DIR).await?;
        tracing::info!(revision = %self.last, "the backup is restored");
        Ok(())
    }
}
