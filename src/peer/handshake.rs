//! The handshake: who is it, and does it know the cluster's secret? Pure: bytes in, bytes out.
//!
//! ```text
//! initiator                                                         acceptor
//!     | -- Hello: versions, cluster, node, storage, expects, lane, nonce --> |
//!     | <-- Challenge: version, nonce -------------------------------------- |
//!     | -- Proof: HMAC(secret, "initiator", Hello, Challenge) -------------> |  the guard is asked
//!     | <-- Welcome: node, storage, HMAC(secret, "acceptor", all of it) ---- |
//!     |  the guard is asked                                                  |
//! ```
//!
//! Either side may say Refusal instead, and the link ends. Both nonces are fresh, so an old transcript proves nothing;
//! the labels differ, so a proof thrown back proves nothing; the proofs cover every byte that was said, both
//! identities among them. The acceptor says who it is only after the caller has proven itself. The secret
//! authenticates the link's beginning; what follows is neither encrypted nor authenticated: peers belong in a network
//! of their own.
//!
//! The layout of these messages (format byte, kind 0, CRC-32C, postcard) stays for ever, for the versions are
//! negotiated in them. A later version may append fields: what follows a message is ignored, but is proven with it.
//! So came the membership that a caller goes by, behind Hello, and behind Refusal the one that it is not in, with a proof
//! of its own: a refused node may stop over it.
//!
//! A message that repeats the one before, byte for byte, is ignored: networks do that.

use bytes::{BufMut, Bytes, BytesMut};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::frame::{FRAME_FORMAT, FrameError, KIND_HANDSHAKE, check_format};
use super::refusal::{Refusal, RefusalCode};
use super::text::one_line;
use super::{Identity, Lane, PeerClaim, PeerGuard};
use crate::base::limits::HELLO_BYTES_MAX;
use crate::base::{LogId, NodeId, StorageId};
use crate::config::Secret;

/// The versions of the protocol after the handshake that this node speaks.
pub const VERSIONS: Versions = Versions { min: 1, max: 1 };

/// A range of protocol versions, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    pub min: u16,
    pub max: u16,
}

impl Versions {
    /// The newest version that both know.
    fn common(self, other: Versions) -> Option<u16> {
        let newest = self.max.min(other.max);
        (newest >= self.min && newest >= other.min).then_some(newest)
    }
}

/// Drawn anew for every handshake.
pub type Nonce = [u8; 32];
type Tag = [u8; 32];

/// What a node brings into a handshake.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub identity: Identity,
    /// Both sides have the same, or both have none.
    pub secret: Option<Secret>,
    pub versions: Versions,
}

/// Who is on the other side, once a handshake is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    pub node: NodeId,
    pub storage: StorageId,
    pub lane: Lane,
    /// The version of the protocol to speak.
    pub version: u16,
    /// The membership that a caller goes by.
    pub members_at: Option<LogId>,
}

impl Remote {
    /// What a guard is asked about a caller.
    pub(super) fn claim(&self) -> PeerClaim {
        PeerClaim { node: self.node, storage: self.storage, members_at: self.members_at, was_called: false }
    }
}

/// What to do after a frame was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, then go on.
    Send(Bytes),
    /// Nothing to do (a repeated frame).
    Ignore,
    /// The link is open; first send this, if anything.
    Open { remote: Remote, send: Option<Bytes> },
    /// We refuse: send this, then close the link.
    Refuse { refusal: Refusal, send: Bytes },
    /// The other side refuses: close the link.
    Refused(Refusal),
}

impl Step {
    fn refuse(code: RefusalCode, sentence: impl AsRef<str>) -> Step {
        Step::refuse_with(Refusal::new(code, sentence), &())
    }

    fn refuse_with(refusal: Refusal, behind: &impl Serialize) -> Step {
        let send = encode_with(&Message::Refusal { code: refusal.code as u8, sentence: &refusal.sentence }, behind);
        Step::Refuse { refusal, send }
    }
}

