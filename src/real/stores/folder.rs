//! A store's folder: made whole or not at all, as far as anyone can see.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

use super::failed;
use crate::host::StoreError;
use crate::real::data_dir::sync_names;

/// In a store's folder, written last when it is made and removed first when it goes: a folder without it is the
/// rest of a store that was half made or half removed.
pub(super) const MARKER_FILE: &str = "STORE";
/// What the marker says. A later layout says another number.
const MARKER_TEXT: &str = "confman store 1\n";
/// In a store's folder: the engine's own.
pub(super) const ENGINE_DIR: &str = "engine";
/// All rows lie in one keyspace: a batch over several was seen to come back in part.
const KEYSPACE: &str = "rows";
/// Blocks kept in memory, decompressed.
const CACHE_BYTES: u64 = 16 << 20;
/// Rows in memory before they are written as a table. Up to four more of it wait to be written.
const MEMTABLE_BYTES: u64 = 8 << 20;
/// The engine's journals, at most; it fills one of 64 MB before it begins the next.
const JOURNAL_BYTES_MAX: u64 = 128 << 20;
/// One may be compacting for long while the other writes tables.
const ENGINE_THREADS: usize = 2;
/// Open files, at most.
const ENGINE_FILES_MAX: usize = 128;

/// Opens the database in `folder`, making a new one where there is none that is whole.
pub(super) fn open_engine(name: &str, folder: &Path) -> Result<(Database, Keyspace), StoreError> {
    let io_failed = |error: io::Error| failed(name, error);
    let marker = folder.join(MARKER_FILE);
    let fresh = match fs::read_to_string(&marker) {
        Ok(text) if text == MARKER_TEXT => false,
        Ok(text) => return Err(failed(name, format!("{:?} is a format that this version does not know", text.trim()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(io_failed(error)),
    };
    if fresh {
        remove_folder(folder).map_err(io_failed)?;
        fs::create_dir_all(folder).map_err(io_failed)?;
    }
    let engine_failed = |error: fjall::Error| failed(name, error);
    let database = Database::builder(folder.join(ENGINE_DIR))
        .cache_size(CACHE_BYTES)
        .max_cached_files(Some(ENGINE_FILES_MAX))
        .max_journaling_size(JOURNAL_BYTES_MAX)
        .worker_threads(ENGINE_THREADS)
        .open()
        .map_err(engine_failed)?;
    let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
    let rows = database.keyspace(KEYSPACE, options).map_err(engine_failed)?;
    if fresh {
        let mark = || -> io::Result<()> {
            let mut file = fs::File::create(&marker)?;
            file.write_all(MARKER_TEXT.as_bytes())?;
            file.sync_all()?;
            sync_names(folder)?;
            folder.parent().map_or(Ok(()), sync_names)
        };
        mark().map_err(io_failed)?;
    }
    Ok((database, rows))
}

/// Removes the folders of stores that were half made or half removed when the process ended.
pub(super) fn sweep(root: &Path) {
    let swept = (|| {
        let marked = list_marked(root)?;
        for name in folders(root)? {
            if marked.binary_search(&name).is_err() {
                tracing::info!(store = name, "removing what is left of a store that was not whole");
                remove_folder(&root.join(name))?;
            }
        }
        io::Result::Ok(())
    })();
    if let Err(error) = swept {
        tracing::warn!(%error, folder = %root.display(), "could not remove what is left of old stores");
    }
}

/// The names of the stores that are whole, sorted.
pub(super) fn list_marked(root: &Path) -> io::Result<Vec<String>> {
    let mut marked = folders(root)?;
    let mut error = None;
    marked.retain(|name| match root.join(name).join(MARKER_FILE).try_exists() {
        Ok(exists) => exists,
        Err(failure) => {
            error = Some(failure);
            true
        }
    });
    error.map_or(Ok(marked), Err)
}

fn folders(root: &Path) -> io::Result<Vec<String>> {
    let listing = match fs::read_dir(root) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for found in listing {
        let found = found?;
        if found.file_type()?.is_dir()
            && let Ok(name) = found.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Removes a folder and all in it; fine where there is none.
pub(super) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes `folder` no store any more, durably; fine where it is none.
pub(super) fn unmark(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(MARKER_FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if folder.try_exists()? { sync_names(folder) } else { Ok(()) }
}
