//! Opening the log: from segment files to what they say.

use std::collections::BTreeMap;

use super::index::EntryIndex;
use super::record::{Image, Record};
use super::scan::{Scan, Tail, judge, scan};
use super::segment::{self, LOG_DIR, SEGMENT_HEADER_BYTES, Segment};
use super::{LogError, WalSettings};
use crate::base::{GroupId, LogId, LogIndex};
use crate::host::{Files, Host};

/// What the files say, all of it durable.
pub struct Recovered {
    pub index: EntryIndex,
    pub image: Image,
    /// The segment that takes the next record; none in a fresh log.
    pub active: Option<Segment>,
    /// Where the next record goes, and the link it names.
    pub offset: u64,
    pub link: u32,
    /// An empty segment after the active one.
    pub next: Option<Segment>,
    /// All segments that hold records, with the highest index of an entry in each.
    pub segments: BTreeMap<u32, (Segment, Option<LogIndex>)>,
}

/// Reads the log of one group. A torn tail is cut, leftovers are removed, all is synced when this returns.
pub async fn recover(
    host: &Host,
    group: GroupId,
    settings: &WalSettings,
    applied: Option<LogId>,
) -> Result<Recovered, LogError> {
    host.files.create_dir(LOG_DIR).await.map_err(LogError::io(LOG_DIR))?;
    host.files.sync_dir("").await.map_err(LogError::io("data directory"))?;
    let Survey { leftovers, used, next, next_tail, active_tail, replay } =
        survey(&*host.files, group, settings.cache_bytes, applied).await?;
    let active = used.last().map(|(segment, _)| segment.clone());
    let (offset, link, synced) = replay.end.as_ref().map_or((0, 0, 0), |end| (end.offset, end.link, end.synced));

    for (segment, tail, from) in [(&next, next_tail, SEGMENT_HEADER_BYTES), (&active, active_tail, offset)] {
        if let (Some(segment), Some(Tail { clean: false, .. })) = (segment, tail) {
            tracing::warn!(%group, file = segment.path, offset = from, "power was lost while records were written: what was not synced is cut");
            segment.zero_after(from).await?;
        }
    }
    if let Some(active) = &active {
        // A killed process may have left records that were written and not synced. From here on they count.
        active.write_again(synced, offset).await?;
    }
    for name in leftovers {
        let path = format!("{LOG_DIR}/{name}");
        host.files.remove(&path).await.map_err(LogError::io(&path))?;
    }
    host.files.sync_dir(LOG_DIR).await.map_err(LogError::io(LOG_DIR))?;

    let segments = used.into_iter().map(|(segment, _)| {
        let highest = replay.highest.get(&segment.seq).copied();
        (segment.seq, (segment, highest))
    });
    let segments = segments.collect();
    let Replay { index, image, .. } = replay;
    Ok(Recovered { index, image, active, offset, link, next, segments })
}

/// What the files say, and what recovery would have to repair. Nothing is changed.
pub struct Survey {
    /// Files that are of no use any more.
    pub leftovers: Vec<String>,
    /// The segments that hold records, in order; the last one takes the next record.
    pub used: Vec<(Segment, Scan)>,
    /// An empty segment after them.
    pub next: Option<Segment>,
    pub next_tail: Option<Tail>,
    /// What lies behind the records of the last used one.
    pub active_tail: Option<Tail>,
    pub replay: Replay,
}

/// Reads the log of one group to its end and judges it; `applied` as for [`recover`].
pub async fn survey(
    files: &dyn Files,
    group: GroupId,
    cache_bytes: usize,
    applied: Option<LogId>,
) -> Result<Survey, LogError> {
    let listed = files.list(LOG_DIR).await.map_err(LogError::io(LOG_DIR))?;
    let mut leftovers: Vec<String> = listed.iter().filter(|name| segment::is_temporary(group, name)).cloned().collect();
    let mut seqs: Vec<u32> = listed.iter().filter_map(|name| segment::parse_name(group, name)).collect();
    seqs.sort_unstable();
    // The removal of old segments is not synced: any of them may be back. What counts is the unbroken run at the end.
    let run_start = (1..seqs.len()).rev().find(|at| seqs[at - 1] + 1 != seqs[*at]).unwrap_or(0);
    leftovers.extend(seqs.drain(..run_start).map(|seq| segment::path(group, seq)[LOG_DIR.len() + 1..].to_owned()));

    let mut replay = Replay::new(cache_bytes);
    let (mut used, mut unused): (Vec<(Segment, Scan)>, Vec<Segment>) = (Vec::new(), Vec::new());
    for seq in seqs {
        let segment = Segment::open(files, group, seq).await?;
        let before = replay.end.as_ref().map(|end| end.link);
        let scanned = scan(&segment, before, |offset, record| {
            if let Some(skipped) = unused.first() {
                let what = format!("the segment's first record is not sound, and {} was begun after it", segment.path);
                return Err(LogError::damaged(&skipped.path, SEGMENT_HEADER_BYTES, what));
            }
            replay.take(&segment, offset, record)
        });
        let scanned = scanned.await?;
        if scanned.records == 0 {
            unused.push(segment);
            continue;
        }
        let Scan { end: offset, link, synced, .. } = scanned;
        replay.end = Some(End { path: segment.path.clone(), offset, link, synced });
        used.push((segment, scanned));
    }
    let next = settle_unused(unused, used.is_empty())?;
    let offset = replay.end.as_ref().map_or(0, |end| end.offset);
    let next_tail = match &next {
        Some(next) => Some(judge(next, SEGMENT_HEADER_BYTES).await?),
        None => None,
    };
    let active = used.last().map(|(segment, _)| segment);
    let active_tail = match active {
        Some(active) => Some(judge(active, offset).await?),
        None => None,
    };
    if let (Some(active), Some(Tail { clean: false, .. }), Some(Tail { any_record: true, .. })) =
        (active, active_tail, next_tail)
    {
        // A segment is synced before the next one takes its first record.
        return Err(LogError::damaged(&active.path, offset, "a later segment proves that a sound record stood here"));
    }
    let place = active.map_or((LOG_DIR, 0), |active| (active.path.as_str(), offset));
    replay.check(applied).map_err(|what| LogError::damaged(place.0, place.1, what))?;
    Ok(Survey { leftovers, used, next, next_tail, active_tail, replay })
}

