//! Random operations, power cut at random calls, and the promise: what comes back is what a prefix of the operations
//! says, and no shorter than what was told durable.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use rand::RngExt;

use super::*;
use crate::host::BoxFuture;

const SEEDS: u64 = 200;

#[derive(Clone, Debug)]
enum Step {
    Append(LogEntry),
    Truncate(Option<LogId>),
    Vote(Bytes),
    Purge(LogId),
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    entries: BTreeMap<u64, LogEntry>,
    purged: Option<LogId>,
    vote: Option<Bytes>,
}

impl Model {
    fn after(steps: &[Step]) -> Model {
        let mut model = Model::default();
        steps.iter().for_each(|step| model.take(step));
        model
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Append(entry) => drop(self.entries.insert(entry.id.index.0, entry.clone())),
            Step::Truncate(None) => self.entries.clear(),
            Step::Truncate(Some(last)) => drop(self.entries.split_off(&(last.index.0 + 1))),
            Step::Vote(vote) => self.vote = Some(vote.clone()),
            Step::Purge(upto) => {
                self.entries = self.entries.split_off(&(upto.index.0 + 1));
                self.purged = Some(*upto);
            }
        }
    }

    fn last(&self) -> Option<LogId> {
        self.entries.values().next_back().map(|entry| entry.id).or(self.purged)
    }

    async fn of(wal: &Wal) -> Model {
        let entries = read_all(wal).await.into_iter().map(|entry| (entry.id.index.0, entry)).collect();
        Model { entries, purged: wal.purged(), vote: wal.vote() }
    }
}

