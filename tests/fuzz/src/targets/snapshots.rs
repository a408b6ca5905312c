//! Snapshot files: written by the product and altered, written here a second time with right sums and wrong lengths, and
//! received from another node in pieces. A backup is the same file.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use confman::apply::row_hash;
use confman::base::{GroupId, LogId, LogIndex, NodeId, RequestId, StorageId, Term, WallTime};
use confman::host::{Direction, Host, KeyRange, Row, StoreError, StoreView};
use confman::inspect::{self, Report};
use confman::keys::{self, Space};
use confman::log::snapshot;
use confman::log::{LogError, SnapshotMeta, SnapshotStream, Snapshots};
use confman::model::{
    Entry, Fingerprint, IdempotencyKey, Kept, Key, KeyState, Namespace, NamespaceRecord, NamespaceState, Receipt,
    ReceiptPlace, Tombstone, ValueType,
};
use confman::raft;
use openraft_rt_tokio::TokioRuntime;

use super::disk::{Disk, now};
use super::input::Input;
use super::memory::bounded;
use super::node::{self, Outside};

const GROUP: GroupId = GroupId::MAIN;
const PATH: &str = "snapshot/x.snap";

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.u8() % 4 {
        0 => built(&mut input),
        1 => {
            let bytes = forged(&mut input);
            agree(&bytes);
        }
        2 => received(&mut input),
        _ => agree(input.rest()),
    }
}

/// What reading a file of this length may allocate, whatever its length fields say.
fn read_memory(len: usize) -> usize {
    (64 << 10) + 64 * len
}

/// Everything in a file, where it is whole.
fn read(bytes: &[u8]) -> Result<(SnapshotMeta, Vec<Row>), LogError> {
    let disk = Disk::with(PATH, bytes.to_vec());
    bounded(read_memory(bytes.len()), || {
        now(async {
            let (meta, mut chunks) = snapshot::read(&disk, GROUP, PATH).await?;
            let mut rows = Vec::new();
            while let Some(chunk) = chunks.next_chunk().await? {
                rows.extend(chunk);
            }
            assert!(chunks.next_chunk().await?.is_none(), "rows behind the end");
            Ok((meta, rows))
        })
    })
}

/// Rows as a view of a store.
struct Rows(Vec<Row>);

impl StoreView for Rows {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.iter().find(|(found, _)| found == key).map(|(_, value)| value.clone()))
    }

    fn scan(&self, range: &KeyRange, limit: usize, _: Direction) -> Result<Vec<Row>, StoreError> {
        Ok(self.0.iter().filter(|(key, _)| *key >= range.start).take(limit).cloned().collect())
    }
}

/// The product's own file of these rows.
pub(super) fn write(meta: &SnapshotMeta, rows: Vec<Row>) -> Vec<u8> {
    let range = KeyRange { start: Bytes::new(), end: Bytes::from(vec![u8::MAX; 300]) };
    let mut stream = SnapshotStream::start(GROUP, meta, Box::new(Rows(rows)), range).expect("a small membership");
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().expect("small rows") {
        bytes.extend_from_slice(&piece);
    }
    bytes
}

/// What is written is read back; what was altered in any way is refused.
fn built(input: &mut Input<'_>) {
    let (meta, rows) = content(input);
    let bytes = write(&meta, rows.clone());
    assert_eq!(read(&bytes).expect("what was written is read"), (meta, rows));
    inspected(&bytes);
    let mut altered = bytes.clone();
    for _ in 0..1 + input.below(3) {
        alter(&mut altered, input);
    }
    if altered != bytes {
        assert!(read(&altered).is_err(), "a snapshot was altered and is read");
        assert!(!inspected(&altered), "a snapshot was altered and is found whole");
    }
}

fn alter(bytes: &mut Vec<u8>, input: &mut Input<'_>) {
    let at = input.below(bytes.len());
    match input.u8() % 5 {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= input.u8();
            }
        }
        2 => bytes.truncate(at),
        3 => bytes.extend_from_slice(input.piece()),
        _ => {
            let len = input.below(bytes.len() - at);
            let moved: Vec<u8> = bytes.drain(at..at + len).collect();
            if input.u8() & 1 == 0 {
                bytes.extend_from_slice(&moved);
            }
        }
    }
}

