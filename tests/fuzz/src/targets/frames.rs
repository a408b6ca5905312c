//! Frames between nodes: a frame, a handshake with somebody in the middle, a forwarded write.

use bytes::Bytes;
use confman::base::limits::HELLO_BYTES_MAX;
use confman::base::{GroupId, LogId, NodeId, StorageId};
use confman::config::Secret;
use confman::model::{Key, Namespace, Op, TxnOp};
use confman::peer::{
    Acceptor, Credentials, FRAME_FORMAT, Frame, FrameKind, FrameRole, Identity, Initiator, Lane, PeerClaim, PeerGuard,
    Refusal, Remote, Step, VERSIONS,
};

use super::input::Input;
use super::memory::bounded;
use super::node::FakeNode;

/// What reading a frame may allocate: nothing that its length decides.
const FRAME_MEMORY: usize = 4 << 10;
/// What a side may allocate for one frame of a handshake.
const HANDSHAKE_MEMORY: usize = 64 << 10;

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.u8() % 5 {
        0 => {
            read(input.rest());
        }
        1 => summed(&mut input),
        2 => altered(&mut input),
        3 => handshake(&mut input),
        _ => forwarded(input.rest()),
    }
}

/// What is read is what was written, to the last bit: a frame has one encoding.
fn read(bytes: &[u8]) -> Option<Frame> {
    let bytes = Bytes::copy_from_slice(bytes);
    let frame = bounded(FRAME_MEMORY, || Frame::decode(bytes.clone())).ok()?;
    assert_eq!(frame.encode(), bytes, "a frame with two encodings");
    Some(frame)
}

/// Any header and body under a right checksum: read if and only if format, kind and role exist.
fn summed(input: &mut Input<'_>) {
    let (format, kind, role) = (input.u8() % 4, input.u8(), input.u8());
    let mut bytes = vec![format, kind, role];
    bytes.extend_from_slice(&input.u64().to_le_bytes());
    bytes.extend_from_slice(&input.u32().to_le_bytes());
    let body = input.rest();
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes), body);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.extend_from_slice(body);
    let exists = format == FRAME_FORMAT && FrameKind::ALL.into_iter().any(|known| known as u8 == kind) && role <= 3;
    assert_eq!(read(&bytes).is_some(), exists, "format {format}, kind {kind}, role {role}");
}

/// A frame of which one byte was changed is no frame.
fn altered(input: &mut Input<'_>) {
    let kind = FrameKind::ALL[input.below(FrameKind::ALL.len())];
    let roles = [FrameRole::Request, FrameRole::Answer, FrameRole::Failure, FrameRole::Rejection];
    let role = roles[input.below(roles.len())];
    let (call, group, at, mask) = (input.u64(), GroupId(input.u32()), input.u16(), input.u8().max(1));
    let frame = Frame { kind, role, call, group, body: Bytes::copy_from_slice(input.rest()) };
    let mut bytes = frame.encode().to_vec();
    assert_eq!(read(&bytes), Some(frame));
    let at = usize::from(at) % bytes.len();
    bytes[at] ^= mask;
    assert_eq!(read(&bytes), None, "byte {at} was changed");
}

struct AdmitAll;

impl PeerGuard for AdmitAll {
    fn admit(&self, _: &PeerClaim) -> Result<(), Refusal> {
        Ok(())
    }
}

const CALLER: (NodeId, StorageId) = (NodeId(1), StorageId(11));
/// The membership that the caller says it goes by.
const CALLERS_MEMBERS: LogId = LogId::new(3, 33);
const CALLED: (NodeId, StorageId) = (NodeId(2), StorageId(22));

fn credentials((node, storage): (NodeId, StorageId)) -> Credentials {
    let identity = Identity { cluster: "test".to_owned(), node, storage };
    Credentials { identity, secret: Some(Secret("a secret of the cluster".to_owned())), versions: VERSIONS }
}

