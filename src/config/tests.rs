//! What each kind of mistake is answered with, word for word.

use std::io;
use std::path::Path;

use expect_test::{Expect, expect};

use super::*;

/// Everything that must be there; a test appends to it or changes it.
const GOOD: &str = r#"cluster = "prod"
node = 1
dataDir = "data"

[[members]]
id = 1
peer = "127.0.0.1:7500"
url = "http://127.0.0.1:7400"

[[auth.apiKeys]]
name = "ops"
role = "admin"
key = "0123456789abcdef"
"#;

fn read(path: &Path) -> io::Result<String> {
    match path.to_str() {
        Some("/etc/confman/secret") => Ok("a secret of more than sixteen\n".to_owned()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

fn parsed(text: &str) -> Result<NodeConfig, ConfigError> {
    parse(Path::new("/etc/confman/node.toml"), text, &read)
}

fn refused(text: &str, expected: Expect) {
    let error = parsed(text).expect_err("this configuration must be refused");
    expected.assert_eq(&error.to_string().replace("/etc/confman/", ""));
}

fn good(text: &str) -> NodeConfig {
    parsed(text).unwrap_or_else(|error| panic!("this configuration is good: {error}"))
}

#[test]
fn the_least_configuration_gets_the_defaults() {
    let config = good(GOOD);
    assert_eq!((config.cluster.as_str(), config.node), ("prod", NodeId(1)));
    assert_eq!(config.data_dir, Path::new("/etc/confman/data"), "relative to the file");
    assert_eq!((config.http.listen.as_str(), config.http.url.as_str()), ("127.0.0.1:7400", "http://127.0.0.1:7400"));
    assert_eq!((config.peer.listen.as_str(), config.peer.address.as_str()), ("127.0.0.1:7500", "127.0.0.1:7500"));
    assert_eq!(config.requests.follower_writes, FollowerWrites::Auto);
    assert_eq!((config.api_keys[0].principal.as_str(), config.api_keys[0].role), ("ops", Role::Admin));
    assert!(config.raft.heartbeat * 2 <= config.raft.election_timeout_min);
}

#[test]
fn every_setting_is_read() {
    let text = r#"
cluster = "prod"
node = 2
dataDir = "/var/lib/confman"

[http]
listen = "0.0.0.0:80"
url = "http://b:7400"
connectionsMax = 7
headerTimeout = "1s"
idleTimeout = "2s"
bodyTimeout = "3s"

[peer]
listen = "0.0.0.0:81"
address = "b:7500"
secretFile = "secret"

[[members]]
id = 2
peer = "b:7500"
url = "http://b:7400"

[[members]]
id = 1
peer = "a:7500"
url = "http://a:7400"

[raft]
heartbeat = "1s"
electionTimeoutMin = "3s"
electionTimeoutMax = "1m"
appendEntriesMax = 9
logEntriesKept = 10

[storage]
segmentBytes = "64KiB"
snapshotLogBytes = 131072
reserveBytes = "1GiB"

[requests]
writeTimeout = "11s"
readTimeout = "12s"
followerWrites = "forward"
inFlightMax = 13

[[auth.apiKeys]]
name = "a"
principal = "team-a"
role = "reader"
keySha256 = "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f"
"#;
    expect![[r#"
        NodeConfig {
            cluster: "prod",
            node: NodeId(
                2,
            ),
            data_dir: "/var/lib/confman",
            http: HttpConfig {
                listen: "0.0.0.0:80",
                url: "http://b:7400",
                connections_max: 7,
                header_timeout: 1s,
                idle_timeout: 2s,
                body_timeout: 3s,
            },
            peer: PeerConfig {
                listen: "0.0.0.0:81",
                address: "b:7500",
                secret: Some(
                    (secret),
                ),
            },
            members: [
                MemberConfig {
                    id: NodeId(
                        1,
                    ),
                    peer: "a:7500",
                    url: "http://a:7400",
                },
                MemberConfig {
                    id: NodeId(
                        2,
                    ),
                    peer: "b:7500",
                    url: "http://b:7400",
                },
            ],
            raft: RaftConfig {
                heartbeat: 1s,
                election_timeout_min: 3s,
                election_timeout_max: 60s,
                append_entries_max: 9,
                log_entries_kept: 10,
            },
            storage: StorageConfig {
                segment_bytes: 65536,
                snapshot_log_bytes: 131072,
                reserve_bytes: 1073741824,
            },
            requests: RequestConfig {
                write_timeout: 11s,
                read_timeout: 12s,
                follower_writes: Forward,
                in_flight_max: 13,
            },
        }"#]]
    .assert_eq(
        format!("{:#?}", good(text))
            .split("    api_keys")
            .next()
            .map(|head| format!("{head}}}"))
            .as_deref()
            .unwrap_or(""),
    );
    let key = &good(text).api_keys[0];
    assert_eq!(
        (key.name.as_str(), key.principal.as_str(), key.role, key.sha256[0]),
        ("a", "team-a", Role::Reader, 0x9f)
    );
    assert_eq!(good(text).peer.secret, Some(Secret("a secret of more than sixteen".to_owned())));
}

#[test]
fn a_key_and_its_digest_are_the_same() {
    let digest = good(GOOD).api_keys[0].sha256;
    let text = GOOD.replace("key = \"0123456789abcdef\"", &format!("keySha256 = \"{}\"", hex::encode(digest)));
    assert_eq!(good(&text).api_keys, good(GOOD).api_keys);
}

#[test]
fn an_empty_file_is_told_all_that_is_missing() {
    refused(
        "",
        expect![[r#"
            node.toml:1: `cluster` is missing: it must be 1 to 64 characters of A-Z, a-z, 0-9, `.`, `_` and `-`, the same on all nodes
            node.toml:1: `node` is missing: give this node's number, the `id` of one of [[members]]
            node.toml:1: `dataDir` is missing: it must be the folder for this node's log, snapshots and store
            node.toml:1: `members` is missing: list all nodes of the cluster, this one among them, each as a [[members]] with id, peer and url
            node.toml:1: `auth.apiKeys` is missing: a node without keys would answer nobody. Run `confman key new --role admin` and paste the stanza it prints into this file"#]],
    );
}

#[test]
fn what_is_not_toml_is_told_where() {
    refused(
        &GOOD.replace("node = 1", "node = = 1"),
        expect!["node.toml:2: this is not TOML: extra `=`, expected nothing"],
    );
    refused(&GOOD.replace("node = 1", "node = 1\nnode = 2"), expect!["node.toml:3: this is not TOML: duplicate key"]);
}

#[test]
fn an_unknown_setting_is_told_what_there_is() {
    refused(
        &GOOD.replace("dataDir", "data_dir"),
        expect![[r#"
            node.toml:1: `dataDir` is missing: it must be the folder for this node's log, snapshots and store
            node.toml:3: `data_dir` is not a setting; did you mean `dataDir`? (the top of the file may have cluster, node, dataDir, log, http, peer, members, raft, storage, requests, auth)"#]],
    );
    refused(
        &format!("{GOOD}[raft]\nhartbeat = \"1s\"\n[htp]\n"),
        expect![[r#"
            node.toml:15: `raft.hartbeat` is not a setting; did you mean `heartbeat`? ([raft] may have heartbeat, electionTimeoutMin, electionTimeoutMax, appendEntriesMax, logEntriesKept)
            node.toml:16: `htp` is not a setting; did you mean `http`? (the top of the file may have cluster, node, dataDir, log, http, peer, members, raft, storage, requests, auth)"#]],
    );
    refused(
        &GOOD.replace("role =", "rights = 1\nrole ="),
        expect![
            "node.toml:12: `auth.apiKeys.rights` is not a setting ([[auth.apiKeys]] may have name, principal, role, key, keySha256)"
        ],
    );
}

#[test]
fn a_bad_value_is_told_what_is_allowed() {
    let tail = r#"
[http]
listen = "7400"
url = "http://127.0.0.1:7400/"
connectionsMax = 0
idleTimeout = 5
[peer]
address = 17
[raft]
heartbeat = "1 s"
electionTimeoutMin = "5d"
[storage]
segmentBytes = "16MB"
reserveBytes = -1
[requests]
followerWrites = "redirekt"
writeTimeout = "2h"
"#;
    refused(
        &format!("{GOOD}{tail}"),
        expect![[r#"
        node.toml:16: `http.listen` is "7400": it must be host and port, like "127.0.0.1:7400"
        node.toml:17: `http.url` is "http://127.0.0.1:7400/": it must be http:// or https:// with host and port, and no path, like "http://10.0.0.1:7400"
        node.toml:18: `http.connectionsMax` is 0: it must be a whole number from 1 to 1000000
        node.toml:19: `http.idleTimeout` is 5: it must be a duration from 100ms to 1h, like "500ms", "3s" or "5m"
        node.toml:21: `peer.address` must be text in quotes, not a number
        node.toml:23: `raft.heartbeat` is "1 s": it must be a duration from 10ms to 1m, like "500ms", "3s" or "5m"
        node.toml:24: `raft.electionTimeoutMin` is "5d": it must be a duration from 20ms to 10m, like "500ms", "3s" or "5m"
        node.toml:26: `storage.segmentBytes` is "16MB": it must be a size from 64KiB to 1GiB, like "64KiB" or "16MiB", or a number of bytes
        node.toml:27: `storage.reserveBytes` is -1: it must be a size from 0 to 1024GiB, like "64KiB" or "16MiB", or a number of bytes
        node.toml:29: `requests.followerWrites` is "redirekt" (did you mean `redirect`?): it must be one of auto, redirect, forward
        node.toml:30: `requests.writeTimeout` is "2h": it must be a duration from 10ms to 1h, like "500ms", "3s" or "5m""#]],
    );
}

#[test]
fn settings_must_fit_each_other() {
    refused(
        &format!("{GOOD}[raft]\nheartbeat = \"100ms\"\nelectionTimeoutMax = \"120ms\"\n"),
        expect![[r#"
        node.toml:14: `raft.electionTimeoutMin` is 150ms: it must be at least twice the heartbeat of 100ms
        node.toml:16: `raft.electionTimeoutMax` is 120ms: it must be more than electionTimeoutMin, 150ms"#]],
    );
    refused(
        &GOOD.replace("node = 1", "node = 4"),
        expect!["node.toml:2: `node` is 4, which is not the `id` of any of [[members]]"],
    );
    refused(
        &format!("{GOOD}[http]\nurl = \"http://x:1\"\n[peer]\naddress = \"127.0.0.1:1\"\n"),
        expect![[r#"
        node.toml:15: `http.url` is "http://x:1", but [[members]] has "http://127.0.0.1:7400" for node 1
        node.toml:17: `peer.address` is "127.0.0.1:1", but [[members]] has "127.0.0.1:7500" for node 1"#]],
    );
    let twice = "[[members]]\nid = 1\npeer = \"127.0.0.1:7500\"\nurl = \"http://127.0.0.1:7400\"\n";
    refused(
        &format!("{GOOD}{twice}"),
        expect![[r#"
        node.toml:15: `members.id` is 1 a second time: each node has a number of its own
        node.toml:16: `members.peer` is "127.0.0.1:7500", which is node 1's
        node.toml:17: `members.url` is "http://127.0.0.1:7400", which is node 1's"#]],
    );
}

#[test]
fn a_node_without_keys_says_how_to_make_one() {
    let text = GOOD.split("[[auth").next().unwrap_or_default();
    refused(
        text,
        expect![
            "node.toml:1: `auth.apiKeys` is missing: a node without keys would answer nobody. Run `confman key new --role admin` and paste the stanza it prints into this file"
        ],
    );
}

#[test]
fn bad_keys_are_refused_and_no_secret_is_repeated() {
    let short = GOOD.replace("0123456789abcdef", "hunter2");
    refused(
        &short,
        expect![
            "node.toml:13: `auth.apiKeys.key` is too short: a secret has at least 16 characters (`confman key new` makes one)"
        ],
    );
    let more = r#"[[auth.apiKeys]]
name = "ops"
role = "root"
key = "another secret of length"
[[auth.apiKeys]]
name = "copy"
role = "reader"
key = "0123456789abcdef"
[[auth.apiKeys]]
name = "both"
role = "reader"
key = "0123456789abcdefgh"
keySha256 = "00"
[[auth.apiKeys]]
name = "digest"
role = "reader"
keySha256 = "00"
[[auth.apiKeys]]
"#;
    refused(
        &format!("{GOOD}{more}"),
        expect![[r#"
        node.toml:16: `auth.apiKeys.role` is "root": it must be one of reader, admin
        node.toml:17: `auth.apiKeys.key` has a character that a header cannot carry: use visible ASCII without spaces
        node.toml:21: `auth.apiKeys.key` is the same secret as that of "ops": make another one
        node.toml:26: `auth.apiKeys.keySha256` stands beside `key`: give one of the two
        node.toml:30: `auth.apiKeys.keySha256` must be the secret's SHA-256 as 64 hexadecimal digits
        node.toml:31: `auth.apiKeys.name` is missing: it must be 1 to 128 visible ASCII characters, like "ci" or "dev@local"
        node.toml:31: `auth.apiKeys.role` is missing: it must be one of reader, admin
        node.toml:31: `auth.apiKeys.key` is missing: give `key`, or `keySha256` in its place"#]],
    );
    let same_name = "[[auth.apiKeys]]\nname = \"ops\"\nrole = \"reader\"\nkey = \"another-secret-of-length\"\n";
    refused(
        &format!("{GOOD}{same_name}"),
        expect![[r#"node.toml:15: `auth.apiKeys.name` is "ops" a second time: each key needs a name of its own"#]],
    );
}

#[test]
fn peers_on_the_network_need_a_secret() {
    let open = GOOD.replace("127.0.0.1:7500", "10.0.0.1:7500");
    refused(
        &open,
        expect![[
            r#"node.toml:1: `peer.secret` is missing: "10.0.0.1:7500" can be reached from other machines, and whoever reaches it could join the cluster. Give all nodes the same `secret` or `secretFile` (`head -c32 /dev/urandom | base64` makes one), or use loopback addresses"#
        ]],
    );
    good(&format!("{open}[peer]\nsecret = \"0123456789abcdef\"\n"));
    good(&format!("{open}[peer]\nsecretFile = \"/etc/confman/secret\"\n"));
    refused(
        &format!("{open}[peer]\nsecret = \"short\"\n"),
        expect!["node.toml:15: `peer.secret` is too short: the cluster's secret has at least 16 characters"],
    );
    refused(
        &format!("{open}[peer]\nsecretFile = \"nowhere\"\n"),
        expect![[r#"node.toml:15: `peer.secretFile` is "nowhere", which cannot be read: entity not found"#]],
    );
    refused(
        &format!("{GOOD}[peer]\nlisten = \"0.0.0.0:7500\"\n"),
        expect![[
            r#"node.toml:14: `peer.secret` is missing: "0.0.0.0:7500" can be reached from other machines, and whoever reaches it could join the cluster. Give all nodes the same `secret` or `secretFile` (`head -c32 /dev/urandom | base64` makes one), or use loopback addresses"#
        ]],
    );
}

fn load_with(text: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Loaded, String> {
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let flags: Vec<_> = flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let file = Path::new("/etc/confman/node.toml");
    load(&Sources { file, text, environment: &environment, flags: &flags, read: &read })
        .map_err(|error| error.to_string().replace("/etc/confman/", ""))
}

#[test]
fn flags_win_over_variables_and_those_over_the_file_and_that_over_the_default() {
    let text = format!("{GOOD}[http]\nlisten = \"127.0.0.1:1\"\nidleTimeout = \"1s\"\n[raft]\nheartbeat = \"20ms\"\n");
    let environment = [
        ("CONFMAN_HTTP_LISTEN", "127.0.0.1:2"),
        ("CONFMAN_HTTP_IDLE_TIMEOUT", "2s"),
        ("CONFMAN_STORAGE_RESERVE_BYTES", "1MiB"),
        ("CONFMAN_REQUESTS_IN_FLIGHT_MAX", "9"),
        ("CONFMAN_REQUESTS_FOLLOWER_WRITES", "forward"),
        ("CONFMAN_RAFT_LOG_ENTRIES_KEPT", ""),
        ("HTTP_LISTEN", "not ours"),
    ];
    let loaded = load_with(&text, &environment, &[("http.listen", "127.0.0.1:3"), ("log", "debug")]).expect("good");
    let node = &loaded.node;
    assert_eq!(node.http.listen, "127.0.0.1:3");
    assert_eq!(node.http.idle_timeout, Duration::from_secs(2));
    assert_eq!((node.storage.reserve_bytes, node.requests.in_flight_max), (1 << 20, 9));
    assert_eq!(node.requests.follower_writes, FollowerWrites::Forward);
    assert_eq!((node.raft.heartbeat, node.raft.log_entries_kept), (Duration::from_millis(20), 1000));
    assert_eq!(loaded.log, "debug");
}

#[test]
fn what_holds_is_told_with_its_origin_and_without_secrets() {
    let text = format!("{GOOD}[peer]\nsecret = \"0123456789abcdef\"\n");
    let environment = [("CONFMAN_HTTP_LISTEN", "127.0.0.1:2"), ("CONFMAN_PORT", "tcp://10.0.0.1:7400")];
    let loaded = load_with(&text, &environment, &[("node", "1")]).expect("good");
    let told: Vec<String> =
        loaded.effective.iter().map(|one| format!("{} = {} # {}", one.name, one.value, one.origin)).collect();
    let told = told.join("\n").replace("/etc/confman/", "");
    assert!(!told.contains("0123456789abcdef"), "{told}");
    expect![[r#"
        cluster = "prod" # node.toml:1
        node = 1 # --node
        dataDir = "data" # node.toml:3
        log = "info,openraft=error,fjall=warn,lsm_tree=warn" # default
        http.listen = "127.0.0.1:2" # CONFMAN_HTTP_LISTEN
        http.url = "http://127.0.0.1:7400" # from [[members]]
        http.connectionsMax = 10000 # default
        http.headerTimeout = "10s" # default
        http.bodyTimeout = "30s" # default
        http.idleTimeout = "75s" # default
        peer.listen = "127.0.0.1:7500" # from [[members]]
        peer.address = "127.0.0.1:7500" # from [[members]]
        peer.secret = (secret) # node.toml:15
        members = { id = 1, peer = "127.0.0.1:7500", url = "http://127.0.0.1:7400" } # node.toml:5
        raft.heartbeat = "50ms" # default
        raft.electionTimeoutMin = "150ms" # default
        raft.electionTimeoutMax = "250ms" # default
        raft.appendEntriesMax = 1024 # default
        raft.logEntriesKept = 1000 # default
        storage.segmentBytes = "16MiB" # default
        storage.snapshotLogBytes = "64MiB" # default
        storage.reserveBytes = "64MiB" # default
        requests.writeTimeout = "5s" # default
        requests.readTimeout = "5s" # default
        requests.followerWrites = "auto" # default
        requests.inFlightMax = 1024 # default
        auth.apiKeys = { name = "ops", principal = "ops", role = "admin", (secret) } # node.toml:10"#]]
    .assert_eq(&told);
    assert_eq!(loaded.ignored, ["CONFMAN_PORT"]);
}

#[test]
fn every_setting_that_stands_once_can_be_a_variable() {
    let loaded = load_with(GOOD, &[], &[]).expect("good");
    for setting in SETTINGS.iter().filter(|setting| setting.variable().is_some()) {
        let optional = ["peer.secret", "peer.secretFile"].contains(&setting.name);
        let holds = loaded.effective.iter().find(|one| one.name == setting.name);
        assert!(optional || holds.is_some(), "{} does not say what holds", setting.name);
        let variable = setting.variable().expect("it has one");
        let value = holds.map_or("/etc/confman/secret", |one| one.value.trim_matches('"')).to_owned();
        let again = load_with(GOOD, &[(&variable, &value)], &[]).expect("what holds can be said by a variable");
        let origin = again.effective.iter().find(|one| one.name == setting.name).map(|one| one.origin.clone());
        assert_eq!(origin, Some(Origin::Variable(variable)));
    }
}

#[test]
fn mistakes_of_variables_and_flags_are_told_beside_those_of_the_file() {
    let environment = [
        ("CONFMAN_HTTP_IDEL_TIMEOUT", "1s"),
        ("CONFMAN_HTTP_LISTEN", "7400"),
        ("CONFMAN_NODE", "one"),
        ("CONFMAN_REQUESTS_FOLLOWER_WRITES", "redirekt"),
        ("CONFMAN_SOMETHING_ELSE", "1"),
    ];
    let error = load_with(&GOOD.replace("dataDir", "datadir"), &environment, &[("log", "inof"), ("dataDir", "x")]);
    expect![[r#"
        node.toml:3: `datadir` is not a setting; did you mean `dataDir`? (the top of the file may have cluster, node, dataDir, log, http, peer, members, raft, storage, requests, auth)
        --log: `log` is "inof": it must be a level (error, warn, info, debug, trace), or levels by module, like "info,confman::raft=debug"
        CONFMAN_HTTP_IDEL_TIMEOUT: this is not a setting; did you mean CONFMAN_HTTP_IDLE_TIMEOUT?
        CONFMAN_HTTP_LISTEN: `http.listen` is "7400": it must be host and port, like "127.0.0.1:7400"
        CONFMAN_NODE: `node` is "one": it must be a whole number from 1 to 9223372036854775807
        CONFMAN_REQUESTS_FOLLOWER_WRITES: `requests.followerWrites` is "redirekt" (did you mean `redirect`?): it must be one of auto, redirect, forward"#]].assert_eq(&error.map(|_| ()).expect_err("it must be refused"));
}

#[test]
fn paths_start_where_they_were_said() {
    let loaded = load_with(GOOD, &[], &[("dataDir", "here")]).expect("good");
    assert_eq!(loaded.node.data_dir, Path::new("here"));
    let loaded = load_with(GOOD, &[("CONFMAN_DATA_DIR", "there")], &[]).expect("good");
    assert_eq!(loaded.node.data_dir, Path::new("there"));
}

#[test]
fn a_secret_that_was_said_more_strongly_stands_in_place_of_the_other() {
    let file = format!("{GOOD}[peer]\nsecretFile = \"nowhere\"\n");
    let loaded = load_with(&file, &[("CONFMAN_PEER_SECRET", "the variable's secret")], &[]).expect("good");
    assert_eq!(loaded.node.peer.secret, Some(Secret("the variable's secret".to_owned())));
    let both = [("CONFMAN_PEER_SECRET", "the variable's secret"), ("CONFMAN_PEER_SECRET_FILE", "/etc/confman/secret")];
    let error = load_with(GOOD, &both, &[]).map(|_| ()).expect_err("which of the two?");
    assert_eq!(error, "CONFMAN_PEER_SECRET_FILE: `peer.secretFile` stands beside `secret`: give one of the two");
}

#[test]
fn what_waits_for_the_next_start_is_named() {
    let running = load_with(GOOD, &[], &[]).expect("good");
    let changed = GOOD.replace("0123456789abcdef", "another-key-of-length").replace("\"prod\"", "\"test\"");
    let loaded = load_with(&format!("{changed}[peer]\nsecret = \"0123456789abcdef\"\n"), &[], &[("log", "warn")]);
    let loaded = loaded.expect("good");
    assert_eq!(loaded.waits_for_a_start(&running), ["cluster", "peer.secret"]);
    assert!(running.waits_for_a_start(&running).is_empty());
}
