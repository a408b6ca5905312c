//! Disks to plant violations on: three machines, whose logs are written record by record and synced when a test says.

use std::collections::BTreeMap;

use confman::base::{GroupId, LogId, NodeId};
use confman::raft::VoteOf;

use super::DurableState;
use super::log::Event;
use super::machine::Machine;
use super::members::Members;
use crate::host::files::{Change, Content, DurableFiles};
use crate::runtime::MadRuntime;

const SEGMENT: &str = "log/0-0000000001.seg";

/// Kind and body of a record.
pub type Written = (u8, Vec<u8>);

fn id(term: u64, index: u64) -> Vec<u8> {
    [term.to_le_bytes(), index.to_le_bytes()].concat()
}

pub fn append(term: u64, index: u64) -> Written {
    (1, [id(term, index), b"payload".to_vec()].concat())
}

pub fn truncate(term: u64, index: u64) -> Written {
    (2, [vec![1], id(term, index)].concat())
}

pub fn vote(term: u64, candidate: u64, won: bool) -> Written {
    let mut vote: VoteOf<MadRuntime> = openraft::Vote::new(term, NodeId(candidate));
    vote.committed = won;
    (3, postcard::to_extend(&vote, vec![2]).unwrap())
}

pub fn purge(term: u64, index: u64) -> Written {
    (4, id(term, index))
}

/// Three machines, which are the voters.
pub struct Disks {
    pub machines: BTreeMap<u64, Machine>,
    pub members: Members,
    disks: BTreeMap<u64, Disk>,
}

#[derive(Default)]
struct Disk {
    written: Vec<u8>,
    durable: BTreeMap<String, Vec<u8>>,
}

impl DurableFiles for Disk {
    fn paths(&self) -> Vec<&str> {
        self.durable.keys().map(String::as_str).collect()
    }

    fn read(&self, path: &str, with: &mut dyn FnMut(&Content)) {
        if let Some(content) = self.durable.get(path) {
            with(&Content::from(&content[..]));
        }
    }
}

impl Disks {
    /// All three have these records synced.
    pub fn of_three(records: &[Written]) -> Disks {
        let mut members = Members::default();
        for node in [1, 2, 3] {
            let voters = Some(vec![vec![1, 2, 3]]);
            members.observe(node, &Event::Appended { id: LogId::new(0, 0), before: None, hash: 0, voters }).unwrap();
        }
        let mut disks = Disks { machines: BTreeMap::new(), members, disks: BTreeMap::new() };
        for node in [1, 2, 3] {
            let disk = Disk { written: vec![0; 64], durable: BTreeMap::new() };
            disks.disks.insert(node, disk);
            disks.write(node, records);
            disks.sync(node);
        }
        disks
    }

    /// Writes records behind the others; they are not durable yet.
    pub fn write(&mut self, node: u64, records: &[Written]) {
        let written = &mut self.disks.get_mut(&node).unwrap().written;
        for (kind, body) in records {
            let at = written.len();
            let mut header = vec![0xC1, 1, *kind];
            header.extend((body.len() as u32).to_le_bytes());
            header.extend([0; 8]);
            header.extend((at as u64).to_le_bytes());
            header.extend([0; 8]);
            header.extend(crc32c::crc32c(body).to_le_bytes());
            let salt = crc32c::crc32c_append(crc32c::crc32c(&GroupId::MAIN.0.to_le_bytes()), &1u32.to_le_bytes());
            header.extend(crc32c::crc32c_append(salt, &header).to_le_bytes());
            header.push(0x1C);
            written.extend(header);
            written.extend(body);
            written.push(0xED);
        }
    }

    fn tell(&mut self, node: u64, change: Change<'_>) -> Result<Vec<Event>, String> {
        self.machines.entry(node).or_default().changed(change, &self.disks[&node])
    }

    /// Makes durable what was written.
    pub fn sync(&mut self, node: u64) -> Vec<Event> {
        let disk = self.disks.get_mut(&node).unwrap();
        disk.durable.insert(SEGMENT.to_owned(), disk.written.clone());
        self.tell(node, Change::Content(SEGMENT)).unwrap()
    }

    /// Takes bytes off the end of what is durable, as no disk should.
    pub fn lose(&mut self, node: u64, bytes: usize) {
        let durable = self.disks.get_mut(&node).unwrap().durable.get_mut(SEGMENT).unwrap();
        durable.truncate(durable.len() - bytes);
    }

    pub fn power_loss(&mut self, node: u64) -> Result<(), String> {
        self.tell(node, Change::PowerLoss).map(drop)
    }

    /// Gives a machine a snapshot with a durable name, and with all of its content durable, or not.
    pub fn snapshot(&mut self, node: u64, last: LogId, whole: bool) {
        let mut file = b"rows".to_vec();
        let mut trailer = vec![2];
        trailer.extend([0; 16]);
        trailer.extend((file.len() as u64).to_le_bytes());
        trailer.extend(crc32c::crc32c(&file).to_le_bytes());
        trailer.extend(crc32c::crc32c(&trailer).to_le_bytes());
        file.extend(trailer);
        if !whole {
            file[0] = 0;
        }
        let path = format!("snapshot/0-{}-{}.snap", last.term, last.index);
        self.disks.get_mut(&node).unwrap().durable.insert(path, file);
        self.tell(node, Change::Names).unwrap();
    }

    /// Does something with the laws' state on these disks.
    pub fn state<T>(&mut self, with: impl FnOnce(&mut DurableState) -> T) -> T {
        let mut state = DurableState { machines: std::mem::take(&mut self.machines), ..DurableState::default() };
        let done = with(&mut state);
        self.machines = state.machines;
        done
    }
}