/// At most one segment is prepared ahead, and only once the one before it holds synced records.
fn settle_unused(unused: Vec<Segment>, fresh: bool) -> Result<Option<Segment>, LogError> {
    let mut unused = unused.into_iter();
    let next = unused.next();
    let Some(segment) = &next else { return Ok(None) };
    if unused.next().is_some() || (fresh && segment.seq != 1) {
        let what = "the segment's first record is not sound, and other files prove that there was one";
        return Err(LogError::damaged(&segment.path, SEGMENT_HEADER_BYTES, what));
    }
    Ok(next)
}

/// Where a segment's sound records end.
pub struct End {
    path: String,
    pub offset: u64,
    link: u32,
    /// Up to here they are known to have been synced.
    synced: u64,
}

/// The records so far, taken one by one.
pub struct Replay {
    pub image: Image,
    pub index: EntryIndex,
    cache_bytes: usize,
    /// Where the last segment ended that was read.
    pub end: Option<End>,
    /// Entries up to here lay in segments that are gone. They must turn out to be purged.
    missing: Option<LogId>,
    pub highest: BTreeMap<u32, LogIndex>,
}

impl Replay {
    fn new(cache_bytes: usize) -> Replay {
        let index = EntryIndex::new(None, cache_bytes);
        Replay { image: Image::default(), index, cache_bytes, end: None, missing: None, highest: BTreeMap::new() }
    }

    fn take(&mut self, segment: &Segment, offset: u64, record: Record) -> Result<(), LogError> {
        let damaged = |what: String| LogError::damaged(&segment.path, offset, what);
        if let Record::Checkpoint { prev_end, image } = &record {
            if let Some(end) = self.end.as_ref().filter(|end| end.offset != *prev_end) {
                let what =
                    format!("sound records end here, and {} proves that they went on to {prev_end}", segment.path);
                return Err(LogError::damaged(&end.path, end.offset, what));
            }
            self.take_checkpoint(segment.seq, image).map_err(damaged)?;
        }
        self.image.apply(&record);
        match &record {
            Record::Append { id, payload } => {
                if !self.index.takes(id.index) {
                    let last = self.index.last().map_or("nothing".to_owned(), |last| last.to_string());
                    return Err(damaged(format!("entry {id} cannot follow {last}")));
                }
                let at = u32::try_from(offset).map_err(|_| damaged("the segment is too long".to_owned()))?;
                self.index.recover(*id, payload.len() as u64, segment.seq, at);
                let highest = self.highest.entry(segment.seq).or_insert(id.index);
                *highest = id.index.max(*highest);
            }
            Record::Truncate(to) => {
                let to_index = to.map(|id| id.index);
                if self.missing.is_some_and(|missing| Some(missing.index) > to_index) {
                    self.missing = *to;
                    self.index = EntryIndex::new(self.image.last, self.cache_bytes);
                } else {
                    self.index.truncate_after(*to);
                }
            }
            Record::Purge(upto) => self.index.purge(*upto),
            Record::Vote(_) | Record::Committed(_) | Record::Checkpoint { .. } => {}
        }
        Ok(())
    }

    fn take_checkpoint(&mut self, seq: u32, image: &Image) -> Result<(), String> {
        match self.end {
            Some(_) if *image != self.image => Err("the checkpoint contradicts the records before it".to_owned()),
            Some(_) => Ok(()),
            None if seq == 1 && *image != Image::default() => Err("the first segment continues another".to_owned()),
            None => {
                self.missing = image.last.filter(|_| image.last != image.purged);
                self.index = EntryIndex::new(image.last, self.cache_bytes);
                Ok(())
            }
        }
    }

    /// Whether nothing is missing that must be there.
    fn check(&mut self, applied: Option<LogId>) -> Result<(), String> {
        if let Some(missing) = self.missing
            && self.image.purged.is_none_or(|purged| purged.index < missing.index)
        {
            return Err(format!("the segment files that hold the entries up to {missing} are gone"));
        }
        let last = self.image.last;
        if let Some(applied) = applied
            && last.is_none_or(|last| last.index < applied.index)
        {
            let last = last.map_or("nothing".to_owned(), |last| last.to_string());
            return Err(format!(
                "the store proves that the log was synced up to {applied}, and sound records end at {last}"
            ));
        }
        Ok(())
    }
}
