//! What a follower and the leader say to each other about a forwarded write or change of members.
//!
//! A format byte, then postcard. A node that meets another format answers [`ForwardReply::Refused`]: nothing was done.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::write::{Done, Work};
use crate::base::{NodeId, RequestId};

/// The format of both messages.
const FORMAT: u8 = 3;

/// A write that a client sent to a follower. That it is of this type marks it: the receiver never passes it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ForwardRequest {
    pub work: Work,
    /// Whom the follower authenticated.
    pub actor: String,
    pub request_id: RequestId,
    /// How long the follower still waits. Clocks of two nodes have nothing in common but their rate.
    pub wait_ms: u64,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ForwardReply {
    Done(Done),
    /// Surely not done: the receiver does not lead. A change of members may be half done, and is to be taken to the next
    /// leader as it is.
    NotLeader,
    /// Surely not done.
    Overloaded,
    /// Surely not done.
    StorageFull {
        free_bytes: u64,
    },
    OutcomeUnknown,
    /// Surely not done: the receiver is about to stop.
    Stopping,
    /// Surely not done: the receiver does not understand the request.
    Refused(String),
    /// See [`WriteError::Conflict`](super::WriteError).
    Conflict(String),
    NoSuchMember(NodeId),
}

/// Encodes a message.
pub(super) fn encode(message: &impl Serialize) -> Bytes {
    let encoded = postcard::to_extend(message, vec![FORMAT]).expect("plain data into memory always encodes");
    Bytes::from(encoded)
}

/// Decodes a message; the error says what is wrong with it.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => {
            let (message, rest) = postcard::take_from_bytes(body).map_err(|error| error.to_string())?;
            if rest.is_empty() { Ok(message) } else { Err(format!("{} bytes too many", rest.len())) }
        }
        Some((&format, _)) => Err(format!("format {format}, this node knows {FORMAT}: upgrade the older node")),
        None => Err("empty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LogId;
    use crate::model::{Applied, Key, Namespace, Op, Outcome, ValueType, Write};

    #[test]
    fn messages_read_back_and_other_formats_are_refused() {
        let request = ForwardRequest {
            work: Work::Write(Write::from(Op::Set {
                namespace: Namespace::parse("a/b").expect("a namespace"),
                key: Key::parse("k").expect("a key"),
                value: "v".to_owned(),
                value_type: ValueType::Json,
            })),
            actor: "dev".to_owned(),
            request_id: RequestId::parse("r").expect("a request id"),
            wait_ms: 5000,
        };
        let bytes = encode(&request);
        assert_eq!(decode::<ForwardRequest>(&bytes), Ok(request));

        let reply =
            ForwardReply::Done(Done::Written(Applied { revision: LogId::new(2, 7), outcome: Outcome::Deleted }));
        assert_eq!(decode::<ForwardReply>(&encode(&reply)), Ok(reply));

        let mut newer = bytes.to_vec();
        newer[0] = FORMAT + 1;
        assert!(decode::<ForwardRequest>(&newer).expect_err("another format").contains("upgrade"));
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(decode::<ForwardRequest>(&longer).is_err());
        assert!(decode::<ForwardRequest>(&[]).is_err());
        for cut in 1..bytes.len() {
            assert!(decode::<ForwardRequest>(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