#[derive(Debug, Serialize, Deserialize)]
enum Message<'a> {
    Hello(#[serde(borrow)] Hello<'a>),
    Challenge { version: u16, nonce: Nonce },
    Proof { tag: Option<Tag> },
    Welcome { node: NodeId, storage: StorageId, tag: Option<Tag> },
    Refusal { code: u8, sentence: &'a str },
}

#[derive(Debug, Serialize, Deserialize)]
struct Hello<'a> {
    versions: Versions,
    cluster: &'a str,
    node: NodeId,
    storage: StorageId,
    /// The node that the caller wants to talk to.
    expects: NodeId,
    lane: u8,
    has_secret: bool,
    nonce: Nonce,
}

/// Behind Hello.
#[derive(Debug, Default, Serialize, Deserialize)]
struct BehindHello {
    members_at: Option<LogId>,
}

/// Behind Refusal, where it is because of the membership.
#[derive(Debug, Serialize, Deserialize)]
struct BehindRefusal {
    as_of: LogId,
    storage: StorageId,
    tag: Option<Tag>,
}

fn encode(message: &Message<'_>) -> Bytes {
    encode_with(message, &())
}

fn encode_with(message: &Message<'_>, behind: &impl Serialize) -> Bytes {
    // Invariant: these types hold no map and no sequence of unknown length, so postcard cannot fail on them.
    let body = postcard::to_stdvec(&(message, behind)).expect("a handshake message is plain data");
    let mut out = BytesMut::with_capacity(6 + body.len());
    out.put_u8(FRAME_FORMAT);
    out.put_u8(KIND_HANDSHAKE);
    out.put_u32_le(crc32c::crc32c(&body));
    out.put_slice(&body);
    out.freeze()
}

fn decode(bytes: &[u8]) -> Result<Message<'_>, FrameError> {
    decode_with(bytes).map(|(message, _later_fields)| message)
}

/// A message, and what stands behind it. Borrows from `bytes`: nothing is allocated.
fn decode_with(bytes: &[u8]) -> Result<(Message<'_>, &[u8]), FrameError> {
    check_format(bytes)?;
    if bytes.len() > HELLO_BYTES_MAX {
        return Err(FrameError::TooLong(bytes.len()));
    }
    let Some((&[_, KIND_HANDSHAKE, c0, c1, c2, c3], body)) = bytes.split_first_chunk::<6>() else {
        return Err(FrameError::Handshake);
    };
    if crc32c::crc32c(body) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Err(FrameError::Checksum);
    }
    postcard::take_from_bytes(body).map_err(|_| FrameError::Handshake)
}

/// What stands behind a message, where its sender knows of it.
fn behind<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (_, behind) = decode_with(bytes).ok()?;
    postcard::take_from_bytes(behind).ok().map(|(behind, _later_fields)| behind)
}

/// The refusal in a handshake frame, if it is one: it may also arrive after the acceptor has opened the link.
pub(super) fn refusal_in(bytes: &[u8]) -> Option<Refusal> {
    match decode(bytes) {
        Ok(Message::Refusal { code, sentence }) => Some(Refusal::new(RefusalCode::from_wire(code), sentence)),
        _ => None,
    }
}

/// Which side proves. Reflecting a proof fails because the label differs.
#[derive(Clone, Copy)]
enum Role {
    Initiator,
    Acceptor,
    /// The acceptor, where it refuses.
    Refuser,
}

/// The proof that `role` knows `secret`, over all that was said. `welcome` is who the acceptor says it is.
fn mac(
    secret: &Secret,
    role: Role,
    hello: &[u8],
    challenge: &[u8],
    welcome: Option<(NodeId, StorageId)>,
) -> Hmac<Sha256> {
    // Invariant: HMAC takes a key of any length (RFC 2104, section 2).
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes()).expect("HMAC takes any key");
    mac.update(match role {
        Role::Initiator => b"confman peer handshake, initiator",
        Role::Acceptor => b"confman peer handshake, acceptor.",
        Role::Refuser => b"confman peer handshake, refuser..",
    });
    // Lengths first, so that no two conversations have the same bytes.
    for part in [hello, challenge] {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    if let Some((node, storage)) = welcome {
        mac.update(&node.0.to_le_bytes());
        mac.update(&storage.0.to_le_bytes());
    }
    mac
}

