//! The engine's journal, read more strictly than the engine does: it cuts what it cannot read, whatever comes after, and
//! does not check all that it reads.
//!
//! A journal is batches, then zeros. A batch is a start (tag 1, items u32, sequence number u64), its items (tag 2, type,
//! compression, keyspace u64, lengths of the key u16, of the value u32 and of the value as it is stored u32, key, value;
//! or tag 4, keyspace u64), and an end (tag 3, XXH3 of the items u64, magic). Little-endian. fjall 3.1, `journal/entry.rs`.

use xxhash_rust::xxh3::xxh3_64;

const MAGIC: &[u8; 4] = b"FJL\x03";
const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
/// Type, compression, keyspace, three lengths.
const ITEM_HEAD_BYTES: usize = 1 + 1 + 8 + 2 + 4 + 4;
const CLEAR_BYTES: usize = 8;

/// Where a journal is not what was written.
#[derive(Debug, PartialEq, Eq)]
pub struct JournalDamage {
    pub offset: u64,
    pub what: String,
}

/// Checks every byte of a journal.
pub fn check(bytes: &[u8]) -> Result<(), JournalDamage> {
    let (mut at, mut sequence) = (0, None);
    while bytes.get(at).is_some_and(|tag| *tag != 0) {
        match batch(&bytes[at..]) {
            Some((len, number)) if sequence.is_none_or(|before| before < number) => {
                at += len;
                sequence = Some(number);
            }
            Some(_) => return damaged(at, "a batch is not in its order"),
            None => {
                let what = "no whole batch stands here: damage, or what a power loss left of the last one. The store \
                            can be rebuilt from snapshot and log";
                return damaged(at, what);
            }
        }
    }
    match bytes[at..].iter().position(|byte| *byte != 0) {
        Some(behind) => damaged(at + behind, "there are bytes behind the last batch"),
        None => Ok(()),
    }
}

fn damaged(at: usize, what: &str) -> Result<(), JournalDamage> {
    Err(JournalDamage { offset: at as u64, what: what.to_owned() })
}

/// The length and the sequence number of the batch that these bytes begin with, where it is whole.
fn batch(bytes: &[u8]) -> Option<(usize, u64)> {
    let mut left = bytes.strip_prefix(&[START])?;
    let items = u32::from_le_bytes(take(&mut left)?);
    let sequence = u64::from_le_bytes(take(&mut left)?);
    let begun = left;
    for _ in 0..items {
        let [tag] = take(&mut left)?;
        match tag {
            ITEM => {
                let head: [u8; ITEM_HEAD_BYTES] = take(&mut left)?;
                let key = u16::from_le_bytes([head[10], head[11]]) as usize;
                let value = u32::from_le_bytes([head[16], head[17], head[18], head[19]]) as usize;
                left = left.get(key.checked_add(value)?..)?;
            }
            CLEAR => left = left.get(CLEAR_BYTES..)?,
            _ => return None,
        }
    }
    let body = &begun[..begun.len() - left.len()];
    let [tag] = take(&mut left)?;
    let sum = u64::from_le_bytes(take(&mut left)?);
    let magic: [u8; 4] = take(&mut left)?;
    (tag == END && magic == *MAGIC && sum == xxh3_64(body)).then(|| (bytes.len() - left.len(), sequence))
}

/// The next bytes, so many.
pub fn take<const N: usize>(left: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = left.split_first_chunk::<N>()?;
    *left = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(out: &mut Vec<u8>, sequence: u64, rows: &[(&str, &str)]) {
        out.push(START);
        out.extend((rows.len() as u32).to_le_bytes());
        out.extend(sequence.to_le_bytes());
        let from = out.len();
        for (key, value) in rows {
            out.extend([ITEM, 0, 0]);
            out.extend(1u64.to_le_bytes());
            out.extend((key.len() as u16).to_le_bytes());
            out.extend((value.len() as u32).to_le_bytes());
            out.extend((value.len() as u32).to_le_bytes());
            out.extend(key.bytes().chain(value.bytes()));
        }
        let sum = xxh3_64(&out[from..]);
        out.push(END);
        out.extend(sum.to_le_bytes());
        out.extend(MAGIC);
    }

    #[test]
    fn any_flipped_bit_is_found_and_so_is_a_cut() {
        let mut bytes = Vec::new();
        put(&mut bytes, 4, &[("a", "1"), ("b", "22")]);
        put(&mut bytes, 5, &[("a", "3")]);
        put(&mut bytes, 6, &[]);
        let used = bytes.len();
        bytes.resize(used + 100, 0);
        assert_eq!(check(&bytes), Ok(()));
        assert_eq!(check(&[]), Ok(()));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // The number of the first and last batch may be any that is before or after the others.
            let numbers = [5..13, used - 21..used - 13];
            let found = check(&flipped);
            assert!(found.is_err() || numbers.iter().any(|at| at.contains(&(bit / 8))), "bit {bit}");
        }
        for cut in 1..used {
            assert_eq!(check(&bytes[..cut]).is_ok(), cut == 73 || cut == used - 26 || cut == used, "cut at {cut}");
        }
    }
}
