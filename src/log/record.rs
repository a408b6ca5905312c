//! One record of the log: how it is encoded, and what makes its bytes believable.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::base::{GroupId, LogId};

/// What a disk writes whole or not at all.
pub const SECTOR: u64 = 512;
/// Bytes before a record's body.
pub const HEADER_BYTES: u64 = 40;
/// Bytes of a record beside its body: the header, and the mark at its end.
pub const FRAME_BYTES: u64 = HEADER_BYTES + 1;
/// No body is longer. Checked before anything is read or allocated for it.
pub const BODY_BYTES_MAX: u64 = 64 << 20;
/// The version of records that this release writes.
pub const VERSION: u8 = 1;

/// The first and last byte of a header and the last byte of a record are never zero: a sector that holds one of them
/// and is all zero was not written.
const MARK_FIRST: u8 = 0xC1;
const MARK_HEADER_END: u8 = 0x1C;
const MARK_END: u8 = 0xED;

/// Fields of an append's body before the payload: term and index.
pub const APPEND_HEAD_BYTES: u64 = 16;

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The next entry of the log.
    Append { id: LogId, payload: Bytes },
    /// Entries after this one are gone.
    Truncate(Option<LogId>),
    /// The vote, in the bytes of whoever votes.
    Vote(Bytes),
    /// Entries up to and with this one are gone; a snapshot has them.
    Purge(LogId),
    /// Entries up to and with this one are committed.
    Committed(LogId),
    /// The first record of each segment: all that older segments said, beside the entries themselves.
    Checkpoint { prev_end: u64, image: Image },
}

/// What the stream says at one moment, beside the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    pub vote: Option<Bytes>,
    pub committed: Option<LogId>,
    pub purged: Option<LogId>,
    /// The last entry, or what was purged where no entry is left.
    pub last: Option<LogId>,
}

impl Image {
    /// Takes one more record into account.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Append { id, .. } => self.last = Some(*id),
            Record::Truncate(to) => {
                let to = later(*to, self.purged);
                if to.map(|id| id.index) < self.last.map(|id| id.index) {
                    self.last = to;
                }
            }
            Record::Vote(vote) => self.vote = Some(vote.clone()),
            Record::Purge(upto) => {
                self.purged = later(Some(*upto), self.purged);
                self.last = later(self.last, self.purged);
            }
            Record::Committed(id) => self.committed = Some(*id),
            Record::Checkpoint { image, .. } => *self = image.clone(),
        }
    }
}

/// The one with the higher index; the first where they are equal.
fn later(a: Option<LogId>, b: Option<LogId>) -> Option<LogId> {
    if b.map(|id| id.index) > a.map(|id| id.index) { b } else { a }
}

impl Record {
    fn kind(&self) -> u8 {
        match self {
            Record::Append { .. } => 1,
            Record::Truncate(_) => 2,
            Record::Vote(_) => 3,
            Record::Purge(_) => 4,
            Record::Committed(_) => 5,
            Record::Checkpoint { .. } => 6,
        }
    }

    /// The bytes of the body.
    pub fn body_bytes(&self) -> u64 {
        match self {
            Record::Append { payload, .. } => APPEND_HEAD_BYTES + payload.len() as u64,
            Record::Vote(vote) => vote.len() as u64,
            Record::Truncate(_) | Record::Purge(_) | Record::Committed(_) | Record::Checkpoint { .. } => {
                let mut body = BytesMut::new();
                self.put_body(&mut body);
                body.len() as u64
            }
        }
    }

    /// The bytes of the whole record.
    pub fn bytes(&self) -> u64 {
        FRAME_BYTES + self.body_bytes()
    }

    fn put_body(&self, out: &mut BytesMut) {
        match self {
            Record::Append { id, payload } => {
                put_id(out, *id);
                out.put_slice(payload);
            }
            Record::Truncate(to) => put_id_option(out, *to),
            Record::Vote(vote) => out.put_slice(vote),
            Record::Purge(id) | Record::Committed(id) => put_id(out, *id),
            Record::Checkpoint { prev_end, image } => {
                out.put_u64_le(*prev_end);
                put_id_option(out, image.committed);
                put_id_option(out, image.purged);
                put_id_option(out, image.last);
                out.put_u8(u8::from(image.vote.is_some()));
                out.put_slice(image.vote.as_deref().unwrap_or_default());
            }
        }
    }

