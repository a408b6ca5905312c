//! Where the fuzzer begins: an example of everything there is to read.

use bytes::Bytes;
use confman::base::{GroupId, LogId, RequestId};
use confman::model::{Key, Namespace, Op, Txn, TxnOp, ValueType, Write};
use confman::peer::{Frame, FrameKind, FrameRole};

use super::input::Input;
use super::node::{ADMIN, READER};
use super::{frames, records, requests, snapshots};

/// A target: its name, what it does with bytes, and its seeds.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    pub seeds: fn() -> Vec<Vec<u8>>,
}

pub const TARGETS: [Target; 4] = [
    Target { name: "frames", run: frames::run, seeds: of_frames },
    Target { name: "records", run: records::run, seeds: of_records },
    Target { name: "snapshots", run: snapshots::run, seeds: of_snapshots },
    Target { name: "requests", run: requests::run, seeds: of_requests },
];

/// Bytes that are the same every time and like no others: for a script, any bytes are a sensible one (xorshift64,
/// Marsaglia 2003).
pub fn noise(number: u64, len: usize) -> Vec<u8> {
    let mut state = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn with_mode(mode: u8, rest: &[u8]) -> Vec<u8> {
    [&[mode], rest].concat()
}

fn of_frames() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for kind in FrameKind::ALL {
        let frame =
            Frame { kind, role: FrameRole::Request, call: 7, group: GroupId::MAIN, body: Bytes::from_static(b"body") };
        seeds.push(with_mode(0, &frame.encode()));
        seeds.push(with_mode(1, &[1, kind as u8, 1, 9]));
        seeds.push(with_mode(2, &[kind as u8, 0, 1, 0, 5]));
    }
    // Hello, challenge, proof, welcome, each to whom it is for; and the same with everything twice.
    seeds.push(vec![3, 0, 0, 0, 0, 0, 1, 1, 0, 0, 2, 0, 1, 3, 0]);
    seeds.push(vec![3, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 2, 0, 1, 3, 0]);
    seeds.extend((0..4).map(|number| with_mode(3, &noise(number, 80))));
    let (namespace, key) = (Namespace::parse("a/b").expect("a namespace"), Key::parse("k").expect("a key"));
    let set = Op::Set {
        namespace: namespace.clone(),
        key: key.clone(),
        value: "v".to_owned(),
        value_type: ValueType::String,
    };
    let settings =
        Op::SetNamespace { namespace: namespace.clone(), description: "d".to_owned(), owner: "o".to_owned() };
    let delete = TxnOp::Delete { namespace: namespace.clone(), key: key.clone() };
    let txn = Op::Txn(Txn::new(Vec::new(), vec![delete]).expect("a transaction"));
    let back = Op::Rollback { namespace: namespace.clone(), key: key.clone(), revision: LogId::new(5, 42) };
    let ops =
        [back, set, settings, Op::Delete { namespace: namespace.clone(), key }, Op::DeleteNamespace { namespace }, txn];
    for op in ops {
        // The first variant of what is forwarded, in the format of today.
        let request = (0u32, Write::from(op), "admin@test", RequestId::from_random(1), 1000u64);
        let body = postcard::to_extend(&request, vec![3]).expect("plain data");
        seeds.push(with_mode(4, &body));
    }
    seeds
}

fn of_records() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = (0..24).map(|number| with_mode(number as u8 & 6, &noise(number, 400))).collect();
    // Appends, a vote, a commit, and nothing wrong.
    let appends = [0, 3, b'a', b'b', b'c', 0].repeat(4);
    seeds.push([&[0, 0, 8, 0, 6, 0][..], &appends, &[14, 0, 10, 0]].concat());
    seeds.push(with_mode(7, &noise(1, 200)));
    seeds
}

fn of_snapshots() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = (0..24).map(|number| with_mode(number as u8 % 3, &noise(number, 400))).collect();
    let (meta, rows) = snapshots::content(&mut Input::new(&noise(3, 300)));
    seeds.push(with_mode(3, &snapshots::write(&meta, rows)));
    seeds
}

