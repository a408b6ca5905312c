//! `confman dev`: a whole cluster on this machine.
//!
//! Every node is a real one: a child process (`confman serve`) with its own configuration file, data folder and log.
//! What is killed stays dead until someone starts it again, as in production; this process only tells about it.
//!
//! | file | what it is |
//! |---|---|
//! | here | start, watch, end |
//! | `folder.rs` | what lies in the `--data` folder: ports, keys, configuration files |
//! | `children.rs` | the child processes |
//! | `probe.rs` | what a node says about itself over HTTP |
//! | `screen.rs` | what is printed |

mod children;
mod folder;
mod probe;
mod screen;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use self::children::Children;
use self::folder::Cluster;
pub(super) use self::folder::whom_to_ask;
use self::probe::Probe;
use self::screen::Screen;
use super::{Failure, signals};

/// How often nodes are asked whether they are ready, until they are.
const START_POLL: Duration = Duration::from_millis(20);
/// How often nodes are looked at after that.
const WATCH_POLL: Duration = Duration::from_millis(250);
/// When a start is slow enough to say so.
const SLOW_START: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// How many nodes: 1, 3 or 5 [default: as many as the folder holds, else 3].
    #[arg(long, value_parser = ["1", "3", "5"])]
    nodes: Option<String>,
    /// Where ports, keys and data are kept, for the next time too.
    #[arg(long, value_name = "DIR", default_value = "confman-data")]
    data: PathBuf,
    /// The first port to try for a new cluster; nodes talk to each other 100 ports above.
    #[arg(long, value_name = "PORT", default_value_t = 7400, value_parser = clap::value_parser!(u16).range(1024..=60_000))]
    port: u16,
    /// Print one line of JSON once writes work, and nothing else on stdout.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  confman dev
  confman dev --nodes 5 --data another-cluster --port 7600
  confman get demo greeting     in the same folder: finds nodes and key by itself";

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let begun = Instant::now();
    let stops = signals::on_thread().map_err(|error| Failure::failed(format!("signals: {error}")))?;
    let count = arguments.nodes.as_ref().and_then(|nodes| nodes.parse().ok());
    let cluster = Cluster::open(&arguments.data, count, arguments.port)?;
    let screen = Screen::new(arguments.json);
    let mut dev =
        Dev { children: Children::start(&cluster)?, probe: Probe::new(), cluster: &cluster, screen, leader: None };
    let started = dev.start(&stops);
    if let Ok(true) = started {
        dev.screen.ready(&cluster, &dev.children, dev.leader, begun.elapsed());
        dev.watch(&stops);
    }
    dev.screen.note("Ending all nodes...");
    dev.children.end(&stops);
    for id in dev.children.by_hand() {
        dev.screen.note(&format!("node {id} was started by hand and goes on: end it where it was started."));
    }
    started.map(|_ready| ())
}

/// A running cluster.
struct Dev<'a> {
    cluster: &'a Cluster,
    children: Children,
    probe: Probe,
    screen: Screen,
    leader: Option<u64>,
}

impl Dev<'_> {
    /// Waits until all nodes that live are ready and agree on a leader. False where a signal came first.
    fn start(&mut self, stops: &Receiver<&'static str>) -> Result<bool, Failure> {
        let (begun, mut told) = (Instant::now(), Duration::ZERO);
        loop {
            self.tell_of_the_dead();
            let living = self.children.living();
            if living.len() * 2 <= self.cluster.nodes.len() {
                let node = self.cluster.nodes.iter().find(|node| !living.contains(&node.id));
                let logs = node.map(|node| format!("Its log: {}", node.log.display())).unwrap_or_default();
                return Err(Failure::failed("too few nodes are left to form a cluster").advise(logs));
            }
            let leaders: Vec<Option<u64>> = living.iter().map(|id| self.leader_seen_by(*id)).collect();
            if let Some(Some(leader)) = leaders.first()
                && leaders.iter().all(|other| *other == Some(*leader))
            {
                self.leader = Some(*leader);
                return Ok(true);
            }
            if begun.elapsed() > told + SLOW_START {
                told = begun.elapsed();
                let late: Vec<String> = living
                    .iter()
                    .zip(&leaders)
                    .filter(|(_, leader)| leader.is_none())
                    .map(|(id, _)| id.to_string())
                    .collect();
                self.screen.note(&format!("Still waiting for node {} after {} s.", late.join(", "), told.as_secs()));
            }
            if stopped(stops, START_POLL) {
                return Ok(false);
            }
        }
    }

    /// Tells what happens to the cluster, until a signal comes.
    fn watch(&mut self, stops: &Receiver<&'static str>) {
        while !stopped(stops, WATCH_POLL) {
            self.tell_of_the_dead();
            for node in &self.cluster.nodes {
                if self.children.is_dead(node.id) && self.probe.is_healthy(&node.url) {
                    self.children.mark_by_hand(node.id);
                    self.screen.note(&format!("node {} answers again.", node.id));
                } else if self.children.is_by_hand(node.id) && !self.probe.is_healthy(&node.url) {
                    self.children.mark_dead(node.id);
                    self.screen.gone(node);
                }
            }
            self.tell_of_the_leader();
        }
    }

    fn tell_of_the_dead(&mut self) {
        for (id, pid, how) in self.children.newly_dead() {
            if let Some(node) = self.cluster.node(id) {
                self.screen.died(node, pid, &how);
            }
        }
    }

    fn tell_of_the_leader(&mut self) {
        let mut answering = self.children.answering().into_iter();
        let leader = answering.find_map(|id| self.leader_seen_by(id));
        if leader != self.leader {
            match leader {
                Some(leader) => self.screen.note(&format!("node {leader} leads.")),
                None => self.screen.note("no leader: writes wait until a majority of the nodes is back."),
            }
            self.leader = leader;
        }
    }

    fn leader_seen_by(&self, id: u64) -> Option<u64> {
        let url = self.probe.leader(&self.cluster.node(id)?.url)?;
        self.cluster.nodes.iter().find(|node| node.url == url).map(|node| node.id)
    }
}

/// Waits a little for a signal that asks to end.
fn stopped(stops: &Receiver<&'static str>, wait: Duration) -> bool {
    match stops.recv_timeout(wait) {
        Ok(_) | Err(RecvTimeoutError::Disconnected) => true,
        Err(RecvTimeoutError::Timeout) => false,
    }
}
