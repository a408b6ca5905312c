//! Read indexes on clusters in virtual time.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::ReadIndexError;
use super::codec;
use super::read_index::{PEER_ROUNDS_MAX, READERS_MAX, ReadIndexAnswer, ReadIndexRequest};
use super::test_cluster::{TestCluster, TestNode};
use crate::base::LogId;
use crate::peer::FrameKind;

/// What one frame takes.
const DELAY: Duration = Duration::from_millis(10);

async fn read(node: &TestNode, within_ms: u64) -> Result<LogId, ReadIndexError> {
    node.raft.read_index(node.deadline(within_ms)).await
}

/// Asks a node as another node would.
async fn ask(node: &TestNode, wait_ms: u64) -> ReadIndexAnswer {
    let body = codec::encode(&ReadIndexRequest { wait_ms });
    codec::decode(&node.server.handle(FrameKind::ReadIndex, body).await.unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn on_every_node_an_index_covers_what_was_acknowledged_and_is_applied_there() {
    let cluster = TestCluster::start(3, DELAY).await;
    let leader = cluster.leader().await;
    for n in 0..20 {
        let written = leader.write(&n.to_string()).await;
        for node in &cluster.nodes {
            let at = read(node, 1_000).await.unwrap();
            assert!(at >= written, "{at} does not cover {written}, which was acknowledged before");
            let applied = node.apply.view().unwrap().applied();
            assert!(applied >= Some(at), "{at} was told, and {applied:?} is applied");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_alone_is_its_own_quorum() {
    let cluster = TestCluster::start(1, DELAY).await;
    let written = cluster.nodes[0].write("v").await;
    assert_eq!(read(&cluster.nodes[0], 100).await, Ok(written));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_names_no_index() {
    let cluster = TestCluster::start(3, DELAY).await;
    let old = cluster.leader().await;
    old.write("v").await;
    cluster.net.cut_off(old.id);
    for within_ms in [1, 20, 500, 5_000] {
        let asked = tokio::time::Instant::now();
        assert_eq!(read(old, within_ms).await, Err(ReadIndexError::NoLeader), "within {within_ms} ms");
        assert!(asked.elapsed() <= Duration::from_millis(within_ms + 2), "not within its deadline");
    }
    // The others have elected another by now, which acknowledges what the old one does not know.
    let new = cluster.leader().await;
    assert_ne!(new.id, old.id);
    let written = new.write("w").await;
    assert_eq!(read(old, 500).await, Err(ReadIndexError::NoLeader));
    for node in cluster.others(old.id) {
        assert!(read(node, 2_000).await.unwrap() >= written);
    }
    // One that waits is served as soon as that is possible.
    let (healed, served) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cluster.net.heal();
        },
        read(old, 10_000)
    );
    assert!((healed, served.unwrap()).1 >= written);
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_for_the_next_leader() {
    let cluster = TestCluster::start(3, DELAY).await;
    let old = cluster.leader().await;
    let written = old.write("v").await;
    cluster.net.cut_off(old.id);
    for node in cluster.others(old.id) {
        let at = read(node, 10_000).await.unwrap();
        assert!(at > written && at.term > written.term, "{at} is of the leader that is gone");
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_cost_a_handful_of_rounds() {
    let cluster = TestCluster::start(3, DELAY).await;
    let leader = cluster.leader().await;
    leader.write("v").await;
    for node in [leader, cluster.others(leader.id)[0]] {
        // The link for questions opens with the first one.
        read(node, 1_000).await.unwrap();
        let before = (cluster.net.requests(FrameKind::ReadIndex), cluster.net.requests(FrameKind::Append));
        let asked = tokio::time::Instant::now();
        let all = join_all((0..1_000).map(|_| read(node, 5_000))).await;
        assert!(all.iter().all(Result::is_ok));
        let asks = cluster.net.requests(FrameKind::ReadIndex) - before.0;
        let heartbeats = cluster.net.requests(FrameKind::Append) - before.1;
        assert!(asks <= 2, "{asks} questions for a thousand readers");
        // Two rounds of two heartbeats each, and those that were due anyway.
        assert!(heartbeats <= 12, "{heartbeats} heartbeats for a thousand readers");
        // Per round a question, a heartbeat and both answers, after a heartbeat that was under way with its answer.
        assert!(asked.elapsed() < DELAY * (2 * 6 + 1), "{:?}", asked.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_while_a_round_runs_is_not_in_it() {
    let cluster = TestCluster::start(3, DELAY).await;
    let leader = cluster.leader().await;
    leader.write("v").await;
    // A heartbeat and its answer.
    let round = DELAY * 2;
    let timed = async |after: Duration| {
        tokio::time::sleep(after).await;
        let asked = tokio::time::Instant::now();
        read(leader, 1_000).await.unwrap();
        asked.elapsed()
    };
    let (first, second) = tokio::join!(timed(Duration::ZERO), timed(round / 4));
    assert!(first >= round, "{first:?}");
    assert!(round / 4 + second >= first + round, "after {second:?} it was told what the round before it found");
}

#[tokio::test(start_paused = true)]
async fn a_follower_answers_other_nodes_with_a_refusal_and_passes_nothing_on() {
    let cluster = TestCluster::start(3, DELAY).await;
    let leader = cluster.leader().await;
    let written = leader.write("v").await;
    let before = cluster.net.requests(FrameKind::ReadIndex);
    for node in cluster.others(leader.id) {
        assert_eq!(ask(node, 1_000).await, ReadIndexAnswer::NotLeader);
    }
    assert_eq!(cluster.net.requests(FrameKind::ReadIndex), before);
    assert!(matches!(ask(leader, 1_000).await, ReadIndexAnswer::At(at) if at >= written));
    cluster.net.cut_off(leader.id);
    for wait_ms in [0, 10, u64::MAX] {
        assert_eq!(ask(leader, wait_ms).await, ReadIndexAnswer::NoQuorum);
    }
    for junk in [Bytes::new(), Bytes::from_static(b"\x03\x01"), Bytes::from(vec![2; 1 << 20])] {
        assert!(leader.server.handle(FrameKind::ReadIndex, junk).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_are_refused_at_once_and_who_leaves_makes_room() {
    let cluster = TestCluster::start(3, DELAY).await;
    let node = cluster.leader().await;
    cluster.net.cut_off(node.id);
    for _ in 0..3 {
        let mut waiting: Vec<_> = (0..READERS_MAX).map(|_| Box::pin(read(node, 60_000))).collect();
        for reader in &mut waiting {
            assert!(futures_util::poll!(reader.as_mut()).is_pending());
        }
        assert_eq!(read(node, 60_000).await, Err(ReadIndexError::Overloaded));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(read(node, 60_000).await, Err(ReadIndexError::Overloaded));
        drop(waiting);
        assert_eq!(read(node, 10).await, Err(ReadIndexError::NoLeader), "there is room");
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let mut asking: Vec<_> = (0..PEER_ROUNDS_MAX).map(|_| Box::pin(ask(node, 60_000))).collect();
    for peer in &mut asking {
        assert!(futures_util::poll!(peer.as_mut()).is_pending());
    }
    assert_eq!(ask(node, 60_000).await, ReadIndexAnswer::Overloaded);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_not_applied_says_so() {
    let cluster = TestCluster::start(3, DELAY).await;
    let leader = cluster.leader().await;
    leader.write("v").await;
    let stuck = cluster.others(leader.id)[0];
    tokio::time::sleep(Duration::from_secs(1)).await;
    stuck.fake.files.set_free_bytes(0);
    let written = leader.write(&"w".repeat(20_000)).await;
    assert_eq!(read(stuck, 2_000).await, Err(ReadIndexError::NotApplied { at: written }));
    let (served, ()) = tokio::join!(read(stuck, 10_000), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stuck.fake.files.set_free_bytes(1 << 30);
    });
    assert!(served.unwrap() >= written);
}
