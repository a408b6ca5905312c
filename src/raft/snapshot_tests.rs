//! Snapshots on full disks, of damaged stores, and on their way between nodes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::RaftSnapshotBuilder;
use openraft::network::{RaftNetworkFactory, RaftNetworkV2};
use openraft::storage::RaftStateMachine;
use openraft_rt_tokio::TokioRuntime;

use super::RaftHandle;
use super::actor::GroupStorage;
use super::codec;
use super::network::{ChunkAnswer, Network, SnapshotChunk};
use super::server::RaftServer;
use super::state_machine::{StateMachine, as_raft_snapshot};
use super::test_cluster::raft_settings;
use super::types::{StoredMembership, VoteOf, raft_log_id};
use crate::apply::{ApplyEntry, ApplyHandle, ApplyPayload};
use crate::base::{GroupId, LogId, NodeId, StorageId};
use crate::host::fake::{self, FakeHost};
use crate::host::{Batch, BoxFuture, Direction};
use crate::log::{LogEntry, SnapshotFile, Snapshots, Wal, WalSettings};
use crate::model::{Command, Key, Namespace, Op, ValueType};
use crate::peer::{FrameKind, Identity, PeerClaim, PeerGuard, PeerHandle, PeerService, Refusal, RefusalCode};

const GROUP: GroupId = GroupId::MAIN;
const RESERVE: u64 = 8 << 20;

async fn storage(fake: &FakeHost) -> GroupStorage {
    let apply = ApplyHandle::start(&fake.host, GROUP).await.unwrap();
    let snapshots = Snapshots::open(&fake.host, GROUP).await.unwrap();
    let settings = WalSettings { segment_bytes: 8 << 10, cache_bytes: 1 << 10, reserve_bytes: 0 };
    let wal = Wal::open(&fake.host, GROUP, settings, None).await.unwrap();
    GroupStorage { wal, apply, snapshots }
}

fn machine(fake: &FakeHost, storage: &GroupStorage) -> StateMachine<TokioRuntime> {
    StateMachine::new(fake.host.clone(), RESERVE, storage.clone())
}

fn name() -> (Namespace, Key) {
    (Namespace::parse("n").unwrap(), Key::parse("k").unwrap())
}

/// Applies a membership and `writes` writes of a kilobyte each, and logs them.
async fn fill(storage: &GroupStorage, writes: u64) {
    let nobody = codec::encode(&StoredMembership::<TokioRuntime>::default());
    let write = |index: u64| {
        let (namespace, key) = name();
        let value = format!("{index:01024}");
        ApplyPayload::Command(Command {
            stamp: crate::base::WallTime(index),
            actor: "ann".into(),
            request_id: crate::base::RequestId::parse("r").unwrap(),
            write: Op::Set { namespace, key, value, value_type: ValueType::String }.into(),
        })
    };
    let entries: Vec<ApplyEntry> = (0..=writes)
        .map(|index| {
            let payload = if index == 0 { ApplyPayload::Membership(nobody.clone()) } else { write(index) };
            ApplyEntry { id: LogId::new(1, index), payload }
        })
        .collect();
    let logged = entries.iter().map(|entry| LogEntry { id: entry.id, payload: Bytes::from_static(b"any") }).collect();
    storage.wal.append(logged, Box::new(|synced| synced.unwrap()));
    storage.apply.apply(entries).await.unwrap();
}

/// Changes the newest value behind the actor's back.
async fn rot(fake: &FakeHost, storage: &GroupStorage) {
    let (_, view, range) = storage.apply.snapshot_view().await.unwrap();
    let rows = view.scan(&range, usize::MAX, Direction::Forward).unwrap();
    let (key, _) = rows.into_iter().rev().find(|(_, value)| value.len() > 1024).unwrap();
    let mut batch = Batch::default();
    batch.put(key, Bytes::from_static(b"rot"));
    fake.host.stores.open("state-0-1").await.unwrap().commit(batch).await.unwrap();
}

async fn build(machine: &mut StateMachine<TokioRuntime>) -> std::io::Result<SnapshotFile> {
    let mut builder = machine.get_snapshot_builder().await;
    builder.build_snapshot().await.map(|built| built.snapshot)
}

