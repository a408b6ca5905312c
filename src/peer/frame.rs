use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::base::{GroupId, limits};

/// The layout of frames that this node writes, and the newest that it reads.
pub const FRAME_FORMAT: u8 = 1;
/// Format, kind, role, call id, group, checksum.
const HEADER_BYTES: usize = 1 + 1 + 1 + 8 + 4 + 4;
/// What a frame carries at most, so that the whole stays within [`limits::FRAME_BYTES_MAX`].
pub const BODY_BYTES_MAX: usize = limits::FRAME_BYTES_MAX - HEADER_BYTES;
/// The kind byte of handshake frames (`handshake.rs`). No call may have it.
pub(super) const KIND_HANDSHAKE: u8 = 0;

/// What a call is about. The numbers are on the wire: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum FrameKind {
    /// Raft: log entries and heartbeats.
    Append = 1,
    /// Raft: a candidate asks for a vote.
    Vote = 2,
    /// Raft: would you vote for me? (Ongaro's thesis, section 9.6.)
    PreVote = 3,
    /// Raft: a leader asks this node to take over.
    TransferLeader = 4,
    /// A follower asks the leader for the index that a linearizable read must wait for.
    ReadIndex = 5,
    /// One piece of a snapshot.
    SnapshotChunk = 6,
    /// A client's write, passed on to the leader.
    Forward = 7,
    /// What do you know of this cluster? Answered also where there is no membership yet.
    Probe = 8,
    /// How far along are you?
    Status = 9,
}

impl FrameKind {
    pub const ALL: [FrameKind; 9] = [
        FrameKind::Append,
        FrameKind::Vote,
        FrameKind::PreVote,
        FrameKind::TransferLeader,
        FrameKind::ReadIndex,
        FrameKind::SnapshotChunk,
        FrameKind::Forward,
        FrameKind::Probe,
        FrameKind::Status,
    ];

    fn from_wire(byte: u8) -> Option<FrameKind> {
        FrameKind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Whether executing the same request twice does no harm. Raft's messages are made for networks that repeat them;
    /// a forwarded write is not, and the receiver drops its repetitions (see [`RepeatWindow`](super::RepeatWindow)).
    pub fn is_idempotent(self) -> bool {
        self != FrameKind::Forward
    }
}

/// Which part of a call a frame is. The numbers are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameRole {
    Request = 0,
    /// The service's answer.
    Answer = 1,
    /// The service failed; the body is its sentence.
    Failure = 2,
    /// The request was not executed; the body says why.
    Rejection = 3,
}

impl FrameRole {
    const ALL: [FrameRole; 4] = [FrameRole::Request, FrameRole::Answer, FrameRole::Failure, FrameRole::Rejection];

    fn from_wire(byte: u8) -> Option<FrameRole> {
        FrameRole::ALL.into_iter().find(|role| *role as u8 == byte)
    }
}

/// One message of a call between nodes that have passed the handshake.
///
/// On the wire, little-endian: format `u8`, kind `u8`, role `u8`, call id `u64`, group `u32`, CRC-32C `u32` of all
/// that stands before it and of the body, body to the end of the frame. The link delimits frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: FrameKind,
    pub role: FrameRole,
    /// Counts up within a link and a direction; an answer repeats its request's.
    pub call: u64,
    pub group: GroupId,
    pub body: Bytes,
}

/// A frame that cannot be read. The link that it came over is of no more use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes, shorter than its header")]
    TooShort(usize),
    #[error("a frame of {0} bytes, more than {max}", max = limits::FRAME_BYTES_MAX)]
    TooLong(usize),
    #[error("frame format {0}, newer than {FRAME_FORMAT}, the newest this node knows: upgrade this node")]
    NewerFormat(u8),
    #[error("frame format {0}, which never existed")]
    UnknownFormat(u8),
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    #[error("unknown frame role {0}")]
    UnknownRole(u8),
    #[error("a frame's checksum does not match: damaged on the way")]
    Checksum,
    #[error("a handshake message that cannot be read")]
    Handshake,
}

impl Frame {
    /// The bytes of the frame. The body must fit in [`BODY_BYTES_MAX`], which whoever makes a frame has checked.
    pub fn encode(&self) -> Bytes {
        assert!(self.body.len() <= BODY_BYTES_MAX, "a frame's body of {} bytes was not bounded", self.body.len());
        let mut out = BytesMut::with_capacity(HEADER_BYTES + self.body.len());
        out.put_u8(FRAME_FORMAT);
        out.put_u8(self.kind as u8);
        out.put_u8(self.role as u8);
        out.put_u64_le(self.call);
        out.put_u32_le(self.group.0);
        let sum = crc32c::crc32c_append(crc32c::crc32c(&out), &self.body);
        out.put_u32_le(sum);
        out.put_slice(&self.body);
        out.freeze()
    }

