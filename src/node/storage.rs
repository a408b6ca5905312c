use openraft::AsyncRuntime;

use super::StartError;
use super::restore::{self, Founder};
use crate::apply::ApplyHandle;
use crate::base::{GroupId, LogId};
use crate::config::StorageConfig;
use crate::host::Host;
use crate::log::{LogError, Snapshots, Wal, WalSettings};
use crate::raft::GroupStorage;

/// Log entries kept in memory for followers that are up to date. Older ones are read from disk.
const LOG_CACHE_BYTES: usize = 8 << 20;

/// Opens store, log and snapshots. What can be rebuilt gives way to what must never be lost: a store that claims
/// more than the durable log and snapshot hold, or something else, is set aside.
///
/// A backup that waits in the data directory becomes snapshot and log first, with `founder` as the only member.
pub(super) async fn open<R: AsyncRuntime>(
    host: &Host,
    group: GroupId,
    config: &StorageConfig,
    founder: &Founder,
) -> Result<GroupStorage, StartError> {
    let apply = ApplyHandle::start(host, group).await?;
    let snapshots = Snapshots::open(host, group).await?;
    let restoring = restore::begin::<R>(host, group, &snapshots, apply.status().applied, founder).await?;
    let settings = WalSettings {
        segment_bytes: config.segment_bytes,
        cache_bytes: LOG_CACHE_BYTES,
        reserve_bytes: config.reserve_bytes,
    };
    let applied = apply.status().applied;
    let snapshot = snapshots.current().map(|file| file.meta().last);
    // What was applied from the log was synced before, so the log must still hold it. What a snapshot brought need
    // never have been in this log.
    let from_log = applied.filter(|applied| snapshot.is_none_or(|snapshot| snapshot < *applied));
    let wal = Wal::open(host, group, settings, from_log).await?;
    if let Some(restoring) = &restoring {
        restoring.vote::<R>(host, &wal, founder).await?;
    }
    if (applied.is_some() || snapshot.is_some()) && wal.vote().is_none() {
        // Nothing is committed without a leader, and a node records whom it follows before it takes an entry. Without
        // its log it would vote again where it has voted, and miss entries that it said to hold.
        let what = "the log is gone, and store or snapshot prove that there was one";
        return Err(LogError::Damaged { file: "log".to_owned(), offset: 0, what: what.to_owned() }.into());
    }
    if let Some(snapshot) = snapshot {
        complete_purge(&wal, snapshot).await?;
    }
    if let Some(restoring) = restoring {
        restoring.finish(host).await?;
    }
    let applied = match contradiction(applied, &wal) {
        Some(reason) => {
            apply.start_over(&reason).await?;
            None
        }
        None => applied,
    };
    if let Some(purged) = wal.purged()
        && applied.max(snapshot).is_none_or(|held| held.index < purged.index)
    {
        return Err(snapshots.missing(purged).await.into());
    }
    Ok(GroupStorage { wal, apply, snapshots })
}

/// A snapshot that came from the leader is durable before the log makes room for it. Where power went in between, the
/// rest is done here: entries that end before the snapshot are covered by it, and the last of them may be of a later
/// term that nobody committed, which must not stand for the end of this log.
async fn complete_purge(wal: &Wal, snapshot: LogId) -> Result<(), StartError> {
    if wal.last().is_some_and(|last| last.index >= snapshot.index) {
        return Ok(());
    }
    let failed = |source| LogError::Io { file: "log".to_owned(), source };
    Ok(wal.purge(snapshot).await.map_err(failed)?)
}