/// Whatever these bytes are: what is read of them can be written and is read as the same, and inspecting them ends.
fn agree(bytes: &[u8]) {
    let found = read(bytes);
    let whole = inspected(bytes);
    assert!(found.is_ok() || !whole, "found whole, and cannot be read: {found:?}");
    if let Ok((meta, rows)) = found
        && rows.windows(2).all(|pair| pair[0].0 < pair[1].0)
    {
        assert_eq!(read(&write(&meta, rows.clone())).expect("what was written is read"), (meta, rows));
    }
}

/// Whether `confman inspect` finds the file whole.
fn inspected(bytes: &[u8]) -> bool {
    let disk = Disk::with(PATH, bytes.to_vec());
    let mut report = Report::default();
    let found = bounded((1 << 20) + read_memory(bytes.len()), || {
        now(inspect::check_snapshot::<TokioRuntime>(&disk, GROUP, PATH, &mut report))
    });
    assert!(found.is_some() || !report.is_whole(), "nothing was found, and nothing is wrong");
    if let Ok((_, rows)) = read(bytes) {
        rows.iter().for_each(row_comes_back);
    }
    report.is_whole()
}

/// A row that can be read has one key, and its value says the same when it is written again.
fn row_comes_back((key, value): &Row) {
    match keys::space_of(GROUP, key) {
        Some(Space::Config) => {
            let Ok((namespace, name)) = keys::config::decode_key(GROUP, key) else { return };
            assert_eq!(keys::config::key(GROUP, &namespace, &name), key);
            let Ok(state) = keys::config::decode(namespace.clone(), name.clone(), value) else { return };
            assert_eq!(keys::config::decode(namespace, name, &keys::config::encode(&state)), Ok(state));
        }
        Some(Space::History) => {
            let Ok((namespace, name, index)) = keys::history::decode_key(GROUP, key) else { return };
            assert_eq!(keys::history::key(GROUP, &namespace, &name, index), key);
            // Not held to anything: whoever reads history checks the revision in it.
            let _ = keys::history::decode(namespace, name, value);
        }
        Some(Space::Changes) => {
            let Ok((index, n)) = keys::changes::decode_key(GROUP, key) else { return };
            assert_eq!(keys::changes::key(GROUP, index, n), key);
            let Ok((namespace, name)) = keys::changes::decode(value) else { return };
            assert_eq!(keys::changes::decode(&keys::changes::encode(&namespace, &name)), Ok((namespace, name)));
        }
        Some(Space::Namespaces) => {
            let Ok(path) = keys::namespaces::decode_key(GROUP, key) else { return };
            assert_eq!(keys::namespaces::key(GROUP, &path), key);
            let Ok(record) = keys::namespaces::decode(path.clone(), value) else { return };
            assert_eq!(keys::namespaces::decode(path, &keys::namespaces::encode(&record)), Ok(record));
        }
        Some(Space::Audit) => {
            let Ok(at) = keys::audit::decode_key(GROUP, key) else { return };
            assert_eq!(keys::audit::key(GROUP, at), key);
            let Ok(event) = keys::audit::decode(at, value) else { return };
            assert_eq!(keys::audit::decode(at, &keys::audit::encode(&event)), Ok(event));
        }
        Some(Space::AuditByNamespace) => {
            let Ok((namespace, at)) = keys::audit::decode_namespace_key(GROUP, key) else { return };
            assert_eq!(keys::audit::namespace_key(GROUP, &namespace, at), key);
        }
        Some(Space::Terms) => {
            let Ok(first) = keys::terms::decode_key(GROUP, key) else { return };
            assert_eq!(keys::terms::key(GROUP, first), key);
            let Ok(term) = keys::terms::decode(value) else { return };
            assert_eq!(keys::terms::decode(&keys::terms::encode(term)), Ok(term));
        }
        Some(Space::NamespaceHistory) => {
            let Ok((path, index)) = keys::namespace_history::decode_key(GROUP, key) else { return };
            assert_eq!(keys::namespace_history::key(GROUP, &path, index), key);
            let _ = keys::namespace_history::decode(path, value);
        }
        Some(Space::Meta) if *key == keys::meta::summary_key(GROUP) => {
            let Ok(summary) = keys::meta::decode_summary(value) else { return };
            assert_eq!(keys::meta::decode_summary(&keys::meta::encode_summary(&summary)), Ok(summary));
        }
        Some(Space::Dedup) => {
            let Ok((principal, name)) = keys::dedup::decode_key(GROUP, key) else { return };
            assert_eq!(keys::dedup::key(GROUP, &principal, &name), key);
            let Ok(receipt) = keys::dedup::decode(value) else { return };
            assert_eq!(keys::dedup::decode(&keys::dedup::encode(&receipt)), Ok(receipt));
        }
        Some(Space::DedupByTime) => {
            let Ok(place) = keys::dedup::decode_place(GROUP, key, value) else { return };
            assert_eq!(keys::dedup::place_key(GROUP, place.at, place.revision.index), key);
            assert_eq!(keys::dedup::decode_place(GROUP, key, &keys::dedup::encode_place(&place)), Ok(place));
        }
        Some(Space::Lists) => {
            let Ok(namespace) = keys::lists::decode_key(GROUP, key) else { return };
            assert_eq!(keys::lists::key(GROUP, namespace.as_ref()), key);
            let Ok(revision) = keys::lists::decode(value) else { return };
            assert_eq!(keys::lists::decode(&keys::lists::encode(revision)), Ok(revision));
        }
        Some(Space::Meta) | None => {}
    }
}

