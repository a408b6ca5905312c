//! Those who do not follow the protocol.

use crate::host::Link;

use super::*;

fn credentials(node: u64) -> Credentials {
    let (node, storage) = storage_of(node);
    let identity = Identity { cluster: "blue".into(), node, storage };
    Credentials { identity, secret: Some(Secret("secret".into())), versions: VERSIONS }
}

/// Opens a link to node 2 as node 1 and passes the handshake by hand.
async fn authenticated_link(world: &World) -> Link {
    let mut link = world.connect("node-2:1").await.expect("a link");
    let (mut initiator, hello) = Initiator::start(credentials(1), NodeId(2), Lane::Control, [5; 32], None);
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
fn a_peer_that_closes_every_link_at_once_is_left_alone_for_a_while() {
    let world = World::new(1);
    let in_world = world.clone();
    world.run(async move {
        let world = in_world;
        let one = Node::start(&world, 1);
        let peers = world.host(Some("node-2:1")).peers;
        let closes = async move {
            loop {
                let mut link = peers.accept().await.expect("a link");
                let mut acceptor = Acceptor::new(credentials(2), [6; 32]);
                while let Ok(Some(bytes)) = link.receiver.recv(4096).await {
                    match acceptor.on_frame(&bytes, &Guard::default()) {
                        Step::Send(bytes) => link.sender.send(vec![bytes]).await.unwrap(),
                        Step::Open { send: Some(bytes), .. } => {
                            link.sender.send(vec![bytes]).await.unwrap();
                            break;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        };
        world.host(None).spawn("closes", closes);
        for _ in 0..1000 {
            let result = one.ask(2, "x").await;
            assert!(result.is_err(), "{result:?}");
            world.sleep_ms(10).await;
        }
        let attempts = world.network().connects("node-2:1");
        assert!((8..=14).contains(&attempts), "{attempts} attempts in 10 s");
    });
}
