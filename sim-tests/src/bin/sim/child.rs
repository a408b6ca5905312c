use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::origin::Origin;
use crate::summary::{DID_NOT_END, HARNESS_FAILED, Summary};

/// How much longer than its limit a process may take to end itself, before it is killed.
const GRACE: Duration = Duration::from_secs(15);

/// One run in a fresh process: what it runs, and what it is asked for.
pub struct Apart<'a> {
    pub origin: &'a Origin,
    /// Where to write these events of its trace.
    pub trace: Option<(&'a Path, Range<u64>)>,
    /// Where to write its schedule, with what its clients drew as a list.
    pub listed: Option<&'a Path>,
    /// Real time after which its own watchdog ends it.
    pub limit: Duration,
    pub all_laws: bool,
    pub checkpoints: bool,
}

impl<'a> Apart<'a> {
    pub fn new(origin: &'a Origin, limit: Duration) -> Apart<'a> {
        Apart { origin, trace: None, listed: None, limit, all_laws: false, checkpoints: false }
    }

    /// Runs it, and waits for what it comes to. One that neither ends nor is ended by its watchdog is killed.
    pub fn run(&self) -> Summary {
        let repeat = self.origin.make("sim");
        // A process that runs a file says itself which seed is in it, or it could not read it.
        let seed = self.origin.seed.unwrap_or(0);
        match self.command().and_then(|command| run_within(command, self.limit + GRACE)) {
            Err(error) => Summary::without_report(seed, HARNESS_FAILED, &error.to_string(), &repeat),
            Ok(Said { out, err, status }) => serde_json::from_slice(&out).unwrap_or_else(|_| {
                let (verdict, why) = match status {
                    None => (DID_NOT_END, "it had to be killed".to_owned()),
                    Some(status) if status.code() == Some(3) => (DID_NOT_END, lossy(&err)),
                    Some(status) => (HARNESS_FAILED, format!("{status}\n{}", lossy(&err))),
                };
                Summary::without_report(seed, verdict, &why, &repeat)
            }),
        }
    }

    fn command(&self) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["run", "--json", "--limit-s", &self.limit.as_secs().max(1).to_string()]);
        if let Some(seed) = self.origin.seed {
            command.args(["--seed", &seed.to_string()]);
        }
        if let Some(path) = &self.origin.schedule {
            command.arg("--schedule").arg(path);
        }
        if let Some((path, events)) = &self.trace {
            command.arg("--trace").arg(path).args(["--events", &format!("{}..{}", events.start, events.end)]);
        }
        if let Some(path) = self.listed {
            command.arg("--listed").arg("--save-schedule").arg(path);
        }
        if self.all_laws {
            command.arg("--all-laws");
        }
        if self.checkpoints {
            command.arg("--checkpoints");
        }
        Ok(command)
    }
}

struct Said {
    out: Vec<u8>,
    err: Vec<u8>,
    /// None where it had to be killed.
    status: Option<ExitStatus>,
}

fn run_within(mut command: Command, limit: Duration) -> io::Result<Said> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (tell, told) = mpsc::channel();
    // Both at once: a full pipe that nobody reads would hold the process up.
    let errors = thread::spawn(move || read_all(&mut err));
    thread::spawn(move || {
        // Nobody listens any more where it took too long.
        let _ = tell.send(read_all(&mut out));
    });
    let out = told.recv_timeout(limit);
    if out.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let err = errors.join().unwrap_or_default();
    Ok(Said { status: out.is_ok().then_some(status), out: out.unwrap_or_default(), err })
}

fn read_all(from: &mut Option<impl Read>) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(from) = from {
        // What came before an error is what there is to judge by.
        let _ = from.read_to_end(&mut all);
    }
    all
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
