use std::collections::VecDeque;

use bytes::Bytes;

use super::SnapshotMeta;
use super::format::Encoder;
use crate::base::GroupId;
use crate::host::{Direction, KeyRange, Row, StoreView};

/// Rows per scan: as many as come close to [`SCAN_BYTES`], going by the scan before.
const SCAN_ROWS: std::ops::RangeInclusive<usize> = 8..=2048;
const SCAN_BYTES: usize = 1 << 20;

/// The bytes of the snapshot file of a view, piece by piece: what [`super::Snapshots::build`] writes, and what a backup
/// is. Holds one scan of rows, a few megabytes at most.
pub struct SnapshotStream {
    /// Taken at the end.
    encoder: Option<Encoder>,
    view: Box<dyn StoreView>,
    range: KeyRange,
    limit: usize,
    ready: VecDeque<Bytes>,
}

impl SnapshotStream {
    /// Begins at the first row of `range`.
    pub fn start(
        group: GroupId,
        meta: &SnapshotMeta,
        view: Box<dyn StoreView>,
        range: KeyRange,
    ) -> Result<SnapshotStream, String> {
        let (encoder, header) = Encoder::start(group, meta)?;
        let (encoder, ready) = (Some(encoder), VecDeque::from([header]));
        Ok(SnapshotStream { encoder, view, range, limit: *SCAN_ROWS.start(), ready })
    }

    /// The next bytes; `None` behind the last ones. After an error there are none that would make the file whole.
    #[expect(clippy::should_implement_trait, reason = "an iterator would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Bytes>, String> {
        while self.ready.is_empty() {
            // Taken: an error on the way leaves none, and so no trailer.
            let Some(mut encoder) = self.encoder.take() else { return Ok(None) };
            let rows =
                self.view.scan(&self.range, self.limit, Direction::Forward).map_err(|error| error.to_string())?;
            let Some((last, _)) = rows.last() else {
                self.ready.push_back(encoder.end());
                break;
            };
            self.range.start = successor(last);
            self.limit = next_limit(&rows);
            for row in &rows {
                self.ready.extend(encoder.row(row)?);
            }
            self.encoder = Some(encoder);
        }
        Ok(self.ready.pop_front())
    }
}

/// The first key after `key`.
fn successor(key: &Bytes) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next.into()
}

fn next_limit(rows: &[Row]) -> usize {
    let bytes: usize = rows.iter().map(|(key, value)| key.len() + value.len()).sum();
    let fitting = SCAN_BYTES / (bytes / rows.len().max(1)).max(1);
    fitting.clamp(*SCAN_ROWS.start(), *SCAN_ROWS.end())
}
