use proptest::prelude::*;

use super::*;

/// Admits the nodes it lists, with the storage ids it lists.
struct Members(Vec<(u64, u128)>);

impl PeerGuard for Members {
    fn admit(&self, peer: &PeerClaim) -> Result<(), Refusal> {
        let node = peer.node;
        match self.0.iter().find(|(id, _)| *id == node.0) {
            None => {
                let sentence = format!("node {node} is not a member: add it with `cluster add`");
                let as_of = (!peer.was_called).then_some(AS_OF);
                Err(Refusal { as_of, ..Refusal::new(RefusalCode::NotAdmitted, sentence) })
            }
            Some((_, known)) if *known != peer.storage.0 => {
                let sentence = format!("node {node} has another data directory than the one that joined");
                Err(Refusal::new(RefusalCode::NotAdmitted, sentence))
            }
            Some(_) => Ok(()),
        }
    }
}

const AS_OF: LogId = LogId::new(3, 33);

fn members() -> Members {
    Members(vec![(1, 11), (2, 22), (3, 33)])
}

fn credentials(node: u64) -> Credentials {
    Credentials {
        identity: Identity { cluster: "blue".into(), node: NodeId(node), storage: StorageId(u128::from(node) * 11) },
        secret: Some(Secret("correct horse".into())),
        versions: VERSIONS,
    }
}

struct Talk {
    initiator: Initiator,
    acceptor: Acceptor,
    hello: Bytes,
}

fn talk(caller: Credentials, called: Credentials) -> Talk {
    talk_expecting(caller, called, 2)
}

fn talk_expecting(caller: Credentials, called: Credentials, expects: u64) -> Talk {
    let (initiator, hello) = Initiator::start(caller, NodeId(expects), Lane::Append, [1; 32], None);
    Talk { initiator, acceptor: Acceptor::new(called, [2; 32]), hello }
}

fn sent(step: Step) -> Bytes {
    match step {
        Step::Send(bytes) | Step::Open { send: Some(bytes), .. } => bytes,
        other => panic!("nothing to send in {other:?}"),
    }
}

/// Runs a handshake to its end: what the initiator and the acceptor came to.
fn run(mut talk: Talk, guard_of_caller: &dyn PeerGuard, guard_of_called: &dyn PeerGuard) -> (Step, Step) {
    let mut to_acceptor = talk.hello.clone();
    loop {
        let theirs = talk.acceptor.on_frame(&to_acceptor, guard_of_called);
        let back = match &theirs {
            Step::Send(bytes) | Step::Open { send: Some(bytes), .. } | Step::Refuse { send: bytes, .. } => {
                bytes.clone()
            }
            other => panic!("the acceptor has nothing to say: {other:?}"),
        };
        let ours = talk.initiator.on_frame(&back, guard_of_caller);
        match ours {
            Step::Send(bytes) => to_acceptor = bytes,
            Step::Refuse { ref send, .. } => {
                let theirs = talk.acceptor.on_frame(send, guard_of_called);
                return (ours, theirs);
            }
            _ => return (ours, theirs),
        }
    }
}

/// The acceptor refuses, and the initiator hears exactly that.
fn acceptor_refuses(talk: Talk, code: RefusalCode, says: &str) -> String {
    let (ours, theirs) = run(talk, &members(), &members());
    let Step::Refuse { refusal, .. } = theirs else { panic!("not refused: {theirs:?}") };
    assert_eq!(refusal.code, code);
    assert!(refusal.sentence.contains(says), "{}", refusal.sentence);
    let storage = refusal.as_of.map(|_| StorageId(22));
    assert_eq!(ours, Step::Refused(Refusal { storage, ..refusal.clone() }));
    refusal.sentence
}

/// The initiator refuses, and the acceptor hears exactly that.
fn initiator_refuses(talk: Talk, guard: &dyn PeerGuard, code: RefusalCode, says: &str) {
    let (ours, theirs) = run(talk, guard, &members());
    let Step::Refuse { refusal, .. } = ours else { panic!("not refused: {ours:?}") };
    assert_eq!(refusal.code, code);
    assert!(refusal.sentence.contains(says), "{}", refusal.sentence);
    assert_eq!(theirs, Step::Refused(refusal));
}