    /// Reads a body; `None` where it is not one of this kind.
    pub fn decode(kind: u8, mut body: Bytes) -> Option<Record> {
        let record = match kind {
            1 => Record::Append { id: get_id(&mut body)?, payload: std::mem::take(&mut body) },
            2 => Record::Truncate(get_id_option(&mut body)?),
            3 => Record::Vote(std::mem::take(&mut body)),
            4 => Record::Purge(get_id(&mut body)?),
            5 => Record::Committed(get_id(&mut body)?),
            6 => {
                let prev_end = body.try_get_u64_le().ok()?;
                let committed = get_id_option(&mut body)?;
                let purged = get_id_option(&mut body)?;
                let last = get_id_option(&mut body)?;
                let has_vote = body.try_get_u8().ok()? == 1;
                let vote = std::mem::take(&mut body);
                Record::Checkpoint {
                    prev_end,
                    image: Image { vote: has_vote.then_some(vote), committed, purged, last },
                }
            }
            _ => return None,
        };
        body.is_empty().then_some(record)
    }

    /// Appends the record to `out` as it stands at `place`, and returns its link: what the next record must name.
    pub fn encode(&self, out: &mut BytesMut, place: &Place) -> u32 {
        let start = out.len();
        out.put_bytes(0, HEADER_BYTES as usize);
        self.put_body(out);
        let body = &out[start + HEADER_BYTES as usize..];
        let mut header = Header {
            version: VERSION,
            kind: self.kind(),
            body_bytes: body.len() as u32,
            link: place.link,
            zero_sectors: zero_sectors_within(body, place.position + HEADER_BYTES),
            position: place.position,
            synced: place.synced,
            body_crc: crc32c::crc32c(body),
            crc: 0,
        };
        out.put_u8(MARK_END);
        let encoded = header.encode(place.salt);
        out[start..start + HEADER_BYTES as usize].copy_from_slice(&encoded);
        header.crc
    }
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// See [`salt`].
    pub salt: u32,
    /// Offset of the record in its segment.
    pub position: u64,
    /// The link of the record before.
    pub link: u32,
    /// Everything before this offset of the segment was synced when the record was written.
    pub synced: u64,
}

/// Starts the checksum of every header of a segment, so that no record is believed in another one.
pub fn salt(group: GroupId, seq: u32) -> u32 {
    let crc = crc32c::crc32c(&group.0.to_le_bytes());
    crc32c::crc32c_append(crc, &seq.to_le_bytes())
}

/// A header whose checksum holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub version: u8,
    pub kind: u8,
    pub body_bytes: u32,
    pub link: u32,
    /// Sectors that lie wholly in the body and hold nothing but zeros.
    pub zero_sectors: u32,
    pub position: u64,
    pub synced: u64,
    pub body_crc: u32,
    /// The checksum of all the above; also what the next record's link names.
    pub crc: u32,
}

impl Header {
    fn encode(&mut self, salt: u32) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        let mut out = &mut bytes[..];
        out.put_u8(MARK_FIRST);
        out.put_u8(self.version);
        out.put_u8(self.kind);
        out.put_u32_le(self.body_bytes);
        out.put_u32_le(self.link);
        out.put_u32_le(self.zero_sectors);
        out.put_u64_le(self.position);
        out.put_u64_le(self.synced);
        out.put_u32_le(self.body_crc);
        self.crc = crc32c::crc32c_append(salt, &bytes[..35]);
        bytes[35..39].copy_from_slice(&self.crc.to_le_bytes());
        bytes[39] = MARK_HEADER_END;
        bytes
    }

    /// Reads the header at `position`; `None` where there is none to believe.
    pub fn decode(mut bytes: &[u8], salt: u32, position: u64) -> Option<Header> {
        let all = bytes.get(..HEADER_BYTES as usize)?;
        if bytes.get_u8() != MARK_FIRST || all[39] != MARK_HEADER_END {
            return None;
        }
        let header = Header {
            version: bytes.get_u8(),
            kind: bytes.get_u8(),
            body_bytes: bytes.get_u32_le(),
            link: bytes.get_u32_le(),
            zero_sectors: bytes.get_u32_le(),
            position: bytes.get_u64_le(),
            synced: bytes.get_u64_le(),
            body_crc: bytes.get_u32_le(),
            crc: bytes.get_u32_le(),
        };
        let sound = header.crc == crc32c::crc32c_append(salt, &all[..35]) && header.position == position;
        sound.then_some(header)
    }

    /// The bytes of the whole record.
    pub fn record_bytes(&self) -> u64 {
        FRAME_BYTES + u64::from(self.body_bytes)
    }

    /// The body, out of the whole record's bytes; `None` where it is not what was written.
    pub fn body(&self, record: &Bytes) -> Option<Bytes> {
        if record.len() as u64 != self.record_bytes() || record.last() != Some(&MARK_END) {
            return None;
        }
        let body = record.slice(HEADER_BYTES as usize..record.len() - 1);
        (crc32c::crc32c(&body) == self.body_crc).then_some(body)
    }
}

