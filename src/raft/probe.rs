//! What a node says of itself before it is a member: asked when a cluster is formed, and when a node is added to one.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::status::Member;
use crate::base::{GroupId, NodeId, StorageId};
use crate::host::Host;
use crate::log::Wal;
use crate::peer::{FrameKind, Lane, PeerError, PeerHandle, PeerTarget};

const DEADLINE: Duration = Duration::from_secs(1);
const FORMAT: u8 = 1;

/// What a node says when it is asked whether it may become part of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    format: u8,
    pub storage: StorageId,
    /// Its log holds nothing.
    pub empty: bool,
    /// Where it says that other nodes and clients reach it.
    pub peer: String,
    pub url: String,
}

/// Why a node could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    #[error(transparent)]
    Call(#[from] PeerError),
    #[error("it answers a probe with what this version of confman cannot read: {0}")]
    Unreadable(String),
}

/// Answers a probe. `own` is this node as its configuration has it.
pub fn answer_probe(own: &Member, wal: &Wal) -> Bytes {
    let Member { peer, url, storage } = own.clone();
    let answer = ProbeAnswer { format: FORMAT, storage, empty: wal.last().is_none(), peer, url };
    Bytes::from(postcard::to_stdvec(&answer).expect("derived serializers do not fail"))
}

/// Asks the node that is expected at `address`.
pub async fn probe(host: &Host, peers: &PeerHandle, node: NodeId, address: &str) -> Result<ProbeAnswer, ProbeError> {
    let target = PeerTarget { node, address: address.to_owned() };
    let deadline = host.clock.now().after(DEADLINE);
    let bytes = peers.call(&target, Lane::Control, GroupId::MAIN, FrameKind::Probe, Bytes::new(), deadline).await?;
    let unreadable = |what: String| ProbeError::Unreadable(what);
    let answer: ProbeAnswer = postcard::from_bytes(&bytes).map_err(|error| unreadable(error.to_string()))?;
    if answer.format != FORMAT {
        return Err(unreadable(format!("format {}, this node knows {FORMAT}", answer.format)));
    }
    Ok(answer)
}