#[test]
fn two_members_come_to_know_each_other() {
    for secret in [None, Some(Secret("correct horse".into()))] {
        let with = |node| Credentials { secret: secret.clone(), ..credentials(node) };
        let (ours, theirs) = run(talk(with(1), with(2)), &members(), &members());
        let remote = |node: u64| Remote {
            node: NodeId(node),
            storage: StorageId(u128::from(node) * 11),
            lane: Lane::Append,
            version: VERSIONS.max,
            members_at: None,
        };
        assert_eq!(ours, Step::Open { remote: remote(2), send: None });
        assert!(matches!(theirs, Step::Open { remote: found, .. } if found == remote(1)), "{theirs:?}");
    }
}

#[test]
fn a_caller_says_what_membership_it_goes_by() {
    let newer = Some(LogId::new(7, 70));
    let (initiator, hello) = Initiator::start(credentials(1), NodeId(2), Lane::Append, [1; 32], newer);
    let (_, theirs) =
        run(Talk { initiator, acceptor: Acceptor::new(credentials(2), [2; 32]), hello }, &members(), &members());
    assert!(matches!(theirs, Step::Open { remote, .. } if remote.members_at == newer), "{theirs:?}");
}

#[test]
fn a_refusal_by_membership_counts_only_with_its_proof() {
    for secret in [None, Some(Secret("correct horse".into()))] {
        let with = |node| Credentials { secret: secret.clone(), ..credentials(node) };
        let (ours, _) = run(talk(with(9), with(2)), &members(), &members());
        assert!(matches!(&ours, Step::Refused(refusal) if refusal.as_of == Some(AS_OF)), "{ours:?}");
        assert!(matches!(&ours, Step::Refused(refusal) if refusal.storage == Some(StorageId(22))), "{ours:?}");
    }
    let Talk { mut initiator, mut acceptor, hello } = talk(credentials(9), credentials(2));
    let forged = |tag| {
        let refusal = Message::Refusal { code: RefusalCode::NotMember as u8, sentence: "gone" };
        encode_with(&refusal, &BehindRefusal { as_of: LogId::new(9, 9), storage: StorageId(22), tag })
    };
    let not_proven = |initiator: &mut Initiator| {
        for tag in [None, Some([7; 32])] {
            let step = initiator.on_frame(&forged(tag), &members());
            assert!(matches!(&step, Step::Refused(refusal) if refusal.as_of.is_none()), "{step:?}");
        }
    };
    not_proven(&mut initiator);
    let challenge = sent(acceptor.on_frame(&hello, &members()));
    sent(initiator.on_frame(&challenge, &members()));
    not_proven(&mut initiator);
}

#[test]
fn another_cluster_is_refused_without_naming_ours() {
    let mut caller = credentials(1);
    caller.identity.cluster = "green\n".into();
    let sentence = acceptor_refuses(talk(caller, credentials(2)), RefusalCode::WrongCluster, "\"green \"");
    assert!(!sentence.contains("blue"), "{sentence}");
}

#[test]
fn versions_meet_at_the_newest_common_one_or_not_at_all() {
    let speaks = |node, min, max| Credentials { versions: Versions { min, max }, ..credentials(node) };
    let (ours, _) = run(talk(speaks(1, 1, 4), speaks(2, 2, 3)), &members(), &members());
    assert!(matches!(ours, Step::Open { remote: Remote { version: 3, .. }, .. }), "{ours:?}");
    acceptor_refuses(talk(speaks(1, 1, 2), speaks(2, 3, 4)), RefusalCode::Versions, "upgrade the older node");
    acceptor_refuses(talk(speaks(1, 5, 6), speaks(2, 3, 4)), RefusalCode::Versions, "upgrade the older node");
    // An acceptor that chooses what was not offered.
    let mut liar = talk(speaks(1, 1, 2), speaks(2, 2, 3));
    let challenge = encode(&Message::Challenge { version: 3, nonce: [2; 32] });
    let step = liar.initiator.on_frame(&challenge, &members());
    assert!(matches!(step, Step::Refuse { refusal: Refusal { code: RefusalCode::Versions, .. }, .. }), "{step:?}");
}

