use rand::{RngExt, SeedableRng};

use super::*;
use crate::host::fake::{self, FakeHost};
use crate::host::{Batch, Direction, Rng, Row, Stores};

const GROUP: GroupId = GroupId(4);

fn meta(index: u64) -> SnapshotMeta {
    SnapshotMeta { last: LogId::new(2, index), membership: format!("members at {index}").into() }
}

fn range() -> KeyRange {
    KeyRange { start: "a".into(), end: "z".into() }
}

/// A view of `count` rows within the range and two beyond it.
async fn view(host: &FakeHost, count: usize, value_bytes: usize) -> Box<dyn StoreView> {
    let store = host.stores.open("s").await.unwrap();
    let mut batch = Batch::default();
    batch.put("A".into(), "outside".into());
    batch.put("z".into(), "outside".into());
    for at in 0..count {
        batch.put(format!("k{at:06}").into(), vec![at as u8; value_bytes].into());
    }
    store.commit(batch).await.unwrap();
    store.view().unwrap()
}

async fn rows(file: &SnapshotFile) -> Vec<Row> {
    let (mut all, mut rows) = (Vec::new(), file.rows().await.unwrap());
    while let Some(chunk) = rows.next_chunk().await.unwrap() {
        all.extend(chunk);
    }
    assert!(rows.next_chunk().await.unwrap().is_none());
    all
}

async fn open(host: &FakeHost) -> Snapshots {
    Snapshots::open(&host.host, GROUP).await.unwrap()
}