fn of_requests() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let mut send = |line: &str, headers: &[&str], body: &str| {
        let headers: String = headers.iter().map(|header| format!("{header}\n")).collect();
        seeds.push(format!("{line}\n{headers}\n{body}").into_bytes());
    };
    let (admin, reader) = (format!("X-API-Key: {ADMIN}"), format!("Authorization: Bearer {READER}"));
    let json = "Content-Type: application/json";
    for path in [
        "/api/v1/config/a/k?consistency=eventual",
        "/api/v1/config/teams%2Fpayments/db%2Furl",
        "/api/v1/config/teams/payments/-/db/url",
        "/api/v1/config/a/-/-",
        "/api/v1/config/a?prefix=x%2B+&limit=5",
        "/api/v1/config/a/b/-",
        "/api/v1/config/a/k/history",
        "/api/v1/namespaces?limit=1000",
        "/api/v1/namespaces/a",
        "/api/v1/audit/verify/-",
        "/api/v1/audit/a?cursor=AQ",
        "/api/v1/cluster",
        "/api/v1/cluster/members",
        "/api/v1/diff/a/-",
    ] {
        send(&format!("GET {path}"), &[&reader, "If-None-Match: W/\"5:7\"", "Accept: application/*;q=0.5"], "");
    }
    for path in ["/api/v1/audit?limit=2", "/api/v1/audit/verify", "/api/v1/backup", "/swagger", "/openapi.json"] {
        send(&format!("GET {path}"), &[&admin, "X-Request-ID: mine-1"], "");
    }
    for (value_type, value) in [
        ("string", "x"),
        ("number", "-1.5e3"),
        ("boolean", "true"),
        ("json", "{\\\"a\\\":[1]}"),
        ("yaml", "a: [b, c]\\n"),
    ] {
        let body = format!("{{\"value\":\"{value}\",\"type\":\"{value_type}\"}}");
        send("PUT /api/v1/config/a/k?hop=1", &[&admin, json], &body);
    }
    send("PUT /api/v1/config/a/k", &[&reader, json], "{\"value\":\"x\"}");
    let terms = ["If-Match: \"5:42\", W/\"x\"", "If-None-Match: *", "Idempotency-Key: \"one-1\""];
    send("PUT /api/v1/config/a/k", &[&admin, json, terms[0], terms[1], terms[2]], "{\"value\":\"x\"}");
    let txn = "{\"compare\":[{\"namespace\":\"a\",\"key\":\"k\",\"revision\":\"5:42\"},{\"namespace\":\"a\",\"key\":\"l\",\
               \"revision\":null}],\"ops\":[{\"set\":{\"namespace\":\"a\",\"key\":\"k\",\"value\":\"1\",\"type\":\"json\"}},\
               {\"delete\":{\"namespace\":\"a\",\"key\":\"l\"}}]}";
    send("POST /api/v1/txn", &[&admin, json, terms[2]], txn);
    send("PUT /api/v1/namespaces/a/b/-", &[&admin, json], "{\"description\":\"d\",\"owner\":\"o\"}");
    send("DELETE /api/v1/config/a/k", &[&admin], "");
    send("DELETE /api/v1/namespaces/a", &[&admin], "");
    send("HEAD /api/v1/config/a/k", &[&reader, "X-Confman-Consistency: eventual"], "");
    send("OPTIONS *", &[], "");
    send("GET http://n1:7400/health/ready", &[], "");
    seeds.extend(
        (0..8).map(|number| with_mode(0, &noise(number, 24).into_iter().map(|byte| byte % 20).collect::<Vec<u8>>())),
    );
    // A cursor is what a list gave, and nothing else.
    for path in ["/api/v1/config/a?limit=1", "/api/v1/namespaces?limit=1"] {
        let first = format!("GET {path}\n{reader}\n\n");
        let answer = requests::answer_to(first.as_bytes()).expect("a plain request");
        let list: serde_json::Value = serde_json::from_slice(&answer.body).expect("a list is JSON");
        let cursor = list["pagination"]["nextCursor"].as_str().expect("there is more");
        seeds.push(format!("GET {path}&cursor={cursor}\n{reader}\n\n").into_bytes());
    }
    seeds
}
