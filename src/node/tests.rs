//! A whole node, alone, in virtual time.

use std::path::Path;
use std::time::Duration;

use openraft_rt_tokio::TokioRuntime;

use super::{Node, StartError};
use crate::api::{Readiness, WriteRequest};
use crate::base::{RequestId, WallTime};
use crate::config;
use crate::host::Clock;
use crate::host::fake::{self, FakeHost};
use crate::model::{
    Condition, Entry, Fingerprint, IdempotencyKey, Key, Namespace, Once, Op, Outcome, ValueType, Write,
};

const CONFIG: &str = r#"
cluster = "alone"
node = 1
dataDir = "data"
[storage]
segmentBytes = "64KiB"
[[members]]
id = 1
peer = "127.0.0.1:7500"
url = "http://127.0.0.1:7400"
[[auth.apiKeys]]
name = "admin"
principal = "admin"
role = "admin"
key = "a-key-for-tests-alone"
"#;

/// Starts a node, and does not wait until it serves.
pub(crate) async fn try_start(fake: &FakeHost) -> Result<Node, StartError> {
    let config = config::parse(Path::new("node.toml"), CONFIG, &|path: &Path| std::fs::read_to_string(path))
        .expect("a configuration");
    Node::start::<TokioRuntime>(fake.host.clone(), config).await
}

pub(crate) async fn start(fake: &FakeHost) -> Node {
    let node = try_start(fake).await.expect("it starts");
    let patience = fake.host.clock.now().after(Duration::from_secs(60));
    while !matches!(node.api.ready(), Readiness::Ready { .. }) {
        let (status, died) = (node.raft.status(), fake.fatal_reason());
        assert!(fake.host.clock.now() < patience, "it does not serve: {status:?} {died:?}");
        fake.host.sleep(Duration::from_millis(10)).await;
    }
    node
}

/// Sets an entry, and tells its time.
async fn set(node: &Node) -> WallTime {
    set_value(node, "v").await.updated_at
}

pub(crate) async fn set_value(node: &Node, value: &str) -> Entry {
    let op = Op::Set {
        namespace: Namespace::parse("a").expect("a namespace"),
        key: Key::parse("k").expect("a key"),
        value: value.to_owned(),
        value_type: ValueType::String,
    };
    let request_id = RequestId::parse("r").expect("a request id");
    // A key of its own, so that receipts are among what there is.
    let key =
        IdempotencyKey::parse(&format!("after-{:?}", node.apply.status().applied).replace(' ', "")).expect("a key");
    let condition = Condition::default();
    let once = Some(Box::new(Once { key, fingerprint: Fingerprint::of(&op, &condition) }));
    let write = Write { op, condition, once };
    let actor = "admin".to_owned();
    let request = WriteRequest { write, actor, request_id, forwarded: false, may_redirect: false };
    let Outcome::Set { entry, .. } = node.api.write(request).await.expect("it writes").outcome else {
        panic!("a set has the outcome of a set");
    };
    entry
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_write_is_right_after_idle_minutes_and_after_a_night_off() {
    let fake = fake::host();
    let node = start(&fake).await;
    for _ in 0..3 {
        assert_eq!(set(&node).await, fake.clock.wall());
        fake.host.sleep(Duration::from_secs(100)).await;
    }
    drop(node);

    let after_the_night = fake.kill();
    after_the_night.clock.set_wall(fake.clock.wall().after(Duration::from_secs(8 * 3600)));
    let node = start(&after_the_night).await;
    assert_eq!(set(&node).await, after_the_night.clock.wall());
    assert_eq!(after_the_night.fatal_reason(), None);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_ahead_is_capped() {
    let fake = fake::host();
    let node = start(&fake).await;
    let before = set(&node).await;
    fake.host.sleep(Duration::from_secs(10)).await;
    fake.clock.set_wall(before.after(Duration::from_secs(1_000_000)));
    let capped = before.after(Duration::from_secs(70)).0;
    let stamped = set(&node).await.0;
    assert!((capped..capped + 1000).contains(&stamped), "{stamped}, {capped}");
}
