use std::sync::{Arc, Mutex};
use std::time::Duration;

use confman::base::LogId;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::oneshot;

use super::History;
use crate::cluster::Cluster;
use crate::laws::{Laws, read_index};
use crate::runtime::cause::Caused;
use crate::runtime::{Guarded, elapsed, sleep};

/// So many reads are asked for together at the most, each on a node of its own choice.
const BURST_MAX: u64 = 4;

/// Asks nodes for read indexes, right beside them: no fault of the network keeps a question from a node that is cut
/// off from the others.
#[derive(Clone)]
pub struct IndexReader {
    pub cluster: Cluster,
    pub laws: Laws,
    pub history: History,
    /// The newest state that a read was served from.
    served: Arc<Mutex<Option<LogId>>>,
}

impl IndexReader {
    pub fn new(cluster: Cluster, laws: Laws, history: History) -> IndexReader {
        IndexReader { cluster, laws, history, served: Arc::default() }
    }

    /// Asks until `until`. Answers that come later count all the same: one may come from a node that was paused.
    pub async fn run(self, mut rng: StdRng, until: Duration) {
        while elapsed() < until {
            let nodes = self.cluster.in_service();
            for _ in 0..rng.random_range(1..=BURST_MAX) {
                let node = nodes[rng.random_range(0..nodes.len())];
                let patience = Duration::from_millis(rng.random_range(1..=2_000));
                let reader = self.clone();
                madsim::task::spawn(Caused::new(async move { reader.read(node, patience).await }));
            }
            sleep(Duration::from_millis(rng.random_range(1..=200))).await;
        }
    }

    /// One read on a node, judged. `None` where the node is not there to answer.
    async fn read(&self, node: u64, patience: Duration) -> Option<Result<LogId, String>> {
        let (process, sim_node) = self.cluster.node(node)?;
        let served = *self.served.lock().expect("no panic under this lock");
        let floor = served.max(self.history.newest_acknowledged());
        let (answer, answered) = oneshot::channel();
        let server = process.clone();
        process.tasks().spawn(Caused::new(async move {
            let read = Guarded::new(async {
                let told = sim_node.read_index(patience).await;
                (told, sim_node.observe().applied)
            });
            match read.await {
                // Nobody waits where the run is over.
                Ok(told) if server.is_alive() => drop(answer.send(told)),
                Ok(_) => {}
                Err(panicked) => server.fatal(&format!("a read panicked: {}", panicked.0)),
            }
        }));
        let (told, applied) = answered.await.ok()?;
        let trace = &self.cluster.world().trace;
        match &told {
            Ok(at) => {
                trace.count("read indexes told");
                process.event("read-index", format_args!("{at}"));
                self.laws.judge(elapsed(), read_index::NAME, read_index::check(node, floor, *at, applied));
                let mut served = self.served.lock().expect("no panic under this lock");
                *served = (*served).max(applied);
            }
            Err(why) => {
                trace.count("read indexes refused");
                process.event("read-index", format_args!("refused: {why}"));
            }
        }
        Some(told)
    }

    /// Asks every node until it tells an index; an error says which one does not before `give_up_at`.
    pub async fn every_node_tells(&self, give_up_at: Duration) -> Result<(), String> {
        for node in self.cluster.members() {
            // A node whose disk was damaged has stopped, as it must.
            while !self.cluster.has_given_up(node) {
                let why = match self.read(node, Duration::from_secs(3)).await {
                    Some(Ok(_)) => break,
                    Some(Err(why)) => why,
                    None => "it does not run".to_owned(),
                };
                if elapsed() > give_up_at {
                    return Err(format!("node {node} tells no read index: {why}"));
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        self.cluster.world().trace.of_run("reads", &[], format_args!("every node tells read indexes"));
        Ok(())
    }
}

impl History {
    /// The newest revision that a client was told is written.
    fn newest_acknowledged(&self) -> Option<LogId> {
        let records = self.records.lock().expect("no panic under this lock");
        records.iter().filter_map(|record| record.acknowledged()).max()
    }
}
