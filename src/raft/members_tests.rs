//! Changes of members on clusters in virtual time.

use std::time::Duration;

use super::test_cluster::{TestCluster, TestNode, address, url};
use super::{ChangeError, ChangeRequest, Changed, MemberChange, RaftRole};
use crate::base::NodeId;

/// What one frame takes.
const DELAY: Duration = Duration::from_millis(5);

const ONE: NodeId = NodeId(1);
const FOUR: NodeId = NodeId(4);

fn add(node: NodeId, promote: bool) -> MemberChange {
    MemberChange::Add { node, peer: address(node), url: url(node), promote }
}

fn replace(old: NodeId, node: NodeId) -> MemberChange {
    MemberChange::Replace { old, node, peer: address(node), url: url(node) }
}

async fn change_by(node: &TestNode, change: MemberChange, force: bool, within_ms: u64) -> Result<Changed, ChangeError> {
    node.raft.change_members(ChangeRequest { change, force }, node.deadline(within_ms)).await
}

/// Asks the leader, and the next one where it hands over.
async fn change(cluster: &TestCluster, change: MemberChange) -> Result<Changed, ChangeError> {
    loop {
        match change_by(cluster.leader().await, change.clone(), false, 10_000).await {
            Err(ChangeError::NotLeader) => tokio::time::sleep(Duration::from_millis(20)).await,
            outcome => return outcome,
        }
    }
}