/// Why the store cannot belong to this log, if it cannot.
fn contradiction(applied: Option<LogId>, wal: &Wal) -> Option<String> {
    let applied = applied?;
    let last = wal.last();
    if last.is_none_or(|last| last.index < applied.index) {
        let last = last.map_or("nothing".to_owned(), |id| id.to_string());
        return Some(format!("it has applied {applied}, but log and snapshot end at {last}"));
    }
    let kept = wal.id_at(applied.index).filter(|kept| *kept != applied)?;
    Some(format!("it has applied {applied}, but the log has {kept} there"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use openraft_rt_tokio::TokioRuntime;

    use super::*;
    use crate::apply::{ApplyEntry, ApplyPayload};
    use crate::base::NodeId;
    use crate::host::fake::{self, FakeHost};
    use crate::log::{LogEntry, SnapshotMeta};
    use crate::raft::Member;

    const GROUP: GroupId = GroupId::MAIN;
    const CONFIG: StorageConfig =
        StorageConfig { segment_bytes: 8 << 10, snapshot_log_bytes: 64 << 10, reserve_bytes: 0 };

    async fn started(fake: &FakeHost) -> Result<GroupStorage, StartError> {
        let founder = Founder { node: NodeId(1), member: Member::default() };
        open::<TokioRuntime>(&fake.host, GROUP, &CONFIG, &founder).await
    }

    async fn append(stores: &GroupStorage, term: u64, indexes: std::ops::Range<u64>) {
        let payload = Bytes::from_static(b"entry");
        let entries = indexes.map(|index| LogEntry { id: LogId::new(term, index), payload: payload.clone() });
        let (tx, rx) = tokio::sync::oneshot::channel();
        stores.wal.append(entries.collect(), Box::new(move |synced| tx.send(synced).unwrap()));
        rx.await.unwrap().unwrap();
    }

    async fn apply(stores: &GroupStorage, term: u64, indexes: std::ops::Range<u64>) {
        let entries = indexes.map(|index| {
            let membership = ApplyPayload::Membership(Bytes::from_static(b"members"));
            let payload = if index == 0 { membership } else { ApplyPayload::Blank };
            ApplyEntry { id: LogId::new(term, index), payload }
        });
        stores.apply.apply(entries.collect()).await.unwrap();
    }

    async fn build(stores: &GroupStorage) {
        let (parts, view, range) = stores.apply.snapshot_view().await.unwrap();
        let meta = SnapshotMeta { last: parts.last, membership: parts.membership };
        stores.snapshots.build(meta, view, range).await.unwrap();
    }

    /// A node that has applied and logged entries 0 to 9 of term 1 and voted.
    async fn with_ten_entries(fake: &FakeHost) -> GroupStorage {
        let stores = started(fake).await.unwrap();
        stores.wal.save_vote(Bytes::from_static(b"vote")).await.unwrap();
        append(&stores, 1, 0..10).await;
        apply(&stores, 1, 0..10).await;
        stores
    }

    fn flip(fake: &FakeHost, path: &str) {
        let mut bytes = fake.files.contents(path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fake.files.set_contents(path, bytes);
    }

    fn snapshot_path(fake: &FakeHost) -> String {
        fake.files.names().into_iter().find(|name| name.ends_with(".snap")).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_store_is_no_reason_to_stop_while_log_or_snapshot_hold_the_state() {
        let fake = fake::host();
        let stores = with_ten_entries(&fake).await;
        build(&stores).await;
        stores.wal.purge(LogId::new(1, 7)).await.unwrap();
        drop(stores);
        let fake = fake.kill();
        fake.host.files.remove("apply/CURRENT-0").await.unwrap();
        let stores = started(&fake).await.unwrap();
        assert_eq!(stores.apply.status().applied, None, "consensus installs the snapshot");
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_whose_state_is_nowhere_any_more_names_the_file_and_stops() {
        // Neither a store that lost its newest commits nor an empty one may go on where the log was purged further.
        for lost_commits in [true, false] {
            let fake = fake::host();
            let stores = with_ten_entries(&fake).await;
            build(&stores).await;
            stores.wal.purge(LogId::new(1, 9)).await.unwrap();
            drop(stores);
            let fake = fake.kill();
            flip(&fake, &snapshot_path(&fake));
            if lost_commits {
                fake.stores.lose_commits("state-0-1", 1);
            } else {
                fake.host.files.remove("apply/CURRENT-0").await.unwrap();
            }
            for start in ["the first", "the next"] {
                let Err(error) = started(&fake).await else { panic!("{start} start went on with an older state") };
                let said = error.to_string();
                assert!(matches!(error, StartError::Log(LogError::Damaged { .. })), "{said}");
                for part in ["snapshot/0-1-9.snap.bad", "offset", "Replace the node"] {
                    assert!(said.contains(part), "{start} start: {said}");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_holds_all_that_was_purged_outlives_its_snapshot() {
        let fake = fake::host();
        let stores = with_ten_entries(&fake).await;
        build(&stores).await;
        stores.wal.purge(LogId::new(1, 9)).await.unwrap();
        drop(stores);
        let fake = fake.kill();
        flip(&fake, &snapshot_path(&fake));
        let stores = started(&fake).await.unwrap();
        assert_eq!(stores.apply.status().applied, Some(LogId::new(1, 9)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_gone_is_not_taken_for_a_fresh_one() {
        let fake = fake::host();
        let stores = with_ten_entries(&fake).await;
        build(&stores).await;
        drop(stores);
        let fake = fake.kill();
        for name in fake.files.names().into_iter().filter(|name| name.starts_with("log/")) {
            fake.host.files.remove(&name).await.unwrap();
        }
        let Err(error) = started(&fake).await else { panic!("it would vote again where it has voted") };
        assert!(error.to_string().contains("Replace the node"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_beyond_the_log_takes_its_place() {
        // A leader of term 3 has sent its snapshot at 1:9 to a follower that kept an entry of term 2 which nobody
        // committed; power went before the log was purged.
        let leader = fake::host();
        let leading = with_ten_entries(&leader).await;
        build(&leading).await;
        let sent = leading.snapshots.current().unwrap();

        let fake = fake::host();
        let stores = started(&fake).await.unwrap();
        stores.wal.save_vote(Bytes::from_static(b"vote")).await.unwrap();
        append(&stores, 1, 0..4).await;
        apply(&stores, 1, 0..4).await;
        append(&stores, 2, 4..6).await;
        let mut receiver = stores.snapshots.receive(sent.meta().clone()).await.unwrap();
        receiver.write(0, sent.read_chunk(0, sent.bytes() as usize).await.unwrap()).await.unwrap();
        stores.snapshots.install(receiver.finish().await.unwrap()).await.unwrap();
        drop(stores);

        let fake = fake.kill();
        let stores = started(&fake).await.unwrap();
        let at = Some(LogId::new(1, 9));
        assert_eq!((stores.wal.last(), stores.wal.purged()), (at, at), "entry 2:5 must not stand for the last one");
    }
}
