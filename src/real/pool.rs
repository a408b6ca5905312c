use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use tokio::sync::oneshot;

use super::lifeline::panic_message;
use crate::host::{BoxFuture, Lifeline};

/// Jobs of one strand that a thread does before it looks at the next: a busy strand must not starve the others.
const JOBS_PER_TURN: usize = 32;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads for work that blocks: files and stores.
///
/// They are our own and not the async runtime's, so that a slow disk never takes the threads that answer heartbeats.
/// The threads end when the last [`Strand`] is gone and all jobs are done.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    work: Condvar,
    lifeline: Arc<dyn Lifeline>,
}

#[derive(Default)]
struct Waiting {
    /// Strands with jobs that no thread is working on, the one that waits longest first.
    strands: VecDeque<Arc<Strand>>,
    closed: bool,
}

impl Pool {
    /// Starts `threads` threads. A job that panics ends the node by `lifeline`.
    pub fn start(threads: usize, lifeline: Arc<dyn Lifeline>) -> io::Result<Arc<Pool>> {
        let shared = Arc::new(Shared { waiting: Mutex::default(), work: Condvar::new(), lifeline });
        // Made first: where a thread cannot be started, dropping it ends those that were.
        let pool = Arc::new(Pool { shared: shared.clone() });
        for number in 0..threads {
            let shared = shared.clone();
            thread::Builder::new().name(format!("disk-{number}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    fn schedule(&self, strand: Arc<Strand>) {
        self.shared.waiting().strands.push_back(strand);
        self.shared.work.notify_one();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.waiting().closed = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no code that holds this lock can panic")
    }

    fn next(&self) -> Option<Arc<Strand>> {
        let mut waiting = self.waiting();
        loop {
            if let Some(strand) = waiting.strands.pop_front() {
                return Some(strand);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.work.wait(waiting).expect("no code that holds this lock can panic");
        }
    }

    fn work(&self) {
        while let Some(strand) = self.next() {
            if strand.take_turn(&*self.lifeline) {
                strand.pool.schedule(strand.clone());
            }
        }
    }
}

/// A queue of jobs that run one after another, in the order they were given, on any thread of the pool.
pub(super) struct Strand {
    pool: Arc<Pool>,
    lane: Mutex<Lane>,
}

#[derive(Default)]
struct Lane {
    jobs: VecDeque<Job>,
    /// A thread works on this strand, or it is in the pool's queue: never both, never twice.
    taken: bool,
}

/// The job panicked; the node is going down.
#[derive(Debug)]
pub(super) struct JobLost;

impl From<JobLost> for io::Error {
    fn from(_: JobLost) -> io::Error {
        io::Error::other("the thread that did this work panicked")
    }
}

impl Strand {
    pub fn new(pool: &Arc<Pool>) -> Arc<Strand> {
        Arc::new(Strand { pool: pool.clone(), lane: Mutex::default() })
    }

    /// Puts `job` at the end of the queue, at once. It runs even where the future is never polled or dropped.
    pub fn run<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> BoxFuture<'static, Result<T, JobLost>> {
        let (done, outcome) = oneshot::channel();
        self.submit(move || drop(done.send(job())));
        Box::pin(async move { outcome.await.map_err(|_| JobLost) })
    }

    /// Puts `job` at the end of the queue; nobody waits for it.
    pub fn submit(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) {
        let mut lane = self.lane();
        lane.jobs.push_back(Box::new(job));
        let was_taken = std::mem::replace(&mut lane.taken, true);
        drop(lane);
        if !was_taken {
            self.pool.schedule(self.clone());
        }
    }

    /// Runs `job` at once, on this thread, where nothing is queued or running; gives it back where something is.
    ///
    /// For jobs that are quicker than a change of threads.
    pub fn run_here<T, J: FnOnce() -> T>(self: &Arc<Self>, job: J) -> Result<T, J> {
        if std::mem::replace(&mut self.lane().taken, true) {
            return Err(job);
        }
        // Also where the job panics: what was queued meanwhile must not wait for ever.
        let _release = Release(self);
        Ok(job())
    }

    /// Runs some jobs; true where there are more.
    fn take_turn(&self, lifeline: &dyn Lifeline) -> bool {
        for _ in 0..JOBS_PER_TURN {
            let job = {
                let mut lane = self.lane();
                let job = lane.jobs.pop_front();
                lane.taken = job.is_some();
                job
            };
            let Some(job) = job else { return false };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(job)) {
                lifeline.fatal(&format!("a disk thread panicked: {}", panic_message(&*panic)));
            }
        }
        true
    }

    fn lane(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().expect("no code that holds this lock can panic")
    }
}

/// Lets go of a strand that was taken by [`Strand::run_here`].
struct Release<'a>(&'a Arc<Strand>);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        let mut lane = self.0.lane();
        lane.taken = !lane.jobs.is_empty();
        let more = lane.taken;
        drop(lane);
        if more {
            self.0.pool.schedule(self.0.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::super::lifeline::ProcessLifeline;
    use super::*;

    fn pool(threads: usize) -> Arc<Pool> {
        Pool::start(threads, Arc::new(ProcessLifeline::with_hook(|_| {}))).unwrap()
    }

    #[tokio::test]
    async fn jobs_of_one_strand_run_in_order_while_another_strand_is_stuck() {
        let pool = pool(2);
        let (stuck, free) = (Strand::new(&pool), Strand::new(&pool));
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let stuck = stuck.run(move || gate.recv());
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut last = None;
        for number in 0..200 {
            let order = order.clone();
            last = Some(free.run(move || order.lock().unwrap().push(number)));
        }
        last.unwrap().await.unwrap();
        assert_eq!(*order.lock().unwrap(), (0..200).collect::<Vec<_>>());
        release.send(()).unwrap();
        stuck.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_job_runs_though_its_future_and_its_strand_are_dropped() {
        let strand = Strand::new(&pool(1));
        let (ran, told) = std::sync::mpsc::channel();
        drop(strand.run(move || {
            thread::sleep(Duration::from_millis(5));
            ran.send(()).unwrap()
        }));
        drop(strand);
        told.recv_timeout(Duration::from_secs(5)).unwrap();
    }

    #[tokio::test]
    async fn a_job_runs_here_only_in_its_turn_and_others_wait_for_it() {
        let strand = Strand::new(&pool(1));
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let earlier = strand.run(move || gate.recv());
        assert!(strand.run_here(|| ()).is_err(), "an earlier job is not done");
        release.send(()).unwrap();
        earlier.await.unwrap().unwrap();
        let mut later = None;
        // The thread may need a moment to let go of the strand.
        while strand.run_here(|| later = Some(strand.run(|| 2))).is_err() {
            thread::yield_now();
        }
        assert_eq!(later.unwrap().await.unwrap(), 2, "what was queued meanwhile runs afterwards");
    }

    #[tokio::test]
    async fn a_panic_ends_the_node_and_fails_the_job_alone() {
        let fatal = Arc::new(AtomicUsize::new(0));
        let count = fatal.clone();
        let lifeline = ProcessLifeline::with_hook(move |reason| {
            assert!(reason.contains("on purpose"), "{reason}");
            count.fetch_add(1, Ordering::SeqCst);
        });
        let strand = Strand::new(&Pool::start(1, Arc::new(lifeline)).unwrap());
        assert!(strand.run(|| panic!("on purpose")).await.is_err());
        assert_eq!(strand.run(|| 7).await.unwrap(), 7);
        assert_eq!(fatal.load(Ordering::SeqCst), 1);
    }
}
