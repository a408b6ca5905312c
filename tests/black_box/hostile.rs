//! Clients that mean harm or know no better. Each meets a neighbour that goes on reading and writing, and must not
//! notice.

use std::cmp;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::raw::{Raw, RawAnswer};
use crate::support::{ADMIN, Cluster, READER, skip, wait_for, within};

/// How long a neighbour's turn may take, besides what the machine itself takes.
const NEIGHBOURLY: Duration = Duration::from_secs(1);
/// How long the node may take for what takes no time.
const SOON: Duration = Duration::from_secs(10);

/// A cluster whose nodes have these settings in `[http]`.
fn cluster(nodes: u64, http: &str) -> Cluster {
    let cluster = Cluster::prepare(nodes, "");
    for node in &cluster.nodes {
        let text = std::fs::read_to_string(&node.config).expect("a configuration file");
        std::fs::write(&node.config, text.replace("[http]\n", &format!("[http]\n{http}\n"))).expect("it is written");
    }
    cluster.run_all()
}

/// A client that sets and reads one key in turns, half of the time with a connection of its own, until it is let go.
struct Neighbour {
    enough: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
    thread: JoinHandle<Seen>,
}

/// What a neighbour saw.
#[derive(Default)]
struct Seen {
    served: u64,
    slowest: Turn,
    failed: Vec<String>,
    /// The longest that the machine itself took for one small write meanwhile, with its sync: what no node can do
    /// anything about.
    machine: Duration,
}

/// How long the parts of one turn took.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    connect: Duration,
    set: Duration,
    read: Duration,
}

impl Turn {
    fn in_all(self) -> Duration {
        self.connect + self.set + self.read
    }
}

