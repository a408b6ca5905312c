//! How links come and go.

use bytes::Bytes;

use super::world::{Behaviour, Faults};
use super::*;

#[test]
fn a_link_that_breaks_under_a_call_says_so_and_is_opened_anew() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        one.ask(2, "hello").await.expect("an answer");
        let waiting = one.ask(2, "wait 1000");
        let kill = async {
            world.sleep_ms(100).await;
            drop(two.handle);
            world.network().behaviour.insert(address(2), Behaviour::Refuse);
        };
        let (broken, ()) = futures_util::future::join(waiting, kill).await;
        assert!(matches!(broken, Err(PeerError::Broken(_))), "{broken:?}");
        unreachable(&one.ask(2, "gone").await, "refused");
        world.network().behaviour.clear();
        let again = Node::start(&world, 2);
        world.sleep_ms(60).await;
        assert_eq!(one.ask(2, "again").await.as_deref(), Ok("again"));
        assert_eq!(again.service.times("gone"), 0);
    });
}

#[test]
fn a_link_that_went_dead_unnoticed_is_replaced() {
    pair(|world, nodes| async move {
        let (one, _two) = nodes;
        one.ask(2, "hello").await.expect("an answer");
        // Frames vanish, and neither end hears of it.
        world.network().faults = Faults { loss: 1.0, ..Faults::default() };
        for _ in 0..6 {
            let lost = one.call(2, Lane::Control, FrameKind::Append, "lost", world.in_ms(150)).await;
            assert!(lost.is_err(), "{lost:?}");
        }
        assert!(world.network().connects("node-2:1") >= 2, "it was opened anew");
        world.network().faults = Faults::default();
        world.sleep_ms(3000).await;
        assert_eq!(one.ask(2, "back").await.as_deref(), Ok("back"));
    });
}

#[test]
fn a_new_address_means_a_new_link_and_the_old_one_ends_in_peace() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        let tasks = world.live_tasks();
        let waiting = one.ask(2, "wait 100");
        let moved = async {
            world.sleep_ms(10).await;
            drop(two);
            let moved = Node::start_with(
                &world,
                7,
                |identity| (identity.node, identity.storage) = storage_of(2),
                Some("secret"),
            );
            let to = PeerTarget { node: NodeId(2), address: address(7) };
            let body = Bytes::from_static(b"moved");
            let answer = one.handle.call(&to, Lane::Control, GROUP, FrameKind::Status, body, world.in_ms(100)).await;
            assert_eq!(answer.as_deref(), Ok(&b"moved"[..]));
            moved
        };
        let (broken, _moved) = futures_util::future::join(waiting, moved).await;
        assert!(matches!(broken, Err(PeerError::Broken(_))), "{broken:?}");
        world.sleep_ms(200).await;
        assert_eq!(world.live_tasks(), tasks + 2, "a link and its session; the old ones are gone");
    });
}

#[test]
fn dropping_the_last_handle_ends_every_task() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        let tasks = world.live_tasks();
        one.ask(2, "x").await.expect("an answer");
        two.ask(1, "x").await.expect("an answer");
        assert_eq!(world.live_tasks(), tasks + 4, "two links, two sessions");
        drop(one.handle.clone());
        one.ask(2, "still there").await.expect("an answer");
        drop((one, two));
        world.sleep_ms(1).await;
        assert_eq!(world.live_tasks(), tasks - 2, "not even those that accept");
    });
}

#[test]
fn a_newer_link_of_a_peer_ends_the_one_before() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        one.ask(2, "x").await.expect("an answer");
        let tasks = world.live_tasks();
        // The same node, come back after a crash that nobody heard of.
        let again = Node::start(&world, 1);
        again.ask(2, "y").await.expect("an answer");
        world.sleep_ms(1).await;
        // Another accept loop and link; the session took the place of the old one, whose link has ended.
        assert_eq!(world.live_tasks(), tasks + 2);
        assert_eq!(two.service.times("y"), 1);
    });
}

#[test]
fn a_peer_that_calls_us_is_no_longer_left_alone() {
    let world = World::new(1);
    let in_world = world.clone();
    world.run(async move {
        let world = in_world;
        let one = Node::start(&world, 1);
        for _ in 0..100 {
            unreachable(&one.ask(2, "x").await, "refused");
            world.sleep_ms(100).await;
        }
        unreachable(&one.ask(2, "x").await, "refused");
        let two = Node::start(&world, 2);
        let attempts = world.network().connects("node-2:1");
        unreachable(&one.ask(2, "x").await, "refused");
        assert_eq!(world.network().connects("node-2:1"), attempts, "it is resting");
        two.ask(1, "here I am").await.expect("an answer");
        assert_eq!(one.ask(2, "x").await.as_deref(), Ok("x"));
    });
}