/// Two nodes that know the secret, and somebody between them who does not: who repeats, alters, reflects, drops and
/// invents. A side that opens its link has the other one at its end, and on the lane that was asked for.
fn handshake(input: &mut Input<'_>) {
    let lane = [Lane::Control, Lane::Append, Lane::Bulk][input.below(3)];
    let (mut initiator, hello) = Initiator::start(credentials(CALLER), CALLED.0, lane, [1; 32], Some(CALLERS_MEMBERS));
    let mut acceptor = Acceptor::new(credentials(CALLED), [2; 32]);
    // All that was ever said, and what each side would answer next.
    let mut said = vec![hello];
    let (mut initiator_done, mut acceptor_done, mut proven) = (false, false, false);
    let expected = |(node, storage), members_at| Remote { node, storage, lane, version: VERSIONS.max, members_at };
    for _ in 0..12 {
        let choice = input.u8();
        let to_acceptor = choice & 1 == 0;
        let frame = match choice >> 1 & 3 {
            0 | 1 => said[input.below(said.len())].clone(),
            2 => {
                let mut body = said[input.below(said.len())].get(6..).unwrap_or_default().to_vec();
                let (at, mask) = (input.below(body.len()), input.u8());
                if let Some(byte) = body.get_mut(at) {
                    *byte ^= mask;
                }
                body.extend_from_slice(input.piece());
                sealed(&body)
            }
            _ => sealed(input.piece()),
        };
        let step = if to_acceptor {
            if acceptor_done {
                continue;
            }
            bounded(HANDSHAKE_MEMORY, || acceptor.on_frame(&frame, &AdmitAll))
        } else {
            if initiator_done {
                continue;
            }
            bounded(HANDSHAKE_MEMORY, || initiator.on_frame(&frame, &AdmitAll))
        };
        let done = match step {
            Step::Send(bytes) => {
                proven |= !to_acceptor;
                say(&mut said, bytes);
                false
            }
            Step::Ignore => false,
            Step::Open { remote, send } => {
                let (who, members_at) = if to_acceptor { (CALLER, Some(CALLERS_MEMBERS)) } else { (CALLED, None) };
                assert_eq!(remote, expected(who, members_at), "to_acceptor {to_acceptor}");
                assert!(proven, "a link was opened and nobody has proven anything");
                assert!(to_acceptor || acceptor_done, "the caller was welcomed by nobody");
                send.into_iter().for_each(|bytes| say(&mut said, bytes));
                true
            }
            Step::Refuse { refusal, send } => {
                is_fit_for_a_log(&refusal);
                say(&mut said, send);
                true
            }
            Step::Refused(refusal) => {
                is_fit_for_a_log(&refusal);
                true
            }
        };
        if to_acceptor {
            acceptor_done |= done;
        } else {
            initiator_done |= done;
        }
    }
}

fn say(said: &mut Vec<Bytes>, bytes: Bytes) {
    assert!(bytes.len() <= HELLO_BYTES_MAX, "a handshake frame of {} bytes, which nobody reads", bytes.len());
    said.push(bytes);
}

fn is_fit_for_a_log(refusal: &Refusal) {
    let sentence = &refusal.sentence;
    assert!(sentence.len() <= Refusal::SENTENCE_BYTES_MAX && !sentence.contains(char::is_control), "{sentence:?}");
}

/// A handshake frame with this body: format, kind 0, checksum.
fn sealed(body: &[u8]) -> Bytes {
    let sum = crc32c::crc32c(body).to_le_bytes();
    [&[FRAME_FORMAT, 0][..], &sum, body].concat().into()
}

/// A write that another node passes on: what is proposed has names that are names.
fn forwarded(body: &[u8]) {
    let node = FakeNode::new();
    let answer = node.run(node.api.handle_forward(Bytes::copy_from_slice(body)));
    assert!(!answer.is_empty());
    for op in node.seen.proposed() {
        has_names(&op);
    }
}

/// Whether the names of `op` are what their types promise: each comes back from its text.
pub fn has_names(op: &Op) {
    let (namespace, key) = match op {
        Op::Set { namespace, key, .. } | Op::Delete { namespace, key } | Op::Rollback { namespace, key, .. } => {
            (namespace, Some(key))
        }
        Op::SetNamespace { namespace, .. } | Op::DeleteNamespace { namespace } => (namespace, None),
        Op::Txn(txn) => {
            for (namespace, key) in txn.ops().iter().map(TxnOp::name) {
                are_names(namespace, Some(key));
            }
            return;
        }
        Op::Bootstrap { .. } => return,
    };
    are_names(namespace, key);
}

fn are_names(namespace: &Namespace, key: Option<&Key>) {
    assert_eq!(Namespace::parse(namespace.as_str()).as_ref(), Ok(namespace), "proposed under a name that is none");
    if let Some(key) = key {
        assert_eq!(Key::parse(key.as_str()).as_ref(), Ok(key), "proposed under a name that is none");
    }
}