#[test]
fn a_newer_handshake_format_is_told_apart_from_nonsense() {
    let mut newer = talk(credentials(1), credentials(2));
    let mut hello = newer.hello.to_vec();
    hello[0] = FRAME_FORMAT + 1;
    let step = newer.acceptor.on_frame(&hello.into(), &members());
    assert!(matches!(&step, Step::Refuse { refusal: Refusal { code: RefusalCode::Versions, .. }, .. }), "{step:?}");
    let step = Acceptor::new(credentials(2), [2; 32]).on_frame(&Bytes::from_static(b"GET / HTTP/1.1"), &members());
    assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code != RefusalCode::Other), "{step:?}");
}

#[test]
fn fields_of_a_later_version_are_ignored_but_proven() {
    let mut talk = talk(credentials(1), credentials(2));
    let mut body = talk.hello[6..].to_vec();
    body.extend_from_slice(b"more");
    let mut hello = talk.hello[..2].to_vec();
    hello.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    hello.extend_from_slice(&body);
    talk.hello = hello.clone().into();
    // Added on the way, it breaks the proof...
    let (mut initiator, mut acceptor) = (talk.initiator, talk.acceptor);
    let challenge = sent(acceptor.on_frame(&talk.hello, &members()));
    let proof = sent(initiator.on_frame(&challenge, &members()));
    let step = acceptor.on_frame(&proof, &members());
    assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::WrongSecret), "{step:?}");
    // ...said by the caller, it does not.
    let (mut initiator, _) = Initiator::start(credentials(1), NodeId(2), Lane::Append, [1; 32], None);
    initiator.hello = hello.into();
    let acceptor = Acceptor::new(credentials(2), [2; 32]);
    let (ours, _) = run(Talk { hello: initiator.hello.clone(), initiator, acceptor }, &members(), &members());
    assert!(matches!(ours, Step::Open { .. }), "{ours:?}");
}

#[test]
fn a_node_that_reaches_itself_is_told_so() {
    acceptor_refuses(talk(credentials(1), credentials(1)), RefusalCode::SelfConnection, "node 2 leads back");
}

#[test]
fn whoever_answers_must_be_the_node_that_was_called() {
    let sentence = acceptor_refuses(talk(credentials(1), credentials(3)), RefusalCode::WrongNode, "not node 2");
    assert!(!sentence.contains('3'), "it does not say who it is: {sentence}");
    // An acceptor that knows the secret but lies about whom it was called as.
    let lying = Credentials { identity: Identity { node: NodeId(2), ..credentials(3).identity }, ..credentials(3) };
    let mut talk = talk(credentials(1), lying);
    let challenge = sent(talk.acceptor.on_frame(&talk.hello, &members()));
    let proof = sent(talk.initiator.on_frame(&challenge, &members()));
    talk.acceptor.credentials.identity.node = NodeId(3);
    let welcome = sent(talk.acceptor.on_frame(&proof, &members()));
    let step = talk.initiator.on_frame(&welcome, &members());
    assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::WrongNode), "{step:?}");
}

#[test]
fn two_nodes_of_one_id_are_told_so() {
    let mut caller = credentials(2);
    caller.identity.storage = StorageId(99);
    acceptor_refuses(talk(caller, credentials(2)), RefusalCode::DuplicateNode, "two nodes are configured as node 2");
}

#[test]
fn secrets_must_be_the_same_or_absent_on_both_sides() {
    let without = |node| Credentials { secret: None, ..credentials(node) };
    let other = |node| Credentials { secret: Some(Secret("battery staple".into())), ..credentials(node) };
    let says = "set the same";
    acceptor_refuses(talk(without(1), credentials(2)), RefusalCode::SecretMissing, says);
    acceptor_refuses(talk(credentials(1), without(2)), RefusalCode::SecretUnexpected, says);
    let sentence = acceptor_refuses(talk(other(1), credentials(2)), RefusalCode::WrongSecret, says);
    assert!(!sentence.contains("horse") && !sentence.contains("battery"), "{sentence}");
}

