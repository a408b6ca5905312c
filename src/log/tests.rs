use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rand::SeedableRng;

use super::*;
use crate::base::{GroupId, LogIndex};
use crate::host::Rng;
use crate::host::fake::{self, FakeHost};

mod damage;
mod power_loss;

const GROUP: GroupId = GroupId(4);

fn settings() -> WalSettings {
    WalSettings { segment_bytes: 8 << 10, cache_bytes: 1000, reserve_bytes: 1 << 20 }
}

fn entry(term: u64, index: u64, bytes: usize) -> LogEntry {
    LogEntry { id: LogId::new(term, index), payload: vec![(index % 251) as u8; bytes].into() }
}

fn entries(term: u64, indexes: std::ops::Range<u64>, bytes: usize) -> Vec<LogEntry> {
    indexes.map(|index| entry(term, index, bytes)).collect()
}

async fn open(host: &FakeHost) -> Wal {
    Wal::open(&host.host, GROUP, settings(), None).await.unwrap()
}

async fn append(wal: &Wal, entries: Vec<LogEntry>) -> io::Result<()> {
    let (tx, rx) = tokio::sync::oneshot::channel();
    wal.append(entries, Box::new(move |outcome| tx.send(outcome).unwrap()));
    rx.await.unwrap()
}

async fn read_all(wal: &Wal) -> Vec<LogEntry> {
    wal.read(LogIndex(0), LogIndex(u64::MAX), usize::MAX).await.unwrap()
}

fn segments(host: &FakeHost) -> Vec<String> {
    host.files.names().into_iter().filter(|name| name.ends_with(".seg")).collect()
}