    /// Reads a frame; its body shares the memory of `bytes`, nothing is allocated.
    pub fn decode(bytes: Bytes) -> Result<Frame, FrameError> {
        check_format(&bytes)?;
        if bytes.len() < HEADER_BYTES {
            return Err(FrameError::TooShort(bytes.len()));
        }
        if bytes.len() > limits::FRAME_BYTES_MAX {
            return Err(FrameError::TooLong(bytes.len()));
        }
        let body = bytes.slice(HEADER_BYTES..);
        let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..HEADER_BYTES - 4]), &body);
        let mut header = &bytes[1..HEADER_BYTES];
        let kind = header.get_u8();
        let role = header.get_u8();
        let call = header.get_u64_le();
        let group = GroupId(header.get_u32_le());
        if header.get_u32_le() != sum {
            return Err(FrameError::Checksum);
        }
        let kind = FrameKind::from_wire(kind).ok_or(FrameError::UnknownKind(kind))?;
        let role = FrameRole::from_wire(role).ok_or(FrameError::UnknownRole(role))?;
        Ok(Frame { kind, role, call, group, body })
    }

    /// Whether these bytes claim to be a handshake message rather than a part of a call.
    pub(super) fn is_handshake(bytes: &[u8]) -> bool {
        bytes.get(1) == Some(&KIND_HANDSHAKE)
    }
}

/// The first byte of every frame says how to read the rest.
pub(super) fn check_format(bytes: &[u8]) -> Result<(), FrameError> {
    match bytes.first() {
        None => Err(FrameError::TooShort(0)),
        Some(&FRAME_FORMAT) => Ok(()),
        Some(&newer) if newer > FRAME_FORMAT => Err(FrameError::NewerFormat(newer)),
        Some(&unknown) => Err(FrameError::UnknownFormat(unknown)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames() -> impl Strategy<Value = Frame> {
        let kinds = prop::sample::select(FrameKind::ALL.to_vec());
        let roles = prop::sample::select(FrameRole::ALL.to_vec());
        (kinds, roles, any::<u64>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(
            |(kind, role, call, group, body)| Frame { kind, role, call, group: GroupId(group), body: body.into() },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(frame in frames()) {
            prop_assert_eq!(Frame::decode(frame.encode()), Ok(frame));
        }

        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Frame::decode(bytes.clone().into());
            if let Some(first) = bytes.first_mut() {
                *first = FRAME_FORMAT;
            }
            let _ = Frame::decode(bytes.into());
        }

        #[test]
        fn no_flipped_bit_is_overlooked(frame in frames(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut bytes = frame.encode().to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(Frame::decode(bytes.into()).is_err());
        }

        #[test]
        fn no_cut_is_overlooked(frame in frames(), keep in any::<prop::sample::Index>()) {
            let bytes = frame.encode();
            prop_assert!(Frame::decode(bytes.slice(..keep.index(bytes.len()))).is_err());
        }
    }

    #[test]
    fn the_wire_format_stands() {
        let frame = Frame {
            kind: FrameKind::Vote,
            role: FrameRole::Answer,
            call: 0x0102,
            group: GroupId(7),
            body: Bytes::from_static(b"yes"),
        };
        assert_eq!(hex::encode(frame.encode()), "0102010201000000000000070000002ab49979796573");
    }

    #[test]
    fn a_newer_format_says_what_to_do() {
        let frame = Frame {
            kind: FrameKind::Probe,
            role: FrameRole::Request,
            call: 1,
            group: GroupId::MAIN,
            body: Bytes::new(),
        };
        let mut bytes = frame.encode().to_vec();
        bytes[0] = FRAME_FORMAT + 1;
        let error = Frame::decode(bytes.into()).expect_err("a newer format");
        assert_eq!(error, FrameError::NewerFormat(2));
        assert!(error.to_string().contains("upgrade this node"), "{error}");
    }

    #[test]
    fn a_frame_beyond_the_limit_is_refused() {
        let bytes = vec![FRAME_FORMAT; limits::FRAME_BYTES_MAX + 1];
        assert_eq!(Frame::decode(bytes.into()), Err(FrameError::TooLong(limits::FRAME_BYTES_MAX + 1)));
    }

    #[test]
    fn handshake_and_calls_never_share_a_kind() {
        assert_eq!(FrameKind::from_wire(KIND_HANDSHAKE), None);
        assert!(FrameKind::ALL.into_iter().all(|kind| FrameKind::from_wire(kind as u8) == Some(kind)));
    }
}
