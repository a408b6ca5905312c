//! The whole of it, over a network that misbehaves.

mod calls;
mod chaos;
mod hostile;
mod links;
mod refusals;
mod world;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use world::{World, storage_of};

use super::*;
use crate::base::{GroupId, Monotonic, NodeId, StorageId};
use crate::config::Secret;
use crate::host::BoxFuture;

/// Lets in the nodes 1 to 9 with the storage ids that go with them, until told otherwise.
#[derive(Default)]
struct Guard {
    shuts_out: Mutex<BTreeSet<NodeId>>,
}

impl PeerGuard for Guard {
    fn admit(&self, peer: &PeerClaim) -> Result<(), Refusal> {
        let node = peer.node;
        let refuse = |what: String| Err(Refusal::new(RefusalCode::NotAdmitted, what));
        if self.shuts_out.lock().unwrap().contains(&node) || !(1..10).contains(&node.0) {
            return refuse(format!("node {node} is not a member"));
        }
        if storage_of(node.0).1 != peer.storage {
            return refuse(format!("node {node} has another data directory"));
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
