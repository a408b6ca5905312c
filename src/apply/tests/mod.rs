//! The actor against stores and files in memory.

mod batching;
mod install;
mod past;
mod recovery;
mod scrub;
mod state;
mod views;

use bytes::Bytes;

use super::*;
use crate::base::{GroupId, LogId, RequestId, WallTime};
use crate::host::fake::{self, FakeHost};
use crate::host::{Direction, Row};
use crate::keys::{ListPage, Selection, StateView, everything};
use crate::model::{
    Applied, Command, Condition, CursorKey, Fingerprint, IdempotencyKey, Key, Namespace, Once, Op, Txn, TxnOp,
    ValueType, Write,
};

const GROUP: GroupId = GroupId(0);

fn namespace(text: &str) -> Namespace {
    Namespace::parse(text).unwrap()
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn set(name: &str, value: &str) -> Op {
    Op::Set { namespace: namespace("n"), key: key(name), value: value.into(), value_type: ValueType::String }
}

fn delete(name: &str) -> Op {
    Op::Delete { namespace: namespace("n"), key: key(name) }
}

fn command(op: Op, stamp: u64) -> ApplyPayload {
    command_once(op, Condition::default(), stamp, None)
}

fn command_once(op: Op, condition: Condition, stamp: u64, key: Option<&str>) -> ApplyPayload {
    let request_id = RequestId::parse("r").unwrap();
    let of = |key| Once { key: IdempotencyKey::parse(key).unwrap(), fingerprint: Fingerprint::of(&op, &condition) };
    let once = key.map(|key| Box::new(of(key)));
    let write = Write { op, condition, once };
    ApplyPayload::Command(Command { stamp: WallTime(stamp), actor: "ann".into(), request_id, write })
}

/// A log: the bootstrap membership at 0, then what a script says, joined by `; `: `a=1`, `del a`, `blank`,
/// `member x`, `back a 1:1`, `bootstrap`, `ns x` (describes the namespace), `nsdel`, `txn a=1 del:b`, `term 2`, `clock 50`
/// (from here on, else an entry's time is its index). A command may end with `once KEY`.
fn log(script: &str) -> Vec<ApplyEntry> {
    let membership = |text: &str| ApplyPayload::Membership(Bytes::copy_from_slice(text.as_bytes()));
    let mut entries = vec![ApplyEntry { id: LogId::new(0, 0), payload: membership("first") }];
    let (mut term, mut clock) = (1, None);
    for line in script.split("; ").filter(|line| !line.is_empty()) {
        let index = entries.len() as u64;
        let (line, once) = line.split_once(" once ").map_or((line, None), |(line, key)| (line, Some(key)));
        let command = |op| command_once(op, Condition::default(), clock.unwrap_or(index), once);
        let payload = match line.split_once([' ', '=']) {
            Some(("term", number)) => {
                term = number.parse().unwrap();
                continue;
            }
            Some(("clock", number)) => {
                clock = Some(number.parse().unwrap());
                continue;
            }
            None if line == "blank" => ApplyPayload::Blank,
            None if line == "bootstrap" => command(Op::Bootstrap { cursor_key: CursorKey([index as u8; 32]) }),
            None if line == "nsdel" => command(Op::DeleteNamespace { namespace: namespace("n") }),
            Some(("ns", text)) => {
                let (namespace, description) = (namespace("n"), text.to_owned());
                command(Op::SetNamespace { namespace, description, owner: "bob".into() })
            }
            Some(("member", text)) => membership(text),
            Some(("txn", words)) => command(Op::Txn(txn(words))),
            Some(("del", name)) => command(delete(name)),
            Some(("back", text)) => {
                let (name, revision) = text.split_once(' ').unwrap();
                let (namespace, key, revision) = (namespace("n"), key(name), revision.parse().unwrap());
                command(Op::Rollback { namespace, key, revision })
            }
            Some((name, value)) => command(set(name, value)),
            None => panic!("{line}?"),
        };
        entries.push(ApplyEntry { id: LogId::new(term, index), payload });
    }
    entries
}

fn txn(words: &str) -> Txn {
    let op = |word: &str| match word.split_once([':', '=']).unwrap() {
        ("del", name) => TxnOp::Delete { namespace: namespace("n"), key: key(name) },
        (name, value) => {
            TxnOp::Set { namespace: namespace("n"), key: key(name), value: value.into(), value_type: ValueType::String }
        }
    };
    Txn::new(Vec::new(), words.split(' ').map(op).collect()).unwrap()
}

async fn start(host: &FakeHost) -> ApplyHandle {
    ApplyHandle::start(&host.host, GROUP).await.unwrap()
}

/// A started actor with a log applied, in batches of `batch` entries.
async fn applied(host: &FakeHost, script: &str, batch: usize) -> ApplyHandle {
    let apply = start(host).await;
    apply_all(&apply, &log(script), batch).await;
    apply
}

async fn apply_all(apply: &ApplyHandle, entries: &[ApplyEntry], batch: usize) -> Vec<Applied> {
    let mut answers = Vec::new();
    for batch in entries.chunks(batch) {
        answers.extend(apply.apply(batch.to_vec()).await.unwrap());
    }
    answers
}

/// Every row of the current store.
fn rows(apply: &ApplyHandle) -> Vec<Row> {
    apply.view().unwrap().raw().scan(&everything(), usize::MAX, Direction::Forward).unwrap()
}

/// The state hash of the current store, from its rows alone.
fn recomputed_hash(apply: &ApplyHandle) -> u128 {
    let is_hashed = |key: &[u8]| key[0] != crate::keys::Space::Meta as u8;
    rows(apply).iter().filter(|(key, _)| is_hashed(key)).fold(0, |sum, (k, v)| sum.wrapping_add(row_hash(k, v)))
}

async fn store_names(host: &FakeHost) -> Vec<String> {
    host.host.stores.list().await.unwrap()
}

/// Changes rows behind the actor's back.
async fn tamper(host: &FakeHost, store: &str, key: Bytes, value: Option<Bytes>) {
    let mut batch = crate::host::Batch::default();
    batch.puts_and_removals.push((key, value));
    host.host.stores.open(store).await.unwrap().commit(batch).await.unwrap();
}
