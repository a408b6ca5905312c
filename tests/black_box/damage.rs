//! Flipped bytes and cut files. A node may recover, rebuild itself or stop with file, offset and advice; it must never
//! serve what was not written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{Cluster, within};

const SETTINGS: &str =
    "[raft]\nlogEntriesKept = 10\n[storage]\nsegmentBytes = \"64KiB\"\nsnapshotLogBytes = \"128KiB\"\n";
const KEYS: u64 = 120;

#[derive(Clone, Copy, Debug)]
enum Harm {
    /// One bit in the middle of what is used.
    FlipMiddle,
    /// One bit close to the end of what is used.
    FlipEnd,
    /// Half of the file is gone.
    Cut,
}

#[test]
fn damaged_files_never_give_wrong_data() {
    let mut cluster = Cluster::start(3, SETTINGS);
    for n in 0..KEYS {
        cluster.set("app", &format!("key-{n}"), &value(n));
    }
    cluster.wait_same_state();
    let victim = cluster.follower();
    cluster.node(victim).kill();
    let data = cluster.node(victim).data.clone();
    let pristine = data.with_file_name("pristine");
    copy(&data, &pristine);
    let files = files_of(&pristine);
    let has = |part: &str| files.iter().any(|file| file.to_string_lossy().contains(part));
    assert!(has("log/") && has("snapshot/"), "the test harms logs and snapshots: {files:?}");

    let (mut stopped, mut recovered) = (0, 0);
    for file in &files {
        for harm in [Harm::FlipMiddle, Harm::FlipEnd, Harm::Cut] {
            fs::remove_dir_all(&data).expect("the old data goes away");
            copy(&pristine, &data);
            if !inflict(&data.join(file), harm) {
                continue;
            }
            let case = format!("{harm:?} of {}", file.display());
            match run_harmed(&mut cluster, victim, &case) {
                Outcome::Stopped => stopped += 1,
                Outcome::Recovered => recovered += 1,
            }
        }
    }
    eprintln!("damage: recovered {recovered}, stopped {stopped}");
    assert!(stopped > 0 && recovered > 0, "both ways were tried: recovered {recovered}, stopped {stopped}");

    // The node as it was is still good.
    fs::remove_dir_all(&data).expect("the old data goes away");
    copy(&pristine, &data);
    cluster.node(victim).run();
    cluster.wait_ready();
    cluster.wait_same_state();
}

fn value(n: u64) -> String {
    format!("{n}-{}", "v".repeat(3000))
}

enum Outcome {
    Stopped,
    Recovered,
}

/// Starts the node; every answer on the way is right, and in the end it serves all or has stopped with its reason.
fn run_harmed(cluster: &mut Cluster, victim: u64, case: &str) -> Outcome {
    let _ = fs::remove_file(&cluster.node(victim).log);
    cluster.node(victim).run();
    let done = within(Duration::from_secs(20), || {
        if let Some(status) = cluster.node(victim).ended() {
            let log = cluster.node(victim).log_text();
            assert!(!status.success(), "{case}: it ended as if all were well:\n{log}");
            assert!(!log.contains("panicked at"), "{case}: a panic is no way to say it:\n{log}");
            let says = log.to_lowercase();
            if says.contains("replace") || says.contains("restore") {
                return Some(Outcome::Stopped);
            }
            panic!("{case}: it stopped without saying what to do:\n{log}");
        }
        check_reads(cluster, victim, case);
        cluster.leader_seen_by(victim).map(|_| Outcome::Recovered)
    });
    let Some(outcome) = done else {
        panic!("{case}: neither ready nor ended:\n{}", cluster.node(victim).log_text());
    };
    if matches!(outcome, Outcome::Recovered) {
        check_reads(cluster, victim, case);
        if cluster.node(victim).is_running() {
            cluster.node(victim).kill();
        }
    }
    outcome
}

/// Right values or none: refusing to answer is fine, a wrong or missing value is not.
fn check_reads(cluster: &Cluster, victim: u64, case: &str) {
    for n in (0..KEYS).step_by(7) {
        let Ok(answer) = cluster.get(victim, "app", &format!("key-{n}")) else { return };
        match answer.status {
            200 => assert_eq!(answer.value(), Some(value(n)), "{case}: a wrong value"),
            404 => panic!("{case}: key-{n} is not found"),
            status => assert!(status >= 500, "{case}: {status} {}", answer.body),
        }
    }
}

/// False where there is nothing to harm.
fn inflict(file: &Path, harm: Harm) -> bool {
    let mut bytes = fs::read(file).expect("a file to harm");
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if used == 0 {
        return false;
    }
    match harm {
        Harm::FlipMiddle => bytes[used / 2] ^= 0x10,
        Harm::FlipEnd => bytes[used.saturating_sub(24)] ^= 0x10,
        Harm::Cut => bytes.truncate(used / 2),
    }
    fs::write(file, bytes).expect("a harmed file");
    true
}

/// All files below a folder, relative, sorted; without the lock, which holds nothing.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| !name.eq_ignore_ascii_case("lock")) {
                files.push(path.strip_prefix(folder).expect("a path below").to_owned());
            }
        }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}
