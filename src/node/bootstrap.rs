use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;

use crate::apply::ApplyHandle;
use crate::base::{NodeId, RequestId, StorageId, WallTime};
use crate::config::MemberConfig;
use crate::host::Host;
use crate::log::Wal;
use crate::model::{Command, CursorKey, Op};
use crate::peer::PeerHandle;
use crate::raft::{self, Member, RaftHandle, RaftRole};

const PROBE_EVERY: Duration = Duration::from_millis(100);
/// How long until a cluster that exists already is asked again.
const EXISTS_PAUSE: Duration = Duration::from_secs(1);
/// How long until a leader looks again whether the cluster has its secrets.
const SECRETS_EVERY: Duration = Duration::from_secs(1);
/// How often a node without a leader asks the others whether it belongs to them.
const LOOK_AROUND_EVERY: Duration = Duration::from_secs(5);
/// How many rounds without an answer from everyone until the log says whom the node waits for.
const ROUNDS_BEFORE_A_WORD: u32 = 50;
const SECRETS_DEADLINE: Duration = Duration::from_secs(5);
/// How long after a proposal that was refused the next one is made.
const SECRETS_PAUSE: Duration = Duration::from_millis(20);

/// Forms a fresh cluster, where there is none: the configured member with the smallest id asks all others, and only
/// when every one of them answers "empty" makes them the first membership. A node that lost its data cannot form a
/// second cluster this way, since the others are not empty.
pub(super) async fn form_cluster(
    host: Host,
    own: (NodeId, StorageId),
    members: Vec<MemberConfig>,
    wal: Wal,
    peers: PeerHandle,
    raft: RaftHandle,
) {
    if members.first().is_none_or(|first| first.id != own.0) {
        return;
    }
    let mut rounds = 0u32;
    while wal.last().is_none() {
        let mut found = BTreeMap::new();
        let mut waiting_for = Vec::new();
        for member in &members {
            let storage = if member.id == own.0 { Ok(Some(own.1)) } else { probe(&host, &peers, member).await };
            match storage {
                Ok(Some(storage)) => {
                    let (peer, url) = (member.peer.clone(), member.url.clone());
                    found.insert(member.id, Member { peer, url, storage });
                }
                Ok(None) => {
                    if rounds.is_multiple_of(ROUNDS_BEFORE_A_WORD) {
                        tracing::error!(
                            node = member.id.0,
                            "this node's data directory is empty, but node {} has data of this cluster: the cluster \
                             exists already. Bring this node's old directory back; or give it a new id, start it empty, \
                             and run `confman cluster replace {} NEW_ID --peer HOST:PORT --url URL`",
                            member.id,
                            own.0
                        );
                    }
                    host.sleep(EXISTS_PAUSE).await;
                    waiting_for.push(member.id.to_string());
                }
                Err(reason) => waiting_for.push(format!("{} ({reason})", member.id)),
            }
        }
        if found.len() == members.len() {
            tracing::info!(members = members.len(), "every member is empty: forming a new cluster");
            if let Err(reason) = raft.initialize(found).await {
                tracing::error!(%reason, "could not form the cluster; trying again");
            }
        }
        rounds += 1;
        if rounds.is_multiple_of(ROUNDS_BEFORE_A_WORD) && !waiting_for.is_empty() {
            tracing::warn!(
                waiting_for = waiting_for.join(", "),
                "a fresh cluster is formed once all its members answer"
            );
        }
        host.sleep(PROBE_EVERY).await;
    }
}

/// Gives a fresh cluster its replicated secrets: the first leader that finds none draws them. Only the first such
/// command counts, so two leaders that both try do no harm.
pub(super) async fn give_secrets(host: Host, raft: RaftHandle, apply: ApplyHandle) {
    let mut rng = host.entropy.fork("cursor-key");
    let mut status = raft.subscribe();
    loop {
        if apply.view().is_ok_and(|view| view.cursor_key().is_some()) {
            return;
        }
        if status.borrow_and_update().role == RaftRole::Leader {
            let command = Command {
                stamp: WallTime(0),
                actor: "confman".to_owned(),
                request_id: RequestId::from_random(rng.random()),
                write: Op::Bootstrap { cursor_key: CursorKey(rng.random()) }.into(),
            };
            if let Err(error) = raft.propose(command, host.clock.now().after(SECRETS_DEADLINE)).await {
                tracing::debug!(%error, "the cluster has no replicated secrets yet");
                // A proposal changes the status, a refused one too: who waited for a change would propose on and on.
                host.sleep(SECRETS_PAUSE).await;
            }
        }
        // A follower gets them from the log; a leader whose proposal failed tries again.
        let look_again = host.clock.now().after(SECRETS_EVERY);
        if let Some(Err(_)) = host.until(look_again, status.changed()).await {
            return;
        }
    }
}

/// The storage id of an empty member; `None` of one that has data.
async fn probe(host: &Host, peers: &PeerHandle, member: &MemberConfig) -> Result<Option<StorageId>, String> {
    let found = raft::probe(host, peers, member.id, &member.peer).await.map_err(|error| error.to_string())?;
    Ok(found.empty.then_some(found.storage))
}

/// Asks the other nodes, while nobody leads this one, whether it belongs to them: they refuse one that was removed, or
/// was not added yet, and [`super::guard`] hears it.
pub(super) async fn look_around(
    host: Host,
    own: NodeId,
    configured: Vec<MemberConfig>,
    peers: PeerHandle,
    raft: RaftHandle,
) {
    let mut status = raft.subscribe();
    loop {
        if status.wait_for(|status| status.leader.is_none()).await.is_err() {
            return;
        }
        host.sleep(LOOK_AROUND_EVERY).await;
        let others: BTreeMap<NodeId, String> = {
            let status = status.borrow();
            if status.leader.is_some() {
                continue;
            }
            let members = status.members.iter().map(|(id, member)| (*id, member.peer.clone()));
            let configured = configured.iter().map(|member| (member.id, member.peer.clone()));
            if status.members.is_empty() { configured.collect() } else { members.collect() }
        };
        for (node, address) in others.into_iter().filter(|(node, _)| *node != own) {
            if let Err(why) = raft::probe(&host, &peers, node, &address).await {
                tracing::debug!(peer = node.0, %why, "looking for the cluster");
            }
        }
    }
}
