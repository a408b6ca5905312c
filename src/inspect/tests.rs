use bytes::Bytes;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::host::fake::{self, FakeFiles, FakeHost, FakeStores};
use crate::host::{Batch, Direction, Rng, Row, Stores};
use crate::node::tests::{set_value, start};

const GROUP: GroupId = GroupId::MAIN;

type Runtime = openraft_rt_tokio::TokioRuntime;

/// What a node leaves that has written `writes` times, has a snapshot, and was killed.
async fn stopped(writes: u64) -> FakeHost {
    let fake = fake::host();
    let node = start(&fake).await;
    for n in 0..writes {
        set_value(&node, &format!("v{n}")).await;
        if n == writes / 2 {
            let (parts, view, range) = node.apply.snapshot_view().await.unwrap();
            let meta = crate::log::SnapshotMeta { last: parts.last, membership: parts.membership };
            let snapshots = crate::log::Snapshots::open(&fake.host, GROUP).await.unwrap();
            snapshots.build(meta, view, range).await.unwrap();
        }
    }
    drop(node);
    fake.kill()
}

async fn look(fake: &FakeHost) -> Report {
    look_at(&*fake.host.files, &fake.stores).await
}

async fn look_at(files: &dyn Files, stores: &FakeStores) -> Report {
    let open = async |name: &str| StoreLook { store: stores.open(name).await.ok(), damage: Vec::new(), bytes: 0 };
    directory::<Runtime>(files, GROUP, open).await
}

#[tokio::test(start_paused = true)]
async fn a_whole_directory_is_described() {
    let fake = stopped(20).await;
    let before = (fake.files.counts(), fake.files.names());
    let report = look(&fake).await;
    assert_eq!((report.damage, report.notes), (Vec::new(), Vec::new()));
    assert_eq!(before, (fake.files.counts(), fake.files.names()), "nothing is changed");
    let dir = report.directory.unwrap();
    let identity = dir.identity.unwrap();
    assert_eq!((identity.cluster.as_str(), identity.node), ("alone", 1));
    let log = dir.log.unwrap();
    // Membership, blank, secrets, and the writes.
    let last = LogId::new(1, 22);
    assert_eq!((log.last, log.entries, log.purged), (Some(last), 23, None));
    assert!(log.committed >= Some(LogId::new(1, 21)) && log.vote.is_some_and(|vote| vote.term == 1 && vote.committed));
    assert_eq!(log.segments[0].highest_index, Some(22));
    let store = dir.store.unwrap().state.unwrap();
    assert_eq!((store.applied, store.entries, store.namespaces, store.history), (Some(last), 1, 1, 19));
    // One term for the membership that formed the cluster, one for its leader.
    assert_eq!((store.audit_events, store.receipts, store.terms.len()), (21, 20, 2));
    assert_eq!(store.membership.unwrap().members[0].storage, identity.storage);
    assert_eq!(dir.snapshots.len(), 1);
    assert_eq!((dir.snapshots[0].last, dir.snapshots[0].state.history), (LogId::new(1, 13), 10));
}

#[tokio::test(start_paused = true)]
async fn any_flipped_byte_of_any_file_is_named() {
    let fake = stopped(6).await;
    let mut rng = Rng::seed_from_u64(3);
    let mut judged = 0;
    for name in fake.files.names() {
        let whole = fake.files.contents(&name).unwrap();
        let used = whole.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        // Every third byte of what is used, and some of the zeros behind it.
        let places = (name.len() % 3..used).step_by(3).chain((used..whole.len()).step_by(997));
        for at in places {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << rng.random_range(0..8);
            fake.files.set_contents(&name, bytes);
            let report = look(&fake).await;
            let named = report.damage.iter().any(|damage| damage.file == name);
            // Zeros behind the log's end are judged as recovery judges them: as what a power loss left.
            let torn = name.ends_with(".seg") && at >= used && report.notes.iter().any(|note| note.file == name);
            assert!(named || torn, "byte {at} of {name}: {report:?}");
            judged += usize::from(torn);
        }
        fake.files.set_contents(&name, whole);
    }
    assert!(judged > 0);
    assert!(look(&fake).await.is_whole());
}

#[tokio::test(start_paused = true)]
async fn what_a_power_loss_leaves_is_no_damage() {
    let (mut rng, mut torn) = (Rng::seed_from_u64(5), 0);
    for _ in 0..25 {
        let fake = fake::host();
        let node = start(&fake).await;
        for n in 0..rng.random_range(1..8) {
            set_value(&node, &format!("v{n}")).await;
        }
        fake.files.cut_power_after(rng.random_range(1..4));
        let value = "x".repeat(3000);
        let write = set_value(&node, &value);
        futures_util::future::select(Box::pin(write), Box::pin(fake.files.power_gone())).await;
        let fake = fake.power_loss(&mut rng);
        let report = look(&fake).await;
        assert!(report.is_whole(), "{report:?}");
        torn += usize::from(report.notes.iter().any(|note| note.what == TORN));
        // A start agrees.
        start(&fake).await;
    }
    assert!(torn > 0);
}

