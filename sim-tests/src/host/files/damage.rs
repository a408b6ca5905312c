//! Damage: what was synced is not there any more as it was written.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::disk::File;
use super::inode::SECTOR_BYTES;
use crate::runtime::elapsed;
use crate::schedule::Damaged;

/// How a file is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// A bit turns over.
    FlippedBit,
    /// What was meant for another sector of this disk lands on one of the file as well.
    MisdirectedWrite,
}

/// Damage that was done.
#[derive(Clone)]
pub struct Damage {
    pub path: String,
    /// Of the first damaged byte.
    pub offset: u64,
    pub at: Duration,
    /// The newest process on the machine then.
    pub incarnation: u32,
    file: File,
    /// What stands there since.
    bytes: Vec<u8>,
}

impl Damage {
    /// Whether the damage is there as it was done: the file was neither removed, nor replaced, nor repaired there.
    pub(super) fn is_there(&self, files: &BTreeMap<String, File>) -> bool {
        let same = files.get(&self.path).is_some_and(|file| std::sync::Arc::ptr_eq(file, &self.file));
        same && self.file.lock().expect("no panic under this lock").holds(self.offset as usize, &self.bytes)
    }
}

/// Whether this is a file of the kind.
fn is_one(file: Damaged, path: &str) -> bool {
    match file {
        Damaged::Log | Damaged::LogTail => path.starts_with("log/") && path.ends_with(".seg"),
        Damaged::Snapshot => path.starts_with("snapshot/") && path.ends_with(".snap"),
        Damaged::Identity => path == "identity",
        Damaged::Current => path.starts_with("apply/CURRENT") && !path.ends_with(".tmp"),
    }
}

/// Damages a file of the kind where something is written in it; `None` where there is none.
pub(super) fn inflict(
    files: &BTreeMap<String, File>,
    kind: Damaged,
    how: How,
    incarnation: u32,
    rng: &mut StdRng,
) -> Option<Damage> {
    let written = |file: &File| file.lock().expect("no panic under this lock").written_sectors();
    // A log's first sector says whose segment it is; a segment that holds no more is a spare one.
    let least = if matches!(kind, Damaged::Log | Damaged::LogTail) { 2 } else { 1 };
    let candidates: Vec<(&String, &File, Vec<usize>)> = files
        .iter()
        .filter(|(path, _)| is_one(kind, path))
        .map(|(path, file)| (path, file, written(file)))
        .filter(|(_, _, sectors)| sectors.len() >= least)
        .collect();
    if candidates.is_empty() {
        return None;
    }
    let tail = kind == Damaged::LogTail;
    let chosen = if tail { candidates.len() - 1 } else { rng.random_range(0..candidates.len()) };
    let (path, file, sectors) = &candidates[chosen];
    let sector = if tail { *sectors.last()? } else { sectors[rng.random_range(0..sectors.len())] };
    let (offset, bytes) = match how {
        How::FlippedBit => {
            let mut inode = file.lock().expect("no panic under this lock");
            let within = inode.written_bytes(sector);
            let at = sector * SECTOR_BYTES + rng.random_range(0..within);
            (at, inode.flip(at, rng.random_range(0..8)))
        }
        How::MisdirectedWrite => {
            let others: Vec<Vec<u8>> = files
                .values()
                .flat_map(|other| {
                    let other = other.lock().expect("no panic under this lock");
                    other.written_sectors().into_iter().map(|sector| other.sector(sector)).collect::<Vec<_>>()
                })
                .collect();
            let landed = &others[rng.random_range(0..others.len())];
            let mut inode = file.lock().expect("no panic under this lock");
            let before = inode.sector(sector);
            let bytes = inode.overwrite(sector, landed);
            if bytes == before {
                return None;
            }
            (sector * SECTOR_BYTES, bytes)
        }
    };
    Some(Damage {
        path: (*path).clone(),
        offset: offset as u64,
        at: elapsed(),
        incarnation,
        file: (*file).clone(),
        bytes,
    })
}
