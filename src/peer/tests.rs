//! The whole of it, over a network that misbehaves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::join_all;

use super::testbed::{Behaviour, Faults, World, storage_of};
use super::*;
use crate::base::{GroupId, Monotonic, NodeId, StorageId};
use crate::config::Secret;
use crate::host::{BoxFuture, Link};

/// Lets in the nodes 1 to 9 with the storage ids that go with them, until told otherwise.
#[derive(Default)]
struct Guard {
    shuts_out: Mutex<BTreeSet<NodeId>>,
}

impl PeerGuard for Guard {
    fn admit(&self, node: NodeId, storage: StorageId) -> Result<(), String> {
        if self.shuts_out.lock().unwrap().contains(&node) || !(1..10).contains(&node.0) {
            return Err(format!("node {node} is not a member"));
        }
        if storage_of(node.0).1 != storage {
            return Err(format!("node {node} has another data directory"));
        }
        Ok(())
    }
}

/// Does what the body says: `wait N` milliseconds, then `fail` or repeat the body. Remembers what it executed.
struct Service {
    world: World,
    executed: Mutex<Vec<(NodeId, FrameKind, Bytes)>>,
}

impl Service {
    fn times(&self, body: &str) -> usize {
        self.executed.lock().unwrap().iter().filter(|(_, _, executed)| executed == body).count()
    }
}

impl PeerService for Service {
    fn handle(
        &self,
        from: NodeId,
        group: GroupId,
        kind: FrameKind,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, String>> {
        assert_eq!(group, GROUP);
        self.executed.lock().unwrap().push((from, kind, body.clone()));
        let world = self.world.clone();
        Box::pin(async move {
            let text = String::from_utf8_lossy(&body).into_owned();
            if let Some(ms) = text.strip_prefix("wait ").and_then(|rest| rest.split(' ').next()) {
                world.sleep_ms(ms.parse().expect("milliseconds")).await;
            }
            if text.contains("fail") { Err("told to\nfail".to_owned()) } else { Ok(body) }
        })
    }
}

const GROUP: GroupId = GroupId(3);

struct Node {
    world: World,
    handle: PeerHandle,
    guard: Arc<Guard>,
    service: Arc<Service>,
}

fn address(node: u64) -> String {
    format!("node-{node}:1")
}

fn target(node: u64) -> PeerTarget {
    PeerTarget { node: NodeId(node), address: address(node) }
}

impl Node {
    fn start(world: &World, node: u64) -> Node {
        Node::start_with(world, node, |_| {}, Some("secret"))
    }

    fn start_with(world: &World, node: u64, change: impl FnOnce(&mut Identity), secret: Option<&str>) -> Node {
        let (id, storage) = storage_of(node);
        let mut identity = Identity { cluster: "blue".into(), node: id, storage };
        change(&mut identity);
        let guard = Arc::new(Guard::default());
        let service = Arc::new(Service { world: world.clone(), executed: Mutex::default() });
        let secret = secret.map(|text| Secret(text.to_owned()));
        let host = world.host(Some(&address(node)));
        let handle = PeerHandle::start(&host, identity, secret, guard.clone(), service.clone());
        Node { world: world.clone(), handle, guard, service }
    }

    async fn ask(&self, to: u64, body: &str) -> Result<String, PeerError> {
        self.call(to, Lane::Control, FrameKind::Status, body, self.world.in_ms(5000)).await
    }

    async fn call(
        &self,
        to: u64,
        lane: Lane,
        kind: FrameKind,
        body: &str,
        deadline: Monotonic,
    ) -> Result<String, PeerError> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let answer = self.handle.call(&target(to), lane, GROUP, kind, body, deadline).await?;
        Ok(String::from_utf8(answer.to_vec()).expect("text"))
    }
}

fn unreachable(result: &Result<String, PeerError>, says: &str) {
    assert!(matches!(result, Err(PeerError::Unreachable(what)) if what.contains(says)), "{result:?}");
}

fn refused(result: &Result<String, PeerError>, says: &str) {
    assert!(matches!(result, Err(PeerError::Refused(what)) if what.contains(says)), "{result:?}");
}

