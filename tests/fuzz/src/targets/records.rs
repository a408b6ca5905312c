//! Segments of the write-ahead log, written here a second time after the tables in `src/log/mod.rs`, and then damaged.

use std::sync::Arc;

use bytes::Bytes;
use confman::base::{GroupId, LogId, NodeId, Term};
use confman::host::Host;
use confman::log::survey::{self, LogContent, SegmentContent};
use confman::log::{LogError, Wal, WalSettings};
use confman::raft;
use openraft_rt_tokio::TokioRuntime;

use super::disk::{Disk, now};
use super::input::Input;
use super::memory::bounded;
use super::node::{self, Outside};

const GROUP: GroupId = GroupId::MAIN;
const PATH: &str = "log/0-0000000001.seg";
const SECTOR: usize = 512;
const SEGMENT_HEADER: usize = 64;
const RECORD_HEADER: usize = 40;
const FRAME: usize = RECORD_HEADER + 1;
/// A segment here is no longer, whatever its records say of themselves.
const SEGMENT_MAX: usize = 16 << 10;
/// What reading one may allocate: some copies of the file, and an index of its entries.
const READ_MEMORY: usize = 16 * SEGMENT_MAX;

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.u8();
    if choice & 7 == 7 {
        return bytes_behind_a_header(input.rest());
    }
    let mut segment = Writing::new(&mut input);
    let records = 1 + input.below(24);
    for _ in 0..records {
        segment.record(&mut input);
    }
    let Writing { bytes, starts, regular, end, .. } = segment;
    let mut damaged = bytes.clone();
    let edits = input.below(4);
    for _ in 0..edits {
        edit(&mut damaged, end, &mut input);
    }
    let disk = Disk::with(PATH, damaged.clone());
    if let Some(found) = read_segment(&disk, &damaged) {
        if damaged == bytes && regular {
            let (content, torn) = found.as_ref().expect("what was written is read");
            assert_eq!((content.records, content.end, *torn), (starts.len() as u64, end as u64, None));
        }
        if regular && edits > 0 {
            one_changed_byte(&bytes, &damaged, &starts, end, &found);
        }
    }
    whole_log(&disk, regular, regular && damaged == bytes);
}

fn bytes_behind_a_header(rest: &[u8]) {
    let mut bytes = vec![0; SEGMENT_HEADER];
    bytes.extend_from_slice(&rest[..rest.len().min(SEGMENT_MAX)]);
    put_segment_header(&mut bytes);
    let disk = Disk::with(PATH, bytes.clone());
    // Whether it is a log at all is not known here.
    let _ = read_segment(&disk, &bytes);
    whole_log(&disk, false, false);
}

type Found = Result<(SegmentContent, Option<u64>), LogError>;

/// Reads one segment as `confman inspect` does, and holds it to what an independent look at the bytes finds; none where
/// it does not begin as one.
fn read_segment(disk: &Disk, bytes: &[u8]) -> Option<Found> {
    let found = bounded(READ_MEMORY, || now(survey::read_segment(disk, PATH))).transpose()?;
    if let Ok((content, _)) = &found {
        assert_eq!(sound_records(bytes, content.end as usize), Some(content.records), "a record that is not sound");
    }
    Some(found)
}

/// How many records stand before `end`, where every one of them is what its checksums say and follows the one before.
fn sound_records(bytes: &[u8], end: usize) -> Option<u64> {
    let (mut at, mut records, mut link) = (SEGMENT_HEADER, 0, None);
    while at < end {
        let header = bytes.get(at..at + RECORD_HEADER)?;
        let number = |from: usize| u32::from_le_bytes(header[from..from + 4].try_into().expect("four bytes"));
        let len = number(3) as usize;
        let body = bytes.get(at + RECORD_HEADER..at + RECORD_HEADER + len)?;
        let position = u64::from_le_bytes(header[15..23].try_into().expect("eight bytes"));
        let sum = number(35);
        let marks = header[0] == 0xC1 && header[39] == 0x1C && bytes.get(at + RECORD_HEADER + len) == Some(&0xED);
        let sums = number(31) == crc32c::crc32c(body) && sum == crc32c::crc32c_append(salt(), &header[..35]);
        let follows = position == at as u64 && link.is_none_or(|link| link == number(7));
        if !(marks && sums && follows) {
            return None;
        }
        link = Some(sum);
        records += 1;
        at += FRAME + len;
    }
    (at == end).then_some(records)
}

