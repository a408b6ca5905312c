//! What a call promises, and what it says when it fails.

use bytes::Bytes;
use futures_util::future::join_all;

use super::world::Behaviour;
use super::*;

#[test]
fn many_calls_share_one_link_and_its_sends_and_a_slow_one_delays_none() {
    pair(|world, nodes| async move {
        let (one, _two) = nodes;
        one.ask(2, "hello").await.expect("an answer");
        let start = world.now();
        let sends_before = world.network().sends;
        let slow = one.ask(2, "wait 300");
        let fast = async {
            let bodies: Vec<_> = (0..100).map(|n| format!("fast {n}")).collect();
            let answers = join_all(bodies.iter().map(|body| one.ask(2, body))).await;
            assert!(answers.iter().zip(&bodies).all(|(answer, body)| answer.as_ref() == Ok(body)));
            assert_eq!(world.now(), start, "nobody waited");
        };
        let (slow, ()) = futures_util::future::join(slow, fast).await;
        assert_eq!(slow.as_deref(), Ok("wait 300"));
        assert_eq!(world.network().connects("node-2:1"), 1);
        let sends = world.network().sends - sends_before;
        assert!(sends < 20, "{sends} sends for 101 calls");
    });
}

#[test]
fn each_lane_has_its_own_link_in_each_direction() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        for lane in [Lane::Control, Lane::Append, Lane::Bulk] {
            one.call(2, lane, FrameKind::Append, "x", world.in_ms(100)).await.expect("an answer");
        }
        two.ask(1, "back").await.expect("an answer");
        let connects = ["node-2:1", "node-1:1"].map(|address| world.network().connects(address));
        assert_eq!(connects, [3, 1]);
        let executed = one.service.executed.lock().unwrap().clone();
        assert_eq!(executed, [(NodeId(2), FrameKind::Status, Bytes::from_static(b"back"))]);
    });
}

#[test]
fn what_the_service_says_of_a_failure_comes_back_on_one_line() {
    pair(|_, nodes| async move {
        let (one, _two) = nodes;
        assert_eq!(one.ask(2, "fail").await, Err(PeerError::Remote("told to fail".into())));
    });
}

#[test]
fn an_absent_peer_fails_at_once_is_left_alone_for_a_while_and_found_when_it_comes() {
    let world = World::new(1);
    let in_world = world.clone();
    world.run(async move {
        let world = in_world;
        let one = Node::start(&world, 1);
        let start = world.now();
        for _ in 0..100 {
            unreachable(&one.ask(2, "anyone?").await, "connection refused");
        }
        assert_eq!((world.now(), world.network().connects("node-2:1")), (start, 1), "one attempt, then rest");
        for _ in 0..100 {
            world.sleep_ms(100).await;
            unreachable(&one.ask(2, "anyone?").await, "connection refused");
        }
        let attempts = world.network().connects("node-2:1");
        assert!((8..=14).contains(&attempts), "{attempts} attempts in 10 s");
        let two = Node::start(&world, 2);
        world.sleep_ms(2000).await;
        assert_eq!(one.ask(2, "now").await.as_deref(), Ok("now"));
        assert_eq!(two.service.times("anyone?"), 0);
    });
}

#[test]
fn a_connect_that_hangs_holds_a_call_to_its_deadline_and_itself_not_for_long() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        world.network().behaviour.insert(address(2), Behaviour::Hang);
        let start = world.now();
        let vote = one.call(2, Lane::Control, FrameKind::Vote, "vote", world.in_ms(150)).await;
        unreachable(&vote, "before the deadline");
        assert_eq!(world.now().since(start).as_millis(), 150);
        unreachable(&one.ask(2, "x").await, "took too long");
        assert_eq!(world.now().since(start).as_millis(), 1000);
        world.network().behaviour.clear();
        world.sleep_ms(60).await;
        assert_eq!(one.ask(2, "x").await.as_deref(), Ok("x"));
        assert_eq!((two.service.times("vote"), two.service.times("x")), (0, 1), "what failed was not delivered");
    });
}

#[test]
fn a_call_out_of_time_may_have_been_executed_and_its_late_answer_disturbs_none() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        let slow = one.call(2, Lane::Control, FrameKind::Status, "wait 200", world.in_ms(100)).await;
        assert_eq!(slow, Err(PeerError::TimedOut));
        assert_eq!(two.service.times("wait 200"), 1);
        let other = one.ask(2, "wait 150 other").await;
        assert_eq!(other.as_deref(), Ok("wait 150 other"));
        assert_eq!(world.network().connects("node-2:1"), 1);
        let late = one.call(2, Lane::Control, FrameKind::Status, "late", world.now()).await;
        unreachable(&late, "deadline");
        assert_eq!(two.service.times("late"), 0);
    });
}

#[test]
fn a_call_whose_future_is_dropped_is_not_sent_any_more() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        // The handshake takes a while; the call is queued in the meantime.
        world.network().faults.delay_ms = 50;
        let kept = one.ask(2, "kept");
        let drops = async {
            let dropped = std::pin::pin!(one.ask(2, "dropped"));
            let pause = std::pin::pin!(world.sleep_ms(1));
            futures_util::future::select(dropped, pause).await;
        };
        let (kept, ()) = futures_util::future::join(kept, drops).await;
        assert_eq!(kept.as_deref(), Ok("kept"));
        assert_eq!((two.service.times("dropped"), two.service.times("kept")), (0, 1));
    });
}

#[test]
fn too_much_for_the_queue_is_refused_before_it_is_sent() {
    pair(|world, nodes| async move {
        let (one, _two) = nodes;
        world.network().behaviour.insert(address(2), Behaviour::Hang);
        let calls = (0..1100).map(|n| {
            one.call(2, Lane::Control, FrameKind::Append, if n > 1023 { "over" } else { "in" }, world.in_ms(500))
        });
        let results = join_all(calls).await;
        let full =
            results.iter().filter(|r| matches!(r, Err(PeerError::Unreachable(what)) if what == "queue full")).count();
        assert_eq!(full, 1100 - 1024);
        let huge = Bytes::from(vec![0; BODY_BYTES_MAX + 1]);
        let result =
            one.handle.call(&target(2), Lane::Bulk, GROUP, FrameKind::SnapshotChunk, huge, world.in_ms(10)).await;
        assert!(matches!(result, Err(PeerError::Unreachable(what)) if what.contains("more than")));
    });
}

#[test]
fn forwarded_writes_that_pile_up_are_turned_away_unexecuted_and_votes_still_pass() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        let forwards = (0..600).map(|_| one.call(2, Lane::Control, FrameKind::Forward, "wait 2000", world.in_ms(1000)));
        let vote = async {
            world.sleep_ms(100).await;
            one.call(2, Lane::Control, FrameKind::Vote, "vote", world.in_ms(100)).await
        };
        let (forwards, vote) = futures_util::future::join(join_all(forwards), vote).await;
        assert_eq!(vote.as_deref(), Ok("vote"));
        let busy =
            forwards.iter().filter(|r| matches!(r, Err(PeerError::Unreachable(what)) if what.contains("busy"))).count();
        assert_eq!(busy + two.service.times("wait 2000"), 600);
        assert_eq!(busy, 600 - 512);
    });
}