#[tokio::test(start_paused = true)]
async fn what_was_told_durable_is_there_again() {
    let host = fake::host();
    let wal = open(&host).await;
    assert_eq!((wal.last(), wal.vote(), wal.committed(), wal.synced()), (None, None, None, None));
    append(&wal, entries(1, 0..5, 10)).await.unwrap();
    wal.save_vote(Bytes::from_static(b"vote")).await.unwrap();
    wal.truncate_after(Some(LogId::new(1, 2))).await.unwrap();
    append(&wal, entries(2, 3..6, 700)).await.unwrap();
    wal.save_committed(LogId::new(2, 4));
    wal.purge(LogId::new(1, 0)).await.unwrap();
    let expected: Vec<_> = entries(1, 1..3, 10).into_iter().chain(entries(2, 3..6, 700)).collect();
    let mut life = host;
    for lose_power in [false, true] {
        life = if lose_power { life.power_loss(&mut Rng::seed_from_u64(1)) } else { life.kill() };
        let wal = open(&life).await;
        assert_eq!(read_all(&wal).await, expected);
        assert_eq!(wal.vote().unwrap(), "vote");
        assert_eq!(wal.committed(), Some(LogId::new(2, 4)));
        assert_eq!((wal.last(), wal.synced()), (Some(LogId::new(2, 5)), Some(LogId::new(2, 5))));
        assert_eq!((wal.purged(), wal.id_at(LogIndex(0))), (Some(LogId::new(1, 0)), Some(LogId::new(1, 0))));
        assert_eq!(wal.bytes_after(Some(LogIndex(2))), 2100);
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_readable_before_it_is_durable_and_told_in_order() {
    let host = fake::host();
    let wal = open(&host).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    for index in 0..20 {
        let told = told.clone();
        wal.append(
            vec![entry(1, index, 900)],
            Box::new(move |outcome| told.lock().unwrap().push((index, outcome.is_ok()))),
        );
        assert_eq!(wal.last(), Some(LogId::new(1, index)));
    }
    assert_eq!((wal.synced(), read_all(&wal).await.len()), (None, 20));
    wal.wait_synced(LogIndex(19)).await.unwrap();
    assert_eq!(wal.synced(), Some(LogId::new(1, 19)));
    wal.save_vote(Bytes::new()).await.unwrap();
    assert_eq!(*told.lock().unwrap(), (0..20).map(|index| (index, true)).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn many_writers_share_a_sync_and_a_committed_id_has_none() {
    let host = fake::host();
    let wal = open(&host).await;
    append(&wal, entries(1, 0..1, 10)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (syncs, writes) = host.files.counts();
    for index in 1..50 {
        wal.append(vec![entry(1, index, 10)], Box::new(|outcome| outcome.unwrap()));
    }
    wal.wait_synced(LogIndex(49)).await.unwrap();
    assert_eq!(host.files.counts(), (syncs + 1, writes + 1));
    wal.save_committed(LogId::new(1, 30));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(host.files.counts(), (syncs + 1, writes + 2));
    wal.save_committed(LogId::new(1, 99));
    assert_eq!(wal.committed(), Some(LogId::new(1, 49)), "clamped to the last entry");
    append(&wal, entries(1, 50..51, 10)).await.unwrap();
    let wal = open(&host.kill()).await;
    assert_eq!(wal.committed(), Some(LogId::new(1, 50)));
}

#[tokio::test(start_paused = true)]
async fn purging_removes_segments_and_keeps_vote_and_committed() {
    let host = fake::host();
    let wal = open(&host).await;
    wal.save_vote(Bytes::from_static(b"v7")).await.unwrap();
    append(&wal, entries(3, 0..100, 500)).await.unwrap();
    wal.save_committed(LogId::new(3, 99));
    wal.purge(LogId::new(3, 5)).await.unwrap();
    let before = segments(&host).len();
    assert!(before >= 7, "{before}");
    wal.purge(LogId::new(3, 98)).await.unwrap();
    wal.save_vote(Bytes::from_static(b"v8")).await.unwrap();
    assert!(segments(&host).len() <= 3, "{:?}", segments(&host));
    let life = host.kill();
    let wal = open(&life).await;
    assert_eq!(wal.vote().unwrap(), "v8");
    assert_eq!((wal.purged(), wal.committed()), (Some(LogId::new(3, 98)), Some(LogId::new(3, 99))));
    assert_eq!(read_all(&wal).await, entries(3, 99..100, 500));
    // Beyond the last entry: a snapshot was installed.
    wal.purge(LogId::new(4, 500)).await.unwrap();
    assert_eq!((wal.last(), wal.bytes_after(None)), (Some(LogId::new(4, 500)), 0));
    append(&wal, entries(5, 501..502, 10)).await.unwrap();
    let wal = open(&life.kill()).await;
    assert_eq!(read_all(&wal).await, entries(5, 501..502, 10));
}

#[tokio::test(start_paused = true)]
async fn entries_beyond_the_cache_and_beyond_a_segment_are_read_from_files() {
    let host = fake::host();
    let wal = open(&host).await;
    let mut all = entries(1, 0..10, 300);
    all.push(entry(1, 10, 50_000));
    all.extend(entries(1, 11..40, 300));
    append(&wal, all.clone()).await.unwrap();
    assert_eq!(read_all(&wal).await, all);
    assert_eq!(wal.read(LogIndex(5), LogIndex(9), usize::MAX).await.unwrap(), all[5..9]);
    assert_eq!(wal.read(LogIndex(5), LogIndex(9), 700).await.unwrap(), all[5..7]);
    assert_eq!(wal.read(LogIndex(10), LogIndex(12), 0).await.unwrap(), all[10..11]);
    assert_eq!(wal.read(LogIndex(40), LogIndex(90), 0).await.unwrap(), []);
    let wal = open(&host.kill()).await;
    assert_eq!(read_all(&wal).await, all);
}

#[tokio::test(start_paused = true)]
async fn a_failed_sync_is_final() {
    let host = fake::host();
    let wal = open(&host).await;
    append(&wal, entries(1, 0..3, 10)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    host.files.fail_syncs(true);
    let failures = Arc::new(AtomicUsize::new(0));
    for index in 3..6 {
        let failures = failures.clone();
        let told = move |outcome: io::Result<()>| {
            failures.fetch_add(usize::from(outcome.is_err()), Ordering::SeqCst);
        };
        wal.append(vec![entry(1, index, 10)], Box::new(told));
    }
    assert!(wal.wait_synced(LogIndex(5)).await.is_err());
    assert_eq!(failures.load(Ordering::SeqCst), 3);
    host.files.fail_syncs(false);
    assert!(append(&wal, entries(1, 6..7, 10)).await.is_err());
    assert!(wal.save_vote(Bytes::new()).await.is_err());
    assert!(wal.wait_synced(LogIndex(9)).await.is_err());
    assert_eq!(wal.synced(), Some(LogId::new(1, 2)));
    let reason = host.fatal_reason().unwrap();
    assert!(reason.contains("log/4-0000000001.seg") && reason.contains("injected"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_after_a_failed_sync_is_on_disk() {
    let mut host = fake::host();
    let wal = open(&host).await;
    append(&wal, entries(1, 0..3, 300)).await.unwrap();
    host.files.fail_syncs(true);
    assert!(append(&wal, entries(1, 3..20, 300)).await.is_err());
    // The next process finds the entries, because the file system still has them in memory, and promises them.
    host = host.kill();
    host.files.fail_syncs(false);
    let wal = open(&host).await;
    let promised = read_all(&wal).await;
    assert_eq!((wal.synced(), promised.len()), (Some(LogId::new(1, 19)), 20));
    let wal = open(&host.power_loss(&mut Rng::seed_from_u64(5))).await;
    assert_eq!(read_all(&wal).await, promised);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_waited_out() {
    let host = fake::host();
    let wal = open(&host).await;
    append(&wal, entries(1, 0..1, 10)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for free in [10, 600 << 10] {
        // First the preallocation fails, then the reserve forbids it.
        host.files.set_free_bytes(free);
        if free > 10 {
            host.files.set_free_bytes(500 << 10);
        }
        let from = wal.last().unwrap().index.0 + 1;
        wal.append(entries(1, from..from + 60, 500), Box::new(|outcome| outcome.unwrap()));
        let waited = tokio::time::timeout(Duration::from_secs(5), wal.wait_synced(LogIndex(from + 59))).await;
        assert!(waited.is_err(), "there is no space for this");
        assert!(host.fatal_reason().is_none());
        host.files.set_free_bytes(1 << 30);
        let waited = tokio::time::timeout(Duration::from_millis(300), wal.wait_synced(LogIndex(from + 59))).await;
        waited.unwrap().unwrap();
    }
    assert_eq!(read_all(&open(&host.kill()).await).await.len(), 121);
}

#[tokio::test(start_paused = true)]
async fn a_truncation_that_waits_hides_what_is_synced_behind_it() {
    let host = fake::host();
    let wal = open(&host).await;
    append(&wal, entries(1, 0..3, 10)).await.unwrap();
    wal.append(entries(1, 3..6, 10), Box::new(|_| {}));
    tokio::task::yield_now().await;
    let other = wal.clone();
    let truncated = tokio::spawn(async move { other.truncate_after(Some(LogId::new(1, 3))).await });
    tokio::task::yield_now().await;
    wal.append(vec![entry(2, 4, 10)], Box::new(|_| {}));
    while wal.synced() != Some(LogId::new(2, 4)) {
        let synced = wal.synced().unwrap();
        assert_eq!(wal.id_at(synced.index), Some(synced));
        tokio::task::yield_now().await;
    }
    truncated.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "cannot follow")]
async fn a_gap_in_the_log_is_a_broken_truth() {
    let wal = open(&fake::host()).await;
    wal.append(entries(1, 0..1, 10), Box::new(|_| {}));
    wal.append(entries(1, 2..3, 10), Box::new(|_| {}));
}
