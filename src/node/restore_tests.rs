//! A backup of one cluster becomes another one, whenever power goes on the way.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use rand::SeedableRng;

use super::Node;
use super::restore::{STAGED, stage};
use super::tests::{set_value, start, try_start};
use crate::base::{GroupId, LogId, NodeId, Term, WallTime};
use crate::host::fake::{self, FakeEntropy, FakeHost};
use crate::host::{Files, Rng};
use crate::log::{Wal, WalSettings};
use crate::model::{Key, Namespace};
use crate::peer::{PeerClaim, PeerGuard, Refusal, RefusalCode};
use crate::raft::Standing;

/// A node with a few writes, and its backup in the midst of them.
struct Old {
    node: Node,
    backup: Vec<u8>,
    /// The last revision in the backup.
    last: LogId,
    /// A write that is not in it.
    lost: LogId,
}

async fn old_cluster() -> Old {
    let mut fake = fake::host();
    // Another machine than the one it is restored on.
    fake.host.entropy = Arc::new(FakeEntropy(8));
    let node = start(&fake).await;
    for n in 0..5 {
        set_value(&node, &format!("v{n}")).await;
    }
    let mut backup = node.api.backup().await.expect("a backup");
    let last = backup.revision;
    let lost = set_value(&node, "lost").await.revision;
    let mut bytes = Vec::new();
    while let Some(piece) = backup.next().await.expect("it goes on") {
        bytes.extend_from_slice(&piece);
    }
    Old { node, backup: bytes, last, lost }
}

/// A fresh machine with the backup laid into its data directory.
async fn staged(old: &Old) -> FakeHost {
    let fake = fake::host();
    lay(old, &fake).await;
    fake
}

async fn lay(old: &Old, fake: &FakeHost) {
    let elsewhere = fake::FakeFiles::new();
    elsewhere.set_contents("backup", old.backup.clone());
    stage(&*fake.host.files, elsewhere.open("backup").await.expect("the file")).await.expect("it is laid");
}

/// The node goes on behind the backup, and knows what is in it and no more.
async fn check_restored(old: &Old, fake: &FakeHost, case: &str) -> Node {
    let node = start(fake).await;
    let (namespace, key) = (Namespace::parse("a").expect("a namespace"), Key::parse("k").expect("a key"));
    let read = node.api.read(&namespace, &key).expect("it reads").value.expect("an entry");
    assert_eq!((read.value.as_str(), read.version, read.revision), ("v4", 5, old.last), "{case}");
    let written = set_value(&node, "new").await;
    assert_eq!(written.version, 6, "{case}");
    assert!(written.revision.term.0 > fake.host.clock.wall().0 / 1000 - 3600, "{case}: {}", written.revision);
    assert!(written.revision.index > old.last.index);

    // A token of the write that was lost names an index that is of another term here.
    let view = node.apply.view().expect("a view");
    let term = |index| view.term_at(index).expect("it reads");
    assert_eq!(term(old.last.index), Some(old.last.term), "{case}");
    assert_eq!(term(old.lost.index), Some(written.revision.term), "{case}");
    assert_ne!(term(old.lost.index), Some(old.lost.term), "{case}");

    let members = node.raft.status().members;
    assert_eq!(members.keys().collect::<Vec<_>>(), [&NodeId(1)], "{case}");
    assert_eq!(members[&NodeId(1)].storage, node.storage);
    assert_ne!(node.storage, old.node.storage);
    assert!(!fake.files.names().iter().any(|name| name.starts_with("restore/")), "{case}");
    assert_eq!(fake.fatal_reason(), None, "{case}");
    node
}

#[tokio::test(start_paused = true)]
async fn a_restored_node_holds_what_the_backup_held_and_goes_on_in_a_later_term() {
    let old = old_cluster().await;
    let fake = staged(&old).await;
    let node = check_restored(&old, &fake, "at once").await;
    fake.host.sleep(Duration::from_secs(10)).await;
    let events = node.apply.view().expect("a view").audit_events();
    assert_eq!(node.audit.status().events, events, "the chain goes on");
    assert_eq!(fake.fatal_reason(), None);
    drop(node);
    let fake = fake.kill();
    start(&fake).await;
}