#[test]
fn an_acceptor_that_does_not_know_the_secret_is_refused() {
    // It lets anyone in, and hopes that the caller does not check.
    let mut talk = talk(credentials(1), credentials(2));
    let challenge = sent(talk.acceptor.on_frame(&talk.hello, &members()));
    talk.initiator.on_frame(&challenge, &members());
    for tag in [None, Some([0; 32])] {
        let welcome = encode(&Message::Welcome { node: NodeId(2), storage: StorageId(22), tag });
        let step = talk.initiator.on_frame(&welcome, &members());
        assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::WrongSecret), "{step:?}");
    }
}

#[test]
fn a_caller_cannot_claim_after_all_to_have_no_secret() {
    let mut talk = talk(credentials(1), credentials(2));
    talk.acceptor.on_frame(&talk.hello, &members());
    let step = talk.acceptor.on_frame(&encode(&Message::Proof { tag: None }), &members());
    assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::WrongSecret), "{step:?}");
}

#[test]
fn strangers_and_wiped_nodes_are_not_admitted_by_either_side() {
    acceptor_refuses(talk(credentials(4), credentials(2)), RefusalCode::NotAdmitted, "not a member");
    let mut wiped = credentials(1);
    wiped.identity.storage = StorageId(99);
    acceptor_refuses(talk(wiped, credentials(2)), RefusalCode::NotAdmitted, "another data directory");
    let without_2 = Members(vec![(1, 11)]);
    initiator_refuses(talk(credentials(1), credentials(2)), &without_2, RefusalCode::NotAdmitted, "not a member");
    let mut wiped = credentials(2);
    wiped.identity.storage = StorageId(99);
    initiator_refuses(talk(credentials(1), wiped), &members(), RefusalCode::NotAdmitted, "another data directory");
}

#[test]
fn the_membership_stays_hidden_until_the_secret_is_proven() {
    let caller = Credentials { secret: Some(Secret("guess".into())), ..credentials(4) };
    acceptor_refuses(talk(caller, credentials(2)), RefusalCode::WrongSecret, "differ");
}

#[test]
fn a_proof_thrown_back_proves_nothing() {
    // Someone without the secret answers node 1's hello, and throws node 1's own proof back as a welcome.
    let mut talk = talk(credentials(1), credentials(2));
    let challenge = sent(talk.acceptor.on_frame(&talk.hello, &members()));
    let proof = sent(talk.initiator.on_frame(&challenge, &members()));
    let Ok(Message::Proof { tag }) = decode(&proof) else { panic!("not a proof") };
    let welcome = encode(&Message::Welcome { node: NodeId(2), storage: StorageId(22), tag });
    let step = talk.initiator.on_frame(&welcome, &members());
    assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::WrongSecret), "{step:?}");
    // The labels alone tell the two proofs apart, whatever else they cover.
    let secret = Secret("correct horse".into());
    let tag = |role| mac(&secret, role, b"hello", b"challenge", None).finalize().into_bytes();
    assert_ne!(tag(Role::Initiator), tag(Role::Acceptor));
    // The caller's hello thrown back at a node that listens under the same id and secret.
    let mut same = Acceptor::new(credentials(1), [2; 32]);
    let step = same.on_frame(&talk.hello, &members());
    assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::SelfConnection), "{step:?}");
    // And nonces thrown back.
    let (mut initiator, _) = Initiator::start(credentials(1), NodeId(2), Lane::Append, [1; 32], None);
    let step = initiator.on_frame(&encode(&Message::Challenge { version: 1, nonce: [1; 32] }), &members());
    assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::WrongSecret), "{step:?}");
}