/// Pieces come again, too early, altered; what is whole at the end, and nothing else, is taken.
fn received(input: &mut Input<'_>) {
    let (meta, rows) = content(input);
    let sent = write(&meta, rows.clone());
    let disk = Disk::default();
    let host = Host { files: Arc::new(disk), ..node::host(&Outside::default()) };
    let snapshots = now(Snapshots::open(&host, GROUP)).expect("an empty folder");
    let mut receiver = now(snapshots.receive(meta.clone())).expect("a disk that never fails");
    let mut held: Vec<u8> = Vec::new();
    for _ in 0..input.below(12) {
        let choice = input.u8();
        let at = if choice & 1 == 0 { held.len() } else { input.below(sent.len() + 2) };
        let from = at.min(sent.len());
        let mut piece = sent[from..(from + input.below(sent.len() + 1)).min(sent.len())].to_vec();
        if choice & 6 == 6 {
            alter(&mut piece, input);
        }
        let taken = now(receiver.write(at as u64, Bytes::from(piece.clone())));
        assert_eq!(taken.is_ok(), at <= held.len(), "a piece at {at} where {} bytes are", held.len());
        if at <= held.len() && at + piece.len() > held.len() {
            held.extend_from_slice(&piece[held.len() - at..]);
        }
        assert_eq!(receiver.received(), held.len() as u64);
    }
    if input.u8() & 3 != 0 && held.len() < sent.len() {
        let rest = sent[held.len()..].to_vec();
        now(receiver.write(held.len() as u64, Bytes::from(rest.clone()))).expect("what comes next is taken");
        held.extend_from_slice(&rest);
    }
    match now(receiver.finish()) {
        Ok(file) => {
            assert_eq!(held, sent, "something else than what was sent is taken");
            now(snapshots.install(file)).expect("a disk that never fails");
            let current = snapshots.current().expect("it was installed");
            assert_eq!((current.meta(), current.bytes()), (&meta, sent.len() as u64));
            let again = now(Snapshots::open(&host, GROUP)).expect("a whole snapshot").current();
            assert_eq!(again.map(|file| file.meta().clone()), Some(meta));
        }
        Err(LogError::Refused { .. }) => {
            assert_ne!(held, sent, "a whole snapshot is refused");
            assert!(snapshots.current().is_none());
        }
        Err(other) => panic!("what another node sent is no damage here: {other}"),
    }
}

