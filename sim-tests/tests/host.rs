//! The simulated host keeps the contract that the real one keeps, and breaks what a power loss may break.
#![cfg(madsim)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use confman::host::{Batch, Host, Link, contract};
use sim_tests::host::files::DiskSettings;
use sim_tests::host::net::{Disturbance, Effect, NetSettings};
use sim_tests::runtime::{elapsed, sleep, within};
use sim_tests::trace::Trace;
use sim_tests::world::{Incarnation, Stop, World};

fn in_a_world<F: Future<Output = ()>>(seed: u64, test: impl FnOnce(Arc<World>) -> F) {
    madsim::runtime::Runtime::with_seed_and_config(seed, madsim::Config::default()).block_on(async {
        let world = World::new(seed, Trace::default(), &[1, 2], DiskSettings::default(), NetSettings::default());
        world.net.name("one:7500", 1);
        world.net.name("two:7500", 2);
        test(world).await;
    });
}

#[test]
fn files_keep_the_contract() {
    in_a_world(1, |world| async move {
        let (_, host) = world.boot(1);
        contract::files(host.files).await;
    });
}

#[test]
fn stores_keep_the_contract() {
    in_a_world(1, |world| async move {
        let (_, host) = world.boot(1);
        contract::stores(host.stores).await;
    });
}

async fn write(host: &Host, path: &str, text: &'static str, sync: bool) {
    let file = host.files.create(path).await.unwrap();
    file.write_at(0, Bytes::from_static(text.as_bytes())).await.unwrap();
    if sync {
        file.sync().await.unwrap();
        host.files.sync_dir("").await.unwrap();
    }
}

#[test]
fn a_crash_keeps_what_was_written_and_a_power_loss_what_was_synced() {
    let (mut unsynced_lost, mut unsynced_kept) = (false, false);
    for seed in 0..40 {
        let mut seen = None;
        in_a_world(seed, |world| {
            let seen = &mut seen;
            async move {
                let (_, host) = world.boot(1);
                write(&host, "synced", "safe", true).await;
                write(&host, "unsynced", "maybe", false).await;
                world.stop(1, Stop::Crash);
                let (_, host) = world.boot(1);
                assert_eq!(host.files.list("").await.unwrap(), ["synced", "unsynced"]);
                world.stop(1, Stop::PowerLoss);
                let (_, host) = world.boot(1);
                let names = host.files.list("").await.unwrap();
                assert!(names.contains(&"synced".to_owned()), "{names:?}");
                let safe = host.files.open("synced").await.unwrap().read_at(0, 10).await.unwrap();
                assert_eq!(safe, "safe");
                *seen = Some(names.len());
            }
        });
        unsynced_kept |= seen == Some(2);
        unsynced_lost |= seen == Some(1);
    }
    assert!(unsynced_lost && unsynced_kept);
}

#[test]
fn a_rename_without_its_folders_sync_may_be_lost_and_is_never_half_done() {
    let (mut before, mut after) = (false, false);
    for seed in 0..40 {
        let mut seen = None;
        in_a_world(seed, |world| {
            let seen = &mut seen;
            async move {
                let (_, host) = world.boot(1);
                write(&host, "a", "old", true).await;
                write(&host, "b", "new", true).await;
                host.files.rename("b", "a").await.unwrap();
                world.stop(1, Stop::PowerLoss);
                let (_, host) = world.boot(1);
                *seen = Some(host.files.open("a").await.unwrap().read_at(0, 10).await.unwrap());
            }
        });
        before |= seen.as_deref() == Some(b"old");
        after |= seen.as_deref() == Some(b"new");
        assert!(matches!(seen.as_deref(), Some(b"old" | b"new")));
    }
    assert!(before && after);
}

#[test]
fn a_power_loss_leaves_a_prefix_of_a_stores_batches_or_nothing_that_opens() {
    let (mut shorter, mut broken) = (false, false);
    for seed in 0..60 {
        let mut seen = None;
        in_a_world(seed, |world| {
            let seen = &mut seen;
            async move {
                let (_, host) = world.boot(1);
                let store = host.stores.open("s").await.unwrap();
                for i in 0..20u8 {
                    let mut batch = Batch::default();
                    batch.put(Bytes::from(vec![i]), Bytes::new());
                    batch.put(Bytes::from_static(b"last"), Bytes::from(vec![i]));
                    store.commit(batch).await.unwrap();
                }
                world.stop(1, Stop::PowerLoss);
                let (_, host) = world.boot(1);
                match host.stores.open("s").await {
                    Err(_) => *seen = Some(None),
                    Ok(store) => {
                        let last = store.get(b"last").unwrap().map(|value| value[0]);
                        let present = (0..20).filter(|i| store.get(&[*i]).unwrap().is_some()).collect::<Vec<u8>>();
                        let expected = last.map_or(0..0, |last| 0..last + 1);
                        assert_eq!(present, expected.collect::<Vec<u8>>());
                        *seen = Some(Some(present.len()));
                    }
                }
            }
        });
        broken |= seen == Some(None);
        shorter |= matches!(seen, Some(Some(1..20)));
    }
    assert!(shorter && broken);
}

