use std::ops::Range;

const WORD_BITS: usize = u64::BITS as usize;

/// A set of a file's sectors, by number: a bit for each.
#[derive(Default)]
pub struct Sectors(Vec<u64>);

impl Sectors {
    pub fn add(&mut self, sectors: Range<usize>) {
        let words = sectors.end.div_ceil(WORD_BITS);
        if self.0.len() < words {
            self.0.resize(words, 0);
        }
        let mut at = sectors.start;
        while at < sectors.end {
            let (word, first) = (at / WORD_BITS, at % WORD_BITS);
            let bits = (sectors.end - at).min(WORD_BITS - first);
            self.0[word] |= u64::MAX >> (WORD_BITS - bits) << first;
            at += bits;
        }
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// In ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(number, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                left &= left.checked_sub(1)?;
                Some(number * WORD_BITS + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::RngExt;

    use super::*;
    use crate::seed::stream;

    #[test]
    fn it_is_a_sorted_set_of_numbers() {
        let mut rng = stream(7, "sectors");
        for _ in 0..100 {
            let (mut sectors, mut expected) = (Sectors::default(), BTreeSet::new());
            for _ in 0..5 {
                let from = rng.random_range(0..500);
                let range = from..from + rng.random_range(0..200);
                sectors.add(range.clone());
                expected.extend(range);
                assert!(sectors.iter().eq(expected.iter().copied()));
                assert_eq!(sectors.len(), expected.len());
            }
            sectors.clear();
            assert!(sectors.len() == 0 && sectors.iter().next().is_none());
        }
    }
}
