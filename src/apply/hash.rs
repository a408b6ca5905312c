use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

/// The hash of one row. The state hash is the wrapping sum of these over all rows but those of the meta space: a sum
/// can follow each change without reading anything else, and does not depend on the order of rows.
///
/// It finds accidents, not adversaries: XXH3 is not cryptographic.
pub fn row_hash(key: &[u8], value: &[u8]) -> u128 {
    xxh3_128_with_seed(value, xxh3_64(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_change_places_change_the_sum() {
        let sum = |rows: [(&[u8], &[u8]); 2]| rows.iter().fold(0u128, |sum, (k, v)| sum.wrapping_add(row_hash(k, v)));
        assert_ne!(sum([(b"a", b"1"), (b"b", b"2")]), sum([(b"a", b"2"), (b"b", b"1")]));
        assert_eq!(sum([(b"a", b"1"), (b"b", b"2")]), sum([(b"b", b"2"), (b"a", b"1")]));
    }

    /// The hash is compared between nodes and kept in snapshots: it must never change.
    #[test]
    fn the_hash_of_a_row_stays_as_it_is() {
        assert_eq!(format!("{:032x}", row_hash(b"key", b"value")), "e84582f5c8fe2c1351ad8f295ea71283");
    }
}
