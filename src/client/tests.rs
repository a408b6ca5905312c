//! Each rule of what is repeated, against a network that does as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use expect_test::{Expect, expect};
use http::{Request, Response};
use serde_json::{Value, json};

use super::*;
use crate::host::{BoxFuture, ClientHost, Connection, SendError, Transport, fake};
use crate::wire::ValueType;

/// What a node does with the next request or connection, as a word: `refuse` and `silent` are about connecting,
/// `unsent`, `break` and `hang` about sending, `N` answers with that status as Confman would, `N!` as something else
/// would, `307>b` sends to node b, `200.` closes the connection behind the answer.
type Script = VecDeque<&'static str>;

#[derive(Clone, Default)]
struct Net(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    scripts: BTreeMap<String, Script>,
    /// What was asked of whom.
    log: Vec<String>,
    connections: usize,
    requests: Vec<Request<Bytes>>,
    bodies: VecDeque<Value>,
}

impl Net {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("no panic under this lock")
    }
}

impl Transport for Net {
    fn connect(&self, base: &str) -> BoxFuture<'_, Result<Box<dyn Connection>, String>> {
        let base = base.to_owned();
        Box::pin(async move {
            let next = {
                let mut state = self.state();
                let script = state.scripts.entry(base.clone()).or_default();
                let next = script.pop_front_if(|next| ["refuse", "silent"].contains(next));
                if next.is_some() {
                    let name = node_name(&base);
                    state.log.push(format!("connect {name}"));
                }
                next
            };
            match next {
                Some("refuse") => return Err("connection refused".to_owned()),
                Some(_) => std::future::pending().await,
                None => {}
            }
            self.state().connections += 1;
            Ok(Box::new(FakeConnection { net: self.clone(), base, open: true }) as Box<dyn Connection>)
        })
    }
}

struct FakeConnection {
    net: Net,
    base: String,
    open: bool,
}

fn node_name(base: &str) -> String {
    base.trim_start_matches("http://").trim_end_matches(":1").to_owned()
}

impl Connection for FakeConnection {
    fn is_open(&self) -> bool {
        self.open
    }

    fn send(&mut self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        let word = {
            let mut state = self.net.state();
            let line = format!("{} {}", request.method(), node_name(&self.base));
            state.log.push(line);
            state.requests.push(request.clone());
            state.scripts.get_mut(&self.base).and_then(VecDeque::pop_front).unwrap_or("200")
        };
        Box::pin(async move {
            match word {
                "unsent" => return Err(SendError::NotSent("closed before".to_owned())),
                "break" => return Err(SendError::Broken("connection reset".to_owned())),
                "hang" => std::future::pending().await,
                _ => {}
            }
            self.open = !word.ends_with('.');
            Ok(answer(word.trim_end_matches('.'), &request, &self.net))
        })
    }
}

fn answer(word: &str, request: &Request<Bytes>, net: &Net) -> Response<Bytes> {
    let (word, is_ours) = (word.trim_end_matches('!'), !word.ends_with('!'));
    if let Some((status, to)) = word.split_once('>') {
        let path = request.uri().path();
        let answer = Response::builder().status(status).header("location", format!("http://{to}:1{path}?hop=1"));
        return answer.body(Bytes::new()).expect("an answer");
    }
    let status: u16 = word.parse().expect("a status");
    let slug = match status {
        404 => "not-found",
        409 => "version-unknown",
        403 => "forbidden",
        500 => "internal",
        501 => "not-implemented",
        503 => "no-leader",
        504 => "outcome-unknown",
        507 => "storage-full",
        _ => "",
    };
    let mut answer = Response::builder().status(status).header("x-confman-version", "1:7");
    let body = match status {
        204 => return answer.body(Bytes::new()).expect("an answer"),
        200 | 201 => net.state().bodies.pop_front().unwrap_or_else(entry),
        _ if is_ours => {
            answer = answer.header("content-type", "application/problem+json").header("retry-after", "1");
            json!({"type": format!("https://confman/errors/{slug}"), "title": "", "status": status, "detail": "why",
                "instance": "/", "requestId": "r"})
        }
        _ => json!("<html>"),
    };
    answer.body(body.to_string().into()).expect("an answer")
}

fn entry() -> Value {
    json!({"namespace": "n", "key": "k", "value": "v", "type": "string", "version": 1, "revision": "1:7",
        "createdAt": "t", "updatedAt": "t", "updatedBy": "me"})
}

