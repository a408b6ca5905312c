//! The nodes of a local cluster as child processes.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::folder::{Cluster, DevNode};
use crate::cli::Failure;
use crate::config::SETTINGS;

/// How long a node may take to end before it is killed.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// All nodes. Whatever still runs when this is dropped is killed.
pub(super) struct Children(BTreeMap<u64, Node>);

struct Node {
    process: Child,
    state: State,
    log: std::path::PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Our child runs.
    Running,
    /// It ended, and nobody started it again.
    Dead,
    /// It ended, and answers again: somebody started it in another terminal.
    ByHand,
}

impl Children {
    /// Starts all nodes of a cluster.
    pub fn start(cluster: &Cluster) -> Result<Children, Failure> {
        let mut children = Children(BTreeMap::new());
        for node in &cluster.nodes {
            let process = spawn(node).map_err(|error| {
                Failure::failed(format!("node {} cannot be started: {error}", node.id))
                    .advise(format!("Its log would be {}", node.log.display()))
            })?;
            children.0.insert(node.id, Node { process, state: State::Running, log: node.log.clone() });
        }
        Ok(children)
    }

    pub fn pid(&self, id: u64) -> Option<u32> {
        self.0.get(&id).map(|node| node.process.id())
    }

    /// Our children that run, as of the last [`Children::newly_dead`].
    pub fn living(&self) -> Vec<u64> {
        self.in_state(|state| state == State::Running)
    }

    /// The nodes that run, whoever started them.
    pub fn answering(&self) -> Vec<u64> {
        self.in_state(|state| state != State::Dead)
    }

    /// The nodes that somebody else started.
    pub fn by_hand(&self) -> Vec<u64> {
        self.in_state(|state| state == State::ByHand)
    }

    fn in_state(&self, wanted: impl Fn(State) -> bool) -> Vec<u64> {
        self.0.iter().filter(|(_, node)| wanted(node.state)).map(|(id, _)| *id).collect()
    }

    pub fn is_dead(&self, id: u64) -> bool {
        self.0.get(&id).is_some_and(|node| node.state == State::Dead)
    }

    pub fn is_by_hand(&self, id: u64) -> bool {
        self.0.get(&id).is_some_and(|node| node.state == State::ByHand)
    }

    pub fn mark_by_hand(&mut self, id: u64) {
        self.mark(id, State::ByHand);
    }

    pub fn mark_dead(&mut self, id: u64) {
        self.mark(id, State::Dead);
    }

    fn mark(&mut self, id: u64, state: State) {
        if let Some(node) = self.0.get_mut(&id) {
            node.state = state;
        }
    }

    /// The children that ended since this was last asked: id, pid, and how.
    pub fn newly_dead(&mut self) -> Vec<(u64, u32, String)> {
        let mut dead = Vec::new();
        for (id, node) in self.0.iter_mut().filter(|(_, node)| node.state == State::Running) {
            if let Ok(Some(status)) = node.process.try_wait() {
                node.state = State::Dead;
                dead.push((*id, node.process.id(), how_it_ended(status, &node.log)));
            }
        }
        dead
    }

    /// Asks all children to end, and kills those that have not after a while, or after another signal.
    pub fn end(&mut self, stops: &Receiver<&'static str>) {
        for node in self.0.values_mut() {
            if let Ok(None) = node.process.try_wait() {
                // SAFETY: kill(2) touches no memory of ours. The child is not reaped yet, so the pid is still its own.
                unsafe { libc::kill(node.process.id() as libc::pid_t, libc::SIGTERM) };
            }
        }
        let begun = Instant::now();
        while self.0.values_mut().any(|node| matches!(node.process.try_wait(), Ok(None))) {
            if begun.elapsed() > END_PATIENCE || stops.try_recv().is_ok() {
                self.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn kill(&mut self) {
        for node in self.0.values_mut() {
            // It fails only where the child has ended, which is what is wanted.
            let _ = node.process.kill();
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.kill();
        for node in self.0.values_mut() {
            let _ = node.process.wait();
        }
    }
}

fn spawn(node: &DevNode) -> io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&node.log)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").arg("--config").arg(&node.config);
    // What a variable says would hold for all nodes alike, ports and folders too.
    for setting in SETTINGS.iter().filter(|setting| setting.name != "log") {
        setting.variable().into_iter().for_each(|variable| _ = command.env_remove(variable));
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    // A group of its own: Ctrl-C in the terminal is for us alone, and we end the nodes in order.
    command.process_group(0);
    #[cfg(target_os = "linux")]
    end_with_parent(&mut command);
    command.spawn()
}

/// If we are killed outright, the kernel asks the child to end. It watches the *thread* that spawns, which is our
/// main thread.
#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let ask = move || {
        // SAFETY: prctl and getppid are async-signal-safe and touch no memory of ours.
        let (asked, now) = unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM), libc::getppid()) };
        if asked != 0 {
            return Err(io::Error::last_os_error());
        }
        // We may have died before the kernel was told to watch.
        if now as u32 == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: `ask` runs between fork and exec: it allocates nothing and takes no lock.
    unsafe { command.pre_exec(ask) };
}

fn how_it_ended(status: ExitStatus, log: &Path) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, Some(0)) => "ended".to_owned(),
        (None, code) => {
            let code = code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
            let last = last_words(&fs::read(log).unwrap_or_default());
            let last = last.map(|words| format!(": {words}")).unwrap_or_default();
            format!("ended with exit code {code}{last}")
        }
    }
}

/// The last error in a log: a line that begins with `error:` and what follows it, or the message of a JSON line.
fn last_words(log: &[u8]) -> Option<String> {
    let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(64 << 10)..]);
    let lines: Vec<&str> = tail.lines().collect();
    let message = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        (line["level"] == "ERROR").then(|| line["message"].as_str().map(str::to_owned))?
    };
    let last = lines.iter().rposition(|line| line.starts_with("error: ") || message(line).is_some())?;
    message(lines[last])
        .or_else(|| Some(lines[last..].iter().take(3).map(|line| line.trim()).collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_the_error_that_ended_it() {
        assert_eq!(last_words(b""), None);
        assert_eq!(last_words(b"{\"level\":\"INFO\",\"message\":\"hello\"}\n"), None);
        let json = b"{\"level\":\"ERROR\",\"message\":\"disk gone\"}\n{\"level\":\"INFO\",\"message\":\"bye\"}\n";
        assert_eq!(last_words(json).as_deref(), Some("disk gone"));
        assert_eq!(
            last_words(b"x\nerror: port taken\n  use another\n").as_deref(),
            Some("error: port taken use another")
        );
    }
}