/// A file of the same layout, every sum right, every other field whatever the input says.
fn forged(input: &mut Input<'_>) -> Vec<u8> {
    let odd = input.u8();
    let mut bytes = b"CONFSNAP".to_vec();
    bytes.extend_from_slice(&(if odd & 1 == 0 { 1 } else { input.u32() }).to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    let membership = input.piece();
    bytes.extend_from_slice(&(if odd & 2 == 0 { GROUP.0 } else { input.u32() }).to_le_bytes());
    let said = if odd & 4 == 0 { membership.len() as u32 } else { input.u32() };
    bytes.extend_from_slice(&said.to_le_bytes());
    bytes.extend_from_slice(&input.u64().to_le_bytes());
    bytes.extend_from_slice(&input.u64().to_le_bytes());
    bytes.extend_from_slice(membership);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    let (mut chunks, mut rows) = (0u64, 0u64);
    for _ in 0..input.below(5) {
        let mut body = Vec::new();
        let mut count = 0u32;
        for _ in 0..input.below(6) {
            let (key, value, odd) = (input.piece(), input.piece(), input.u8());
            let said = if odd < 240 { key.len() as u32 } else { input.u32() };
            body.extend_from_slice(&said.to_le_bytes());
            body.extend_from_slice(&(value.len() as u32).to_le_bytes());
            body.extend_from_slice(key);
            body.extend_from_slice(value);
            count += 1;
        }
        let odd = input.u8();
        let said = if odd & 7 == 7 { input.u32() } else { count };
        let len = if odd & 56 == 56 { input.u32() } else { body.len() as u32 };
        let mut head = vec![1];
        head.extend_from_slice(&len.to_le_bytes());
        head.extend_from_slice(&said.to_le_bytes());
        head.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        head.extend_from_slice(&crc32c::crc32c(&head).to_le_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&body);
        chunks += 1;
        rows += u64::from(said);
    }
    let odd = input.u8();
    let mut trailer = vec![2];
    trailer.extend_from_slice(&(if odd & 1 == 0 { chunks } else { input.u64() }).to_le_bytes());
    trailer.extend_from_slice(&(if odd & 2 == 0 { rows } else { input.u64() }).to_le_bytes());
    trailer.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    trailer.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    trailer.extend_from_slice(&crc32c::crc32c(&trailer).to_le_bytes());
    bytes.extend_from_slice(&trailer);
    bytes
}

/// What a snapshot is of: rows of every space, some as a node writes them and some not, and what sums them up.
pub(super) fn content(input: &mut Input<'_>) -> (SnapshotMeta, Vec<Row>) {
    let last = LogId::new(u64::from(input.u8()), u64::from(input.u8()));
    let mut rows = BTreeMap::new();
    for _ in 0..input.below(20) {
        let (key, value) = row(input);
        rows.insert(key, value);
    }
    let member = raft::Member { peer: "n1:7500".into(), url: "http://n1:7400".into(), storage: StorageId(1) };
    let membership = raft::membership_of_one::<TokioRuntime>(last, NodeId(1), member);
    if input.u8() & 1 == 0 {
        let hash = |(key, value): (&Bytes, &Bytes)| row_hash(key, value);
        rows.retain(|key, _| keys::space_of(GROUP, key) != Some(Space::Meta));
        let state_hash = rows.iter().map(hash).fold(0u128, u128::wrapping_add);
        let summary = keys::meta::Summary { applied: Some(last), state_hash, ..Default::default() };
        rows.insert(keys::meta::summary_key(GROUP), keys::meta::encode_summary(&summary));
        rows.insert(keys::meta::format_key(GROUP), keys::meta::format_value());
        rows.insert(keys::meta::membership_key(GROUP), keys::meta::encode_membership(last, &membership));
    }
    (SnapshotMeta { last, membership }, rows.into_iter().collect())
}

fn row(input: &mut Input<'_>) -> Row {
    let names = ["a", "a/b", "verify", "z9"];
    let namespace = Namespace::parse(names[input.below(names.len())]).expect("a namespace");
    let keys_there = ["k", "db/url", "-", "~x:@"];
    let name = Key::parse(keys_there[input.below(keys_there.len())]).expect("a key");
    let index = LogIndex(u64::from(input.u8()));
    let revision = LogId { term: Term(1), index };
    let choice = input.u8();
    let text = || String::from_utf8_lossy(&[choice; 3]).into_owned();
    let state = if choice & 64 == 0 {
        KeyState::Live(Entry {
            namespace: namespace.clone(),
            key: name.clone(),
            value: text(),
            value_type: ValueType::Json,
            version: 1,
            revision,
            created_at: WallTime(1),
            updated_at: WallTime(2),
            updated_by: text(),
        })
    } else {
        let (namespace, key, deleted_by) = (namespace.clone(), name.clone(), text());
        KeyState::Deleted(Tombstone { namespace, key, revision, deleted_at: WallTime(3), deleted_by })
    };
    let settings = NamespaceRecord::Live(NamespaceState {
        path: namespace.clone(),
        description: text(),
        owner: text(),
        created_at: WallTime(1),
        revision,
        entries: 1,
    });
    let principal = "admin@test".to_owned();
    let idempotency_key = IdempotencyKey::parse("once-1").expect("an idempotency key");
    let receipt = Receipt { fingerprint: Fingerprint([choice; 32]), revision, at: WallTime(9), result: Kept::Deleted };
    let (key, value) = match choice % 13 {
        0 => (keys::config::key(GROUP, &namespace, &name), keys::config::encode(&state)),
        1 => (keys::history::key(GROUP, &namespace, &name, index), keys::config::encode(&state)),
        2 => (keys::changes::key(GROUP, index, 0), keys::changes::encode(&namespace, &name)),
        3 => (keys::namespaces::key(GROUP, &namespace), keys::namespaces::encode(&settings)),
        4 => (keys::namespace_history::key(GROUP, &namespace, index), keys::namespaces::encode(&settings)),
        5 => (keys::terms::key(GROUP, index), keys::terms::encode(revision.term)),
        6 => (keys::audit::namespace_key(GROUP, &namespace, (index, 0)), keys::audit::namespace_value()),
        7 => (keys::audit::key(GROUP, (index, 0)), keys::audit::encode(&event(namespace, name, revision))),
        8 => (keys::meta::summary_key(GROUP), keys::meta::encode_summary(&Default::default())),
        9 => (keys::lists::key(GROUP, Some(&namespace)), keys::lists::encode(revision)),
        10 => (keys::dedup::key(GROUP, &principal, &idempotency_key), keys::dedup::encode(&receipt)),
        11 => {
            let place = ReceiptPlace { at: WallTime(9), revision, principal, key: idempotency_key };
            (keys::dedup::place_key(GROUP, place.at, index), keys::dedup::encode_place(&place))
        }
        _ => (Bytes::copy_from_slice(input.piece()), Bytes::copy_from_slice(input.piece())),
    };
    // What stands in a row that nobody wrote like this.
    match input.u8() {
        250.. => (key, Bytes::copy_from_slice(input.piece())),
        240.. => {
            let mut value = value.to_vec();
            alter(&mut value, input);
            (key, value.into())
        }
        230.. => {
            let mut key = key.to_vec();
            alter(&mut key, input);
            (key.into(), value)
        }
        _ => (key, value),
    }
}

fn event(namespace: Namespace, key: Key, revision: LogId) -> confman::model::AuditEvent {
    use confman::model::{Action, AuditEvent, CHAIN_START, EventId};
    AuditEvent {
        id: EventId { revision, n: 0 },
        timestamp: WallTime(1),
        action: Action::ConfigSet,
        actor: "admin@test".to_owned(),
        namespace,
        key: Some(key),
        old_digest: None,
        new_digest: None,
        old_revision: None,
        request_id: RequestId::from_random(1),
        previous_hash: CHAIN_START,
        hash: CHAIN_START,
    }
}