async fn send(from: &SnapshotFile, to: &mut SnapshotReceiver, piece: usize) {
    let mut at = 0;
    while at < from.bytes() {
        let bytes = from.read_chunk(at, piece).await.unwrap();
        to.write(at, bytes.clone()).await.unwrap();
        to.write(at, bytes.clone()).await.unwrap();
        at += bytes.len() as u64;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_built_is_read_back_sent_and_installed() {
    for (count, value_bytes) in [(0, 0), (1, 1), (5000, 100), (7, 700_000)] {
        let (one, two) = (fake::host(), fake::host());
        let (from, to) = (open(&one).await, open(&two).await);
        let view = view(&one, count, value_bytes).await;
        let expected = view.scan(&range(), usize::MAX, Direction::Forward).unwrap();
        assert_eq!(expected.len(), count);
        let built = from.build(meta(9), view, range()).await.unwrap();
        assert!(rows(&built).await == expected);
        let mut receiver = to.receive(meta(9)).await.unwrap();
        send(&built, &mut receiver, 1 << 16).await;
        let received = receiver.finish().await.unwrap();
        assert!(to.current().is_none(), "it is not installed yet");
        to.install(received).await.unwrap();
        drop(to);
        let life = two.power_loss(&mut Rng::seed_from_u64(count as u64));
        let current = open(&life).await.current().unwrap();
        assert_eq!((current.meta(), current.bytes()), (&meta(9), built.bytes()));
        assert!(rows(&current).await == expected);
        assert_eq!(life.files.names(), ["snapshot/4-2-9.snap"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_snapshot_never_replaces_a_newer_one() {
    let host = fake::host();
    let snapshots = open(&host).await;
    let mut early = snapshots.receive(meta(5)).await.unwrap();
    let five = snapshots.build(meta(5), view(&host, 3, 9).await, range()).await.unwrap();
    send(&five, &mut early, 50).await;
    snapshots.build(meta(8), view(&host, 4, 9).await, range()).await.unwrap();
    let late = snapshots.build(meta(5), view(&host, 3, 9).await, range()).await.unwrap();
    assert_eq!(late.meta().last, LogId::new(2, 8));
    snapshots.install(early.finish().await.unwrap()).await.unwrap();
    assert_eq!(snapshots.current().unwrap().meta().last, LogId::new(2, 8));
    assert_eq!(rows(&five).await.len(), 3, "a handle of a replaced file still reads");
    assert_eq!(host.files.names(), ["snapshot/4-2-8.snap"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_wrong_is_refused_and_leaves_nothing() {
    let host = fake::host();
    let snapshots = open(&host).await;
    let good = snapshots.build(meta(5), view(&host, 30, 99).await, range()).await.unwrap();
    let bytes = good.read_chunk(0, usize::MAX).await.unwrap();
    let mut rng = Rng::seed_from_u64(1);
    for _ in 0..200 {
        let mut bad = bytes.to_vec();
        match rng.random_range(0..3) {
            0 => bad.truncate(rng.random_range(0..bad.len())),
            1 => bad.extend_from_slice(&[0; 3]),
            _ => {
                let at = rng.random_range(0..bad.len());
                bad[at] ^= 1 << rng.random_range(0..8);
            }
        }
        let mut receiver = snapshots.receive(meta(5)).await.unwrap();
        receiver.write(0, bad.into()).await.unwrap();
        assert!(receiver.finish().await.is_err());
    }
    let mut other = snapshots.receive(meta(6)).await.unwrap();
    assert!(matches!(other.write(1, "gap".into()).await, Err(LogError::Refused { .. })));
    send(&good, &mut other, 1000).await;
    assert!(matches!(other.finish().await, Err(LogError::Refused { .. })), "another id than was announced");
    drop(snapshots.receive(meta(7)).await.unwrap());
    snapshots.collect_garbage().await;
    assert_eq!(host.files.names(), ["snapshot/4-2-5.snap"]);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_snapshot_is_set_aside_for_an_older_one_or_none() {
    let host = fake::host();
    let snapshots = open(&host).await;
    snapshots.build(meta(5), view(&host, 30, 99).await, range()).await.unwrap();
    let five = host.files.contents("snapshot/4-2-5.snap").unwrap();
    let eight = snapshots.build(meta(8), view(&host, 30, 99).await, range()).await.unwrap();
    let mut bad = eight.read_chunk(0, usize::MAX).await.unwrap().to_vec();
    bad[500] ^= 4;
    let host = host.kill();
    host.files.set_contents("snapshot/4-2-8.snap", bad);
    host.files.set_contents("snapshot/4-2-5.snap", five);
    host.files.set_contents("snapshot/4-2-9.snap.1.tmp", vec![1]);
    host.files.set_contents("snapshot/5-2-9.snap.1.tmp", vec![1]);
    let current = open(&host).await.current().unwrap();
    assert_eq!(current.meta().last, LogId::new(2, 5));
    let expected = ["snapshot/4-2-5.snap", "snapshot/4-2-8.snap.bad", "snapshot/5-2-9.snap.1.tmp"];
    assert_eq!(host.files.names(), expected);
    let snapshots = open(&host).await;
    snapshots.set_aside(&snapshots.current().unwrap(), "found bad").await.unwrap();
    assert!(snapshots.current().is_none() && open(&host).await.current().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_power_loss_leaves_the_old_or_the_new_and_what_was_told() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..150 {
        let mut rng = Rng::seed_from_u64(seed);
        let host = fake::host();
        let snapshots = open(&host).await;
        snapshots.build(meta(5), view(&host, 20, 99).await, range()).await.unwrap();
        host.files.cut_power_after(rng.random_range(1..9));
        let building = snapshots.build(meta(8), view(&host, 30, 99).await, range());
        let told = tokio::time::timeout(std::time::Duration::from_secs(1), building).await.is_ok();
        let life = host.power_loss(&mut rng);
        let current = open(&life).await.current().unwrap();
        let (index, count) = (current.meta().last.index.0, rows(&current).await.len());
        assert!([(5, 20), (8, 30)].contains(&(index, count)) && (!told || index == 8), "seed {seed}");
        assert_eq!(life.files.names().len(), 1, "seed {seed}: {:?}", life.files.names());
        seen.insert((told, index));
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_fails_the_build_and_keeps_what_was() {
    let host = fake::host();
    let snapshots = open(&host).await;
    snapshots.build(meta(5), view(&host, 20, 99).await, range()).await.unwrap();
    host.files.set_free_bytes(100);
    let Err(LogError::Io { source, .. }) = snapshots.build(meta(8), view(&host, 30, 99).await, range()).await else {
        panic!("there was no space")
    };
    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    assert_eq!(host.files.names(), ["snapshot/4-2-5.snap"]);
    assert_eq!(snapshots.current().unwrap().meta().last, LogId::new(2, 5));
}
