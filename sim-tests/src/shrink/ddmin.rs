//! Delta debugging: A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE Transactions
//! on Software Engineering 28(2), 2002, section 3.

/// More chunks than these are not tried alone, only left out: one small chunk hardly ever breaks a law by itself.
const ALONE_MAX: usize = 8;

/// A part of a list that still fails, of which no single item can be left out where the search was not cut short.
/// `first_failing` tells the first candidate that fails, and may run several at once.
pub fn ddmin<T: Clone>(mut items: Vec<T>, mut first_failing: impl FnMut(&[Vec<T>]) -> Option<usize>) -> Vec<T> {
    if items.is_empty() || first_failing(&[Vec::new()]).is_some() {
        return Vec::new();
    }
    let mut chunks = 2;
    while items.len() > 1 {
        let parts = split(&items, chunks);
        let alone = if parts.len() <= ALONE_MAX { parts.len() } else { 0 };
        let mut candidates: Vec<Vec<T>> = parts[..alone].to_vec();
        // Of two halves, to leave out the one is to keep the other.
        if parts.len() > 2 {
            candidates.extend((0..parts.len()).map(|left_out| without(&parts, left_out)));
        }
        match first_failing(&candidates) {
            Some(found) => {
                chunks = if found < alone { 2 } else { (parts.len() - 1).max(2) };
                items = candidates.swap_remove(found);
            }
            None if parts.len() == items.len() => break,
            None => chunks = (parts.len() * 2).min(items.len()),
        }
    }
    items
}

/// So many parts of nearly equal length, none of them empty.
fn split<T: Clone>(items: &[T], parts: usize) -> Vec<Vec<T>> {
    let parts = parts.min(items.len());
    (0..parts).map(|part| items[part * items.len() / parts..(part + 1) * items.len() / parts].to_vec()).collect()
}

fn without<T: Clone>(parts: &[Vec<T>], left_out: usize) -> Vec<T> {
    let kept = parts.iter().enumerate().filter(|(part, _)| *part != left_out);
    kept.flat_map(|(_, items)| items.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of 0..`of` where a candidate fails that has all of `needed`, and how many were tried.
    fn left(of: u32, needed: &[u32]) -> (Vec<u32>, usize) {
        let mut tried = 0;
        let left = ddmin((0..of).collect(), |candidates| {
            let found = candidates.iter().position(|items| needed.iter().all(|item| items.contains(item)));
            tried += found.map_or(candidates.len(), |found| found + 1);
            found
        });
        (left, tried)
    }

    #[test]
    fn only_what_is_needed_is_left() {
        assert!(left(0, &[]).0.is_empty());
        assert!(left(1, &[]).0.is_empty());
        assert_eq!(left(1, &[0]).0, [0]);
        for of in [2, 3, 7, 64, 1_000] {
            assert_eq!(left(of, &[]), (vec![], 1));
            assert_eq!(left(of, &[of - 1]).0, [of - 1]);
            assert_eq!(left(of, &[0, of - 1]).0, [0, of - 1]);
        }
        assert_eq!(left(100, &[3, 4, 50, 99]).0, [3, 4, 50, 99]);
        assert_eq!(left(10, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).0.len(), 10);
    }

    #[test]
    fn it_halves_before_it_picks_at_items() {
        let (_, tried) = left(1_024, &[700]);
        assert!(tried <= 25, "{tried}");
        let (_, tried) = left(1_024, &[3, 700, 701]);
        assert!(tried <= 300, "{tried}");
    }

    #[test]
    fn a_search_that_is_cut_short_ends() {
        assert_eq!(ddmin((0..1_000).collect::<Vec<_>>(), |_| None).len(), 1_000);
    }
}
