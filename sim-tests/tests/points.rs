//! A fault at a point strikes in the midst of that call: what was done before is done, what comes after is not.
#![cfg(madsim)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use confman::host::{Batch, Host};
use sim_tests::host::files::{DiskFault, DiskSettings};
use sim_tests::host::net::{Disturbance, Effect, NetSettings};
use sim_tests::runtime::{elapsed, sleep, within};
use sim_tests::schedule::{Point, StoreLoss, Where};
use sim_tests::trace::Trace;
use sim_tests::world::{Stop, World};

fn in_a_world<F: Future<Output = ()>>(seed: u64, test: impl FnOnce(Arc<World>) -> F) {
    madsim::runtime::Runtime::with_seed_and_config(seed, madsim::Config::default()).block_on(async {
        let disk = DiskSettings { store_breaks: 0.0, store_empties: 0.0, ..DiskSettings::default() };
        let world = World::new(seed, Trace::default(), &[1, 2], disk, NetSettings::default());
        world.net.name("one:7500", 1);
        world.net.name("two:7500", 2);
        test(world).await;
    });
}

/// Ends node 1 when it reaches the point for the nth time.
fn end_at(world: &Arc<World>, point: Point, nth: u64, how: Stop) {
    let ends = world.clone();
    let strike = Box::new(move |node| {
        ends.stop(node, how);
    });
    world.points.arm(point, Where::Node(1), nth, strike);
}

async fn append(host: &Host, path: &str) -> std::io::Result<()> {
    let file = host.files.create(path).await?;
    file.write_at(0, Bytes::from(vec![7; 512])).await?;
    file.sync().await?;
    host.files.sync_dir("log").await
}

/// What of a log file is left after a power loss at this point of its writing, with all that was unsynced lost.
fn left_after(point: Point) -> Option<u64> {
    let mut least = None;
    for seed in 0..40 {
        let mut seen = None;
        in_a_world(seed, |world| {
            let seen = &mut seen;
            async move {
                let (process, host) = world.boot(1);
                host.files.create_dir("log").await.unwrap();
                host.files.sync_dir("").await.unwrap();
                host.files.create("log/1.seg").await.unwrap();
                host.files.sync_dir("log").await.unwrap();
                host.files.remove("log/1.seg").await.unwrap();
                end_at(&world, point, 1, Stop::PowerLoss);
                append(&host, "log/1.seg").await.unwrap_err();
                assert!(!process.is_alive());
                let (_, host) = world.boot(1);
                *seen = match host.files.open("log/1.seg").await {
                    Ok(file) => Some(file.len().await.unwrap()),
                    Err(_) => None,
                };
            }
        });
        least = if seed == 0 { seen } else { least.min(seen) };
    }
    least
}

#[test]
fn power_goes_before_or_after_the_sync_as_told() {
    // The old file of that name, which was empty, may be what is left; the new one's name was not synced.
    assert!(left_after(Point::BeforeAppend).is_none_or(|len| len == 0));
    assert!(left_after(Point::AfterAppendBeforeSync).is_none_or(|len| len < 512));
    in_a_world(1, |world| async move {
        let (_, host) = world.boot(1);
        host.files.create_dir("log").await.unwrap();
        host.files.sync_dir("").await.unwrap();
        end_at(&world, Point::AfterDirSync, 1, Stop::PowerLoss);
        append(&host, "log/1.seg").await.unwrap_err();
        let (_, host) = world.boot(1);
        assert_eq!(host.files.open("log/1.seg").await.unwrap().len().await.unwrap(), 512, "name and bytes were synced");
    });
}

#[test]
fn a_record_is_durable_after_the_sync_and_before_the_answer() {
    for seed in 0..20 {
        in_a_world(seed, |world| async move {
            let (_, host) = world.boot(1);
            host.files.create_dir("log").await.unwrap();
            host.files.sync_dir("").await.unwrap();
            let file = host.files.create("log/1.seg").await.unwrap();
            host.files.sync_dir("log").await.unwrap();
            file.write_at(0, Bytes::from(vec![7; 512])).await.unwrap();
            end_at(&world, Point::AfterSyncBeforeAnswer, 1, Stop::PowerLoss);
            file.sync().await.unwrap_err();
            let (_, host) = world.boot(1);
            assert_eq!(host.files.open("log/1.seg").await.unwrap().len().await.unwrap(), 512);
        });
    }
}

