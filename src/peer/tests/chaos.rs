//! Everything at once.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::world::{Behaviour, Faults};
use super::*;

/// Loss, repetition, delay and reordering, and whatever comes of it: each answer belongs to its call, what is said to
/// be not executed is not, forwards are executed at most once, and the peers find each other again.
#[test]
fn chaos_never_mixes_up_answers_or_lies_about_what_was_executed() {
    let mut outcomes = BTreeMap::<&str, usize>::new();
    for seed in 0..20 {
        let world = World::new(seed);
        let in_world = world.clone();
        let results = world.run(async move {
            let world = in_world;
            let nodes: Vec<_> = (1..=3).map(|node| Arc::new(Node::start(&world, node))).collect();
            world.network().faults = Faults { loss: 0.05, repeat: 0.1, delay_ms: 60 };
            let mut calls = Vec::new();
            for n in 0..600u64 {
                let (from, to) = (n % 3, (n / 3) % 3);
                if from == to {
                    continue;
                }
                let (world, node) = (world.clone(), nodes[from as usize].clone());
                calls.push(async move {
                    world.sleep_ms(n * 7).await;
                    let kind = if n % 2 == 0 { FrameKind::Forward } else { FrameKind::Append };
                    let lane = if n % 4 < 2 { Lane::Control } else { Lane::Append };
                    let body = format!("wait {} number {n}", n % 50);
                    let result = node.call(to + 1, lane, kind, &body, world.in_ms(400)).await;
                    (to as usize, kind, body, result)
                });
            }
            let crash = async {
                for _ in 0..3 {
                    world.sleep_ms(1000).await;
                    world.network().behaviour.insert(address(2), Behaviour::Hang);
                    world.network().faults.loss = 1.0;
                    world.sleep_ms(500).await;
                    world.network().behaviour.clear();
                    world.network().faults.loss = 0.05;
                }
            };
            let (results, ()) = futures_util::future::join(join_all(calls), crash).await;
            world.network().faults = Faults::default();
            world.sleep_ms(3000).await;
            for from in &nodes {
                for to in (1..=3).filter(|to| !Arc::ptr_eq(from, &nodes[to - 1])) {
                    assert_eq!(from.ask(to as u64, "healed").await.as_deref(), Ok("healed"));
                }
            }
            for (to, kind, body, result) in &results {
                let executed = nodes[*to].service.times(body);
                assert!(kind.is_idempotent() || executed <= 1, "seed {seed}: {body} executed {executed} times");
                match result {
                    Ok(answer) => assert_eq!((answer, executed >= 1), (body, true), "seed {seed}"),
                    Err(error) if error.is_surely_not_executed() => {
                        assert_eq!(executed, 0, "seed {seed}: {body} {error}");
                    }
                    Err(_) => {}
                }
            }
            results
        });
        for (.., result) in results {
            *outcomes
                .entry(match result {
                    Ok(_) => "ok",
                    Err(PeerError::Unreachable(_)) => "unreachable",
                    Err(PeerError::TimedOut) => "timed out",
                    Err(PeerError::Broken(_)) => "broken",
                    Err(PeerError::Refused(_)) => "refused",
                    Err(PeerError::Remote(_)) => "remote",
                })
                .or_default() += 1;
        }
    }
    // The faults were real, and most calls got through all the same.
    assert!(outcomes["ok"] > 3000 && outcomes["unreachable"] > 100 && outcomes["timed out"] > 100, "{outcomes:?}");
    assert_eq!((outcomes.get("refused"), outcomes.get("remote")), (None, None), "{outcomes:?}");
}

/// The same seed gives the same run, message for message.
#[test]
fn a_run_repeats_itself() {
    let trace = |seed| {
        let world = World::new(seed);
        let in_world = world.clone();
        world.run(async move {
            let world = in_world;
            let nodes: Vec<_> = (1..=3).map(|node| Node::start(&world, node)).collect();
            world.network().faults = Faults { loss: 0.1, repeat: 0.1, delay_ms: 30 };
            let calls = (0..60u64).map(|n| {
                let (world, node) = (world.clone(), &nodes[(n % 3) as usize]);
                async move {
                    world.sleep_ms(n * 5).await;
                    let result = node.ask((n + 1) % 3 + 1, &format!("wait {n}")).await;
                    (world.now(), result)
                }
            });
            let results = join_all(calls).await;
            let network = world.network();
            (results, network.sends, network.frames)
        })
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}