/// One byte of a record that is not what was written, while every sector of it was: damage, and never an end of the log.
fn one_changed_byte(before: &[u8], after: &[u8], starts: &[usize], end: usize, found: &Found) {
    let changed: Vec<usize> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
    let [at] = changed[..] else { return };
    if !(SEGMENT_HEADER..end).contains(&at) {
        return;
    }
    let sector = at / SECTOR * SECTOR;
    let record = *starts.iter().rfind(|start| **start <= at).expect("a record stands there");
    let from = sector.max(record);
    let became_zero = after[from..(sector + SECTOR).min(after.len())].iter().all(|byte| *byte == 0);
    if !became_zero {
        assert!(matches!(found, Err(LogError::Damaged { .. })), "byte {at} was changed, and nobody says so: {found:?}");
    }
}

/// Opens the whole log, twice. What is damaged is refused and left as it was; what is repaired needs no second repair.
fn whole_log(disk: &Disk, regular: bool, must_open: bool) {
    let before = disk.image();
    let surveyed = bounded(READ_MEMORY, || now(survey::read(disk, GROUP, None)));
    assert!(disk.image() == before, "looking at a log changed it");
    let opened = open(disk);
    match (surveyed, opened) {
        (Err(_), Err(_)) => {
            assert!(!must_open, "what was written is refused");
            assert!(disk.image() == before, "a log was refused and changed");
        }
        (Ok(surveyed), Ok(said)) => {
            // Where a record keeps or purges what never was, which no node writes, the two may differ in the last id.
            if regular {
                assert_eq!(said, what_is_said(&surveyed));
            }
            if let Some(vote) = &surveyed.vote {
                // Whatever was recorded as a vote: read, or an error.
                let _ = raft::read_vote::<TokioRuntime>(vote);
            }
            let again = now(survey::read(disk, GROUP, None)).expect("a log that was opened is whole");
            assert!(again.torn.is_empty(), "a torn tail outlived its repair");
            assert_eq!((what_is_said(&again), again.entries), (what_is_said(&surveyed), surveyed.entries));
            assert_eq!(open(disk).ok(), Some(said));
        }
        (surveyed, opened) => panic!("inspection says {surveyed:?}, and a start {opened:?}"),
    }
}

/// What a log says beside its entries.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    vote: Option<Bytes>,
    ids: [Option<LogId>; 3],
}

fn what_is_said(content: &LogContent) -> Said {
    Said { vote: content.vote.clone(), ids: [content.committed, content.purged, content.last] }
}

fn open(disk: &Disk) -> Result<Said, LogError> {
    let outside = Outside::default();
    let host = Host { files: Arc::new(disk.clone()), ..node::host(&outside) };
    let settings = WalSettings { segment_bytes: 4 << 10, cache_bytes: 0, reserve_bytes: 0 };
    let wal = now(Wal::open(&host, GROUP, settings, None))?;
    outside.end();
    Ok(Said { vote: wal.vote(), ids: [wal.committed(), wal.purged(), wal.last()] })
}

/// A segment that is being written.
struct Writing {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    end: usize,
    link: u32,
    term: u64,
    /// The term of each entry, from index 0.
    terms: Vec<u64>,
    /// How many of them are committed.
    committed: usize,
    /// Whether a node could have written it like this.
    regular: bool,
}

fn salt() -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&GROUP.0.to_le_bytes()), &1u32.to_le_bytes())
}

fn put_segment_header(bytes: &mut [u8]) {
    let len = bytes.len() as u64;
    bytes[..8].copy_from_slice(b"CONFMLOG");
    bytes[8..12].copy_from_slice(&1u32.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..12]);
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    bytes[16..20].copy_from_slice(&GROUP.0.to_le_bytes());
    bytes[20..24].copy_from_slice(&1u32.to_le_bytes());
    bytes[24..32].copy_from_slice(&len.to_le_bytes());
    bytes[32..60].fill(0);
    let sum = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&sum.to_le_bytes());
}

/// An id as records have it.
fn id(term: u64, index: u64) -> Vec<u8> {
    [term.to_le_bytes(), index.to_le_bytes()].concat()
}

fn some(id: &[u8]) -> Vec<u8> {
    [&[1], id].concat()
}

impl Writing {
    /// A segment with its header and, mostly, its checkpoint.
    fn new(input: &mut Input<'_>) -> Writing {
        let len = 1024 + input.below(SEGMENT_MAX - 1024);
        let mut bytes = vec![0; len];
        put_segment_header(&mut bytes);
        let mut writing = Writing {
            bytes,
            starts: Vec::new(),
            end: SEGMENT_HEADER,
            link: 0,
            term: 1,
            terms: Vec::new(),
            committed: 0,
            regular: true,
        };
        let odd = input.u8();
        if odd < 250 {
            // Where the segment before ended; no committed, purged or last id, no vote.
            writing.put(6, &[0; 12], 0, SEGMENT_HEADER as u64);
        } else {
            writing.regular = false;
            writing.put(6, input.piece(), input.u32(), SEGMENT_HEADER as u64);
        }
        writing
    }