/// A client of nodes a, b and so on, each with its script.
fn client(scripts: &[&'static str]) -> (Client, Net, fake::FakeHost) {
    let (net, host) = (Net::default(), fake::host());
    let names = ["a", "b", "c"];
    for (name, script) in names.iter().zip(scripts) {
        net.state().scripts.insert(format!("http://{name}:1"), script.split_whitespace().collect());
    }
    let addresses = names.iter().take(scripts.len()).map(|name| format!("http://{name}:1"));
    let config = ClientConfig::new(addresses).expect("addresses").with_key("cm_key");
    let outside = ClientHost {
        transport: Arc::new(net.clone()),
        clock: host.host.clock.clone(),
        entropy: host.host.entropy.clone(),
    };
    (Client::new(config, outside), net, host)
}

async fn write(client: &Client) -> String {
    match client.set("n", "k", "v", ValueType::String).await {
        Ok(written) if written.created => "created".to_owned(),
        Ok(_) => "changed".to_owned(),
        Err(error) => told(&error),
    }
}

async fn read(client: &Client) -> String {
    match client.get("n", "k").await {
        Ok(Some(entry)) => entry.value,
        Ok(None) => "absent".to_owned(),
        Err(error) => told(&error),
    }
}

fn told(error: &Error) -> String {
    format!("{error} [may have happened: {}]", error.may_have_happened())
}

/// Runs one operation, and says what was asked, what came of it, and after how many seconds.
async fn check(scripts: &[&'static str], is_write: bool, expected: Expect) {
    let (client, net, host) = client(scripts);
    let began = host.host.clock.now();
    let outcome = if is_write { write(&client).await } else { read(&client).await };
    let took = host.host.clock.now().since(began).as_secs_f64();
    expected.assert_eq(&format!("{}: {outcome}, {:.0} s", net.state().log.join(", "), took.floor()));
}

#[tokio::test(start_paused = true)]
async fn a_write_goes_on_where_surely_nothing_was_done() {
    check(&["201"], true, expect!["PUT a: created, 0 s"]).await;
    check(&["refuse", "200"], true, expect!["connect a, PUT b: changed, 0 s"]).await;
    check(&["silent", "200"], true, expect!["connect a, PUT b: changed, 2 s"]).await;
    check(&["unsent", "200"], true, expect!["PUT a, PUT b: changed, 0 s"]).await;
    check(&["503", "200"], true, expect!["PUT a, PUT b: changed, 0 s"]).await;
    check(&["503 200"], true, expect!["PUT a, PUT a: changed, 1 s"]).await;
    check(&["307>b", "200"], true, expect!["PUT a, PUT b: changed, 0 s"]).await;
    check(&["307>b", "503", "307>b 201"], true, expect!["PUT a, PUT b, PUT b: changed, 0 s"]).await;
    check(&["refuse refuse refuse 200"], true, expect!["connect a, connect a, connect a, PUT a: changed, 0 s"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_outcome_is_unknown_is_never_repeated() {
    check(
        &["break", "200"],
        true,
        expect!["PUT a: the outcome of the write is not known: connection reset [may have happened: true], 0 s"],
    )
    .await;
    check(
        &["504", "200"],
        true,
        expect![
            "PUT a: the outcome of the write is not known: 504 outcome-unknown: why [may have happened: true], 0 s"
        ],
    )
    .await;
    check(
        &["hang", "200"],
        true,
        expect!["PUT a: the outcome of the write is not known: no answer in time [may have happened: true], 10 s"],
    )
    .await;
    check(
        &["500", "200"],
        true,
        expect!["PUT a: the outcome of the write is not known: 500 internal: why [may have happened: true], 0 s"],
    )
    .await;
    check(&["503!", "200"], true, expect!["PUT a: the outcome of the write is not known: 503 without a problem of Confman's [may have happened: true], 0 s"]).await;
    check(&["502!", "200"], true, expect!["PUT a: the outcome of the write is not known: 502 without a problem of Confman's [may have happened: true], 0 s"]).await;
    check(
        &["307>b", "break", "200"],
        true,
        expect!["PUT a, PUT b: the outcome of the write is not known: connection reset [may have happened: true], 0 s"],
    )
    .await;
    check(
        &["503 break"],
        true,
        expect!["PUT a, PUT a: the outcome of the write is not known: connection reset [may have happened: true], 1 s"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_at_once() {
    check(&["403", "200"], true, expect!["PUT a: 403 forbidden: why [may have happened: false], 0 s"]).await;
    check(
        &["403!", "200"],
        false,
        expect!["GET a: 403, and not by a node: is the address right? [may have happened: false], 0 s"],
    )
    .await;
    check(&["501", "200"], true, expect!["PUT a: 501 not-implemented: why [may have happened: false], 0 s"]).await;
    check(&["507", "200"], true, expect!["PUT a: unavailable: 507 storage-full: why [may have happened: false], 0 s"])
        .await;
    check(&["404", "200"], false, expect!["GET a: absent, 0 s"]).await;
    check(
        &["404!", "200"],
        false,
        expect!["GET a: 404, and not by a node: is the address right? [may have happened: false], 0 s"],
    )
    .await;
    check(
        &["302!", "200"],
        true,
        expect!["PUT a: not an answer of Confman: status 302 [may have happened: true], 0 s"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_read_asks_on_until_its_time_is_up() {
    check(&["break", "200"], false, expect!["GET a, GET b: v, 0 s"]).await;
    check(&["504", "200"], false, expect!["GET a, GET b: v, 0 s"]).await;
    check(&["hang", "200"], false, expect!["GET a, GET b: v, 5 s"]).await;
    check(&["500", "503!", "200"], false, expect!["GET a, GET b, GET c: v, 0 s"]).await;
    check(
        &["hang hang"],
        false,
        expect!["GET a, GET a: unavailable: http://a:1: no answer in time [may have happened: false], 10 s"],
    )
    .await;
    check(&["silent silent silent silent silent silent"], false, expect!["connect a, connect a, connect a, connect a, connect a: unavailable: http://a:1: no connection in time [may have happened: false], 10 s"]).await;
}

#[tokio::test(start_paused = true)]
async fn redirects_that_lead_nowhere_end() {
    let (round, back) = ("307>b ".repeat(200).leak(), "307>a ".repeat(200).leak());
    let (client, net, _host) = client(&[round, back]);
    let outcome = write(&client).await;
    assert!(outcome.starts_with("unavailable") && outcome.contains("back and forth"), "{outcome}");
    assert!(net.state().log.len() > 4);
}

#[tokio::test(start_paused = true)]
async fn writes_remember_the_leader_and_reads_the_node_that_answered() {
    let (client, net, _host) = client(&["307>b 200", "refuse refuse", "200"]);
    // b leads, and is down after it was named.
    net.state().scripts.insert("http://b:1".to_owned(), VecDeque::from(["201", "200", "unsent", "refuse"]));
    assert_eq!((write(&client).await, write(&client).await), ("created".to_owned(), "changed".to_owned()));
    assert_eq!(write(&client).await, "changed");
    assert_eq!(net.state().log.join(", "), "PUT a, PUT b, PUT b, PUT b, connect b, PUT c");
    net.state().log.clear();
    assert_eq!(read(&client).await, "v");
    assert_eq!(net.state().log.join(", "), "GET c");
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_again_while_it_is_fresh_and_open() {
    let (client, net, _host) = client(&["200 200 200. 200 200"]);
    for expected in [1, 1, 1, 2] {
        read(&client).await;
        assert_eq!(net.state().connections, expected);
    }
    tokio::time::sleep(Duration::from_secs(31)).await;
    read(&client).await;
    assert_eq!(net.state().connections, 3);
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_breaks_under_a_write_leaves_it_unknown() {
    let (client, net, _host) = client(&["200 break 200", "200"]);
    read(&client).await;
    assert!(write(&client).await.contains("may have happened: true"));
    assert_eq!(net.state().log.join(", "), "GET a, PUT a");
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_carried_nothing_is_replaced() {
    let (client, net, _host) = client(&["200 unsent 200", "200"]);
    read(&client).await;
    assert_eq!(write(&client).await, "changed");
    assert_eq!(net.state().log.join(", "), "GET a, PUT a, PUT a");
    assert_eq!(net.state().connections, 2);
}

#[tokio::test(start_paused = true)]
async fn all_tries_of_one_operation_bear_one_request_id_and_the_key() {
    let (client, net, _host) = client(&["503", "307>a"]);
    write(&client).await;
    client.with_request_id(RequestId::parse("mine").expect("an id")).get("n", "k").await.expect("an entry");
    let state = net.state();
    let ids: Vec<&str> =
        state.requests.iter().map(|one| one.headers()["x-request-id"].to_str().expect("text")).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids.last() == Some(&"mine"), "{ids:?}");
    assert!(state.requests.iter().all(|one| one.headers()["x-api-key"] == "cm_key"));
    assert_eq!(state.requests[2].uri().query(), Some("hop=1"));
}

/// What the reads so far asked for, each as version and mode.
fn asked(net: &Net) -> Vec<String> {
    let of = |request: &Request<Bytes>, name: &str| {
        let value = request.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned());
        value.unwrap_or_else(|| "-".to_owned())
    };
    let both = |request| format!("{} {}", of(request, "x-confman-min-version"), of(request, "x-confman-consistency"));
    net.state().requests.iter().map(both).collect()
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_on_from_what_it_was_told() {
    let (client, net, _) = client(&["200 404 200 409 200"]);
    read(&client).await;
    // Clones are one session.
    assert_eq!(read(&client.clone()).await, "absent");
    assert_eq!(client.version().as_deref(), Some("1:7"));
    client.seen("1:9").unwrap();
    client.seen("1:8").unwrap();
    assert!(client.seen("nine").is_err());
    write(&client).await;
    assert_eq!(asked(&net), ["- -", "1:7 -", "- -"], "a write needs none");
    assert!(read(&client).await.contains("409"), "what the session saw is gone");
    assert_eq!(read(&client).await, "v");
    assert_eq!(asked(&net)[3..], ["1:9 -", "- -"], "it is told once, and a new session begins");
}

#[tokio::test(start_paused = true)]
async fn other_reads_than_a_sessions_ask_for_what_they_are() {
    for (consistency, expected) in
        [(Consistency::Eventual, ["- -", "- -"]), (Consistency::Linearizable, ["- linearizable", "1:7 linearizable"])]
    {
        let (client, net, host) = client(&[""]);
        let host = ClientHost {
            transport: Arc::new(net.clone()),
            clock: host.host.clock.clone(),
            entropy: host.host.entropy.clone(),
        };
        let client = Client::new(client.inner.config.clone().with_consistency(consistency), host);
        read(&client).await;
        read(&client).await;
        assert_eq!(asked(&net), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn lists_are_read_to_their_end() {
    let page = |keys: &[&str], next: Option<&str>| {
        let item = |key: &&str| {
            let mut item = entry();
            item["key"] = json!(key);
            item
        };
        let pagination = json!({"limit": 2, "hasMore": next.is_some(), "nextCursor": next});
        json!({"items": keys.iter().map(item).collect::<Vec<_>>(), "revision": "1:7", "pagination": pagination})
    };
    let (client, net, _host) = client(&["200 break 200 200"]);
    net.state().bodies = [page(&["a", "b"], Some("x+y")), page(&["c"], None)].into();
    let keys = |entries: Vec<crate::wire::Entry>| entries.into_iter().map(|one| one.key).collect::<Vec<_>>();
    let all = client.list("n", "p").expect("a list").with_page_size(2).all().await.expect("all pages");
    assert_eq!(keys(all), ["a", "b", "c"]);
    let queries: Vec<String> = net.state().requests.iter().map(|one| one.uri().to_string()).collect();
    assert_eq!(queries[0], "/api/v1/config/n?limit=2&prefix=p");
    assert_eq!(queries[1], "/api/v1/config/n?limit=2&prefix=p&cursor=x%2By");

    net.state().bodies = [page(&["a"], Some("x")), page(&["b"], Some("x"))].into();
    let error = client.list("n", "").expect("a list").all().await.expect_err("it leads nowhere");
    assert!(error.to_string().contains("leads back"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_read_says_whether_it_answers_a_write() {
    let (client, net, _host) = client(&["200 200 204 404"]);
    net.state().bodies = [json!("x"), json!("x")].into();
    assert!(write(&client).await.contains("may have happened: true"));
    assert!(read(&client).await.contains("may have happened: false"));
    let deleted = client.delete("n", "k").await.expect("deleted");
    assert_eq!(deleted.map(|deleted| deleted.revision).as_deref(), Some("1:7"));
    assert_eq!(client.delete("n", "k").await, Ok(None));
}