#[test]
fn a_batch_is_in_the_store_after_apply_and_not_before() {
    for (point, expected) in [(Point::BeforeApply, None), (Point::AfterApplyBeforeReply, Some(Bytes::from("v")))] {
        in_a_world(1, |world| async move {
            let (_, host) = world.boot(1);
            let store = host.stores.open("s").await.unwrap();
            end_at(&world, point, 1, Stop::Crash);
            let mut batch = Batch::default();
            batch.put(Bytes::from("k"), Bytes::from("v"));
            assert!(store.commit(batch).await.is_err() || point == Point::AfterApplyBeforeReply);
            let (_, host) = world.boot(1);
            assert_eq!(host.stores.open("s").await.unwrap().get(b"k").unwrap(), expected);
        });
    }
}

#[test]
fn a_rename_has_happened_after_it_and_not_before() {
    for (point, expected) in
        [(Point::BeforeCurrentSwap, "apply/CURRENT-0.tmp"), (Point::AfterCurrentSwap, "apply/CURRENT-0")]
    {
        in_a_world(1, |world| async move {
            let (_, host) = world.boot(1);
            host.files.create_dir("apply").await.unwrap();
            host.files.create("apply/CURRENT-0.tmp").await.unwrap();
            end_at(&world, point, 1, Stop::Crash);
            host.files.rename("apply/CURRENT-0.tmp", "apply/CURRENT-0").await.unwrap_err();
            let (_, host) = world.boot(1);
            let names = host.files.list("apply").await.unwrap();
            assert_eq!(names, [expected.strip_prefix("apply/").unwrap()]);
        });
    }
}

#[test]
fn a_boot_is_its_first_call_and_recovery_lasts_until_links_are_accepted() {
    in_a_world(1, |world| async move {
        end_at(&world, Point::Boot, 2, Stop::Crash);
        let (first, host) = world.boot(1);
        host.files.list("").await.unwrap();
        assert!(first.is_alive(), "the first boot");
        world.stop(1, Stop::Crash);
        let (second, host) = world.boot(1);
        assert!(second.is_alive());
        host.files.list("").await.unwrap_err();
        assert!(!second.is_alive(), "the second boot, at its first call");
        let (third, host) = world.boot(1);
        host.files.list("").await.unwrap();
        let recovering = world.points.count(1, Point::DuringRecovery);
        third.accepts();
        host.files.list("").await.unwrap();
        assert_eq!(world.points.count(1, Point::DuringRecovery), recovering);
    });
}

#[test]
fn a_frame_has_left_when_it_is_sent_and_is_not_read_where_its_receiver_dies() {
    let vote = Bytes::from(vec![1, confman::peer::FrameKind::Vote as u8, 0, 9]);
    for (point, arrives) in [(Point::VoteSent, true), (Point::VoteReceived, false)] {
        let vote = vote.clone();
        in_a_world(1, |world| async move {
            let ((_one, near), (_two, far)) = (world.boot(2), world.boot(1));
            // Node 1 is who dies: it sends in the first case and receives in the second.
            let (sends, receives, to) = if arrives { (&far, &near, "two:7500") } else { (&near, &far, "one:7500") };
            let mut out = sends.peers.connect(to).await.unwrap();
            let mut inward = receives.peers.accept().await.unwrap();
            end_at(&world, point, 1, Stop::PowerLoss);
            assert_eq!(out.sender.send(vec![vote.clone()]).await.is_ok(), !arrives);
            let got = within(Duration::from_secs(1), inward.receiver.recv(100)).await;
            assert_eq!(got.is_some_and(|got| got.is_ok_and(|frame| frame == Some(vote))), arrives);
        });
    }
}