/// Changes one row of a store, as damage would.
async fn tamper(fake: &FakeHost, row: &Row, value: Option<Bytes>) {
    let batch = Batch { puts_and_removals: vec![(row.0.clone(), value)] };
    fake.stores.open("state-0-1").await.unwrap().commit(batch).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn any_flipped_byte_of_a_row_is_found_and_the_row_is_named_where_it_contradicts_itself() {
    let fake = stopped(4).await;
    let store = fake.stores.open("state-0-1").await.unwrap();
    let rows = store.scan(&everything(), usize::MAX, Direction::Forward).unwrap();
    let mut named = 0;
    for row in &rows {
        for at in (0..row.1.len()).step_by(5) {
            let mut value = row.1.to_vec();
            value[at] ^= 4;
            tamper(&fake, row, Some(value.into())).await;
            let report = look(&fake).await;
            assert!(!report.is_whole(), "byte {at} of {row:?}");
            assert!(report.damage.iter().all(|damage| damage.file.starts_with("stores/")), "{report:?}");
            named += usize::from(report.damage.iter().any(|damage| damage.row.is_some()));
        }
        tamper(&fake, row, None).await;
        assert!(!look(&fake).await.is_whole(), "{row:?} is missing");
        tamper(&fake, row, Some(row.1.clone())).await;
    }
    assert!(named > 20, "{named}");
    assert!(look(&fake).await.is_whole());
    // An event that was altered with care still breaks the chain.
    let event = rows.iter().find(|row| row.0[0] == 6).unwrap();
    let mut value = event.1.to_vec();
    let at = value.windows(5).position(|window| window == b"admin").unwrap();
    value[at] = b'A';
    tamper(&fake, event, Some(value.into())).await;
    let report = look(&fake).await;
    let chain = report.damage.iter().find(|damage| damage.what.contains("audit chain is broken")).unwrap();
    assert!(chain.row.as_ref().is_some_and(|row| row.starts_with("audit event")), "{chain:?}");
}

async fn backup() -> (Vec<u8>, LogId) {
    let fake = fake::host();
    let node = start(&fake).await;
    for n in 0..3 {
        set_value(&node, &format!("v{n}")).await;
    }
    let mut backup = node.api.backup().await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = backup.next().await.unwrap() {
        bytes.extend_from_slice(&piece);
    }
    (bytes, backup.revision)
}

#[tokio::test(start_paused = true)]
async fn any_flipped_byte_of_a_backup_is_found_and_so_is_any_cut() {
    let (whole, revision) = backup().await;
    let files = FakeFiles::new();
    files.set_contents("b", whole.clone());
    let report = file::<Runtime>(&files, GROUP, "b").await;
    assert!(report.is_whole(), "{report:?}");
    let found = report.snapshot.unwrap();
    assert_eq!((found.last, found.state.entries, found.bytes), (revision, 1, whole.len() as u64));
    let is_found = async |bytes: Vec<u8>, case: String| {
        files.set_contents("b", bytes);
        let report = file::<Runtime>(&files, GROUP, "b").await;
        let damage = report.damage.first().unwrap_or_else(|| panic!("{case} was believed"));
        assert_eq!(damage.file, "b");
        assert!(damage.offset.is_some() || damage.what.contains("format version"), "{case}: {damage:?}");
    };
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        is_found(bytes, format!("byte {at}")).await;
    }
    for cut in (0..whole.len()).step_by(7) {
        is_found(whole[..cut].to_vec(), format!("cut at {cut}")).await;
    }
    is_found([&whole[..], b"x"].concat(), "a longer one".to_owned()).await;
}

#[tokio::test(start_paused = true)]
async fn a_segment_is_read_by_itself() {
    let fake = stopped(6).await;
    let name = fake.files.names().into_iter().find(|name| name.ends_with("1.seg")).unwrap();
    let report = file::<Runtime>(&*fake.host.files, GROUP, &name).await;
    assert!(report.is_whole());
    assert_eq!(report.segment.unwrap().highest_index, Some(8));
    let mut bytes = fake.files.contents(&name).unwrap();
    bytes[200] ^= 1;
    fake.files.set_contents(&name, bytes);
    let report = file::<Runtime>(&*fake.host.files, GROUP, &name).await;
    assert_eq!(report.damage[0].file, name);
}

#[tokio::test(start_paused = true)]
async fn parts_that_do_not_belong_together_are_told() {
    let fake = stopped(6).await;
    for name in fake.files.names().into_iter().filter(|name| name.starts_with("log/")) {
        fake.host.files.remove(&name).await.unwrap();
    }
    let report = look(&fake).await;
    assert!(report.damage.iter().any(|damage| damage.file == "log"), "{report:?}");
}