/// The proof of an acceptor that the caller is no member as of what is committed up to here, and of its data directory.
fn refusal_mac(secret: &Secret, hello: &[u8], challenge: &[u8], as_of: LogId, storage: StorageId) -> Hmac<Sha256> {
    let mut mac = mac(secret, Role::Refuser, hello, challenge, None);
    mac.update(&storage.0.to_le_bytes());
    mac.update(&as_of.term.0.to_le_bytes());
    mac.update(&as_of.index.0.to_le_bytes());
    mac
}

/// Whether `tag` proves what `mac` expects; constant time. Without a secret there must be no tag either.
fn proves(expected: Option<Hmac<Sha256>>, tag: Option<Tag>) -> bool {
    match (expected, tag) {
        (Some(mac), Some(tag)) => mac.verify_slice(&tag).is_ok(),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn versions_refusal(format: u8) -> Step {
    Step::refuse(
        RefusalCode::Versions,
        format!(
            "handshake format {format} is newer than {FRAME_FORMAT}, the newest this node knows: upgrade this node"
        ),
    )
}

fn malformed(error: &FrameError) -> Step {
    match error {
        FrameError::NewerFormat(format) => versions_refusal(*format),
        _ => Step::refuse(RefusalCode::Malformed, "the handshake could not be read: is this a confman peer port?"),
    }
}

const WRONG_SECRET: &str =
    "the cluster secrets of the two nodes differ: set the same peer secret on all nodes of the cluster";

/// The side that connected.
pub struct Initiator {
    credentials: Credentials,
    expects: NodeId,
    lane: Lane,
    hello: Bytes,
    nonce: Nonce,
    /// The challenge that was answered, with its version.
    challenge: Option<(Bytes, u16)>,
}

impl Initiator {
    /// Begins a handshake with the node that is expected at the other end. Returns the first frame to send.
    /// `members_at` is the membership that this node goes by.
    pub fn start(
        credentials: Credentials,
        expects: NodeId,
        lane: Lane,
        nonce: Nonce,
        members_at: Option<LogId>,
    ) -> (Initiator, Bytes) {
        let identity = &credentials.identity;
        let hello = Message::Hello(Hello {
            versions: credentials.versions,
            cluster: &identity.cluster,
            node: identity.node,
            storage: identity.storage,
            expects,
            lane: lane as u8,
            has_secret: credentials.secret.is_some(),
            nonce,
        });
        let hello = encode_with(&hello, &BehindHello { members_at });
        let initiator = Initiator { credentials, expects, lane, hello: hello.clone(), nonce, challenge: None };
        (initiator, hello)
    }

    /// Takes in the next frame. After `Open`, `Refuse` or `Refused` the handshake is over.
    pub fn on_frame(&mut self, bytes: &Bytes, guard: &dyn PeerGuard) -> Step {
        match (decode(bytes), &self.challenge) {
            (Ok(Message::Refusal { code, sentence }), _) => {
                let (as_of, storage) = self.refused_by(bytes).unzip();
                Step::Refused(Refusal { as_of, storage, ..Refusal::new(RefusalCode::from_wire(code), sentence) })
            }
            (Ok(Message::Challenge { version, nonce }), None) => self.on_challenge(bytes, version, nonce),
            (Ok(Message::Challenge { .. }), Some((answered, _))) if answered == bytes => Step::Ignore,
            (Ok(Message::Welcome { node, storage, tag }), Some((challenge, version))) => {
                self.on_welcome(challenge, *version, node, storage, tag, guard)
            }
            (Ok(_), _) => malformed(&FrameError::Handshake),
            (Err(error), _) => malformed(&error),
        }
    }

    /// As of what a refusal was said, and the data directory of who says it, if that is proven.
    fn refused_by(&self, refusal: &[u8]) -> Option<(LogId, StorageId)> {
        let (challenge, _) = self.challenge.as_ref()?;
        let BehindRefusal { as_of, storage, tag } = behind(refusal)?;
        let secret = self.credentials.secret.as_ref();
        let expected = secret.map(|secret| refusal_mac(secret, &self.hello, challenge, as_of, storage));
        proves(expected, tag).then_some((as_of, storage))
    }

    fn on_challenge(&mut self, bytes: &Bytes, version: u16, nonce: Nonce) -> Step {
        let Versions { min, max } = self.credentials.versions;
        if !(min..=max).contains(&version) {
            return Step::refuse(
                RefusalCode::Versions,
                format!("protocol version {version} was chosen, but the caller speaks {min} to {max}"),
            );
        }
        if nonce == self.nonce {
            return Step::refuse(RefusalCode::WrongSecret, "the caller's own nonce came back: it was reflected");
        }
        let secret = self.credentials.secret.as_ref();
        let tag = secret.map(|s| mac(s, Role::Initiator, &self.hello, bytes, None).finalize().into_bytes().into());
        self.challenge = Some((bytes.clone(), version));
        Step::Send(encode(&Message::Proof { tag }))
    }

    fn on_welcome(
        &self,
        challenge: &Bytes,
        version: u16,
        node: NodeId,
        storage: StorageId,
        tag: Option<Tag>,
        guard: &dyn PeerGuard,
    ) -> Step {
        let secret = self.credentials.secret.as_ref();
        let expected = secret.map(|s| mac(s, Role::Acceptor, &self.hello, challenge, Some((node, storage))));
        if !proves(expected, tag) {
            return Step::refuse(RefusalCode::WrongSecret, WRONG_SECRET);
        }
        if storage == self.credentials.identity.storage {
            return Step::refuse(RefusalCode::SelfConnection, self_connection(self.expects));
        }
        if node != self.expects {
            return Step::refuse(
                RefusalCode::WrongNode,
                format!("node {node} answers where node {} was expected: check the peer addresses", self.expects),
            );
        }
        if let Err(refusal) = guard.admit(&PeerClaim { node, storage, members_at: None, was_called: true }) {
            return Step::refuse_with(refusal, &());
        }
        Step::Open { remote: Remote { node, storage, lane: self.lane, version, members_at: None }, send: None }
    }
}

fn self_connection(expects: NodeId) -> String {
    format!("the peer address of node {expects} leads back to the caller itself: correct it")
}

/// The side that was connected to.
pub struct Acceptor {
    credentials: Credentials,
    nonce: Nonce,
    claimed: Option<NodeId>,
    caller: Option<Caller>,
}

/// What was learned from the hello, and not yet proven.
struct Caller {
    remote: Remote,
    hello: Bytes,
    challenge: Bytes,
}

impl Acceptor {
    pub fn new(credentials: Credentials, nonce: Nonce) -> Acceptor {
        Acceptor { credentials, nonce, claimed: None, caller: None }
    }

    /// Who the caller says it is, for logs. Believe it only once the link is open.
    pub fn claimed(&self) -> Option<NodeId> {
        self.claimed
    }

    /// Takes in the next frame. After `Open`, `Refuse` or `Refused` the handshake is over.
    pub fn on_frame(&mut self, bytes: &Bytes, guard: &dyn PeerGuard) -> Step {
        match (decode(bytes), &self.caller) {
            (Ok(Message::Refusal { code, sentence }), _) => {
                Step::Refused(Refusal::new(RefusalCode::from_wire(code), sentence))
            }
            (Ok(Message::Hello(hello)), None) => {
                self.claimed = Some(hello.node);
                match self.on_hello(bytes, &hello) {
                    Ok((caller, challenge)) => {
                        self.caller = Some(caller);
                        Step::Send(challenge)
                    }
                    Err(refusal) => Step::refuse_with(refusal, &()),
                }
            }
            (Ok(Message::Hello(_)), Some(caller)) if caller.hello == *bytes => Step::Ignore,
            (Ok(Message::Proof { tag }), Some(caller)) => self.on_proof(caller, tag, guard),
            (Ok(_), _) => malformed(&FrameError::Handshake),
            (Err(error), _) => malformed(&error),
        }
    }

    // Nothing is proven yet: the answers repeat the caller's claims and tell nothing else.
    fn on_hello(&self, bytes: &Bytes, hello: &Hello<'_>) -> Result<(Caller, Bytes), Refusal> {
        let own = &self.credentials.identity;
        if hello.cluster != own.cluster {
            let sentence = format!(
                "the caller belongs to cluster \"{}\", the called node does not: check the cluster's name in the \
                 configuration of both, and the peer address",
                one_line(hello.cluster, 64)
            );
            return Err(Refusal::new(RefusalCode::WrongCluster, sentence));
        }
        let Some(version) = self.credentials.versions.common(hello.versions) else {
            let (ours, theirs) = (self.credentials.versions, hello.versions);
            let sentence = format!(
                "the caller speaks protocol versions {} to {}, the called node {} to {}: upgrade the older node",
                theirs.min, theirs.max, ours.min, ours.max
            );
            return Err(Refusal::new(RefusalCode::Versions, sentence));
        };
        if hello.storage == own.storage {
            return Err(Refusal::new(RefusalCode::SelfConnection, self_connection(hello.expects)));
        }
        if hello.expects != own.node {
            let sentence = format!("this is not node {}: check its peer address", hello.expects);
            return Err(Refusal::new(RefusalCode::WrongNode, sentence));
        }
        let Some(lane) = Lane::from_wire(hello.lane) else {
            return Err(Refusal::new(
                RefusalCode::Versions,
                format!("unknown lane {}: upgrade the called node", hello.lane),
            ));
        };
        match (hello.has_secret, self.credentials.secret.is_some()) {
            (false, true) => {
                let sentence = "the caller has no cluster secret, the called node has one: set the same on both";
                return Err(Refusal::new(RefusalCode::SecretMissing, sentence));
            }
            (true, false) => {
                let sentence = "the caller has a cluster secret, the called node has none: set the same on both";
                return Err(Refusal::new(RefusalCode::SecretUnexpected, sentence));
            }
            (true, true) | (false, false) => {}
        }
        if hello.nonce == self.nonce {
            return Err(Refusal::new(
                RefusalCode::WrongSecret,
                "the called node's own nonce came in: it was reflected",
            ));
        }
        let challenge = encode(&Message::Challenge { version, nonce: self.nonce });
        let BehindHello { members_at } = behind(bytes).unwrap_or_default();
        let remote = Remote { node: hello.node, storage: hello.storage, lane, version, members_at };
        Ok((Caller { remote, hello: bytes.clone(), challenge: challenge.clone() }, challenge))
    }

    fn on_proof(&self, caller: &Caller, tag: Option<Tag>, guard: &dyn PeerGuard) -> Step {
        let own = &self.credentials.identity;
        let secret = self.credentials.secret.as_ref();
        let expected = secret.map(|s| mac(s, Role::Initiator, &caller.hello, &caller.challenge, None));
        if !proves(expected, tag) {
            return Step::refuse(RefusalCode::WrongSecret, WRONG_SECRET);
        }
        let remote = caller.remote;
        if remote.node == own.node {
            let sentence = format!("two nodes are configured as node {}: give each its own id", own.node);
            return Step::refuse(RefusalCode::DuplicateNode, sentence);
        }
        if let Err(refusal) = guard.admit(&remote.claim()) {
            let Some(as_of) = refusal.as_of else { return Step::refuse_with(refusal, &()) };
            let storage = own.storage;
            let proof = secret.map(|secret| refusal_mac(secret, &caller.hello, &caller.challenge, as_of, storage));
            let tag = proof.map(|proof| proof.finalize().into_bytes().into());
            return Step::refuse_with(refusal, &BehindRefusal { as_of, storage, tag });
        }
        let who = (own.node, own.storage);
        let tag = secret.map(|s| {
            mac(s, Role::Acceptor, &caller.hello, &caller.challenge, Some(who)).finalize().into_bytes().into()
        });
        let welcome = encode(&Message::Welcome { node: own.node, storage: own.storage, tag });
        Step::Open { remote, send: Some(welcome) }
    }
}

#[cfg(test)]
mod tests;
