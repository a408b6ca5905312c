use crate::host::{Direction, KeyRange, Row, StoreError, StoreView};

/// Rows of the first step, when nothing is known of their size.
const ROWS_FIRST: usize = 16;
/// Rows of any step: values may be a thousand times as long as those seen so far.
const ROWS_MAX: usize = 128;
/// About as many bytes as one step should hold.
const STEP_BYTES: usize = 1 << 20;

/// Reads a range in steps whose rows fit what the rows before them weighed: a store bounds a scan by rows only,
/// and a row may hold a megabyte.
pub struct Steps {
    range: KeyRange,
    direction: Direction,
    rows: usize,
    done: bool,
}

impl Steps {
    /// Begins at the start of `range`.
    pub fn new(range: KeyRange) -> Steps {
        let done = range.start >= range.end;
        Steps { range, direction: Direction::Forward, rows: ROWS_FIRST, done }
    }

    /// Begins at the end of `range`, and reads it backward.
    pub fn backward(range: KeyRange) -> Steps {
        Steps { direction: Direction::Backward, ..Steps::new(range) }
    }

    /// The next rows, at most `limit`; none when the range is at its end.
    pub fn next(&mut self, view: &dyn StoreView, limit: usize) -> Result<Vec<Row>, StoreError> {
        let asked = self.rows.min(limit.max(1));
        if self.done {
            return Ok(Vec::new());
        }
        let rows = view.scan(&self.range, asked, self.direction)?;
        self.done = rows.len() < asked;
        if let Some((last, _)) = rows.last() {
            let bytes: usize = rows.iter().map(|(key, value)| key.len() + value.len()).sum();
            let fitting = STEP_BYTES / (bytes / rows.len()).max(1);
            self.rows = fitting.min(self.rows * 4).clamp(1, ROWS_MAX);
            match self.direction {
                // The next longer key: nothing lies between the two.
                Direction::Forward => self.range.start = [&last[..], &[0]].concat().into(),
                Direction::Backward => self.range.end = last.clone(),
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::host::fake::FakeStores;
    use crate::host::{Batch, Stores};

    #[tokio::test]
    async fn every_row_comes_once_in_order_and_large_rows_come_few_at_a_time() {
        let store = FakeStores::new().open("s").await.unwrap();
        let mut batch = Batch::default();
        for n in 0..300u32 {
            let value = if n < 200 { vec![0] } else { vec![0; 300_000] };
            batch.put(Bytes::copy_from_slice(&n.to_be_bytes()), value.into());
        }
        store.commit(batch).await.unwrap();
        let range = KeyRange { start: Bytes::new(), end: Bytes::from_static(&[255]) };
        let number = |key: &[u8]| u32::from_be_bytes(key.try_into().unwrap());
        let (mut backward, mut seen) = (Steps::backward(range.clone()), Vec::new());
        loop {
            let rows = backward.next(&*store, usize::MAX).unwrap();
            if rows.is_empty() {
                break;
            }
            seen.extend(rows.iter().map(|(key, _)| number(key)));
        }
        assert_eq!(seen, (0..300).rev().collect::<Vec<_>>());
        let (mut steps, mut seen, mut sizes) = (Steps::new(range), Vec::new(), Vec::new());
        loop {
            let rows = steps.next(&*store, usize::MAX).unwrap();
            if rows.is_empty() {
                break;
            }
            sizes.push(rows.len());
            seen.extend(rows.iter().map(|(key, _)| number(key)));
        }
        assert_eq!(seen, (0..300).collect::<Vec<_>>());
        assert_eq!(sizes[..3], [16, 64, 128]);
        assert!(sizes[5..].iter().all(|rows| *rows <= 4), "{sizes:?}");
    }
}