/// Runs a scenario with nodes 1 and 2.
fn pair<F: Future<Output = ()> + Send + 'static>(scenario: impl FnOnce(World, (Node, Node)) -> F + Send + 'static) {
    let world = World::new(1);
    let in_world = world.clone();
    world.run(async move {
        let nodes = (Node::start(&in_world, 1), Node::start(&in_world, 2));
        scenario(in_world, nodes).await;
    });
}

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
        world.network().behaviour.insert(address(2), Behaviour::Hang);
        {
            let dropped = std::pin::pin!(one.ask(2, "dropped"));
            let pause = std::pin::pin!(world.sleep_ms(10));
            futures_util::future::select(dropped, pause).await;
        }
        unreachable(&one.ask(2, "kept").await, "took too long");
        world.network().behaviour.clear();
        world.sleep_ms(100).await;
        one.ask(2, "after").await.expect("an answer");
        assert_eq!((two.service.times("dropped"), two.service.times("after")), (0, 1));
    });
}

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
    let cases: [(&dyn Fn(&World) -> Node, RefusalCode); 5] = [
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

/// Opens a link to node 2 as node 1 and passes the handshake by hand.
async fn authenticated_link(world: &World) -> Link {
    let (node, storage) = storage_of(1);
    let identity = Identity { cluster: "blue".into(), node, storage };
    let credentials = Credentials { identity, secret: Some(Secret("secret".into())), versions: VERSIONS };
    let mut link = world.connect("node-2:1").await.expect("a link");
    let (mut initiator, hello) = Initiator::start(credentials, NodeId(2), Lane::Control, [5; 32]);
    link.sender.send(vec![hello]).await.unwrap();
    loop {
        let bytes = link.receiver.recv(4096).await.unwrap().expect("a frame");
        match initiator.on_frame(&bytes, &Guard::default()) {
            Step::Send(bytes) => link.sender.send(vec![bytes]).await.unwrap(),
            Step::Open { .. } => return link,
            other => panic!("{other:?}"),
        }
    }
}

fn request(call: u64, kind: FrameKind, body: &'static str) -> Frame {
    Frame { kind, role: FrameRole::Request, call, group: GROUP, body: Bytes::from_static(body.as_bytes()) }
}

#[test]
fn hostile_bytes_close_their_link_and_nothing_else() {
    pair(|world, nodes| async move {
        let (one, two) = nodes;
        let answer = Frame { role: FrameRole::Answer, ..request(1, FrameKind::Append, "x") };
        let mut damaged = request(1, FrameKind::Append, "x").encode().to_vec();
        damaged[19] ^= 1;
        for bytes in [Bytes::from_static(b""), Bytes::from_static(b"nonsense"), answer.encode(), damaged.into()] {
            let mut link = authenticated_link(&world).await;
            link.sender.send(vec![bytes]).await.unwrap();
            assert_eq!(link.receiver.recv(4096).await.unwrap(), None);
            // Before the handshake.
            let mut stranger = world.connect("node-2:1").await.unwrap();
            stranger.sender.send(vec![Bytes::from_static(b"nonsense")]).await.unwrap();
            let refusal = stranger.receiver.recv(4096).await.unwrap().expect("a refusal");
            assert!(handshake::refusal_in(&refusal).is_some());
            assert_eq!(stranger.receiver.recv(4096).await.unwrap(), None);
        }
        let mut large = world.connect("node-2:1").await.unwrap();
        large.sender.send(vec![vec![0; 4097].into()]).await.unwrap();
        assert_eq!(large.receiver.recv(4096).await.unwrap(), None);
        // A request before the handshake is not executed.
        let mut early = world.connect("node-2:1").await.unwrap();
        early.sender.send(vec![request(1, FrameKind::Vote, "early").encode()]).await.unwrap();
        early.receiver.recv(4096).await.unwrap();
        assert_eq!(early.receiver.recv(4096).await.unwrap(), None);
        assert_eq!(one.ask(2, "alive").await.as_deref(), Ok("alive"));
        assert_eq!(two.service.executed.lock().unwrap().len(), 1);
    });
}

#[test]
fn silent_strangers_are_few_and_soon_gone() {
    pair(|world, nodes| async move {
        let (one, _two) = nodes;
        let tasks = world.live_tasks();
        let mut strangers = Vec::new();
        for _ in 0..200 {
            strangers.push(world.connect("node-2:1").await.expect("a link"));
        }
        world.sleep_ms(1).await;
        assert_eq!(world.live_tasks(), tasks + 64);
        unreachable(&one.ask(2, "x").await, "");
        world.sleep_ms(2000).await;
        assert_eq!(world.live_tasks(), tasks + 1, "the link's task of the call above");
        assert_eq!(one.ask(2, "x").await.as_deref(), Ok("x"));
    });
}

#[test]
fn a_repeated_forward_is_executed_once_and_a_repeated_append_again() {
    pair(|world, nodes| async move {
        let (_one, two) = nodes;
        let mut link = authenticated_link(&world).await;
        let frames = [request(1, FrameKind::Forward, "write"), request(2, FrameKind::Append, "append")];
        for _ in 0..3 {
            link.sender.send(frames.iter().map(Frame::encode).collect()).await.unwrap();
        }
        world.sleep_ms(1).await;
        assert_eq!((two.service.times("write"), two.service.times("append")), (1, 3));
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
