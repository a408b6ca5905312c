//! A trace of format 2 that no run made: a cluster's outward look, drawn until there are as many events as asked for.
//!
//! It has every kind of event and fate of a message, and counts what it put in, so that a test knows what the page must
//! show.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt::Write as _;

const MS: u64 = 1_000_000;
const BEAT: u64 = 100 * MS;
const LAW: &str = "acknowledged writes survive, refused ones do not happen";

/// What was put into the trace.
#[derive(Default)]
pub struct MadeUp {
    pub lines: String,
    pub events: u64,
    pub sent: u64,
    pub lost: u64,
    pub doubled: u64,
    pub faults: u64,
    pub asked: u64,
    /// Of the messages, the heartbeats and their answers.
    pub beats: u64,
    /// Of the messages, those from and to node 1.
    pub of_first: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Do {
    Beat { node: u64, term: u64 },
    Arrive { msg: u64, again: bool },
    Synced { node: u64, incarnation: u64, io: u64, then: Then },
    Ask { client: u64 },
    Fault { number: usize },
    Over { number: usize, at: u64 },
    Elect { node: u64 },
}

/// What a sync was for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Then {
    Send { to: String, what: &'static str },
    Nothing,
}

#[derive(Clone)]
struct Message {
    from: String,
    to: String,
    what: &'static str,
    link: u64,
    send: u64,
}

#[derive(Default, Clone)]
struct Node {
    incarnation: u64,
    up: bool,
    paused: bool,
    cut: bool,
    leads: bool,
}

struct Maker<'a> {
    made: MadeUp,
    draw: &'a mut dyn FnMut(u64) -> u64,
    agenda: BinaryHeap<Reverse<(u64, u64, Do, Option<u64>)>>,
    added: u64,
    now: u64,
    nodes: BTreeMap<u64, Node>,
    messages: Vec<Message>,
    asking: BTreeMap<u64, (String, &'static str)>,
    term: u64,
    index: u64,
    ios: u64,
    ops: u64,
    loss: u64,
    doubling: u64,
    about: Vec<u64>,
}

/// About `events` events of a cluster; `draw` gives a number below its argument.
pub fn trace(events: u64, nodes: u64, clients: u64, draw: &mut dyn FnMut(u64) -> u64) -> MadeUp {
    let mut maker = Maker {
        made: MadeUp::default(),
        draw,
        agenda: BinaryHeap::new(),
        added: 0,
        now: 0,
        nodes: (1..=nodes).map(|node| (node, Node::default())).collect(),
        messages: Vec::new(),
        asking: BTreeMap::new(),
        term: 0,
        index: 0,
        ios: 0,
        ops: 0,
        loss: 0,
        doubling: 0,
        about: Vec::new(),
    };
    maker.begin(nodes, clients);
    while maker.made.events < events.saturating_sub(4) {
        let Reverse((at, _, what, cause)) = maker.agenda.pop().expect("clients ask for ever");
        maker.now = maker.now.max(at);
        maker.step(what, cause);
    }
    maker.end();
    maker.made
}

impl Maker<'_> {
    fn event(&mut self, who: &str, kind: &str, cause: Option<u64>, members: &str) -> u64 {
        let n = self.made.events;
        let lines = &mut self.made.lines;
        let _ = write!(lines, "{{\"n\":{n},\"t\":{}.{:09},", self.now / 1_000_000_000, self.now % 1_000_000_000);
        if let Some(node) = who.strip_prefix('n') {
            let incarnation =
                node.parse().ok().and_then(|node: u64| self.nodes.get(&node)).map_or(1, |n| n.incarnation);
            let _ = write!(lines, "\"node\":{node},\"incarnation\":{incarnation},");
        } else if let Some(client) = who.strip_prefix('c') {
            let _ = write!(lines, "\"client\":{client},");
        }
        let _ = write!(lines, "\"kind\":\"{kind}\"");
        if let Some(cause) = cause {
            let _ = write!(lines, ",\"cause\":{cause}");
        }
        let comma = if members.is_empty() { "" } else { "," };
        let _ = writeln!(lines, "{comma}{members}}}");
        self.made.events += 1;
        n
    }

    fn later(&mut self, after: u64, what: Do, cause: Option<u64>) {
        self.added += 1;
        self.agenda.push(Reverse((self.now + after, self.added, what, cause)));
    }

