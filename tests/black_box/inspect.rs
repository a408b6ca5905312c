//! `confman inspect` on what real nodes leave.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Cluster, confman, printed};

const SETTINGS: &str =
    "[raft]\nlogEntriesKept = 10\n[storage]\nsegmentBytes = \"64KiB\"\nsnapshotLogBytes = \"128KiB\"\n";

fn inspect(path: &Path, code: i32) -> Value {
    let output = confman(&["inspect", path.to_str().expect("a path"), "--output", "json"]);
    let said = printed(&output, code);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[test]
fn one_changed_byte_anywhere_in_a_copied_directory_is_found_and_named() {
    let mut cluster = Cluster::start(1, SETTINGS);
    for n in 0..150 {
        cluster.set("app", &format!("key-{}", n % 60), &format!("{n}-{}", "v".repeat(3000)));
    }
    let data = cluster.node(1).data.clone();
    let said = printed(&confman(&["inspect", data.to_str().expect("a path")]), 2);
    assert!(said.contains("in use by another confman process"), "{said}");
    cluster.node(1).kill();
    let before = listing(&data);
    let report = inspect(&data, 0);
    assert_eq!(before, listing(&data), "nothing was changed");
    let dir = &report["directory"];
    assert_eq!((&dir["identity"]["cluster"], &dir["identity"]["node"]), (&"black-box".into(), &1.into()));
    assert_eq!(dir["store"]["state"]["entries"], 60);
    assert_eq!(dir["store"]["state"]["auditEvents"], 151);
    assert_eq!(dir["snapshots"].as_array().map(Vec::len), Some(1));

    let copy = data.with_file_name("copy");
    let mut missed = Vec::new();
    for (file, _) in before.iter().filter(|(file, _)| !is_left_behind(&data, file)) {
        let path = data.join(file);
        let bytes = fs::read(&path).expect("a file");
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let store = file.starts_with("stores");
        for at in places(used) {
            clone(&data, &copy);
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            // The copy's files are links: this one must not be.
            fs::remove_file(copy.join(file)).expect("the link goes away");
            fs::write(copy.join(file), flipped).expect("a flipped copy");
            let output = confman(&["inspect", copy.to_str().expect("a path"), "--output", "json"]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!said.contains("panicked"), "{said}");
            // The engine's own files may be named by the store that they are of.
            let name = if store { "stores/state-0-" } else { file.to_str().expect("a path") };
            if output.status.code() != Some(1) || !said.contains(name) {
                missed.push(format!("byte {at} of {}: {:?} {said}", file.display(), output.status.code()));
            }
        }
    }
    assert!(missed.is_empty(), "{} were missed:\n{}", missed.len(), missed.join("\n"));
}

/// Whether a file of the store's engine is an older version's, which nothing reads any more.
fn is_left_behind(data: &Path, file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(version) = name.strip_prefix('v').and_then(|version| version.parse::<u64>().ok()) else { return false };
    let current = fs::read(data.join(file).with_file_name("current")).expect("each tree has a current version");
    current[..8] != version.to_le_bytes()
}

/// The ends of what is used of a file, and its middle.
fn places(used: usize) -> Vec<usize> {
    let mut places: Vec<usize> = [0, used / 2, used.saturating_sub(1)].into();
    places.retain(|at| *at < used);
    places.dedup();
    places
}

/// All files below a folder with their content's length and time, sorted; without the lock, which holds nothing.
fn listing(folder: &Path) -> Vec<(PathBuf, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let entry = entry.expect("an entry");
            let (path, about) = (entry.path(), entry.metadata().expect("its length"));
            if path.is_dir() {
                folders.push(path);
            } else if !["LOCK", "lock"].iter().any(|lock| path.ends_with(lock)) {
                let relative = path.strip_prefix(folder).expect("a path below").to_owned();
                files.push((relative, format!("{} {:?}", about.len(), about.modified())));
            }
        }
    }
    files.sort();
    files
}

fn clone(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let path = entry.expect("an entry").path();
            let target = to.join(path.file_name().expect("a name"));
            if path.is_dir() {
                copy(&path, &target);
            } else {
                fs::hard_link(&path, &target).expect("a link");
            }
        }
    }
    copy(from, to);
}

#[test]
fn what_is_no_data_directory_is_told_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = printed(&confman(&["inspect", folder.path().to_str().expect("a path")]), 2);
    assert!(said.contains("is not a data directory"), "{said}");
    let said = printed(&confman(&["inspect", folder.path().join("nothing").to_str().expect("a path")]), 2);
    assert!(said.contains("cannot be read"), "{said}");
    let other = folder.path().join("other");
    fs::write(&other, "something else ".repeat(20)).expect("a file");
    let said = printed(&confman(&["inspect", other.to_str().expect("a path")]), 1);
    assert!(said.contains("does not begin as it must"), "{said}");
}