#[test]
fn a_read_fails_once_and_the_process_is_known_to_be_hurt() {
    in_a_world(1, |world| async move {
        let (process, host) = world.boot(1);
        let file = host.files.create("a").await.unwrap();
        file.write_at(0, Bytes::from("text")).await.unwrap();
        world.disk(1).disturb(7, DiskFault::FailRead);
        assert!(!world.disk(1).has_hurt(process.number));
        assert!(file.read_at(0, 10).await.unwrap_err().to_string().contains("injected fault"));
        assert!(world.disk(1).has_hurt(process.number));
        assert_eq!(file.read_at(0, 10).await.unwrap(), "text");
    });
}

#[test]
fn a_slow_disk_is_slow_until_it_is_mended() {
    in_a_world(1, |world| async move {
        let (_, host) = world.boot(1);
        let file = host.files.create("a").await.unwrap();
        let time = async |syncs: bool| {
            let before = elapsed();
            for _ in 0..20 {
                if syncs { file.sync().await.unwrap() } else { file.write_at(0, Bytes::from("x")).await.unwrap() }
            }
            elapsed() - before
        };
        let (write, sync) = (time(false).await, time(true).await);
        world.disk(1).disturb(1, DiskFault::SlowIo(100));
        assert!(time(false).await > write * 20 && time(true).await > sync * 20);
        world.disk(1).mend(1);
        world.disk(1).disturb(2, DiskFault::SlowSyncs(100));
        assert!(time(false).await < write * 10 && time(true).await > sync * 20);
    });
}

#[test]
fn a_store_comes_back_as_told() {
    for how in [StoreLoss::DoesNotOpen, StoreLoss::OpensShort, StoreLoss::OpensEmpty, StoreLoss::IsGone] {
        in_a_world(1, |world| async move {
            let (_, host) = world.boot(1);
            let store = host.stores.open("s").await.unwrap();
            for i in 0..20u8 {
                let mut batch = Batch::default();
                batch.put(Bytes::from(vec![i]), Bytes::new());
                store.commit(batch).await.unwrap();
            }
            world.shelf(1).lose_next(how);
            world.stop(1, Stop::PowerLoss);
            let (_, host) = world.boot(1);
            let there = host.stores.list().await.unwrap();
            let left = host
                .stores
                .open("s")
                .await
                .ok()
                .map(|store| (0..20u8).take_while(|i| store.get(&[*i]).unwrap().is_some()).count());
            match how {
                StoreLoss::DoesNotOpen => assert_eq!(left, None),
                StoreLoss::OpensShort => assert!(matches!(left, Some(0..20)), "{left:?}"),
                StoreLoss::OpensEmpty => assert_eq!(left, Some(0)),
                StoreLoss::IsGone => assert!(there.is_empty(), "{there:?}"),
            }
        });
    }
}

#[test]
fn who_is_paused_twice_goes_on_after_both() {
    in_a_world(1, |world| async move {
        let (_process, host) = world.boot(1);
        let beats = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let (counted, clock) = (beats.clone(), host.clock.clone());
        host.spawn("beats", async move {
            loop {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let next = confman::base::Monotonic(clock.now().0 + Duration::from_millis(10));
                clock.sleep_until(next).await;
            }
        });
        let beats_in_a_second = async || {
            let before = beats.load(std::sync::atomic::Ordering::Relaxed);
            sleep(Duration::from_secs(1)).await;
            beats.load(std::sync::atomic::Ordering::Relaxed) - before
        };
        assert!(beats_in_a_second().await > 50);
        world.pause(1, 1);
        world.pause(1, 2);
        beats_in_a_second().await;
        world.resume(1, 1);
        assert_eq!(beats_in_a_second().await, 0);
        world.resume(1, 2);
        assert!(beats_in_a_second().await > 50);
    });
}

#[test]
fn one_link_is_slow_and_the_others_are_not() {
    in_a_world(1, |world| async move {
        world.net.disturb(Disturbance { from: [1].into(), to: [2].into(), effect: Effect::Delay(2_000_000) });
        let most = |from, to| world.net.conditions(from, to).delay_us.1;
        assert!(most(1, 2) > 2_000_000 && most(2, 1) < 2_000 && most(1, 3) < 2_000);
    });
}