#[test]
fn a_dead_processs_handles_change_nothing() {
    in_a_world(3, |world| async move {
        let (_, dead) = world.boot(1);
        let file = dead.files.create("a").await.unwrap();
        let store = dead.stores.open("s").await.unwrap();
        world.stop(1, Stop::Crash);
        let (_, host) = world.boot(1);
        assert!(file.write_at(0, Bytes::from_static(b"x")).await.is_err());
        let mut batch = Batch::default();
        batch.put(Bytes::from_static(b"k"), Bytes::new());
        assert!(store.commit(batch).await.is_err());
        assert!(dead.files.create("b").await.is_err());
        dead.fatal("too late");
        assert!(world.deaths().is_empty());
        assert_eq!(host.files.open("a").await.unwrap().len().await.unwrap(), 0);
        assert_eq!(host.stores.open("s").await.unwrap().get(b"k").unwrap(), None);
    });
}

struct Joined {
    world: Arc<World>,
    near: Link,
    far: Link,
    _processes: [Arc<Incarnation>; 2],
}

async fn join(world: Arc<World>) -> Joined {
    let ((one, near_host), (two, far_host)) = (world.boot(1), world.boot(2));
    let near = near_host.peers.connect("two:7500").await.unwrap();
    let far = far_host.peers.accept().await.unwrap();
    Joined { world, near, far, _processes: [one, two] }
}

fn frame(number: u8) -> Bytes {
    Bytes::from(vec![number])
}

fn cut(from: u64, to: u64, holds: bool) -> Disturbance {
    Disturbance { from: [from].into(), to: [to].into(), effect: Effect::Cut { holds } }
}

#[test]
fn frames_arrive_in_order_until_the_link_is_closed() {
    in_a_world(4, |world| async move {
        let mut link = join(world).await;
        link.near.sender.send((0..50).map(frame).collect()).await.unwrap();
        drop(link.near);
        for number in 0..50 {
            assert_eq!(link.far.receiver.recv(10).await.unwrap(), Some(frame(number)));
        }
        assert_eq!(link.far.receiver.recv(10).await.unwrap(), None);
    });
}

#[test]
fn a_frame_too_long_is_refused() {
    in_a_world(5, |world| async move {
        let mut link = join(world).await;
        link.near.sender.send(vec![Bytes::from(vec![0; 11])]).await.unwrap();
        let error = link.far.receiver.recv(10).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    });
}

#[test]
fn a_one_way_cut_loses_or_holds_one_direction() {
    for holds in [false, true] {
        in_a_world(6, |world| async move {
            let mut link = join(world.clone()).await;
            let number = world.net.disturb(cut(1, 2, holds));
            link.near.sender.send(vec![frame(1)]).await.unwrap();
            link.far.sender.send(vec![frame(2)]).await.unwrap();
            assert_eq!(link.near.receiver.recv(10).await.unwrap(), Some(frame(2)));
            let second = Duration::from_secs(1);
            assert!(within(second, link.far.receiver.recv(10)).await.is_none());
            world.net.calm(number);
            let after = within(second, link.far.receiver.recv(10)).await;
            assert_eq!(after.map(Result::unwrap), holds.then(|| Some(frame(1))));
        });
    }
}

#[test]
fn connecting_into_a_cut_hangs_until_it_heals_and_to_nobody_is_refused() {
    in_a_world(7, |world| async move {
        let ((_one, host), (_two, _)) = (world.boot(1), world.boot(2));
        let number = world.net.disturb(cut(2, 1, true));
        assert!(within(Duration::from_secs(60), host.peers.connect("two:7500")).await.is_none());
        world.net.calm(number);
        assert!(host.peers.connect("two:7500").await.is_ok());
        world.stop(2, Stop::Crash);
        let refused = host.peers.connect("two:7500").await.err().unwrap();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        world.stop(2, Stop::PowerLoss);
        assert!(within(Duration::from_secs(60), host.peers.connect("two:7500")).await.is_none());
    });
}

#[test]
fn a_crash_closes_links_and_a_power_loss_does_not() {
    for how in [Stop::Crash, Stop::PowerLoss] {
        in_a_world(8, |world| async move {
            let mut link = join(world).await;
            link.world.stop(2, how);
            let told = within(Duration::from_secs(10), link.near.receiver.recv(10)).await;
            assert_eq!(told.map(Result::unwrap), (how == Stop::Crash).then_some(None));
        });
    }
}

#[test]
fn frames_are_lost_repeated_and_reordered_as_told() {
    in_a_world(9, |world| async move {
        let mut link = join(world.clone()).await;
        for effect in [Effect::Loss(0.2), Effect::Duplication(0.2), Effect::Reordering(0.5)] {
            world.net.disturb(Disturbance { from: [1].into(), to: [2].into(), effect });
        }
        for number in 0..200 {
            link.near.sender.send(vec![frame(number)]).await.unwrap();
        }
        let mut got = Vec::new();
        while let Some(next) = within(Duration::from_secs(1), link.far.receiver.recv(10)).await {
            got.push(next.unwrap().unwrap()[0]);
        }
        let mut distinct = got.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(!got.is_sorted());
        assert!(distinct.len() < 200 && distinct.len() > 100, "{}", distinct.len());
        assert!(got.len() > distinct.len());
    });
}

#[test]
fn a_panic_in_a_task_stops_the_node() {
    sim_tests::runtime::remember_panics(true);
    in_a_world(10, |world| async move {
        let (process, host) = world.boot(1);
        host.spawn("breaks", async { panic!("a broken truth") });
        sleep(Duration::from_millis(1)).await;
        assert!(!process.is_alive());
        let deaths = world.deaths();
        assert!(deaths[0].reason.contains("a broken truth"), "{deaths:?}");
        assert!(deaths[0].at <= elapsed());
    });
}
