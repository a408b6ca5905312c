//! The end of the stream: encodes records into segments, syncs them, goes on to the next segment.

use std::collections::BTreeMap;

use bytes::BytesMut;
use tokio::sync::oneshot;

use super::record::{Image, Place, Record};
use super::recover::Recovered;
use super::segment::{SEGMENT_HEADER_BYTES, Segment};
use super::{LogError, WalSettings};
use crate::base::{GroupId, LogIndex};
use crate::host::Host;

/// One write is not longer than this plus one record.
const WRITE_BYTES_MAX: usize = 8 << 20;

/// Owns what comes after the last record. Nothing is durable before [`Writer::write_and_sync`] returns.
pub struct Writer {
    host: Host,
    group: GroupId,
    settings: WalSettings,
    active: Option<Segment>,
    /// Where the buffer will be written.
    offset: u64,
    buffer: BytesMut,
    /// All of the active segment before this is synced.
    synced: u64,
    link: u32,
    /// What the records say up to and with the buffer.
    image: Image,
    next: Next,
    /// All segments with records, and the highest index of an entry in each.
    highest: BTreeMap<u32, (String, Option<LogIndex>)>,
}

/// The segment after the active one. It is prepared ahead, so that no writer waits for it.
enum Next {
    None,
    Ready(Segment),
    Coming(oneshot::Receiver<Result<Option<Segment>, LogError>>),
}

impl Writer {
    /// Goes on where recovery ended.
    pub fn new(host: &Host, group: GroupId, settings: &WalSettings, recovered: &Recovered) -> Writer {
        let mut writer = Writer {
            host: host.clone(),
            group,
            settings: settings.clone(),
            active: recovered.active.clone(),
            offset: recovered.offset,
            buffer: BytesMut::new(),
            synced: recovered.offset,
            link: recovered.link,
            image: recovered.image.clone(),
            next: recovered.next.clone().map_or(Next::None, Next::Ready),
            highest: recovered
                .segments
                .iter()
                .map(|(seq, (segment, highest))| (*seq, (segment.path.clone(), *highest)))
                .collect(),
        };
        writer.prepare_next();
        writer
    }

    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Whether a record of this length fits into the active segment.
    pub fn has_room(&self, record_bytes: u64) -> bool {
        let end = self.offset + self.buffer.len() as u64 + record_bytes;
        self.active.as_ref().is_some_and(|active| end <= active.bytes)
    }

    /// Adds a record to the buffer; it must have room. Returns segment and offset of the record.
    pub fn push(&mut self, record: &Record) -> (u32, u32) {
        assert!(self.has_room(record.bytes()), "a record never crosses the end of its segment");
        let (seq, salt) = self.active.as_ref().map_or((0, 0), |active| (active.seq, active.salt));
        let position = self.offset + self.buffer.len() as u64;
        let place = Place { salt, position, link: self.link, synced: self.synced };
        self.link = record.encode(&mut self.buffer, &place);
        self.image.apply(record);
        if let Record::Append { id, .. } = record
            && let Some((_, highest)) = self.highest.get_mut(&seq)
        {
            *highest = (*highest).max(Some(id.index));
        }
        // Segments are kept far below 4 GiB: see `WalSettings`.
        (seq, u32::try_from(position).expect("a segment is shorter than 4 GiB"))
    }

    /// Whether the buffer has grown enough to be written before more is encoded.
    pub fn is_full(&self) -> bool {
        self.buffer.len() >= WRITE_BYTES_MAX
    }

    /// Writes the buffer; not synced.
    pub async fn write_out(&mut self) -> Result<(), LogError> {
        let Some(active) = self.active.as_ref().filter(|_| !self.buffer.is_empty()) else { return Ok(()) };
        let data = self.buffer.split().freeze();
        let end = self.offset + data.len() as u64;
        active.file.write_at(self.offset, data).await.map_err(LogError::io(&active.path))?;
        self.offset = end;
        Ok(())
    }

    /// Writes the buffer and makes all that was written durable: one call where one write does it.
    pub async fn write_and_sync(&mut self) -> Result<(), LogError> {
        let end = self.offset + self.buffer.len() as u64;
        if let Some(active) = self.active.as_ref().filter(|_| self.synced < end) {
            let done = if self.buffer.is_empty() {
                active.file.sync()
            } else {
                active.file.write_and_sync(self.offset, self.buffer.split().freeze())
            };
            done.await.map_err(LogError::io(&active.path))?;
            (self.offset, self.synced) = (end, end);
        }
        self.prepare_next();
        Ok(())
    }

    /// Begins the next segment, with room for a record of this length. All of the old one must be synced: that the
    /// next one has a record proves it.
    pub async fn roll(&mut self, record_bytes: u64) -> Result<Segment, LogError> {
        assert!(self.buffer.is_empty() && self.synced == self.offset, "a segment is left before it is synced");
        let checkpoint = Record::Checkpoint { prev_end: self.offset, image: self.image.clone() };
        let needed = (SEGMENT_HEADER_BYTES + checkpoint.bytes() + record_bytes).next_multiple_of(4096);
        let seq = self.active.as_ref().map_or(1, |active| active.seq + 1);
        let prepared = match std::mem::replace(&mut self.next, Next::None) {
            Next::Ready(segment) => Some(segment),
            Next::Coming(coming) => match coming.await {
                Ok(prepared) => prepared?,
                // The task went with the host; this one is about to go as well.
                Err(_) => return Err(LogError::io("log")(std::io::Error::other("preparing a segment was given up"))),
            },
            Next::None => None,
        };
        let segment = match prepared.filter(|segment| segment.bytes >= needed) {
            Some(segment) => segment,
            None => {
                let bytes = self.settings.segment_bytes().max(needed);
                let reserve = self.settings.reserve_bytes;
                Segment::prepare(&self.host, self.group, seq, bytes, reserve, || true)
                    .await?
                    .expect("it is wanted until it is there")
            }
        };
        self.offset = SEGMENT_HEADER_BYTES;
        self.synced = SEGMENT_HEADER_BYTES;
        self.highest.insert(seq, (segment.path.clone(), None));
        self.active = Some(segment.clone());
        self.push(&checkpoint);
        Ok(segment)
    }

    /// Starts to make the next segment. Called only where the active one holds a synced record, or none is active: so
    /// recovery knows that a segment with another one behind it was begun.
    fn prepare_next(&mut self) {
        if !matches!(self.next, Next::None) {
            return;
        }
        let seq = self.active.as_ref().map_or(1, |active| active.seq + 1);
        let (tx, rx) = oneshot::channel();
        let (host, group, settings) = (self.host.clone(), self.group, self.settings.clone());
        self.host.spawn("log-prepare", async move {
            let bytes = settings.segment_bytes();
            let prepared = Segment::prepare(&host, group, seq, bytes, settings.reserve_bytes, || !tx.is_closed()).await;
            // Nobody waits for it any more when the log was closed; the file is found again when it opens.
            let _ = tx.send(prepared);
        });
        self.next = Next::Coming(rx);
    }

    /// The next old segment that holds nothing but purged entries, out of the list. To be asked when all is synced: the
    /// purge is durable then, and so is the checkpoint of a later segment.
    pub fn take_purged_segment(&mut self) -> Option<(u32, String)> {
        let active = self.active.as_ref()?.seq;
        let purged = self.image.purged.map(|id| id.index);
        let (seq, (_, highest)) = self.highest.first_key_value()?;
        if *seq >= active || *highest > purged {
            return None;
        }
        self.highest.pop_first().map(|(seq, (path, _))| (seq, path))
    }
}
