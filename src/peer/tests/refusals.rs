//! Who is let in, and what the others are told.

use super::*;

/// Starts node 2 in some wrong way.
type StartTwo<'a> = &'a dyn Fn(&World) -> Node;

#[test]
fn refusals_reach_both_sides_and_are_forgotten_once_mended() {
    let other_secret = |world: &World| Node::start_with(world, 2, |_| {}, Some("other"));
    let no_secret = |world: &World| Node::start_with(world, 2, |_| {}, None);
    let other_cluster =
        |world: &World| Node::start_with(world, 2, |identity| identity.cluster = "green".into(), Some("secret"));
    let other_node = |world: &World| {
        Node::start_with(world, 2, |identity| (identity.node, identity.storage) = storage_of(5), Some("secret"))
    };
    let wiped = |world: &World| Node::start_with(world, 2, |identity| identity.storage = StorageId(1), Some("secret"));
    let cases: [(StartTwo<'_>, RefusalCode); 5] = [
        (&other_secret, RefusalCode::WrongSecret),
        (&no_secret, RefusalCode::SecretUnexpected),
        (&other_cluster, RefusalCode::WrongCluster),
        (&other_node, RefusalCode::WrongNode),
        (&wiped, RefusalCode::NotAdmitted),
    ];
    for (start_two, code) in cases {
        let world = World::new(1);
        let (one, two) = (Node::start(&world, 1), start_two(&world));
        let in_world = world.clone();
        world.run(async move {
            let world = in_world;
            refused(&one.ask(2, "x").await, &code.to_string());
            world.sleep_ms(1).await;
            let codes = |node: &Node| -> Vec<_> {
                node.handle.refusals().into_iter().map(|r| (r.node.0, r.caller, r.refusal.code)).collect()
            };
            assert_eq!(codes(&one), [(2, Caller::Us, code)]);
            assert_eq!(codes(&two), [(1, Caller::Them, code)]);
            assert_eq!(two.service.times("x"), 0);
            drop(two);
            let two = Node::start(&world, 2);
            world.sleep_ms(100).await;
            assert_eq!(one.ask(2, "mended").await.as_deref(), Ok("mended"), "{code}");
            assert_eq!((codes(&one), codes(&two)), (vec![], vec![]));
        });
    }
}

#[test]
fn both_guards_are_asked_before_anything_passes() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        two.guard.shuts_out.lock().unwrap().insert(NodeId(1));
        refused(&one.ask(2, "x").await, "not a member");
        two.guard.shuts_out.lock().unwrap().clear();
        one.guard.shuts_out.lock().unwrap().insert(NodeId(2));
        world.sleep_ms(100).await;
        refused(&one.ask(2, "x").await, "not a member");
        world.sleep_ms(1).await;
        let noted = two.handle.refusals();
        assert!(noted.iter().any(|r| r.node == NodeId(1) && r.refusal.code == RefusalCode::NotAdmitted), "{noted:?}");
        assert_eq!(two.service.times("x"), 0);
    });
}

#[test]
fn a_node_does_not_call_itself_nor_reach_itself_by_a_wrong_address() {
    pair(|world, nodes| async move {
        let (one, _two) = nodes;
        refused(&one.ask(1, "x").await, "does not call itself");
        let wrong = PeerTarget { node: NodeId(2), address: address(1) };
        let result =
            one.handle.call(&wrong, Lane::Control, GROUP, FrameKind::Vote, Bytes::new(), world.in_ms(100)).await;
        assert!(matches!(&result, Err(PeerError::Refused(what)) if what.contains("self-connection")), "{result:?}");
    });
}

#[test]
fn without_secrets_nodes_talk_and_a_lost_handshake_only_costs_time() {
    let world = World::new(1);
    let in_world = world.clone();
    world.run(async move {
        let world = in_world;
        let one = Node::start_with(&world, 1, |_| {}, None);
        let _two = Node::start_with(&world, 2, |_| {}, None);
        world.network().faults.loss = 1.0;
        let start = world.now();
        unreachable(&one.ask(2, "x").await, "handshake");
        assert_eq!(world.now().since(start).as_millis(), 1000);
        world.network().faults.loss = 0.0;
        world.sleep_ms(60).await;
        assert_eq!(one.ask(2, "x").await.as_deref(), Ok("x"));
    });
}
