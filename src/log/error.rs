use std::io;

/// Why the log or a snapshot cannot be used. What is printed says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk refused. Nothing is known to be damaged.
    #[error("{file}: {source}; check the disk (space, permissions, hardware), then start the node again")]
    Io {
        file: String,
        #[source]
        source: io::Error,
    },
    /// What was promised to be on disk is not there, or not as it was written.
    #[error(
        "{file} is damaged at offset {offset}: {what}. This node has stopped so that nothing wrong is served. Keep the \
         file for inspection; do not edit or remove it alone. Replace the node: start one with a new id and an empty data \
         directory, and give `confman cluster replace`"
    )]
    Damaged { file: String, offset: u64, what: String },
    /// A newer release wrote this.
    #[error("{file} has format version {found}, this release knows up to {known}: start the newer release again")]
    NewerFormat { file: String, found: u32, known: u32 },
    /// The caller asked for what cannot be, like snapshot bytes behind a gap. Nothing was changed.
    #[error("{file}: {what}")]
    Refused { file: String, what: String },
}

impl LogError {
    pub(super) fn io(file: &str) -> impl FnOnce(io::Error) -> LogError {
        let file = file.to_owned();
        move |source| LogError::Io { file, source }
    }

    /// Whether it only says that the disk is full: try again once there is space.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, LogError::Io { source, .. } if is_full(source))
    }

    pub(super) fn damaged(file: &str, offset: u64, what: impl Into<String>) -> LogError {
        LogError::Damaged { file: file.to_owned(), offset, what: what.into() }
    }
}

impl From<LogError> for io::Error {
    fn from(error: LogError) -> io::Error {
        let kind = match &error {
            LogError::Io { source, .. } => source.kind(),
            LogError::Damaged { .. } | LogError::NewerFormat { .. } => io::ErrorKind::InvalidData,
            LogError::Refused { .. } => io::ErrorKind::InvalidInput,
        };
        io::Error::new(kind, error)
    }
}

/// Whether an error only says that the disk is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