struct Run {
    rng: Rng,
    steps: Vec<Step>,
    /// How many steps were told durable.
    told: Arc<AtomicUsize>,
    committed: Vec<LogId>,
    model: Model,
    settings: WalSettings,
    term: u64,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut rng = Rng::seed_from_u64(seed);
        let segment_bytes = rng.random_range(4096..20_000);
        let settings = WalSettings { segment_bytes, cache_bytes: rng.random_range(0..6000), reserve_bytes: 0 };
        Run {
            rng,
            steps: Vec::new(),
            told: Arc::default(),
            committed: Vec::new(),
            model: Model::default(),
            settings,
            term: 1,
        }
    }

    /// Opens and compares; what was found is from now on what was promised.
    async fn open(&mut self, host: &FakeHost, context: &str) -> Wal {
        let told = self.told.load(Ordering::SeqCst);
        // What was told durable and is there whatever prefix comes back: what apply could have built on.
        let proof = self.rng.random_bool(0.5).then(|| {
            let mut model = Model::after(&self.steps[..told]);
            let mut lowest = model.last();
            for step in &self.steps[told..] {
                model.take(step);
                lowest = crate::log::flusher::lower(lowest, model.last());
            }
            lowest
        });
        let wal = match Wal::open(&host.host, GROUP, self.settings.clone(), proof.flatten()).await {
            Ok(wal) => wal,
            Err(error) => panic!("{context}: refused to start: {error}"),
        };
        let found = Model::of(&wal).await;
        let mut model = Model::after(&self.steps[..told]);
        let mut kept = (model == found).then_some(told);
        for (upto, step) in self.steps.iter().enumerate().skip(told) {
            model.take(step);
            if model == found {
                kept = Some(upto + 1);
            }
        }
        let Some(kept) = kept else {
            panic!("{context}: found {found:?}, which is no prefix of at least {told} of {:?}", self.steps)
        };
        if let Some(committed) = wal.committed() {
            assert!(self.committed.contains(&committed) || wal.last() == Some(committed), "{context}: {committed}");
        }
        assert_eq!(wal.synced(), wal.last(), "{context}");
        self.steps.truncate(kept);
        self.told = Arc::new(AtomicUsize::new(kept));
        self.model = found;
        wal
    }

    fn payload(&mut self) -> Bytes {
        let len = match self.rng.random_range(0..20) {
            0 => self.rng.random_range(5_000..30_000),
            1..=5 => self.rng.random_range(400..3000),
            _ => self.rng.random_range(0..100),
        };
        match self.rng.random_range(0..3) {
            0 => vec![0; len].into(),
            _ => {
                let mut bytes = vec![0; len];
                self.rng.fill(&mut bytes[..]);
                bytes.into()
            }
        }
    }

    fn next_steps(&mut self) -> Vec<Step> {
        let last = self.model.last();
        match self.rng.random_range(0..20) {
            0 => vec![Step::Vote(self.payload())],
            1 if last > self.model.purged => {
                let first = self.model.purged.map_or(0, |id| id.index.0 + 1);
                let at = self.rng.random_range(first..=last.unwrap().index.0);
                vec![Step::Purge(self.model.entries[&at].id)]
            }
            2 if self.rng.random_bool(0.2) => {
                let beyond = last.map_or(0, |id| id.index.0) + self.rng.random_range(1..5);
                vec![Step::Purge(LogId::new(self.term, beyond))]
            }
            3 | 4 if last > self.model.purged => {
                self.term += 1;
                let at = self.rng.random_range(self.model.purged.map_or(0, |id| id.index.0)..=last.unwrap().index.0);
                match self.model.entries.get(&at).map(|entry| entry.id).or(self.model.purged) {
                    Some(id) => vec![Step::Truncate(Some(id))],
                    None => vec![Step::Truncate(None)],
                }
            }
            _ => {
                let next = last.map_or(0, |id| id.index.0 + 1);
                let count = self.rng.random_range(1..6);
                let append = |index| LogEntry { id: LogId::new(self.term, index), payload: Bytes::new() };
                let mut entries: Vec<LogEntry> = (next..next + count).map(append).collect();
                entries.iter_mut().for_each(|entry| entry.payload = self.payload());
                entries.into_iter().map(Step::Append).collect()
            }
        }
    }

    /// Submits steps without waiting for them to become durable.
    fn submit(&mut self, wal: &Wal, steps: Vec<Step>) {
        let last = self.steps.len() + steps.len();
        let told = self.told.clone();
        let tell = move |outcome: io::Result<()>| {
            if outcome.is_ok() {
                told.fetch_max(last, Ordering::SeqCst);
            }
        };
        steps.iter().for_each(|step| self.model.take(step));
        self.steps.extend(steps.iter().cloned());
        let one = wal.clone();
        let mut waiting: BoxFuture<'static, io::Result<()>> = match steps[0].clone() {
            Step::Append(_) => {
                let entries = steps.into_iter().filter_map(|step| match step {
                    Step::Append(entry) => Some(entry),
                    _ => None,
                });
                return wal.append(entries.collect(), Box::new(tell));
            }
            Step::Truncate(to) => Box::pin(async move { one.truncate_after(to).await }),
            Step::Vote(vote) => Box::pin(async move { one.save_vote(vote).await }),
            Step::Purge(upto) => Box::pin(async move { one.purge(upto).await }),
        };
        assert!((&mut waiting).now_or_never().is_none(), "durable without a sync");
        tokio::spawn(async move { tell(waiting.await) });
    }

    async fn live(&mut self, wal: &Wal) {
        for _ in 0..self.rng.random_range(1..40) {
            let steps = self.next_steps();
            self.submit(wal, steps);
            if self.rng.random_bool(0.2)
                && let Some(last) = self.model.last()
            {
                self.committed.push(last);
                wal.save_committed(last);
            }
            match self.rng.random_range(0..10) {
                0 => {
                    // A sync that comes while power is gone never ends.
                    let all = wal.save_vote(self.model.vote.clone().unwrap_or_default());
                    let told = tokio::time::timeout(Duration::from_secs(60), all).await;
                    self.steps.push(Step::Vote(self.model.vote.clone().unwrap_or_default()));
                    self.model.vote.get_or_insert_default();
                    if matches!(told, Ok(Ok(()))) {
                        self.told.fetch_max(self.steps.len(), Ordering::SeqCst);
                    }
                }
                1..5 => {
                    for _ in 0..self.rng.random_range(0..8) {
                        tokio::task::yield_now().await;
                    }
                }
                _ => {}
            }
        }
        if self.rng.random_bool(0.5) {
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(0..5))).await;
        }
        let wal = wal.clone();
        if let Ok(read) = tokio::time::timeout(Duration::from_secs(1), read_all(&wal)).await {
            assert_eq!(read, self.model.entries.values().cloned().collect::<Vec<_>>());
        }
    }
}

async fn run(seed: u64) -> usize {
    let mut run = Run::new(seed);
    let mut host = fake::host();
    for life in 0..run.rng.random_range(2..7) {
        let context = format!("seed {seed}, life {life}");
        if run.rng.random_bool(0.15) {
            // Power also goes while the log is being opened and repaired.
            host.files.cut_power_after(run.rng.random_range(1..12));
            let opening = Wal::open(&host.host, GROUP, run.settings.clone(), None);
            if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(1), opening).await
                && !matches!(error, LogError::Io { .. })
            {
                panic!("{context}: refused to start: {error}");
            }
            host = host.power_loss(&mut run.rng);
        }
        let wal = run.open(&host, &context).await;
        if run.rng.random_bool(0.8) {
            let calls = run.rng.random_range(1..60);
            host.files.cut_power_after(calls);
        }
        run.live(&wal).await;
        host = if run.rng.random_bool(0.15) { host.kill() } else { host.power_loss(&mut run.rng) };
    }
    run.open(&host, &format!("seed {seed}, the end")).await;
    run.steps.len()
}

#[test]
fn nothing_durable_is_lost_and_nothing_else_is_made_up() {
    let mut steps = 0;
    for seed in 0..SEEDS {
        // A paused clock: an await that never ends is a timeout at once.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        steps += runtime.block_on(run(seed));
    }
    assert!(steps > 1000, "the test has become vacuous: {steps}");
}
