//! What a file holds, in pages: only what was ever written takes memory, and a copy costs nothing until one of the two
//! is written.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

const PAGE_BYTES: usize = 4_096;

type Page = [u8; PAGE_BYTES];

/// A file's bytes.
#[derive(Clone, Default)]
pub struct Content {
    len: usize,
    /// All pages up to `len`. One of zeros may be `None`, and what lies beyond `len` in the last one is zeros.
    pages: Vec<Option<Arc<Page>>>,
}

impl Content {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Cuts the end off, or puts zeros there.
    pub fn resize(&mut self, len: usize) {
        self.pages.resize(len.div_ceil(PAGE_BYTES), None);
        if len < self.len
            && let Some(Some(last)) = self.pages.last_mut()
            && !len.is_multiple_of(PAGE_BYTES)
        {
            Arc::make_mut(last)[len % PAGE_BYTES..].fill(0);
        }
        self.len = len;
    }

    /// Writes bytes, with zeros before them where the file ended earlier.
    pub fn write(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        if self.len < end {
            self.resize(end);
        }
        for (page, within) in pieces(offset..end) {
            let start = page * PAGE_BYTES + within.start - offset;
            let piece = &data[start..start + within.len()];
            match &mut self.pages[page] {
                Some(page) => Arc::make_mut(page)[within].copy_from_slice(piece),
                None if piece.iter().all(|byte| *byte == 0) => {}
                unwritten => {
                    let mut page = [0; PAGE_BYTES];
                    page[within].copy_from_slice(piece);
                    *unwritten = Some(Arc::new(page));
                }
            }
        }
    }

    /// The bytes in a range; `None` where the file ends before it does.
    pub fn get(&self, range: Range<usize>) -> Option<Cow<'_, [u8]>> {
        if range.start > range.end || range.end > self.len {
            return None;
        }
        let mut pieces = pieces(range.clone());
        let (Some((page, within)), None) = (pieces.next(), pieces.next()) else {
            return Some(Cow::Owned(self.gather(range)));
        };
        Some(Cow::Borrowed(&self.page(page)[within]))
    }

    fn gather(&self, range: Range<usize>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(range.len());
        for (page, within) in pieces(range) {
            bytes.extend_from_slice(&self.page(page)[within]);
        }
        bytes
    }

    fn page(&self, page: usize) -> &Page {
        const ZEROS: &Page = &[0; PAGE_BYTES];
        self.pages[page].as_deref().unwrap_or(ZEROS)
    }

    /// Has this range as the other content has it, as far as both reach.
    pub fn copy(&mut self, from: &Content, range: Range<usize>) {
        let end = range.end.min(from.len).min(self.len);
        if let Some(bytes) = from.get(range.start..end) {
            self.write(range.start, &bytes);
        }
    }

    /// Has the length of the other content, and the pages on which these bytes are as they are there, at no cost. In
    /// what else is on these pages the two must be the same.
    pub fn share(&mut self, from: &Content, bytes: impl Iterator<Item = usize>) {
        self.resize(from.len);
        let mut last = None;
        for page in bytes.map(|at| at / PAGE_BYTES).take_while(|page| *page < from.pages.len()) {
            if last.replace(page) != Some(page) {
                self.pages[page] = from.pages[page].clone();
            }
        }
    }

    /// The starts of the parts of this size, which divides a page's, that hold something other than zeros.
    pub fn written(&self, part_bytes: usize) -> impl Iterator<Item = usize> + '_ {
        debug_assert!(PAGE_BYTES.is_multiple_of(part_bytes));
        let pages =
            self.pages.iter().enumerate().filter_map(|(number, page)| Some((number * PAGE_BYTES, page.as_ref()?)));
        pages.flat_map(move |(start, page)| {
            let parts = page.chunks(part_bytes).enumerate();
            let written = parts.filter(|(_, part)| part.iter().any(|byte| *byte != 0));
            written.map(move |(number, _)| start + number * part_bytes)
        })
    }
}

impl From<&[u8]> for Content {
    fn from(bytes: &[u8]) -> Content {
        let mut content = Content::default();
        content.write(0, bytes);
        content
    }
}

/// The pages that a range touches, and which part of each it is.
fn pieces(range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let pages = if range.is_empty() { 0..0 } else { range.start / PAGE_BYTES..range.end.div_ceil(PAGE_BYTES) };
    pages.map(move |page| {
        let start = page * PAGE_BYTES;
        (page, range.start.max(start) - start..range.end.min(start + PAGE_BYTES) - start)
    })
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::seed::stream;

    fn all(content: &Content) -> Vec<u8> {
        content.get(0..content.len()).unwrap().into_owned()
    }

    /// Whatever is done to it, it holds what a plain vector holds; and what was copied stays as it was.
    #[test]
    fn it_is_a_vector_of_bytes() {
        let mut rng = stream(7, "content");
        for _ in 0..50 {
            let (mut content, mut expected) = (Content::default(), Vec::<u8>::new());
            let mut copies = Vec::new();
            for _ in 0..40 {
                let (at, len) = (rng.random_range(0..20_000), rng.random_range(0..9_000));
                let byte = rng.random_range(0..3);
                match rng.random_range(0..4) {
                    0 => {
                        content.resize(at);
                        expected.resize(at, 0);
                    }
                    1 => copies.push((content.clone(), expected.clone())),
                    _ => {
                        content.write(at, &vec![byte; len]);
                        expected.resize(expected.len().max(at + len), 0);
                        expected[at..at + len].fill(byte);
                    }
                }
                assert!(all(&content) == expected);
                assert_eq!(content.get(at..at + len).as_deref(), expected.get(at..at + len));
                let parts = expected.chunks(512).enumerate().filter(|(_, part)| part.iter().any(|byte| *byte != 0));
                assert!(content.written(512).eq(parts.map(|(number, _)| number * 512)));
            }
            assert!(copies.iter().all(|(content, expected)| all(content) == *expected));
        }
    }

    #[test]
    fn a_range_is_copied_as_far_as_both_reach() {
        let from = Content::from(&[1; 10_000][..]);
        let mut to = Content::from(&[2; 9_000][..]);
        to.copy(&from, 4_000..4_200);
        to.copy(&from, 8_900..9_500);
        to.copy(&from, 9_500..9_600);
        let expected = [vec![2; 4_000], vec![1; 200], vec![2; 4_700], vec![1; 100]].concat();
        assert!(all(&to) == expected);
        let mut shorter = Content::from(&[2; 50][..]);
        to.share(&shorter, [0, 20, 9_500].into_iter());
        assert_eq!(all(&to), [2; 50]);
        shorter.write(3, &[3]);
        assert_eq!(all(&to), [2; 50], "what is shared is not written");
    }

    #[test]
    fn zeros_take_no_memory() {
        let content = Content::from(&vec![0; 1 << 20][..]);
        assert!(content.len() == 1 << 20 && content.pages.iter().all(Option::is_none));
    }
}