impl Neighbour {
    /// One that asks this node, which leads.
    fn of(cluster: &Cluster) -> Neighbour {
        let url = cluster.url(cluster.wait_ready()).to_owned();
        let enough = Arc::new(AtomicBool::new(false));
        let turns = Arc::new(AtomicU64::new(0));
        let (until, counted) = (enough.clone(), turns.clone());
        let thread = thread::spawn(move || {
            let machine = slowest_sync(until.clone());
            let mut seen = Seen::default();
            let mut lasting = Raw::connect(&url);
            let mut turn = 1u64;
            while !until.load(Ordering::Relaxed) {
                turn += 1;
                let mut took = Turn::default();
                let outcome = match turn % 2 {
                    0 => one_turn(&mut lasting, turn, &mut took),
                    _ => timed(&mut took.connect, || Raw::try_connect(&url))
                        .map_err(|error| error.to_string())
                        .and_then(|mut own| one_turn(&mut own, turn, &mut took)),
                };
                match outcome {
                    Ok(()) => seen.served += 1,
                    Err(why) => seen.failed.push(why),
                }
                seen.slowest = cmp::max_by_key(seen.slowest, took, |turn| turn.in_all());
                counted.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
            seen.machine = machine.join().expect("it does not panic");
            seen
        });
        let neighbour = Neighbour { enough, turns, thread };
        neighbour.has_turns(2);
        neighbour
    }

    /// Waits until it had so many turns more.
    fn has_turns(&self, more: u64) {
        let wanted = self.turns.load(Ordering::Relaxed) + more;
        wait_for("a neighbour's turns", || (self.turns.load(Ordering::Relaxed) >= wanted).then_some(()));
    }

    /// Lets it go; it was served all the time, and at once.
    #[track_caller]
    fn was_served(self) {
        self.has_turns(2);
        self.enough.store(true, Ordering::Relaxed);
        let seen = self.thread.join().expect("a neighbour does not panic");
        let (served, slowest) = (seen.served, seen.slowest);
        let told = format!("served {served} times, the slowest took {slowest:?}; the machine {:?}", seen.machine);
        eprintln!("a neighbour was {told}");
        assert!(seen.failed.is_empty(), "{} of {} failed: {:?}", seen.failed.len(), seen.served, seen.failed);
        assert!(served > 0 && slowest.in_all() < NEIGHBOURLY + seen.machine, "{told}");
    }
}

/// How long a small write with its sync takes at worst, on the disk that the nodes write to, until it is enough.
fn slowest_sync(enough: Arc<AtomicBool>) -> JoinHandle<Duration> {
    thread::spawn(move || {
        let mut file = tempfile::tempfile().expect("a temporary file");
        let mut slowest = Duration::ZERO;
        while !enough.load(Ordering::Relaxed) {
            let mut took = Duration::ZERO;
            timed(&mut took, || file.write_all(&[0; 512]).and_then(|()| file.sync_data())).expect("it is written");
            slowest = slowest.max(took);
            thread::sleep(Duration::from_millis(10));
        }
        slowest
    })
}

fn timed<T>(took: &mut Duration, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    *took = begun.elapsed();
    done
}

fn one_turn(connection: &mut Raw, turn: u64, took: &mut Turn) -> Result<(), String> {
    let mut ask = |request: String| -> Result<RawAnswer, String> {
        connection.send(request).map_err(|error| format!("sending: {error}"))?;
        connection.answer(false).map_err(|error| format!("reading: {error}"))?.ok_or("closed".to_owned())
    };
    let body = format!("{{\"value\":\"{turn}\"}}");
    let set = timed(&mut took.set, || ask(put("/api/v1/config/app/neighbour", &body)))?;
    let read = timed(&mut took.read, || ask(get("/api/v1/config/app/neighbour")))?;
    let value = turn.to_string();
    if matches!(set.status, 200 | 201) && read.status == 200 && read.json()["value"].as_str() == Some(&value) {
        Ok(())
    } else {
        Err(format!("{} {} / {} {}", set.status, set.text(), read.status, read.text()))
    }
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\nX-API-Key: {READER}\r\n\r\n")
}

fn put(target: &str, body: &str) -> String {
    format!("{}{body}", put_head(target, &format!("Content-Length: {}", body.len())))
}

fn put_head(target: &str, framing: &str) -> String {
    format!(
        "PUT {target} HTTP/1.1\r\nHost: x\r\nX-API-Key: {ADMIN}\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
    )
}

/// Memory that a process has, in MiB.
fn memory(cluster: &Cluster, id: u64) -> u64 {
    let pid = cluster.nodes.iter().find(|node| node.id == id).expect("a node").pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") >> 10
}

/// Sends one byte after the other with pauses, until the node has had enough. The end of what it said.
fn drip(mut connection: Raw, bytes: Vec<u8>) -> Option<RawAnswer> {
    for byte in bytes {
        if connection.send([byte]).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    connection.answer(false).unwrap_or(None)
}

#[test]
fn heads_that_come_slowly_are_cut_off() {
    let cluster = cluster(1, "headerTimeout = \"1s\"");
    let neighbour = Neighbour::of(&cluster);
    let begun = Instant::now();
    let head = get(&format!("/api/v1/config/app/{}", "k".repeat(200))).into_bytes();
    let slow: Vec<_> = (0..50)
        .map(|_| {
            let (connection, head) = (Raw::connect(cluster.url(1)), head.clone());
            thread::spawn(move || drip(connection, head))
        })
        .collect();
    let mut silent = Raw::connect(cluster.url(1));
    let said = silent.answer(false).expect("an answer").expect("an answer");
    assert_eq!((said.status, said.slug().as_str()), (408, "invalid-request"));
    assert!(silent.is_closed() && begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    for slow in slow {
        // Whoever goes on sending may be told by a reset.
        assert!(slow.join().expect("no panic").is_none_or(|answer| answer.status == 408));
    }
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    neighbour.was_served();
}

#[test]
fn bodies_that_come_slowly_or_not_at_all_are_cut_off() {
    let cluster = cluster(1, "bodyTimeout = \"1s\"");
    let neighbour = Neighbour::of(&cluster);
    let target = "/api/v1/config/app/slow";
    let begun = Instant::now();
    let slow: Vec<_> = ["Content-Length: 1000", "Transfer-Encoding: chunked", "Content-Length: 1000000"]
        .into_iter()
        .cycle()
        .take(30)
        .map(|framing| {
            let mut connection = Raw::connect(cluster.url(1));
            connection.send(put_head(target, framing)).expect("a head is taken");
            let rest = if framing.starts_with("T") { "1\r\n{\r\n".repeat(100) } else { " ".repeat(900) };
            thread::spawn(move || drip(connection, rest.into_bytes()))
        })
        .collect();
    let mut lying = Raw::connect(cluster.url(1));
    lying.send(put_head(target, "Content-Length: 1000") + "{\"value\":\"v\"}").expect("it is taken");
    let said = lying.answer(false).expect("an answer").expect("an answer");
    assert_eq!((said.status, said.slug().as_str()), (408, "invalid-request"));
    assert_eq!(said.json()["instance"], target);
    assert!(lying.is_closed());
    for slow in slow {
        assert!(slow.join().expect("no panic").is_none_or(|answer| answer.status == 408));
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());

    let mut cut = Raw::connect(cluster.url(1));
    cut.send(put_head(target, "Content-Length: 1000") + "{\"value\":\"v\"}").expect("it is taken");
    cut.half_close();
    let said = cut.answer(false).expect("an answer").expect("an answer");
    assert_eq!((said.status, said.slug().as_str()), (400, "invalid-request"));
    neighbour.was_served();
    assert_eq!(cluster.get(1, "app", "slow").expect("an answer").status, 404, "half a body is no write");
}

#[test]
fn heads_without_end_are_refused_and_take_no_memory() {
    let cluster = cluster(1, "");
    let neighbour = Neighbour::of(&cluster);
    let before = memory(&cluster, 1);
    let long = vec![b'x'; 1 << 20];
    for start in ["GET /", "GET / HTTP/1.1\r\nX: ", "", "GET / HTTP/1.1\r\n"] {
        let piece: Vec<u8> = if start.ends_with("1.1\r\n") { b"x: y\r\n".repeat(1 << 17) } else { long.clone() };
        let mut connection = Raw::connect(cluster.url(1));
        connection.send(start).expect("a start is taken");
        // It is told soon, and what it sends after that goes nowhere, until it is let go.
        let begun = Instant::now();
        while connection.send(&piece).is_ok() {
            assert!(begun.elapsed() < SOON, "a head goes on for ever");
        }
        let said = connection.answer(false).unwrap_or(None);
        assert!(said.is_none_or(|answer| matches!(answer.status, 400 | 431)), "{start:?}");
    }
    // Sent in one go, and no more: the answer is seen.
    for start in ["GET /api/v1/config/a/", "GET / HTTP/1.1\r\nHost: x\r\nX: "] {
        let mut connection = Raw::connect(cluster.url(1));
        connection.send(format!("{start}{}", "x".repeat(100_000))).expect("it is taken");
        let said = connection.answer(false).expect("an answer").expect("an answer");
        assert_eq!((said.status, said.slug().as_str()), (431, "header-too-large"));
        assert!(connection.is_closed());
    }
    neighbour.was_served();
    let after = memory(&cluster, 1);
    assert!(after < before + 64, "{before} MiB before, {after} MiB after");
}

#[test]
fn bodies_without_end_are_refused_and_take_no_memory() {
    let cluster = cluster(1, "");
    let neighbour = Neighbour::of(&cluster);
    let before = memory(&cluster, 1);
    let target = "/api/v1/config/app/huge";

    // Refused by what it says, before anything of it comes.
    for length in ["8388609", "1099511627776", "18446744073709551615"] {
        let mut connection = Raw::connect(cluster.url(1));
        connection.send(put_head(target, &format!("Content-Length: {length}"))).expect("a head is taken");
        let said = connection.answer(false).expect("an answer").expect("an answer");
        // Beyond what a length can be, it is no head.
        let wanted = if length.len() < 20 { (413, "payload-too-large") } else { (431, "header-too-large") };
        assert_eq!((said.status, said.slug().as_str()), wanted, "{length}");
    }
    // Without a length, when it is too much.
    let mut connection = Raw::connect(cluster.url(1));
    connection.send(put_head(target, "Transfer-Encoding: chunked")).expect("a head is taken");
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    let taken = (0..64).take_while(|_| connection.send(&chunk).is_ok()).count();
    let said = connection.answer(false);
    assert!(taken < 64 || said.as_ref().is_ok_and(|said| said.as_ref().is_some_and(|said| said.status == 413)));
    // Without a key, nothing of it is read.
    let mut connection = Raw::connect(cluster.url(1));
    let head = format!("PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    connection.send(head).expect("a head is taken");
    let said = connection.answer(false).expect("an answer").expect("an answer");
    assert_eq!((said.status, said.header("connection")), (401, Some("close")));

    // Many at once, each within its bound and none complete: together they are not.
    let piece = vec![b' '; (8 << 20) - 1];
    let mut waiting = Vec::new();
    for _ in 0..40 {
        let mut connection = Raw::connect(cluster.url(1));
        connection.send(put_head(target, "Content-Length: 8388608")).expect("a head is taken");
        // Who is refused in the midst of it may see the end of the connection.
        let _ = connection.send(&piece);
        waiting.push(connection);
    }
    let during = memory(&cluster, 1);
    assert!(during < before + 400, "{before} MiB before, {during} MiB with 40 bodies of 8 MiB");
    let mut refused = 0;
    for mut connection in waiting.into_iter().rev() {
        if connection.send(b" ").is_ok()
            && let Ok(Some(said)) = connection.answer(false)
        {
            match said.status {
                // White space is no JSON.
                400 => assert_eq!(said.slug(), "invalid-request"),
                503 => {
                    assert_eq!((said.slug().as_str(), said.header("retry-after")), ("overloaded", Some("1")));
                    refused += 1;
                }
                status => panic!("{status} {}", said.text()),
            }
        }
    }
    assert!(refused > 0, "40 bodies of 8 MiB were held at once");
    neighbour.was_served();
}

#[test]
fn ten_thousand_idle_connections_keep_nobody_out() {
    const IDLE: usize = 10_000;
    let files = open_files_of_this_process(IDLE as u64 + 1_000);
    if files < IDLE as u64 + 500 {
        return skip(&format!("10,000 idle connections: this system gives a process {files} files"));
    }
    let cluster = cluster(3, "");
    let leader = cluster.wait_ready();
    let neighbour = Neighbour::of(&cluster);
    let before = memory(&cluster, leader);
    let mut idle = Vec::with_capacity(IDLE);
    for number in 0..IDLE {
        let mut connection = Raw::connect(cluster.url(leader));
        // Some never say anything, some begin, some have been served.
        match number % 3 {
            0 => {}
            1 => connection.send("GET /health HT").expect("it is taken"),
            _ => connection.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is taken"),
        }
        if number % 300 == 299 {
            // The kernel's own queue must not overflow: it would let the neighbour's connection wait for a second.
            assert_eq!(connection.answer(false).expect("an answer").expect("an answer").status, 200);
        }
        idle.push(connection);
    }
    // All the time there is room for the neighbour's new connections, and for ours.
    for _ in 0..20 {
        let mut connection = Raw::connect(cluster.url(leader));
        connection.send(get("/api/v1/config/app/neighbour")).expect("it is taken");
        assert_eq!(connection.answer(false).expect("an answer").expect("an answer").status, 200);
    }
    let after = memory(&cluster, leader);
    assert!(after < before + 400, "{before} MiB before, {after} MiB with {IDLE} idle connections");
    neighbour.was_served();
    // The other nodes are still linked, and files can still be opened: a backup makes some.
    cluster.wait_same_state();
    let url = format!("{}/api/v1/backup", cluster.url(leader));
    cluster.http.send("HEAD", &url, &[("X-API-Key", ADMIN)], None).expect("an answer").expect(200);
    assert_eq!(cluster.leader(), Some(leader), "nobody else had to take over");
    let log = cluster.nodes[leader as usize - 1].log_text();
    assert!(!log.contains("cannot accept"), "{log}");
}

#[test]
fn connections_that_have_their_answer_and_stay_keep_nobody_out() {
    let cluster = cluster(1, "connectionsMax = 64");
    let neighbour = Neighbour::of(&cluster);
    let mut staying = Vec::new();
    for number in 0..300 {
        let mut connection = Raw::connect(cluster.url(1));
        // One is answered before its body came, one cannot be answered, one does not read what it asked for.
        let said = match number % 3 {
            0 => connection.send("PUT /api/v1/config/app/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"),
            1 => connection.send("what is this\r\n\r\n"),
            _ => connection.send("GET /swagger/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50)),
        };
        // Whoever came later may have taken its place by now.
        let _: io::Result<()> = said;
        staying.push(connection);
        thread::sleep(Duration::from_millis(20));
    }
    neighbour.was_served();
}

/// Raises this process's limit of open files, as far as it may; what holds then.
fn open_files_of_this_process(wanted: u64) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit(2) and setrlimit(2) read and write this one struct.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_cur.max(wanted.min(limit.rlim_max));
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
    limit.rlim_cur
}

#[test]
fn a_node_with_few_files_keeps_those_that_it_needs() {
    let mut cluster = Cluster::prepare(1, "");
    let mut command = std::process::Command::new("sh");
    let serve = format!("ulimit -n 512; exec {} serve --config \"$1\"", crate::support::binary().display());
    command.args(["-c", &serve, "sh"]).arg(&cluster.nodes[0].config);
    cluster.node(1).run_command(command);
    let neighbour = Neighbour::of(&cluster);
    let log = cluster.nodes[0].log_text();
    assert!(log.contains("limit of open files is too low") && log.contains("LimitNOFILE"), "{log}");
    let idle: Vec<Raw> = (0..1000).map(|_| Raw::connect(cluster.url(1))).collect();
    for number in 0..20 {
        cluster.set("app", &format!("key-{number}"), "v");
    }
    neighbour.was_served();
    drop(idle);
    let log = cluster.nodes[0].log_text();
    assert!(!log.contains("Too many open files"), "{log}");
}

/// Sends bytes on a connection of their own, and no more; all answers that come until it ends.
fn answers_to(cluster: &Cluster, bytes: &[u8]) -> Vec<RawAnswer> {
    let mut connection = Raw::connect(cluster.url(1));
    // A node that has seen enough may close in the midst of it.
    let _ = connection.send(bytes);
    connection.half_close();
    let mut answers = Vec::new();
    while let Ok(Some(answer)) = connection.answer(false) {
        answers.push(answer);
    }
    answers
}

#[test]
fn what_is_no_request_is_refused_with_a_problem() {
    let cluster = cluster(1, "");
    let neighbour = Neighbour::of(&cluster);
    cluster.set("app", "a", "1");
    let head = |line: &[u8], more: &[u8]| -> Vec<u8> {
        [line, b"\r\nHost: x\r\nX-API-Key: ", READER.as_bytes(), b"\r\n", more, b"\r\n"].concat()
    };
    let path = |path: &[u8]| head(&[b"GET ", path, b" HTTP/1.1"].concat(), b"");
    let garbage: Vec<u8> = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let entry = b"GET /api/v1/config/app/a HTTP/1.1";
    for (what, bytes, wanted) in [
        ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".repeat(20), &[400][..]),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(), &[400]),
        ("noise", garbage, &[400]),
        ("zeros", vec![0; 4096], &[400]),
        ("an empty line", b"\r\n\r\n\r\n".to_vec(), &[]),
        ("words", b"hello\r\n\r\n".to_vec(), &[400]),
        ("HTTP/0.9", b"GET /health\r\n\r\n".to_vec(), &[400]),
        ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), &[400]),
        ("bytes in a path", path(b"/api/v1/config/app/\xff\xfe"), &[400]),
        ("escaped bytes in a path", path(b"/api/v1/config/app/%ff%fe"), &[400]),
        ("bytes in a query", path(b"/api/v1/config/app?prefix=\xff"), &[400]),
        ("escaped bytes in a query", path(b"/api/v1/config/app?prefix=%ff"), &[400]),
        ("zero in a path", path(b"/api/v1/config/app/a\0b"), &[400]),
        ("escaped zero in a path", path(b"/api/v1/config/app/a%00b"), &[400]),
        ("out of the folder", path(b"/api/v1/config/../../../../etc/passwd"), &[404]),
        ("out of the folder, escaped", path(b"/swagger/..%2f..%2fetc%2fpasswd"), &[404]),
        ("out of the folder, twice escaped", path(b"/swagger/%252e%252e%252fetc"), &[404]),
        ("out of the namespace", path(b"/api/v1/config/app/%2e%2e%2fother"), &[400]),
        ("two slashes", path(b"/api/v1//config/app/a"), &[404]),
        ("a backslash", path(b"/api/v1/config/app\\a"), &[400]),
        ("a long path", path(&[b"/api/v1/config/app/", &b"k"[..].repeat(30_000)[..]].concat()), &[400]),
        ("a fragment", path(b"/api/v1/config/app/a#b"), &[200]),
        ("another case", path(b"/API/V1/CONFIG/app/a"), &[404]),
        ("a host with a path", path(b"http://other.example/api/v1/config/app/a"), &[200]),
        ("bytes in a header", head(entry, b"X-Other: \xff\xfe\r\n"), &[200]),
        ("bytes in a request id", head(entry, b"X-Request-ID: \xff\r\n"), &[200]),
        ("bytes in an ETag", head(entry, b"If-None-Match: \xff\r\n"), &[400]),
        ("bytes in Accept", head(entry, b"Accept: \xff\r\n"), &[200]),
        ("bytes in a key", head(b"GET /api/v1/config/app/a HTTP/1.1", b"X-API-Key: \xff\r\n"), &[401]),
        ("zero in a header", head(entry, b"X-Other: a\0b\r\n"), &[400]),
        ("a header without a name", head(entry, b": x\r\n"), &[400]),
        ("a header without a colon", head(entry, b"what\r\n"), &[400]),
        ("a space before the colon", head(entry, b"X-Other : x\r\n"), &[400]),
        ("a folded header", head(entry, b"X-Other: a\r\n b\r\n"), &[400]),
        ("HTTP/1.0", b"GET /health HTTP/1.0\r\n\r\n".to_vec(), &[200]),
        ("lines that end in LF", b"GET /health HTTP/1.1\nHost: x\n\n".to_vec(), &[200]),
        ("no Host", b"GET /health HTTP/1.1\r\n\r\n".to_vec(), &[400]),
        ("an upgrade", head(b"GET /health HTTP/1.1", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), &[200]),
        ("an upgrade to HTTP/2", head(b"GET /health HTTP/1.1", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"), &[200]),
        ("another expectation", head(b"GET /health HTTP/1.1", b"Expect: wonders\r\n"), &[200]),
    ] {
        let answers = answers_to(&cluster, &bytes);
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, wanted, "{what}");
        for answer in answers.iter().filter(|answer| answer.status >= 400) {
            assert!(!answer.slug().is_empty(), "{what}");
        }
    }
    neighbour.was_served();
}

#[test]
fn no_request_hides_in_another() {
    let cluster = cluster(1, "");
    let neighbour = Neighbour::of(&cluster);
    let hidden = put("/api/v1/config/app/hidden", "{\"value\":\"x\"}");
    let chunked = format!("{:x}\r\n{{\"value\":\"v\"}}\r\n0\r\n\r\n", "{\"value\":\"v\"}".len());
    let target = "/api/v1/config/app/outer";
    for (what, framing, body) in [
        ("two lengths", "Content-Length: 13\r\nContent-Length: 400", "{\"value\":\"v\"}".to_owned()),
        ("a list of lengths", "Content-Length: 13, 400", "{\"value\":\"v\"}".to_owned()),
        ("a signed length", "Content-Length: +13", "{\"value\":\"v\"}".to_owned()),
        ("a length that is none", "Content-Length: 0x0d", "{\"value\":\"v\"}".to_owned()),
        ("an unknown coding", "Transfer-Encoding: xchunked", chunked.clone()),
        ("chunked, and then another", "Transfer-Encoding: chunked, identity", chunked.clone()),
        ("a tab before it", "Transfer-Encoding:\x0bchunked", chunked.clone()),
        ("a chunk's length too long", "Transfer-Encoding: chunked", "fffffffffffffffff\r\nx\r\n0\r\n\r\n".to_owned()),
        ("a chunk's length that is none", "Transfer-Encoding: chunked", "-1\r\nx\r\n0\r\n\r\n".to_owned()),
        ("a chunk without its end", "Transfer-Encoding: chunked", "1\r\n{XX0\r\n\r\n".to_owned()),
    ] {
        let bytes = format!("{}{body}{hidden}", put_head(target, framing));
        let answers = answers_to(&cluster, bytes.as_bytes());
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        // One answer, a refusal, and then the connection is of no use to anyone.
        assert_eq!(statuses, [400], "{what}");
        assert_eq!(answers[0].slug(), "invalid-request", "{what}");
    }
    // Of two framings the chunked one holds, and nothing behind it is a request (RFC 9112, section 6.1).
    for framing in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 400"]
    {
        let bytes = format!("{}{chunked}{hidden}", put_head("/api/v1/config/app/both", framing));
        let answers = answers_to(&cluster, bytes.as_bytes());
        assert_eq!(answers.len(), 1, "{framing}: {answers:?}");
        assert!(matches!(answers[0].status, 200 | 201), "{framing}: {answers:?}");
    }
    for key in ["hidden", "outer"] {
        assert_eq!(cluster.get(1, "app", key).expect("an answer").status, 404, "{key}");
    }
    neighbour.was_served();
}

#[test]
fn requests_in_a_row_are_answered_in_their_order() {
    const REQUESTS: usize = 1000;
    let cluster = cluster(1, "");
    let neighbour = Neighbour::of(&cluster);
    let mut row = Vec::new();
    for number in 0..REQUESTS {
        let id = format!("X-Request-ID: row-{number}");
        let request = match number % 5 {
            0 => put_head("/api/v1/config/app/row", &format!("{id}\r\nContent-Length: 13")) + "{\"value\":\"v\"}",
            1 => {
                put_head("/api/v1/config/app/row", &format!("{id}\r\nTransfer-Encoding: chunked"))
                    + "d\r\n{\"value\":\"v\"}\r\n0\r\n\r\n"
            }
            2 => format!("GET /api/v1/nothing HTTP/1.1\r\nHost: x\r\n{id}\r\n\r\n"),
            3 => format!("GET /openapi.json HTTP/1.1\r\nHost: x\r\n{id}\r\n\r\n"),
            _ => format!("HEAD /health HTTP/1.1\r\nHost: x\r\n{id}\r\n\r\n"),
        };
        row.extend(request.into_bytes());
    }
    let mut connection = Raw::connect(cluster.url(1));
    let mut writing = connection.another_handle();
    let sender = thread::spawn(move || writing.send(row));
    for number in 0..REQUESTS {
        let answer = connection.answer(number % 5 == 4).expect("an answer").expect("an answer");
        assert_eq!(answer.header("x-request-id"), Some(format!("row-{number}").as_str()));
        let wanted = [&[200, 201][..], &[200], &[404], &[200], &[200]][number % 5];
        assert!(wanted.contains(&answer.status), "{number}: {answer:?}");
    }
    sender.join().expect("no panic").expect("all is taken");
    neighbour.was_served();
    let entry = cluster.get(1, "app", "row").expect("an answer").expect(200).json();
    assert_eq!(entry["version"], REQUESTS / 5 * 2);
}

#[test]
fn who_sends_no_more_still_gets_the_answer() {
    let cluster = cluster(1, "");
    let ask = |request: &str| {
        let mut connection = Raw::connect(cluster.url(1));
        connection.send(request).expect("it is taken");
        connection.half_close();
        let answer = connection.answer(false).expect("an answer").expect("an answer");
        assert!(connection.is_closed());
        answer
    };
    for _ in 0..20 {
        assert!(matches!(ask(&put("/api/v1/config/app/half", "{\"value\":\"v\"}")).status, 200 | 201));
    }
    assert_eq!(ask(&get("/api/v1/config/app/half")).json()["version"], 20);

    // A client of HTTP/1.0 is answered, and kept where it asks for that.
    let mut old = Raw::connect(cluster.url(1));
    old.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").expect("it is taken");
    assert_eq!(old.answer(false).expect("an answer").expect("an answer").status, 200);
    old.send("GET /health HTTP/1.0\r\n\r\n").expect("it is taken");
    assert_eq!(old.answer(false).expect("an answer").expect("an answer").status, 200);
    assert!(old.is_closed());

    // A client that asks whether it may send is told to go on, or why not.
    let expecting = |target: &str, key: &str| {
        let mut connection = Raw::connect(cluster.url(1));
        let head = put_head(target, "Content-Length: 13\r\nExpect: 100-continue").replace(ADMIN, key);
        connection.send(head).expect("it is taken");
        let first = connection.answer(false).expect("an answer").expect("an answer");
        (connection, first)
    };
    let (mut connection, first) = expecting("/api/v1/config/app/expected", ADMIN);
    assert_eq!(first.status, 100);
    connection.send("{\"value\":\"v\"}").expect("it is taken");
    assert_eq!(connection.answer(false).expect("an answer").expect("an answer").status, 201);
    let (mut connection, first) = expecting("/api/v1/config/app/expected", READER);
    assert_eq!(first.status, 403);
    assert!(connection.is_closed());
}

#[test]
fn who_does_not_read_is_let_go_and_takes_no_memory() {
    let cluster = cluster(1, "bodyTimeout = \"1s\"");
    let big = "x".repeat(1 << 20);
    for key in 0..4 {
        cluster.set("big", &format!("k{key}"), &big);
    }
    let neighbour = Neighbour::of(&cluster);
    let before = memory(&cluster, 1);
    let mut deaf = Vec::new();
    for _ in 0..100 {
        let mut connection = Raw::connect(cluster.url(1));
        connection.send(get("/api/v1/config/big?limit=1000").repeat(10)).expect("it is taken");
        deaf.push(connection);
    }
    let mut most = 0;
    let gone = within(SOON, || {
        most = most.max(memory(&cluster, 1));
        let fds = std::fs::read_dir(format!("/proc/{}/fd", cluster.nodes[0].pid())).map_or(0, Iterator::count);
        (fds < 100).then_some(())
    });
    assert!(gone.is_some(), "a hundred clients that do not read are still there");
    // 400 MiB of answers were asked for at once, ten times over.
    assert!(most < before + 400, "{before} MiB before, {most} MiB meanwhile");
    neighbour.was_served();
    drop(deaf);
    wait_for("all of it to be read again", || {
        cluster
            .http
            .get(&format!("{}/api/v1/config/big?limit=4", cluster.url(1)), Some(READER))
            .ok()
            .filter(|it| it.status == 200)
    });
}

#[test]
fn a_connection_that_breaks_in_the_midst_harms_nobody() {
    let cluster = cluster(1, "");
    let neighbour = Neighbour::of(&cluster);
    let whole = put("/api/v1/config/app/broken", "{\"value\":\"v\"}");
    for end in (1..whole.len()).step_by(7) {
        let mut connection = Raw::connect(cluster.url(1));
        let _: io::Result<()> = connection.send(&whole.as_bytes()[..end]);
        connection.reset();
    }
    neighbour.was_served();
}
