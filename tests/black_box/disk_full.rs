//! A full disk: writes are refused before they are proposed, nothing is lost, and it heals when there is room again.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::small_disk::SmallDisk;
use crate::support::{ADMIN, Cluster, entry_url, skip, wait_for};

#[test]
fn a_full_disk_refuses_writes_loses_nothing_and_heals() {
    let settings = "[storage]\nsegmentBytes = \"256KiB\"\nsnapshotLogBytes = \"1MiB\"\nreserveBytes = \"16MiB\"\n";
    let cluster = Cluster::prepare(1, settings);
    let data = cluster.nodes[0].data.clone();
    let Some(disk) = SmallDisk::mount(&data, 128) else {
        return skip("full disk: a small disk cannot be mounted here (it takes root)");
    };
    let mut cluster = cluster.run_all();
    cluster.set("app", "before", "1");

    // Fewer bytes are free than the reserve, and more than half of it.
    let ballast = data.join("ballast");
    let free = free_megabytes(&data);
    fs::write(&ballast, vec![1; (free - 12) << 20]).expect("ballast");
    let url = entry_url(cluster.url(1), "app", "during");
    let full = wait_for("a write to be refused", || {
        cluster
            .http
            .put(&url, Some(ADMIN), r#"{"value":"2"}"#)
            .ok()
            .filter(|answer| !matches!(answer.status, 200 | 201))
    });
    assert_eq!(full.expect(507).slug(), "storage-full");
    assert_eq!(cluster.get(1, "app", "before").expect("an answer").expect(200).value().as_deref(), Some("1"));

    fs::remove_file(&ballast).expect("room again");
    wait_for("writes to work again", || {
        cluster.http.put(&url, Some(ADMIN), r#"{"value":"3"}"#).ok().filter(|answer| matches!(answer.status, 200 | 201))
    });
    cluster.node(1).kill();
    cluster.node(1).run();
    cluster.wait_ready();
    assert_eq!(cluster.get(1, "app", "before").expect("an answer").expect(200).value().as_deref(), Some("1"));
    assert_eq!(cluster.get(1, "app", "during").expect("an answer").expect(200).value().as_deref(), Some("3"));
    cluster.node(1).kill();
    drop(disk);
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return skip("a log on a full disk: this system has no /dev/full");
    };
    let mut cluster = Cluster::prepare(1, "");
    cluster.node(1).run_logging_to(full);
    cluster.wait_ready();
    cluster.set("app", "a", "1");
    assert_eq!(cluster.get(1, "app", "a").expect("an answer").expect(200).value().as_deref(), Some("1"));
    assert_eq!(cluster.node(1).stop().code(), Some(0));
}

fn free_megabytes(at: &Path) -> usize {
    let output = Command::new("df").args(["--output=avail", "-m"]).arg(at).output().expect("df runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().last().and_then(|line| line.trim().parse().ok()).expect("df tells what is free")
}