fn refusal(outcome: Result<Changed, ChangeError>) -> String {
    match outcome {
        Err(ChangeError::Conflict(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// Waits until all these nodes know just these voters, in a membership that is not joint.
async fn until_voters(cluster: &TestCluster, voters: &[u64]) {
    let voters: Vec<NodeId> = voters.iter().copied().map(NodeId).collect();
    for id in &voters {
        let mut status = cluster.node(*id).raft.subscribe();
        status.wait_for(|status| *status.voters == voters && !status.joint && status.members_committed).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_comes_in_as_a_learner_and_is_promoted() {
    let mut cluster = TestCluster::start(3, DELAY).await;
    cluster.start_spare(4).await;
    cluster.leader().await.write("before").await;
    let added = change(&cluster, add(FOUR, false)).await.unwrap();
    assert!(added.at.is_some() && !added.pending);
    let status = cluster.leader().await.raft.status();
    assert_eq!((status.members.len(), status.voters.len()), (4, 3));

    assert_eq!(change(&cluster, add(FOUR, false)).await, Ok(added), "asked for again, it is so already");
    assert!(!change(&cluster, MemberChange::Promote { node: FOUR }).await.unwrap().pending);
    until_voters(&cluster, &[1, 2, 3, 4]).await;
    cluster.leader().await.write("after").await;
    let unknown = change(&cluster, MemberChange::Promote { node: NodeId(9) }).await;
    assert_eq!(unknown, Err(ChangeError::NoSuchMember(NodeId(9))));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_of_one_grows_to_three() {
    let mut cluster = TestCluster::start(1, DELAY).await;
    for id in [2, 3] {
        cluster.start_spare(id).await;
        assert!(!change(&cluster, add(NodeId(id), true)).await.unwrap().pending);
    }
    until_voters(&cluster, &[1, 2, 3]).await;
    for id in [1, 2] {
        change(&cluster, MemberChange::Remove { node: NodeId(id) }).await.unwrap();
    }
    until_voters(&cluster, &[3]).await;
    let last = refusal(change(&cluster, MemberChange::Remove { node: NodeId(3) }).await);
    assert!(last.contains("last voter"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_gone_is_replaced_in_one_change_of_voters() {
    let mut cluster = TestCluster::start(3, DELAY).await;
    cluster.start_spare(4).await;
    let gone = cluster.others(cluster.leader().await.id)[0].id;
    cluster.net.cut_off(gone);
    let before = cluster.leader().await.raft.status().committed.unwrap();
    let changed = change(&cluster, replace(gone, FOUR)).await.unwrap();
    assert_eq!(changed.at.unwrap().index.0 - before.index.0, 3, "a learner, both together, the new ones alone");
    let left: Vec<u64> = [1, 2, 3, 4].into_iter().filter(|id| *id != gone.0).collect();
    until_voters(&cluster, &left).await;
    assert!(!cluster.leader().await.raft.status().members.contains_key(&gone));
    assert_eq!(change(&cluster, replace(gone, FOUR)).await, Ok(changed), "asked for again, it is so already");
}

#[tokio::test(start_paused = true)]
async fn a_leader_hands_over_before_it_is_removed_or_replaced() {
    let mut cluster = TestCluster::start(3, DELAY).await;
    cluster.start_spare(4).await;
    let first = cluster.leader().await.id;
    let term = cluster.leader().await.raft.status().term;
    change(&cluster, replace(first, FOUR)).await.unwrap();
    let second = cluster.leader().await;
    assert_eq!((second.raft.status().term.0, second.id == first), (term.0 + 1, false), "one election, no wait");
    assert_ne!(cluster.node(first).raft.status().role, RaftRole::Leader);
    let second = second.id;
    change(&cluster, MemberChange::Remove { node: second }).await.unwrap();
    let left: Vec<u64> = [1, 2, 3, 4].into_iter().filter(|id| ![first.0, second.0].contains(id)).collect();
    until_voters(&cluster, &left).await;
    cluster.leader().await.write("goes on").await;
}

#[tokio::test(start_paused = true)]
async fn what_would_lose_the_quorum_is_refused_and_what_was_forced_takes_effect_when_it_can() {
    let cluster = TestCluster::start(3, DELAY).await;
    let leader = cluster.leader().await;
    let [alive, silent] = cluster.others(leader.id)[..] else { panic!("three nodes") };
    cluster.net.cut_off(silent.id);
    let remove = MemberChange::Remove { node: alive.id };
    let why = refusal(change_by(leader, remove.clone(), false, 5_000).await);
    assert!(why.contains(&format!("node {} does not answer", silent.id)) && why.contains("force"), "{why}");
    assert_eq!(leader.raft.status().voters.len(), 3, "nothing was done");
    assert!(!leader.raft.status().joint);

    assert_eq!(change_by(leader, remove.clone(), true, 3_000).await, Err(ChangeError::OutcomeUnknown));
    let second = refusal(change_by(leader, remove, true, 3_000).await);
    assert!(second.contains(&format!("removing node {} is under way", alive.id)), "{second}");
    // Whoever leads once they are together again finishes it.
    cluster.net.cut_off(leader.id);
    tokio::time::sleep(Duration::from_secs(2)).await;
    cluster.net.heal();
    let mut left = [leader.id.0, silent.id.0];
    left.sort();
    until_voters(&cluster, &left).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_asked_is_not_added() {
    let mut cluster = TestCluster::start(3, DELAY).await;
    let nobody = refusal(change(&cluster, add(FOUR, true)).await);
    assert!(nobody.contains("does not answer at node-4"), "{nobody}");

    cluster.start_spare(4).await;
    let wrong = MemberChange::Add { node: FOUR, peer: address(FOUR), url: "http://x".into(), promote: true };
    let wrong = refusal(change(&cluster, wrong).await);
    assert!(wrong.contains("correct the request"), "{wrong}");
    let taken = MemberChange::Add { node: FOUR, peer: address(ONE), url: "http://x".into(), promote: true };
    let taken = refusal(change(&cluster, taken).await);
    assert!(taken.contains("cluster replace 1 4"), "{taken}");
    let again = MemberChange::Add { node: ONE, peer: "elsewhere".into(), url: "http://x".into(), promote: true };
    let again = refusal(change(&cluster, again).await);
    assert!(again.contains("never used, like 4"), "{again}");
    let itself = refusal(change(&cluster, replace(ONE, ONE)).await);
    assert!(itself.contains("vote twice"), "{itself}");

    let spare = cluster.node(FOUR);
    let alone = [(FOUR, super::Member { peer: address(FOUR), ..Default::default() })];
    spare.raft.initialize(alone.into()).await.unwrap();
    let full = refusal(change(&cluster, add(FOUR, true)).await);
    assert!(full.contains("has data already"), "{full}");
}

#[tokio::test(start_paused = true)]
async fn a_learner_that_does_not_catch_up_is_left_one_and_its_removal_ends_the_wait() {
    let mut cluster = TestCluster::start(3, DELAY).await;
    cluster.start_spare(4).await;
    change(&cluster, add(FOUR, false)).await.unwrap();
    cluster.net.cut_off(FOUR);
    let leader = cluster.leader().await;
    leader.write("missed").await;
    let late = refusal(change_by(leader, MemberChange::Promote { node: FOUR }, false, 3_000).await);
    assert!(late.contains("has not caught up: it lags by"), "{late}");
    assert!(change_by(leader, add(FOUR, true), false, 3_000).await.unwrap().pending);
    let busy = refusal(change_by(leader, MemberChange::Remove { node: ONE }, false, 3_000).await);
    assert!(busy.contains("adding node 4 is under way"), "{busy}");
    assert!(change_by(leader, MemberChange::Remove { node: FOUR }, false, 3_000).await.is_ok());
    assert_eq!(leader.raft.status().members.len(), 3);
    assert!(change_by(leader, MemberChange::Remove { node: FOUR }, false, 3_000).await.is_err(), "it is gone");
}

#[tokio::test(start_paused = true)]
async fn a_promotion_goes_on_after_the_answer() {
    let mut cluster = TestCluster::start(3, DELAY).await;
    cluster.start_spare(4).await;
    change(&cluster, add(FOUR, false)).await.unwrap();
    cluster.net.cut_off(FOUR);
    let leader = cluster.leader().await;
    leader.write("missed").await;
    assert!(change_by(leader, add(FOUR, true), false, 2_000).await.unwrap().pending);
    cluster.net.heal();
    until_voters(&cluster, &[1, 2, 3, 4]).await;
}

#[tokio::test(start_paused = true)]
async fn the_leadership_goes_to_the_node_that_is_named() {
    let mut cluster = TestCluster::start(3, DELAY).await;
    cluster.start_spare(4).await;
    change(&cluster, add(FOUR, false)).await.unwrap();
    let first = cluster.leader().await.id;
    for to in cluster.others(first).iter().map(|node| node.id).filter(|id| *id != FOUR) {
        change(&cluster, MemberChange::Lead { node: to }).await.unwrap();
        assert_eq!(cluster.leader().await.id, to);
    }
    assert!(refusal(change(&cluster, MemberChange::Lead { node: FOUR }).await).contains("promote it first"));
    let unknown = change(&cluster, MemberChange::Lead { node: NodeId(9) }).await;
    assert_eq!(unknown, Err(ChangeError::NoSuchMember(NodeId(9))));
    let silent = cluster.others(cluster.leader().await.id)[0].id;
    cluster.net.cut_off(silent);
    assert!(refusal(change(&cluster, MemberChange::Lead { node: silent }).await).contains("does not answer"));
    let leads = cluster.leader().await;
    assert!(change(&cluster, MemberChange::Lead { node: leads.id }).await.is_ok(), "it does already");
    let follower = cluster.others(leads.id)[1];
    let elsewhere = change_by(follower, MemberChange::Lead { node: silent }, false, 1_000).await;
    assert_eq!(elsewhere, Err(ChangeError::NotLeader));
}