    /// The next entry, with this payload.
    fn append(&mut self, payload: Vec<u8>) -> (u8, Vec<u8>) {
        self.terms.push(self.term);
        (1, [id(self.term, self.terms.len() as u64 - 1), payload].concat())
    }

    fn record(&mut self, input: &mut Input<'_>) {
        let choice = input.u8();
        let (kind, body) = match choice % 16 {
            0..=5 => self.append(input.piece().to_vec()),
            // Whole sectors of zeros in a payload.
            6 | 7 => self.append(vec![0; input.below(3000)]),
            8 => (3, input.piece().to_vec()),
            9 => (3, raft::vote_for_itself::<TokioRuntime>(Term(input.u64()), NodeId(1)).to_vec()),
            10 if !self.terms.is_empty() => {
                self.committed = self.terms.len();
                (5, id(self.terms[self.committed - 1], self.committed as u64 - 1))
            }
            11 if self.committed > 0 => {
                // Entries that were not committed give way to those of another leader.
                self.terms.truncate(self.committed);
                self.term += 1;
                (2, some(&id(self.terms[self.committed - 1], self.committed as u64 - 1)))
            }
            12 => {
                self.regular = false;
                let kind = [1, 2, 4, 5][input.below(4)];
                let index = if choice & 64 == 0 { u64::from(input.u8()) } else { input.u64() };
                let id = id(u64::from(input.u8()), index);
                (kind, if kind == 2 { some(&id) } else { id })
            }
            13 => {
                self.regular = false;
                (input.u8(), input.piece().to_vec())
            }
            _ => (3, vec![choice]),
        };
        let odd = input.u8();
        let link = if odd < 250 { self.link } else { input.u32() };
        let synced = match odd % 4 {
            0 => self.end as u64,
            1 | 2 => self.starts.get(input.below(self.starts.len())).map_or(SEGMENT_HEADER, |start| *start) as u64,
            _ => SEGMENT_HEADER as u64,
        };
        self.regular &= odd < 250;
        self.put(kind, &body, link, synced);
    }

    /// Writes a record where it still fits.
    fn put(&mut self, kind: u8, body: &[u8], link: u32, synced: u64) {
        let (start, len) = (self.end, FRAME + body.len());
        if start + len > self.bytes.len() {
            self.regular = false;
            return;
        }
        let first = (start + RECORD_HEADER).next_multiple_of(SECTOR) - (start + RECORD_HEADER);
        let sectors = body.get(first..).unwrap_or_default().chunks_exact(SECTOR);
        let zeros = sectors.filter(|sector| sector.iter().all(|byte| *byte == 0)).count() as u32;
        let mut header = vec![0xC1, 1, kind];
        header.extend_from_slice(&(body.len() as u32).to_le_bytes());
        header.extend_from_slice(&link.to_le_bytes());
        header.extend_from_slice(&zeros.to_le_bytes());
        header.extend_from_slice(&(start as u64).to_le_bytes());
        header.extend_from_slice(&synced.to_le_bytes());
        header.extend_from_slice(&crc32c::crc32c(body).to_le_bytes());
        self.link = crc32c::crc32c_append(salt(), &header);
        header.extend_from_slice(&self.link.to_le_bytes());
        header.push(0x1C);
        let record = [&header[..], body, &[0xED]].concat();
        self.bytes[start..start + len].copy_from_slice(&record);
        self.starts.push(start);
        self.end += len;
    }
}

/// One thing that happens to a file on a disk.
fn edit(bytes: &mut [u8], end: usize, input: &mut Input<'_>) {
    // Mostly where something stands.
    let reach = if input.u8() < 200 { end } else { bytes.len() };
    let at = input.below(reach);
    let sector = at / SECTOR * SECTOR;
    let sector_end = (sector + SECTOR).min(bytes.len());
    match input.u8() % 5 {
        0 | 1 => bytes[at] ^= input.u8(),
        2 => bytes[sector..sector_end].fill(0),
        3 => {
            let from = input.below(bytes.len()) / SECTOR * SECTOR;
            let len = (sector_end - sector).min(bytes.len() - from);
            bytes.copy_within(from..from + len, sector);
        }
        _ => {
            let new = input.piece();
            let len = new.len().min(bytes.len() - at);
            bytes[at..at + len].copy_from_slice(&new[..len]);
        }
    }
}