/// How many sectors, as they lie in the file, are wholly within `bytes` and all zero.
fn zero_sectors_within(bytes: &[u8], position: u64) -> u32 {
    let skip = (position.next_multiple_of(SECTOR) - position) as usize;
    let whole = bytes.get(skip..).unwrap_or_default().chunks_exact(SECTOR as usize);
    whole.filter(|sector| is_zero(sector)).count() as u32
}

pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

pub fn put_id(out: &mut BytesMut, id: LogId) {
    out.put_u64_le(id.term.0);
    out.put_u64_le(id.index.0);
}

pub fn get_id(body: &mut Bytes) -> Option<LogId> {
    Some(LogId::new(body.try_get_u64_le().ok()?, body.try_get_u64_le().ok()?))
}

fn put_id_option(out: &mut BytesMut, id: Option<LogId>) {
    out.put_u8(u8::from(id.is_some()));
    if let Some(id) = id {
        put_id(out, id);
    }
}

fn get_id_option(body: &mut Bytes) -> Option<Option<LogId>> {
    match body.try_get_u8().ok()? {
        0 => Some(None),
        1 => Some(Some(get_id(body)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = LogId> {
        (any::<u64>(), any::<u64>()).prop_map(|(term, index)| LogId::new(term, index))
    }

    fn blob() -> impl Strategy<Value = Bytes> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from),
            (0usize..3000, any::<bool>()).prop_map(|(len, zero)| vec![if zero { 0 } else { 7 }; len].into()),
        ]
    }

    fn record() -> impl Strategy<Value = Record> {
        let image = (proptest::option::of(blob()), proptest::option::of(id()), proptest::option::of(id()), id())
            .prop_map(|(vote, committed, purged, last)| Image { vote, committed, purged, last: Some(last) });
        prop_oneof![
            (id(), blob()).prop_map(|(id, payload)| Record::Append { id, payload }),
            proptest::option::of(id()).prop_map(Record::Truncate),
            blob().prop_map(Record::Vote),
            id().prop_map(Record::Purge),
            id().prop_map(Record::Committed),
            (any::<u64>(), image).prop_map(|(prev_end, image)| Record::Checkpoint { prev_end, image }),
        ]
    }

    proptest! {
        #[test]
        fn a_record_reads_back_and_no_flipped_bit_is_believed(
            record in record(), position in 64u64..5000, flip in any::<usize>()
        ) {
            let place = Place { salt: salt(GroupId(3), 9), position, link: 77, synced: 64 };
            let mut out = BytesMut::new();
            let link = record.encode(&mut out, &place);
            prop_assert_eq!(out.len() as u64, record.bytes());
            let bytes = out.freeze();
            let header = Header::decode(&bytes, place.salt, position).unwrap();
            prop_assert_eq!((header.crc, header.link, header.synced), (link, 77, 64));
            prop_assert_eq!(Record::decode(header.kind, header.body(&bytes).unwrap()), Some(record));
            prop_assert_eq!(Header::decode(&bytes, salt(GroupId(3), 10), position), None);
            prop_assert_eq!(Header::decode(&bytes, place.salt, position + 1), None);

            let mut damaged = bytes.to_vec();
            damaged[flip / 8 % bytes.len()] ^= 1 << (flip % 8);
            let damaged = Bytes::from(damaged);
            let believed = Header::decode(&damaged, place.salt, position).and_then(|header| header.body(&damaged));
            prop_assert_eq!(believed, None);
        }

        #[test]
        fn any_body_is_read_or_refused_without_a_panic(kind in any::<u8>(), body in blob()) {
            let _ = Record::decode(kind, body);
        }
    }

    #[test]
    fn only_whole_sectors_of_zeros_in_the_body_are_counted() {
        assert_eq!(zero_sectors_within(&[0; 512], 512), 1);
        assert_eq!(zero_sectors_within(&[0; 1023], 511), 1);
        assert_eq!(zero_sectors_within(&[0; 1023], 1), 1);
        assert_eq!(zero_sectors_within(&[0; 1022], 1), 0);
        assert_eq!(zero_sectors_within(&[0; 3], 1), 0);
    }
}