/// A snapshot file of another node.
async fn of_another_node(writes: u64) -> (FakeHost, SnapshotFile) {
    let fake = fake::host();
    let storage = storage(&fake).await;
    fill(&storage, writes).await;
    let file = build(&mut machine(&fake, &storage)).await.unwrap();
    (fake, file)
}

#[tokio::test(start_paused = true)]
async fn building_waits_for_a_full_disk_and_goes_on_by_itself() {
    let fake = fake::host();
    let storage = storage(&fake).await;
    fill(&storage, 9).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fake.files.set_free_bytes(RESERVE / 8 - 1);
    let mut machine = machine(&fake, &storage);
    let building = tokio::spawn(async move { build(&mut machine).await.map(|file| file.meta().last) });
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!building.is_finished() && storage.snapshots.current().is_none());
    fake.files.set_free_bytes(1 << 30);
    assert_eq!(building.await.unwrap().unwrap(), LogId::new(1, 9));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_fills_the_disk_is_tried_again() {
    let fake = fake::host();
    let storage = storage(&fake).await;
    fill(&storage, 9).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fake.files.set_free_bytes(3000);
    let mut machine = StateMachine::<TokioRuntime>::new(fake.host.clone(), 0, storage.clone());
    let building = tokio::spawn(async move { build(&mut machine).await.map(|file| file.meta().last) });
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!building.is_finished(), "an error ends consensus on this node");
    fake.files.set_free_bytes(1 << 30);
    assert_eq!(building.await.unwrap().unwrap(), LogId::new(1, 9));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_store_makes_no_snapshot() {
    for has_one in [false, true] {
        let fake = fake::host();
        let storage = storage(&fake).await;
        fill(&storage, 3).await;
        let mut machine = machine(&fake, &storage);
        if has_one {
            build(&mut machine).await.unwrap();
            let blank = ApplyEntry { id: LogId::new(1, 4), payload: ApplyPayload::Blank };
            storage.apply.apply(vec![blank]).await.unwrap();
        }
        rot(&fake, &storage).await;
        let built = build(&mut machine).await.map(|file| file.meta().last);
        assert_eq!(built.ok(), has_one.then_some(LogId::new(1, 3)), "the old one is good, the store is not");
        let mut status = storage.apply.subscribe();
        status.wait_for(|status| status.alarm.is_some()).await.unwrap();
        assert!(machine.try_create_snapshot_builder(false).await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn applying_waits_for_a_full_disk() {
    let fake = fake::host();
    let storage = storage(&fake).await;
    fill(&storage, 3).await;
    let next = LogId::new(1, 4);
    let payload = codec::encode(&openraft::EntryPayload::<Command, NodeId, super::Member>::Blank);
    storage.wal.append(vec![LogEntry { id: next, payload: payload.clone() }], Box::new(|synced| synced.unwrap()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    fake.files.set_free_bytes(RESERVE / 8 - 1);
    let mut machine = machine(&fake, &storage);
    let entry = codec::raft_entry::<TokioRuntime>(LogEntry { id: next, payload }).unwrap();
    let applying = tokio::spawn(async move { machine.apply(futures_util::stream::iter([Ok((entry, None))])).await });
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(storage.apply.status().applied, Some(LogId::new(1, 3)));
    fake.files.set_free_bytes(1 << 30);
    applying.await.unwrap().unwrap();
    assert_eq!(storage.apply.status().applied, Some(next));
}

#[tokio::test(start_paused = true)]
async fn installing_waits_for_a_full_disk_and_sets_aside_what_cannot_be_installed() {
    let (_other, sent) = of_another_node(9).await;
    let fake = fake::host();
    let storage = storage(&fake).await;
    let mut receiver = storage.snapshots.receive(sent.meta().clone()).await.unwrap();
    receiver.write(0, sent.read_chunk(0, sent.bytes() as usize).await.unwrap()).await.unwrap();
    let received = receiver.finish().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    fake.files.set_free_bytes(RESERVE / 8 + sent.bytes() - 1);
    let mut machine = machine(&fake, &storage);
    let snapshot = as_raft_snapshot::<TokioRuntime>(received).unwrap();
    let installing =
        tokio::spawn(
            async move { machine.install_snapshot(&snapshot.meta, snapshot.snapshot).await.map(|()| machine) },
        );
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(storage.apply.status().applied, None);
    fake.files.set_free_bytes(1 << 30);
    let mut machine = installing.await.unwrap().unwrap();
    assert_eq!(storage.apply.status().applied, Some(LogId::new(1, 9)));

    // Whole by its checksums, and not the state that it says it is.
    let other = fake::host();
    let lying = self::storage(&other).await;
    fill(&lying, 12).await;
    rot(&other, &lying).await;
    let (parts, _, range) = lying.apply.snapshot_view().await.unwrap();
    let meta = crate::log::SnapshotMeta { last: parts.last, membership: parts.membership };
    let raw = lying.apply.view().unwrap().into_raw();
    let sent = lying.snapshots.build(meta, raw, range).await.unwrap();
    let mut receiver = storage.snapshots.receive(sent.meta().clone()).await.unwrap();
    receiver.write(0, sent.read_chunk(0, sent.bytes() as usize).await.unwrap()).await.unwrap();
    let snapshot = as_raft_snapshot::<TokioRuntime>(receiver.finish().await.unwrap()).unwrap();
    assert!(machine.install_snapshot(&snapshot.meta, snapshot.snapshot).await.is_err());
    assert!(fake.files.names().contains(&"snapshot/0-1-12.snap.bad".to_owned()), "no start tries it again");
}

struct Nobody;

impl PeerGuard for Nobody {
    fn admit(&self, _: &PeerClaim) -> Result<(), Refusal> {
        Err(Refusal::new(RefusalCode::NotAdmitted, "nobody"))
    }
}

impl PeerService for Nobody {
    fn handle(&self, _: NodeId, _: GroupId, _: FrameKind, _: Bytes) -> BoxFuture<'static, Result<Bytes, String>> {
        Box::pin(std::future::ready(Err("nobody".into())))
    }
}

/// A node that knows no cluster yet.
async fn fresh_node(fake: &FakeHost, storage: &GroupStorage) -> (RaftHandle, RaftServer) {
    let identity = Identity { cluster: "c".into(), node: NodeId(1), storage: StorageId(1) };
    let peers = PeerHandle::start(&fake.host, identity, None, Arc::new(Nobody), Arc::new(Nobody));
    super::start::<TokioRuntime>(&fake.host, raft_settings(NodeId(1)), storage.clone(), peers).await.unwrap()
}

async fn chunk(sent: &SnapshotFile, offset: u64, len: usize) -> Bytes {
    let vote: VoteOf<TokioRuntime> = openraft::Vote::new_committed(3, NodeId(2));
    codec::encode(&SnapshotChunk {
        vote: codec::encode_vote::<TokioRuntime>(&vote),
        last: sent.meta().last,
        membership: sent.meta().membership.clone(),
        offset,
        total: sent.bytes(),
        data: sent.read_chunk(offset, len).await.unwrap(),
    })
}

async fn send(server: &RaftServer, chunk: Bytes) -> Result<ChunkAnswer, String> {
    let answer = server.handle(FrameKind::SnapshotChunk, chunk).await?;
    Ok(codec::decode(&answer).unwrap())
}

#[tokio::test]
async fn chunks_that_are_repeated_late_or_concurrent_lead_to_one_installation() {
    let (_other, sent) = of_another_node(20).await;
    let fake = fake::host();
    let storage = storage(&fake).await;
    let (_handle, server) = fresh_node(&fake, &storage).await;
    let half = sent.bytes() / 2;
    let (first, rest) = (chunk(&sent, 0, half as usize).await, chunk(&sent, half, 1 << 20).await);

    assert!(matches!(send(&server, rest.clone()).await, Ok(ChunkAnswer::Continue { from: 0 })), "not from the middle");
    for again in ["", "again"] {
        let answer = send(&server, first.clone()).await;
        assert!(matches!(answer, Ok(ChunkAnswer::Continue { from }) if from == half), "{again}");
    }
    // While the last chunk is installed its repetition is not kept waiting.
    let (done, repeated) = tokio::join!(send(&server, rest.clone()), send(&server, rest.clone()));
    assert!(matches!(done, Ok(ChunkAnswer::Done { .. })));
    assert!(repeated.is_err());
    assert_eq!(storage.apply.status().applied, Some(LogId::new(1, 20)));
    // The answer was lost and the leader begins again: nothing is received a second time.
    for late in [rest, first] {
        assert!(matches!(send(&server, late).await, Ok(ChunkAnswer::Done { .. })));
    }
    assert_eq!(fake.files.names().iter().filter(|name| name.ends_with(".tmp")).count(), 0);
    assert_eq!(fake.fatal_reason(), None);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_rotted_on_the_sender_stops_the_sender_and_not_the_receiver_for_ever() {
    for rotten in [false, true] {
        let (fake, file) = of_another_node(9).await;
        let path = "snapshot/0-1-9.snap";
        let mut bytes = fake.files.contents(path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= u8::from(rotten);
        fake.files.set_contents(path, bytes);
        let identity = Identity { cluster: "c".into(), node: NodeId(1), storage: StorageId(1) };
        let peers = PeerHandle::start(&fake.host, identity, None, Arc::new(Nobody), Arc::new(Nobody));
        let host = fake.host.clone();
        let runtime = std::marker::PhantomData;
        let mut network = Network::<TokioRuntime> { host, node: NodeId(1), group: GROUP, peers, runtime };
        let mut client = network.new_client(NodeId(2), &super::Member::default()).await;
        let vote: VoteOf<TokioRuntime> = openraft::Vote::new_committed(3, NodeId(1));
        let snapshot = as_raft_snapshot::<TokioRuntime>(file).unwrap();
        let option = openraft::network::RPCOption::new(Duration::from_secs(1));
        let sent = client.full_snapshot(vote, snapshot, std::future::pending(), option).await;
        assert!(sent.is_err(), "nobody is there");
        let reason = fake.fatal_reason();
        assert_eq!(reason.is_some(), rotten, "{reason:?}");
        assert!(reason.is_none_or(|said| said.contains(path) && said.contains("offset") && said.contains("start")));
    }
}

fn append(prev: Option<u64>, entries: Vec<(u64, usize)>) -> Bytes {
    let id = |index| raft_log_id::<TokioRuntime>(LogId::new(3, index));
    let (namespace, key) = name();
    let entry = |(index, bytes): (u64, usize)| {
        let op = Op::Set {
            namespace: namespace.clone(),
            key: key.clone(),
            value: "v".repeat(bytes),
            value_type: ValueType::String,
        };
        let request_id = crate::base::RequestId::parse("r").unwrap();
        let command = Command { stamp: crate::base::WallTime(1), actor: "ann".into(), request_id, write: op.into() };
        let payload = codec::encode(&openraft::EntryPayload::<Command, NodeId, super::Member>::Normal(command));
        codec::raft_entry::<TokioRuntime>(LogEntry { id: LogId::new(3, index), payload }).unwrap()
    };
    let request: openraft::raft::AppendEntriesRequest<super::Types<TokioRuntime>> =
        openraft::raft::AppendEntriesRequest {
            vote: openraft::Vote::new_committed(3, NodeId(2)),
            prev_log_id: prev.map(id),
            entries: entries.into_iter().map(entry).collect(),
            leader_commit: None,
        };
    codec::encode(&request)
}

#[tokio::test(start_paused = true)]
async fn a_follower_on_a_full_disk_stalls_names_its_leader_and_goes_on_by_itself() {
    let fake = fake::host();
    let storage = storage(&fake).await;
    let (handle, server) = fresh_node(&fake, &storage).await;
    server.handle(FrameKind::Append, append(None, vec![(0, 1)])).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    fake.files.set_free_bytes(0);
    let stalled = tokio::spawn(server.handle(FrameKind::Append, append(Some(0), vec![(1, 9000)])));
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        tokio::spawn(server.handle(FrameKind::Append, append(Some(1), vec![])));
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!stalled.is_finished());
    assert_eq!(handle.status().leader, Some(NodeId(2)));
    assert_eq!(storage.wal.synced(), Some(LogId::new(3, 0)), "nothing is promised");
    fake.files.set_free_bytes(1 << 30);
    stalled.await.unwrap().unwrap();
    assert_eq!(storage.wal.synced(), Some(LogId::new(3, 1)));
    assert_eq!(fake.fatal_reason(), None);
}