    fn begin(&mut self, nodes: u64, clients: u64) {
        let schedule = format!(
            r#""format":2,"schedule":{{"version":1,"seed":42,"nodes":{nodes},"workload":{{"clients":{clients},"keys":10}},"disturbedMs":30000,"faults":[]}}"#
        );
        self.event("", "run", None, &schedule);
        self.event("", "phase", None, r#""detail":"start""#);
        for node in 1..=nodes {
            self.boot(node, None);
        }
        self.later(200 * MS, Do::Elect { node: 1 }, None);
        for client in 1..=clients {
            self.later(400 * MS, Do::Ask { client }, None);
        }
        self.later(2_000 * MS, Do::Fault { number: 0 }, None);
    }

    fn boot(&mut self, node: u64, cause: Option<u64>) {
        let state = self.nodes.get_mut(&node).expect("nodes are known");
        *state = Node { incarnation: state.incarnation + 1, up: true, ..Node::default() };
        let who = format!("n{node}");
        let boot = self.event(&who, "boot", cause, "");
        self.event(&who, "serving", Some(boot), "");
        let term = self.term;
        self.event(&who, "role", Some(boot), &format!(r#""role":"follower","term":{term}"#));
    }

    fn stop(&mut self, node: u64, how: &str, cause: u64) {
        let stopped = self.event(&format!("n{node}"), "stop", Some(cause), &format!(r#""detail":"{how}""#));
        self.about = vec![stopped];
        let state = self.nodes.get_mut(&node).expect("nodes are known");
        let led = state.leads;
        *state = Node { incarnation: state.incarnation, ..Node::default() };
        if let (true, Some(next)) = (led, self.other(node)) {
            self.later(300 * MS, Do::Elect { node: next }, Some(stopped));
        }
    }

    fn other(&self, than: u64) -> Option<u64> {
        self.nodes.iter().find(|(node, state)| **node != than && state.up && !state.cut).map(|(node, _)| *node)
    }

    fn send(&mut self, from: &str, to: &str, what: &'static str, cause: Option<u64>) {
        let msg = self.messages.len() as u64;
        let link = 1 + msg % 5;
        let members = format!(r#""to":"{to}","msg":{msg},"link":{link},"what":"{what}","bytes":{}"#, 40 + msg % 900);
        let send = self.event(from, "send", cause, &members);
        self.made.sent += 1;
        self.made.beats += u64::from(what.ends_with("heartbeat"));
        self.made.of_first += u64::from(from == "n1" || to == "n1");
        self.messages.push(Message { from: from.to_owned(), to: to.to_owned(), what, link, send });
        let cut = |place: &str| self.nodes.iter().any(|(node, state)| state.cut && place == format!("n{node}"));
        let (cut, drawn, loss) = (cut(from) || cut(to), (self.draw)(100), self.loss);
        let mut after = 200_000 + (self.draw)(2 * MS);
        let fate = format!(r#""to":"{to}","msg":{msg}"#);
        if (cut && drawn >= 30) || drawn < loss {
            let why = if cut { "cut" } else { "loss" };
            self.event(from, "lost", Some(send), &format!(r#"{fate},"why":"{why}""#));
            self.made.lost += 1;
            return;
        }
        if cut {
            self.event(from, "held", Some(send), &fate);
            after += 900 * MS;
        } else if drawn == 99 {
            self.event(from, "overtakes", Some(send), &fate);
            after /= 4;
        }
        self.later(after, Do::Arrive { msg, again: false }, Some(send));
        if (self.draw)(100) < self.doubling {
            self.later(after + 3 * MS, Do::Arrive { msg, again: true }, Some(send));
        }
    }

    fn sync(&mut self, node: u64, cause: u64, then: Then) {
        let who = format!("n{node}");
        let write = self.event(&who, "write", Some(cause), r#""detail":"raft/00000001.seg 512 bytes""#);
        self.ios += 1;
        let io = self.ios;
        let sync = self.event(&who, "sync", Some(write), &format!(r#""io":{io},"detail":"raft/00000001.seg""#));
        let incarnation = self.nodes[&node].incarnation;
        let after = 500_000 + (self.draw)(4 * MS);
        self.later(after, Do::Synced { node, incarnation, io, then }, Some(sync));
    }

    fn step(&mut self, what: Do, cause: Option<u64>) {
        match what {
            Do::Beat { node, term } => {
                if term != self.term || !self.nodes[&node].leads {
                    return;
                }
                for other in self.nodes.keys().copied().filter(|other| *other != node).collect::<Vec<_>>() {
                    self.send(&format!("n{node}"), &format!("n{other}"), "heartbeat", cause);
                }
                self.later(BEAT, Do::Beat { node, term }, cause);
            }
            Do::Arrive { msg, again } => self.arrive(msg, again, cause),
            Do::Synced { node, incarnation, io, then } => {
                let state = &self.nodes[&node];
                if !state.up || state.incarnation != incarnation {
                    return;
                }
                let synced = self.event(&format!("n{node}"), "synced", cause, &format!(r#""io":{io},"ok":true"#));
                if let Then::Send { to, what } = then {
                    self.send(&format!("n{node}"), &to, what, Some(synced));
                }
            }
            Do::Ask { client } => self.ask(client),
            Do::Fault { number } => self.fault(number),
            Do::Over { number, at } => self.over(number, at),
            Do::Elect { node } => self.elect(node, cause),
        }
    }

    fn elect(&mut self, node: u64, cause: Option<u64>) {
        if !self.nodes[&node].up {
            return;
        }
        self.term += 1;
        let (who, term) = (format!("n{node}"), self.term);
        let stood = self.event(&who, "role", cause, &format!(r#""role":"candidate","term":{term}"#));
        for other in self.nodes.keys().copied().filter(|other| *other != node).collect::<Vec<_>>() {
            self.send(&who, &format!("n{other}"), "vote", Some(stood));
        }
        self.now += 8 * MS;
        let won =
            self.event(&who, "role", Some(stood), &format!(r#""role":"leader","term":{term},"leader":"n{node}""#));
        self.nodes.iter_mut().for_each(|(other, state)| state.leads = *other == node);
        for other in
            self.nodes.iter().filter(|(other, state)| **other != node && state.up).map(|(n, _)| *n).collect::<Vec<_>>()
        {
            let members = format!(r#""role":"follower","term":{term},"leader":"n{node}""#);
            self.event(&format!("n{other}"), "role", Some(won), &members);
        }
        self.later(BEAT, Do::Beat { node, term }, Some(won));
    }

    fn ask(&mut self, client: u64) {
        let pause = (self.draw)(120 * MS);
        self.later(20 * MS + pause, Do::Ask { client }, None);
        let who = format!("c{client}");
        if let Some((op, what)) = self.asking.remove(&client) {
            self.event(&who, "told", None, &format!(r#""op":"{op}","outcome":"unknown","detail":"{what} after 3 s""#));
            return;
        }
        self.ops += 1;
        self.made.asked += 1;
        let op = format!("{who}-{}", self.ops);
        let what = ["set", "set", "get", "delete"][(self.draw)(4) as usize];
        let members = format!(r#""op":"{op}","what":"{what}","detail":"key{} \"<b>\"""#, self.ops % 10);
        let ask = self.event(&who, "ask", None, &members);
        let node = 1 + (self.draw)(self.nodes.len() as u64);
        self.asking.insert(client, (op, what));
        self.send(&who, &format!("n{node}"), if what == "get" { "GET" } else { "PUT" }, Some(ask));
    }

    fn arrive(&mut self, msg: u64, again: bool, cause: Option<u64>) {
        let Message { from, to, what, link, send } = self.messages[msg as usize].clone();
        let node = to.strip_prefix('n').and_then(|node| node.parse::<u64>().ok());
        if node.is_some_and(|node| !self.nodes[&node].up) {
            if !again {
                self.event(&from, "lost", Some(send), &format!(r#""to":"{to}","msg":{msg},"why":"dead""#));
                self.made.lost += 1;
            }
            return;
        }
        self.made.doubled += u64::from(again);
        let twice = if again { r#","again":true"# } else { "" };
        let got = self.event(&to, "receive", cause, &format!(r#""from":"{from}","msg":{msg},"link":{link}{twice}"#));
        let Some(node) = node else {
            return self.told(&to, &from, what, got);
        };
        if again {
            return;
        }
        match what {
            "heartbeat" => self.send(&to, &from, "answer to heartbeat", Some(got)),
            "vote" => self.sync(node, got, Then::Send { to: from, what: "answer to vote" }),
            "append" => self.sync(node, got, Then::Send { to: from, what: "answer to append" }),
            "GET" => self.send(&to, &from, "200", Some(got)),
            "PUT" if self.nodes[&node].leads => {
                self.sync(node, got, Then::Nothing);
                for other in self.nodes.keys().copied().filter(|other| *other != node).collect::<Vec<_>>() {
                    self.send(&to, &format!("n{other}"), "append", Some(got));
                }
                self.index += 1;
                let members = format!(r#""term":{},"index":{}"#, self.term, self.index);
                self.now += 2 * MS;
                let commit = self.event(&to, "commit", Some(got), &members);
                let apply = self.event(&to, "apply", Some(commit), &members);
                self.about.truncate(1);
                self.about.push(commit);
                self.send(&to, &from, "200", Some(apply));
            }
            "PUT" => self.send(&to, &from, "307", Some(got)),
            _ => {}
        }
    }

    fn told(&mut self, client: &str, by: &str, what: &str, got: u64) {
        let number = client.strip_prefix('c').and_then(|client| client.parse::<u64>().ok());
        let Some((op, asked)) = number.and_then(|number| self.asking.remove(&number)) else { return };
        let outcome = match (what, asked) {
            ("307", _) => "refused",
            (_, "get") => ["found", "absent"][(self.draw)(2) as usize],
            (_, "delete") => "deleted",
            _ => "set",
        };
        let told =
            self.event(client, "told", Some(got), &format!(r#""op":"{op}","from":"{by}","outcome":"{outcome}""#));
        if outcome == "set" {
            self.about.truncate(2);
            self.about.push(told);
        }
    }

    fn fault(&mut self, number: usize) {
        let kinds = ["cut", "loss", "crash", "power loss", "duplication", "pause", "slow syncs"];
        let (what, for_ms) = (kinds[number % kinds.len()], 300 + (self.draw)(2_500));
        let node = 1 + (self.draw)(self.nodes.len() as u64);
        let node =
            if what == "crash" { self.nodes.iter().find(|(_, s)| s.leads).map_or(node, |(n, _)| *n) } else { node };
        let struck = match what {
            "loss" | "duplication" => self.nodes.keys().map(|n| format!("\"n{n}\"")).collect::<Vec<_>>().join(","),
            _ => format!("\"n{node}\""),
        };
        let members = format!(r#""fault":{number},"what":"{what}","nodes":[{struck}],"forMs":{for_ms}"#);
        let fault = self.event("", "fault", None, &members);
        self.made.faults += 1;
        match what {
            "cut" => self.nodes.get_mut(&node).expect("nodes are known").cut = true,
            "loss" => self.loss = 20,
            "duplication" => self.doubling = 25,
            "crash" if self.nodes[&node].up => self.stop(node, "Crash", fault),
            "power loss" if self.nodes[&node].up => self.stop(node, "PowerLoss", fault),
            "pause" if self.nodes[&node].up => {
                self.nodes.get_mut(&node).expect("nodes are known").paused = true;
                self.event(&format!("n{node}"), "pause", Some(fault), "");
            }
            _ => {}
        }
        self.later(for_ms * MS, Do::Over { number, at: node }, Some(fault));
        let calm_ms = 200 + (self.draw)(2_000);
        self.later((for_ms + calm_ms) * MS, Do::Fault { number: number + 1 }, None);
    }

    fn over(&mut self, number: usize, node: u64) {
        let over = self.event("", "fault-over", None, &format!(r#""fault":{number}"#));
        (self.loss, self.doubling) = (0, 0);
        let state = self.nodes.get_mut(&node).expect("nodes are known");
        state.cut = false;
        if !state.up {
            self.boot(node, Some(over));
        } else if std::mem::take(&mut state.paused) {
            self.event(&format!("n{node}"), "resume", Some(over), "");
        }
    }

    fn end(&mut self) {
        self.now += 20 * MS;
        let about = self.about.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let members = format!(
            r#""law":"{LAW}","about":[{about}],"expected":"key7 = v31 </script>, set at revision 812","seen":"key7 absent on n2 at revision 840","detail":"a scan of n2""#
        );
        self.event("", "violation", None, &members);
        self.event("", "end", None, r#""verdict":"violated""#);
    }
}
