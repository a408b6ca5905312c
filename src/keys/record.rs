use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Space;
use crate::host::StoreError;

/// A row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A newer release wrote it. Nothing is wrong with the row: run that release.
    #[error(
        "a row of space {space:?} has format {found}, this release knows up to {known}: run the newer release again"
    )]
    NewerFormat { space: Space, found: u8, known: u8 },
    /// It is not what was written.
    #[error("a row of space {space:?} is damaged: {what}")]
    Damaged { space: Space, what: String },
}

impl RowError {
    pub(super) fn damaged(space: Space, what: impl ToString) -> RowError {
        RowError::Damaged { space, what: what.to_string() }
    }

    /// The same, as a failure of the store that holds the row.
    pub fn in_store(self, store: &str) -> StoreError {
        StoreError { store: store.to_owned(), what: self.to_string() }
    }

    pub(super) fn key(space: Space) -> RowError {
        RowError::damaged(space, "its key does not have the fields of its space")
    }
}

/// A record behind its format.
pub(super) fn encode(format: u8, record: &impl Serialize) -> Bytes {
    let mut bytes = Vec::with_capacity(128);
    bytes.push(format);
    postcard::to_extend(record, bytes).expect("our records always become postcard").into()
}

/// Reads what [`encode`] wrote, all of it.
pub(super) fn decode<'a, T: Deserialize<'a>>(space: Space, known: u8, value: &'a [u8]) -> Result<T, RowError> {
    let Some((format, record)) = value.split_first() else {
        return Err(RowError::damaged(space, "it is empty"));
    };
    if *format > known {
        return Err(RowError::NewerFormat { space, found: *format, known });
    }
    if *format == 0 {
        return Err(RowError::damaged(space, "format 0 does not exist"));
    }
    let (record, rest) = postcard::take_from_bytes(record).map_err(|e| RowError::damaged(space, e))?;
    if !rest.is_empty() {
        return Err(RowError::damaged(space, format_args!("{} bytes too many", rest.len())));
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_newer_empty_short_or_long_is_refused_and_told_apart() {
        let row = encode(2, &(7u64, "x"));
        assert_eq!(decode::<(u64, &str)>(Space::Audit, 2, &row), Ok((7, "x")));
        assert_eq!(
            decode::<(u64, &str)>(Space::Audit, 1, &row),
            Err(RowError::NewerFormat { space: Space::Audit, found: 2, known: 1 })
        );
        for bad in [&[][..], &[0], &[2], &row[..row.len() - 1], &[&row[..], b"x"].concat()] {
            let error = decode::<(u64, &str)>(Space::Audit, 2, bad).unwrap_err();
            assert!(matches!(error, RowError::Damaged { space: Space::Audit, .. }), "{bad:?}: {error}");
        }
    }
}