#[test]
fn an_old_transcript_opens_nothing() {
    let mut old = talk(credentials(1), credentials(2));
    let challenge = sent(old.acceptor.on_frame(&old.hello, &members()));
    let proof = sent(old.initiator.on_frame(&challenge, &members()));
    let welcome = sent(old.acceptor.on_frame(&proof, &members()));
    // Played to the acceptor again: its nonce is another.
    let mut acceptor = Acceptor::new(credentials(2), [3; 32]);
    sent(acceptor.on_frame(&old.hello, &members()));
    let step = acceptor.on_frame(&proof, &members());
    assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::WrongSecret), "{step:?}");
    // Played to the initiator again: its hello is another.
    let (mut initiator, _) = Initiator::start(credentials(1), NodeId(2), Lane::Append, [4; 32], None);
    sent(initiator.on_frame(&challenge, &members()));
    let step = initiator.on_frame(&welcome, &members());
    assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::WrongSecret), "{step:?}");
}

#[test]
fn repeated_frames_are_ignored() {
    let mut talk = talk(credentials(1), credentials(2));
    let challenge = sent(talk.acceptor.on_frame(&talk.hello, &members()));
    assert_eq!(talk.acceptor.on_frame(&talk.hello, &members()), Step::Ignore);
    let proof = sent(talk.initiator.on_frame(&challenge, &members()));
    assert_eq!(talk.initiator.on_frame(&challenge, &members()), Step::Ignore);
    let welcome = sent(talk.acceptor.on_frame(&proof, &members()));
    assert!(matches!(talk.initiator.on_frame(&welcome, &members()), Step::Open { .. }));
}

#[test]
fn frames_out_of_turn_are_refused() {
    let proof = encode(&Message::Proof { tag: None });
    let welcome = encode(&Message::Welcome { node: NodeId(2), storage: StorageId(22), tag: None });
    let mut fresh = talk(credentials(1), credentials(2));
    for step in [fresh.acceptor.on_frame(&proof, &members()), fresh.initiator.on_frame(&welcome, &members())] {
        assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::Malformed), "{step:?}");
    }
    // Another hello after the first is no repetition.
    let mut begun = talk(credentials(1), credentials(2));
    sent(begun.acceptor.on_frame(&begun.hello, &members()));
    let (_, other_hello) = Initiator::start(credentials(1), NodeId(2), Lane::Bulk, [9; 32], None);
    let step = begun.acceptor.on_frame(&other_hello, &members());
    assert!(matches!(&step, Step::Refuse { refusal, .. } if refusal.code == RefusalCode::Malformed), "{step:?}");
}

/// Repairs the checksum, as someone who tampers would.
fn reseal(bytes: &mut [u8]) {
    let sum = crc32c::crc32c(&bytes[6..]).to_le_bytes();
    bytes[2..6].copy_from_slice(&sum);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..5u8) {
        let mut framed = vec![FRAME_FORMAT, KIND_HANDSHAKE, 0, 0, 0, 0, kind];
        framed.extend_from_slice(&bytes);
        reseal(&mut framed);
        for bytes in [bytes, framed] {
            let bytes = Bytes::from(bytes);
            let mut talk = talk(credentials(1), credentials(2));
            talk.acceptor.on_frame(&bytes, &members());
            talk.initiator.on_frame(&bytes, &members());
        }
    }

    #[test]
    fn no_tampering_gets_through(message in 0..4usize, at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let tamper = |frame: Bytes, index: usize| {
            if index != message {
                return frame;
            }
            let mut bytes = frame.to_vec();
            let at = 6 + at.index(bytes.len() - 6);
            bytes[at] ^= 1 << bit;
            reseal(&mut bytes);
            Bytes::from(bytes)
        };
        let mut talk = talk(credentials(1), credentials(2));
        let mut outcome = || -> Option<()> {
            let step = talk.acceptor.on_frame(&tamper(talk.hello.clone(), 0), &members());
            let Step::Send(challenge) = step else { return None };
            let Step::Send(proof) = talk.initiator.on_frame(&tamper(challenge, 1), &members()) else { return None };
            let Step::Open { send: Some(welcome), .. } = talk.acceptor.on_frame(&tamper(proof, 2), &members()) else {
                return None;
            };
            // Before the welcome, the acceptor must have noticed.
            assert!(message == 3, "tampering with message {message} passed the acceptor");
            matches!(talk.initiator.on_frame(&tamper(welcome, 3), &members()), Step::Open { .. }).then_some(())
        };
        prop_assert_eq!(outcome(), None);
    }
}