#[tokio::test(start_paused = true)]
async fn power_may_go_at_any_moment_of_a_restore() {
    let old = old_cluster().await;
    let mut rng = Rng::seed_from_u64(11);
    for calls in 1.. {
        let fake = staged(&old).await;
        fake.files.cut_power_after(calls);
        let started = match select(Box::pin(start(&fake)), Box::pin(fake.files.power_gone())).await {
            Either::Left((node, _)) => Some(node),
            Either::Right(_) => None,
        };
        drop(started);
        let fake = fake.power_loss(&mut rng);
        let ended = !fake.files.names().iter().any(|name| name == STAGED);
        check_restored(&old, &fake, &format!("power went at call {calls}")).await;
        // What comes after is a start like any other.
        if ended {
            assert!(calls > 20, "the restore was over after {calls} calls");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_was_not_laid_to_its_end_is_no_fresh_cluster() {
    let old = old_cluster().await;
    let (mut rng, mut refused, mut restored) = (Rng::seed_from_u64(12), 0, 0);
    for calls in 1.. {
        let fake = fake::host();
        fake.files.cut_power_after(calls);
        let gone = match select(Box::pin(lay(&old, &fake)), Box::pin(fake.files.power_gone())).await {
            Either::Left(_) => false,
            Either::Right(_) => true,
        };
        let fake = fake.power_loss(&mut rng);
        let names = fake.files.names();
        if names.iter().any(|name| name == STAGED) {
            restored += 1;
            check_restored(&old, &fake, &format!("power went at call {calls} of laying")).await;
        } else if let Err(error) = try_start(&fake).await {
            refused += 1;
            assert!(error.to_string().contains("run it again"), "{error}");
        } else {
            assert!(names.is_empty(), "{names:?} was taken for a fresh cluster's");
        }
        if !gone {
            break;
        }
    }
    assert!(refused > 0 && restored > 0, "{refused} {restored}");
}

#[tokio::test(start_paused = true)]
async fn a_directory_with_data_is_not_restored_into_and_stays_as_it_is() {
    let old = old_cluster().await;
    let fake = fake::host();
    let node = start(&fake).await;
    set_value(&node, "mine").await;
    drop(node);
    let fake = fake.kill();
    lay(&old, &fake).await;
    let Err(error) = try_start(&fake).await else { panic!("it was restored over data") };
    assert!(error.to_string().contains("data of its own"), "{error}");
    let fake = fake.kill();
    fake.host.files.remove(STAGED).await.expect("it goes away");
    let node = start(&fake).await;
    let (namespace, key) = (Namespace::parse("a").expect("a namespace"), Key::parse("k").expect("a key"));
    assert_eq!(node.api.read(&namespace, &key).expect("it reads").value.expect("an entry").value, "mine");
}

#[tokio::test(start_paused = true)]
async fn a_flipped_byte_of_what_was_laid_is_named() {
    let old = old_cluster().await;
    for at in (0..old.backup.len()).step_by(37) {
        let fake = staged(&old).await;
        let mut bytes = old.backup.clone();
        bytes[at] ^= 0x40;
        fake.files.set_contents(STAGED, bytes);
        let Err(error) = try_start(&fake).await else { panic!("byte {at} was believed") };
        let said = error.to_string();
        let newer = said.contains("format version");
        assert!(newer || (said.contains(STAGED) && said.contains("offset")), "byte {at}: {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_term_is_beyond_the_backup_also_where_the_clock_is_wrong() {
    let old = old_cluster().await;
    let fake = staged(&old).await;
    fake.clock.set_wall(WallTime(3_000));
    let node = start(&fake).await;
    assert!(set_value(&node, "new").await.revision.term > Term(old.last.term.0.max(3)));
}

#[tokio::test(start_paused = true)]
async fn a_node_of_the_old_cluster_and_the_restored_one_refuse_each_other() {
    let old = old_cluster().await;
    let fake = staged(&old).await;
    let node = start(&fake).await;
    let settings = WalSettings { segment_bytes: 4096, cache_bytes: 0, reserve_bytes: 0 };
    let wal = Wal::open(&fake::host().host, GroupId::MAIN, settings, None).await.expect("an empty log");
    let guard = |of: &Node| {
        let guard = super::guard::Guard::new(&fake::host().host, NodeId(1), wal.clone(), Vec::new());
        guard.follow(&of.raft);
        guard
    };
    let claim = |node: u64, of: &Node| {
        let members_at = of.raft.status().members_at;
        assert!(members_at.is_some(), "each goes by a membership");
        PeerClaim { node: NodeId(node), storage: of.storage, members_at, was_called: false }
    };
    // The same node id, the same cluster's name, the same secret: only the data directory tells them apart.
    assert!(guard(&old.node).admit(&claim(1, &node)).is_err());
    assert!(guard(&node).admit(&claim(1, &old.node)).is_err());
    assert!(guard(&node).admit(&claim(2, &old.node)).is_err(), "no other member is left");
    // What the restored cluster has committed is far newer, and says nothing of who belongs to the old one.
    let says = |storage| Refusal {
        as_of: node.raft.status().committed,
        storage: Some(storage),
        ..Refusal::new(RefusalCode::NotMember, "not a member")
    };
    guard(&old.node).refused(NodeId(1), &says(node.storage));
    assert_eq!(old.node.raft.standing(), Standing::Member);
    guard(&old.node).refused(NodeId(1), &says(old.node.storage));
    assert!(matches!(old.node.raft.standing(), Standing::Removed { .. }));
}
