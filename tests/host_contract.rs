//! The real host: the contract that the simulated one also passes, and what only a real machine can show.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use confman::config::HttpConfig;
use confman::host::{Batch, Direction, Host, KeyRange, Lifeline, contract};
use confman::real::{FATAL_EXIT_CODE, OpenError, ProcessLifeline, RealHost, listen, serve_http};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const LONG: Duration = Duration::from_secs(20);

async fn open(dir: &Path) -> (Host, SocketAddr) {
    let lifeline = ProcessLifeline::with_hook(|reason| panic!("fatal: {reason}"));
    RealHost::open_with(dir, "127.0.0.1:0", Arc::new(lifeline)).await.unwrap()
}

/// Closing is done by a thread of the host: it may take a moment after the last handle is dropped.
async fn open_once_closed(dir: &Path) -> (Host, SocketAddr) {
    let lifeline = Arc::new(ProcessLifeline::with_hook(|reason| panic!("fatal: {reason}")));
    let start = Instant::now();
    loop {
        match RealHost::open_with(dir, "127.0.0.1:0", lifeline.clone()).await {
            Ok(host) => return host,
            Err(OpenError::DataDirLocked { .. }) if start.elapsed() < LONG => sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

fn put(key: &'static str, value: &'static str) -> Batch {
    let mut batch = Batch::default();
    batch.put(key.into(), value.into());
    batch
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_keep_the_contract() {
    let temp = tempfile::tempdir().unwrap();
    contract::files(open(temp.path()).await.0.files).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_keep_the_contract() {
    let temp = tempfile::tempdir().unwrap();
    contract::stores(open(temp.path()).await.0.stores).await;
    let left: Vec<_> = fs::read_dir(temp.path().join("stores")).unwrap().collect();
    assert!(left.is_empty(), "removed stores leave nothing: {left:?}");
}

#[tokio::test]
async fn what_was_written_is_there_after_the_host_is_gone() {
    let temp = tempfile::tempdir().unwrap();
    let (host, _) = open(temp.path()).await;
    let file = host.files.create("kept").await.unwrap();
    file.write_at(0, Bytes::from_static(b"bytes")).await.unwrap();
    let store = host.stores.open("main").await.unwrap();
    store.commit(put("k", "v")).await.unwrap();
    assert_eq!(host.files.list("").await.unwrap(), ["kept"], "the lock file is not shown");
    drop((host, file, store));
    let (host, _) = open_once_closed(temp.path()).await;
    let file = host.files.open("kept").await.unwrap();
    assert_eq!(file.read_at(0, 9).await.unwrap(), "bytes");
    let store = host.stores.open("main").await.unwrap();
    assert_eq!(store.get(b"k").unwrap().unwrap(), "v");
}

#[tokio::test]
async fn a_second_host_on_one_directory_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let (host, _) = open(temp.path()).await;
    let file = host.files.create("f").await.unwrap();
    let Err(error) = RealHost::open(temp.path(), "127.0.0.1:0").await else { panic!("opened twice") };
    let text = error.to_string();
    let dir = temp.path().canonicalize().unwrap();
    assert!(text.contains(dir.to_str().unwrap()) && text.contains("another confman process"), "{text}");
    drop(host);
    let Err(error) = RealHost::open(temp.path(), "127.0.0.1:0").await else { panic!("a file is still open") };
    assert!(matches!(error, OpenError::DataDirLocked { .. }), "{error}");
    drop(file);
    open_once_closed(temp.path()).await;
}

#[tokio::test]
async fn a_taken_peer_port_is_named_with_its_setting() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_host, address) = open(one.path()).await;
    let Err(error) = RealHost::open(other.path(), &address.to_string()).await else { panic!("listens twice") };
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("peer.listen"), "{text}");
}

#[tokio::test]
async fn the_rest_of_a_store_is_never_taken_for_a_store() {
    let temp = tempfile::tempdir().unwrap();
    let (host, _) = open(temp.path()).await;
    for name in ["whole", "half"] {
        host.stores.open(name).await.unwrap().commit(put("k", "v")).await.unwrap();
    }
    drop(host);
    // As a crash in the middle of a removal leaves it.
    let half = temp.path().join("stores/half");
    drop(open_once_closed(temp.path()).await);
    fs::remove_file(half.join("STORE")).unwrap();
    let (host, _) = open_once_closed(temp.path()).await;
    assert_eq!(host.stores.list().await.unwrap(), ["whole"]);
    assert!(!half.exists(), "what is left is removed at the start");
    let fresh = host.stores.open("half").await.unwrap();
    assert_eq!(fresh.get(b"k").unwrap(), None);
    // As a crash in the middle of creating it leaves it.
    fs::create_dir_all(temp.path().join("stores/other/engine")).unwrap();
    fs::write(temp.path().join("stores/other/engine/0.jnl"), "rubbish").unwrap();
    assert_eq!(host.stores.open("other").await.unwrap().get(b"k").unwrap(), None);
    fs::write(temp.path().join("stores/whole/STORE"), "confman store 9\n").unwrap();
    let Err(error) = host.stores.open("whole").await else { panic!("opened a format it does not know") };
    assert!(error.what.contains("confman store 9"), "{error}");
    for bad in ["", "..", "a/b", ".hidden"] {
        assert!(host.stores.open(bad).await.is_err(), "{bad:?}");
        assert!(host.stores.remove(bad).await.is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_removed_while_it_is_read_goes_with_its_last_reader() {
    let temp = tempfile::tempdir().unwrap();
    let (host, _) = open(temp.path()).await;
    let store = host.stores.open("old").await.unwrap();
    store.commit(put("k", "v")).await.unwrap();
    let view = store.view().unwrap();
    drop(store);
    host.stores.remove("old").await.unwrap();
    assert_eq!(host.stores.list().await.unwrap(), [""; 0]);
    assert_eq!(view.get(b"k").unwrap().unwrap(), "v");
    assert!(host.stores.open("old").await.is_err(), "still being read");
    drop(view);
    assert_eq!(host.stores.open("old").await.unwrap().get(b"k").unwrap(), None);
}

#[tokio::test]
async fn a_damaged_store_says_so_and_can_be_removed() {
    let temp = tempfile::tempdir().unwrap();
    let (host, _) = open(temp.path()).await;
    let store = host.stores.open("main").await.unwrap();
    for _ in 0..100 {
        store.commit(put("k", "v")).await.unwrap();
    }
    drop((store, host));
    let journal = temp.path().join("stores/main/engine/0.jnl");
    drop(open_once_closed(temp.path()).await);
    let mut bytes = fs::read(&journal).unwrap();
    bytes[40] ^= 0x10;
    fs::write(&journal, bytes).unwrap();
    let (host, _) = open_once_closed(temp.path()).await;
    match host.stores.open("main").await {
        Err(error) => assert!(error.to_string().starts_with("store main: "), "{error}"),
        // The engine may also cut its journal there: then rows are missing, and none is wrong.
        Ok(store) => assert!(store.get(b"k").unwrap().is_none_or(|value| value == "v")),
    }
    host.stores.remove("main").await.unwrap();
    let all = KeyRange { start: Bytes::new(), end: Bytes::from_static(&[0xFF]) };
    let fresh = host.stores.open("main").await.unwrap();
    assert_eq!(fresh.scan(&all, 9, Direction::Forward).unwrap(), []);
}

/// Runs itself in a process of its own, which has to die.
#[test]
fn a_fatal_error_ends_the_process_with_its_own_exit_code() {
    const DIE: &str = "CONFMAN_TEST_DIE";
    if std::env::var_os(DIE).is_some() {
        ProcessLifeline::exiting().fatal("on purpose");
        unreachable!("the process ended");
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_fatal_error_ends_the_process_with_its_own_exit_code"])
        .env(DIE, "1")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(FATAL_EXIT_CODE));
}

#[tokio::test]
async fn frames_pass_between_two_hosts() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ((one, _), (other, address)) = (open(one.path()).await, open(other.path()).await);
    let mut out = one.peers.connect(&address.to_string()).await.unwrap();
    let mut back = other.peers.accept().await.unwrap();
    out.sender.send(vec![Bytes::from_static(b"one"), Bytes::new()]).await.unwrap();
    out.sender.send(vec![Bytes::from(vec![3; 100_000])]).await.unwrap();
    assert_eq!(back.receiver.recv(10).await.unwrap().unwrap(), "one");
    assert_eq!(back.receiver.recv(10).await.unwrap().unwrap(), "");
    let error = back.receiver.recv(99_999).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    back.sender.send(vec![Bytes::from_static(b"answer")]).await.unwrap();
    drop(back);
    assert_eq!(out.receiver.recv(10).await.unwrap().unwrap(), "answer");
    // The other side closed with bytes unread: an end or a reset, as the kernel likes.
    assert!(!matches!(out.receiver.recv(10).await, Ok(Some(_))));
}

struct Server {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

impl Server {
    async fn start(change: impl FnOnce(&mut HttpConfig)) -> Server {
        let listener = listen("http.listen", "127.0.0.1:0", 64).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = HttpConfig {
            listen: address.to_string(),
            url: format!("http://{address}"),
            connections_max: 100,
            header_timeout: LONG,
            idle_timeout: LONG,
            body_timeout: LONG,
        };
        change(&mut config);
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/echo", post(|body: Bytes| async move { body }))
            .route("/large", get(|| async { vec![b'x'; 64 << 20] }))
            .route(
                "/slow",
                get(|| async {
                    sleep(Duration::from_secs(1)).await;
                    "slow"
                }),
            );
        let (end, ended) = oneshot::channel();
        let served = tokio::spawn(async move {
            serve_http(listener, router, &config, async {
                let _ = ended.await;
            })
            .await;
        });
        Server { address, end: Some(end), served }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn end(&mut self) {
        self.end.take().unwrap().send(()).unwrap();
    }
}

/// What comes until the server closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after some bytes is an end as well.
    let _ = timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("the server closes the connection");
    String::from_utf8(bytes).unwrap()
}

/// One answer of a connection that stays open, up to the end of `body`.
async fn answer(stream: &mut TcpStream, body: &str) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.ends_with(body) {
        let read = timeout(LONG, stream.read(&mut bytes)).await.expect("an answer").unwrap();
        assert!(read > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    text
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn http_answers_one_request_after_another() {
    let server = Server::start(|_| {}).await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.write_all(GET).await.unwrap();
        assert!(answer(&mut client, "hello").await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    client.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbo").await.unwrap();
    sleep(Duration::from_millis(20)).await;
    client.write_all(b"dy").await.unwrap();
    assert!(answer(&mut client, "body").await.starts_with("HTTP/1.1 200 OK\r\n"));
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(rest(client).await.ends_with("hello"));
}

#[tokio::test]
async fn http_ends_a_head_that_comes_too_slowly() {
    let server = Server::start(|config| config.header_timeout = Duration::from_millis(200)).await;
    let start = Instant::now();
    let silent = server.connect().await;
    let mut slow = server.connect().await;
    let slow = tokio::spawn(async move {
        // Some bytes every now and then do not help.
        for byte in b"GET / HTTP/1.1\r\nhost".iter() {
            if slow.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(30)).await;
        }
        rest(slow).await
    });
    assert_whole_problem(&rest(silent).await, 408, "invalid-request");
    assert!(start.elapsed() >= Duration::from_millis(200) && start.elapsed() < LONG);
    let said = slow.await.unwrap();
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
    // The second request of a connection has its own time, counted from its first byte.
    let mut client = server.connect().await;
    client.write_all(GET).await.unwrap();
    answer(&mut client, "hello").await;
    sleep(Duration::from_millis(300)).await;
    client.write_all(GET).await.unwrap();
    answer(&mut client, "hello").await;
    client.write_all(b"GET / HT").await.unwrap();
    assert!(rest(client).await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn http_ends_an_idle_connection() {
    let server = Server::start(|config| config.idle_timeout = Duration::from_millis(600)).await;
    let mut client = server.connect().await;
    for _ in 0..4 {
        client.write_all(GET).await.unwrap();
        answer(&mut client, "hello").await;
        sleep(Duration::from_millis(200)).await;
    }
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    answer(&mut client, "slow").await;
    let start = Instant::now();
    assert_eq!(rest(client).await, "");
    assert!(start.elapsed() >= Duration::from_millis(500) && start.elapsed() < LONG, "{:?}", start.elapsed());
}

/// What every answer has, whoever gives it.
fn assert_whole_problem(said: &str, status: u16, slug: &str) {
    let (head, body) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {said:?}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    for header in
        ["content-type: application/problem+json", "cache-control: private, no-cache", "connection: close", "date: "]
    {
        assert!(head.contains(header), "{header:?} is not in {said}");
    }
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("a request id");
    let problem: serde_json::Value = serde_json::from_str(body).expect("the body is JSON, and all of it");
    assert_eq!(problem["type"], format!("https://confman/errors/{slug}"));
    assert_eq!((&problem["status"], &problem["requestId"]), (&status.into(), &id.into()));
    let ours: confman::wire::Problem = serde_json::from_str(body).expect("a problem as clients read it");
    assert_eq!(Some(ours.title.as_str()), ours.slug().map(|slug| slug.title()), "a title is of its slug");
    assert!(head.contains(&format!("content-length: {}", body.len())) && head.contains("vary: Accept, "), "{said}");
}

#[tokio::test]
async fn http_answers_a_head_that_it_cannot_read_with_a_problem() {
    let server = Server::start(|_| {}).await;
    let long = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(300_000));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(200));
    for (head, status, slug) in [
        (long.as_str(), 431, "header-too-large"),
        (&many, 431, "header-too-large"),
        ("GET / HTTP/1.1\r\nhost: x\r\nx y: z\r\n\r\n", 400, "invalid-request"),
        ("GET / HTTP/3.0\r\nhost: x\r\n\r\n", 400, "invalid-request"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "invalid-request"),
        ("\x16\x03\x01\x02\0\x01\0\r\n\r\n", 400, "invalid-request"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "invalid-request"),
        ("GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400, "invalid-request"),
    ] {
        let mut client = server.connect().await;
        client.write_all(head.as_bytes()).await.unwrap();
        assert_whole_problem(&rest(client).await, status, slug);

        // Behind an answer that is on its way.
        let mut client = server.connect().await;
        client.write_all(GET).await.unwrap();
        answer(&mut client, "hello").await;
        client.write_all(head.as_bytes()).await.unwrap();
        assert_whole_problem(&rest(client).await, status, slug);
    }
    // HTTP/1.0 knows no Host.
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    assert!(rest(client).await.ends_with("hello"));
}

#[tokio::test]
async fn http_answers_408_to_a_body_that_comes_too_slowly() {
    let server = Server::start(|config| config.body_timeout = Duration::from_millis(200)).await;
    let mut client = server.connect().await;
    client.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nsome").await.unwrap();
    let said = rest(client).await;
    assert_whole_problem(&said, 408, "invalid-request");
}

#[tokio::test]
async fn http_ends_a_client_that_does_not_read() {
    let server = Server::start(|config| {
        config.body_timeout = Duration::from_millis(200);
        config.connections_max = 1;
    })
    .await;
    let mut client = server.connect().await;
    client.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let start = Instant::now();
    // The only slot is free again once the reader that never reads is given up.
    loop {
        assert!(start.elapsed() < LONG);
        sleep(Duration::from_millis(50)).await;
        let mut other = server.connect().await;
        other.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        if rest(other).await.starts_with("HTTP/1.1 200 ") {
            break;
        }
    }
    drop(client);
}

#[tokio::test]
async fn http_holds_no_more_answers_than_it_has_room_for() {
    let server = Server::start(|_| {}).await;
    let mut deaf = Vec::new();
    for _ in 0..4 {
        let mut client = server.connect().await;
        client.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut begun = [0; 16];
        client.read_exact(&mut begun).await.unwrap();
        assert!(begun.starts_with(b"HTTP/1.1 200 "));
        deaf.push(client);
    }
    let mut client = server.connect().await;
    client.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_whole_problem(&rest(client).await, 503, "overloaded");
    let mut small = server.connect().await;
    small.write_all(GET).await.unwrap();
    answer(&mut small, "hello").await;
    // What was sent, or never will be, takes no room.
    drop(deaf);
    let start = Instant::now();
    loop {
        let mut client = server.connect().await;
        client.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut begun = [0; 16];
        client.read_exact(&mut begun).await.unwrap();
        if begun.starts_with(b"HTTP/1.1 200 ") {
            break;
        }
        assert!(start.elapsed() < LONG);
    }
}

#[tokio::test]
async fn http_refuses_connections_beyond_the_cap_while_all_others_are_at_work() {
    let server = Server::start(|config| config.connections_max = 2).await;
    let (mut one, mut two) = (server.connect().await, server.connect().await);
    for client in [&mut one, &mut two] {
        client.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    }
    sleep(Duration::from_millis(100)).await;
    let mut third = server.connect().await;
    third.write_all(GET).await.unwrap();
    let said = rest(third).await;
    assert_whole_problem(&said, 503, "overloaded");
    assert!(said.contains("retry-after: 1"));
    for client in [&mut one, &mut two] {
        answer(client, "slow").await;
    }
}

#[tokio::test]
async fn http_closes_who_waits_the_longest_where_there_is_no_room_for_another() {
    let server = Server::start(|config| config.connections_max = 3).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for client in [&mut first, &mut second] {
        client.write_all(GET).await.unwrap();
        answer(client, "hello").await;
    }
    let silent = server.connect().await;
    sleep(Duration::from_millis(700)).await;
    let mut fourth = server.connect().await;
    fourth.write_all(GET).await.unwrap();
    answer(&mut fourth, "hello").await;
    // Who never asked goes before who asked and is idle.
    assert_whole_problem(&rest(silent).await, 503, "overloaded");
    let mut fifth = server.connect().await;
    fifth.write_all(GET).await.unwrap();
    answer(&mut fifth, "hello").await;
    assert_eq!(rest(first).await, "", "and of those the one that is idle the longest");
    for client in [&mut second, &mut fourth, &mut fifth] {
        client.write_all(GET).await.unwrap();
        answer(client, "hello").await;
    }
}

#[tokio::test]
async fn http_is_heard_by_a_client_that_is_still_sending() {
    let server = Server::start(|_| {}).await;
    // Nobody reads what is sent there; a little of it is taken, and the connection goes on.
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbo").await.unwrap();
    sleep(Duration::from_millis(20)).await;
    client.write_all(b"dy").await.unwrap();
    assert!(!answer(&mut client, "hello").await.contains("connection: close"));
    client.write_all(GET).await.unwrap();
    answer(&mut client, "hello").await;

    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 16777216\r\n\r\n").await.unwrap();
    client.write_all(&vec![b'x'; 16 << 20]).await.expect("what is sent is taken, though nobody reads it");
    let said = rest(client).await;
    assert!(said.contains("connection: close") && said.ends_with("hello"), "{said}");

    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n").await.unwrap();
    let said = rest(client).await;
    assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("connection: close"), "{said}");
}

#[tokio::test]
async fn http_answers_431_to_a_head_that_is_too_long() {
    let server = Server::start(|_| {}).await;
    let mut client = server.connect().await;
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {}\r\n\r\n", "x".repeat(40 << 10));
    // The server may close before it has read all.
    let _ = client.write_all(head.as_bytes()).await;
    let said = rest(client).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431 "), "{said}");
    let mut client = server.connect().await;
    client.write_all(b"rubbish\r\n\r\n").await.unwrap();
    assert!(rest(client).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn http_finishes_what_is_in_flight_when_it_ends() {
    let mut server = Server::start(|_| {}).await;
    let (mut busy, mut idle, fresh) = (server.connect().await, server.connect().await, server.connect().await);
    idle.write_all(GET).await.unwrap();
    answer(&mut idle, "hello").await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    server.end();
    assert_eq!(rest(idle).await, "", "idle connections are closed at once");
    assert_eq!(rest(fresh).await, "", "and those that never sent anything");
    assert!(start.elapsed() < Duration::from_millis(800), "{:?}", start.elapsed());
    let said = rest(busy).await;
    assert!(said.starts_with("HTTP/1.1 200 ") && said.ends_with("slow"), "{said}");
    timeout(Duration::from_secs(2), server.served).await.expect("it returns when all is done").unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "no more connections");
}
