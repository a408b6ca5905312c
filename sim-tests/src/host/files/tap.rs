use super::content::Content;

/// Sees what a power loss would leave for certain, whenever that changes.
///
/// It is called while the disk is locked, and must not call the disk.
pub trait DiskTap: Send + Sync {
    fn changed(&self, change: Change<'_>, files: &dyn DurableFiles);
}

/// Why something else is durable now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// A sync of this file took effect. One that fails may do some of its work, too.
    Content(&'a str),
    /// The names in a folder were synced.
    Names,
    /// The machine went dark: nothing but this is left.
    PowerLoss,
}

/// The files with durable names, and of each what is durable.
pub trait DurableFiles {
    /// Their paths, sorted.
    fn paths(&self) -> Vec<&str>;
    /// Shows the durable content of a file, if there is one of this path.
    fn read(&self, path: &str, with: &mut dyn FnMut(&Content));
}
