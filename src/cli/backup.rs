//! `confman backup`: the state of a running cluster, at one revision, in one file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use ureq::Agent;
use ureq::http::Response;

use super::Failure;
use super::offline;
use super::reach::{Reach, Target};
use crate::inspect::{Report, SnapshotReport};

/// How long a node may take to begin, and to connect to, if nobody says otherwise.
const BEGIN_WITHIN: Duration = Duration::from_secs(30);
/// A transfer in which nothing comes for so long has failed.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const PIECE_BYTES: usize = 256 << 10;
/// Pieces that were read and not written yet.
const PIECES_AHEAD: usize = 4;

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// The file to write. It appears whole and checked, or not at all.
    file: PathBuf,
    /// Replace FILE where it exists.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    reach: Reach,
}

const AFTER_HELP: &str = "\
Example: confman backup /backups/prod-$(date +%F).backup --address http://10.0.0.1:7400

Any running node will do, a follower as well as the leader; the key is an admin's. --timeout is how long a node may take to
begin. The backup is the state that the node has applied, at one revision; writes go on meanwhile. It holds every value, history
and audit: keep it as you keep the data. `confman inspect FILE` checks it, `confman restore` makes a new cluster of it.";

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { file, force, reach } = arguments;
    let (target, output) = (reach.target(BEGIN_WITHIN)?, reach.format()?);
    refuse_to_overwrite(&file, force)?;
    let partial = Partial::create(&file)?;
    let revision = fetch(begin(&target)?, &partial)?;
    partial.file.sync_all().map_err(|error| partial.failed(error))?;
    let taken = check(&partial.path)?;
    if taken.last.to_string() != revision {
        let what = format!("the node said that it sends revision {revision}, and sent {}", taken.last);
        return Err(Failure::failed(what).advise("Nothing was written. Try again"));
    }
    refuse_to_overwrite(&file, force)?;
    partial.keep(&file)?;
    offline::print_taken(&SnapshotReport { file: file.display().to_string(), ..taken }, output, "")
}

fn refuse_to_overwrite(file: &Path, force: bool) -> Result<(), Failure> {
    if force || !file.exists() {
        return Ok(());
    }
    Err(Failure::refused(format!("{} exists", file.display())).advise("Name another file, or replace it with --force"))
}

/// Reads what was written once more, from its beginning, and checks all of it.
fn check(path: &Path) -> Result<SnapshotReport, Failure> {
    let report = offline::look_at_file(path)?;
    match report {
        Report { snapshot: Some(taken), damage, .. } if damage.is_empty() => Ok(taken),
        Report { damage, .. } => {
            let what: Vec<String> = damage.iter().map(|damage| damage.what.clone()).collect();
            Err(Failure::failed(format!("what came is not a whole backup: {}", what.join("; ")))
                .advise("Nothing was written. Try again; if it stays so, ask another node, and see this one's log"))
        }
    }
}

/// The first node that gives a backup.
fn begin(target: &Target) -> Result<Response<ureq::Body>, Failure> {
    let mut last = Failure::refused("no address was given");
    for address in &target.addresses {
        match ask(address, target) {
            Ok(answer) => return Ok(answer),
            Err(failure) if failure.exit_code == UNAVAILABLE => last = failure,
            Err(failure) => return Err(failure),
        }
    }
    Err(last)
}

fn ask(address: &str, target: &Target) -> Result<Response<ureq::Body>, Failure> {
    let agent: Agent = Agent::config_builder()
        .timeout_connect(Some(target.timeout))
        .timeout_recv_response(Some(target.timeout))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    let url = format!("{}/api/v1/backup", address.trim_end_matches('/'));
    let unreachable = |error: ureq::Error| Failure {
        exit_code: UNAVAILABLE,
        ..Failure::failed(format!("{url}: {error}"))
            .advise("Give the address of a running node, like --address http://10.0.0.1:7400")
    };
    let mut answer = agent.get(&url).header("X-API-Key", &target.key).call().map_err(unreachable)?;
    if answer.status() != 200 {
        return Err(refusal(&url, &mut answer));
    }
    Ok(answer)
}

/// Writes the backup as it comes; answers the revision that the node said it is of.
fn fetch(answer: Response<ureq::Body>, partial: &Partial) -> Result<String, Failure> {
    let revision = answer.headers().get("x-confman-version").and_then(|value| value.to_str().ok());
    let revision = revision.unwrap_or_default().to_owned();
    let pieces = read_aside(answer.into_body());
    let mut out = &partial.file;
    loop {
        match pieces.recv_timeout(SILENCE_MAX) {
            Ok(Ok(piece)) if piece.is_empty() => return Ok(revision),
            Ok(Ok(piece)) => out.write_all(&piece).map_err(|error| partial.failed(error))?,
            Ok(Err(error)) => return Err(cut_off(&error)),
            Err(RecvTimeoutError::Disconnected) => return Err(cut_off(&"the reading thread ended")),
            Err(RecvTimeoutError::Timeout) => {
                return Err(cut_off(&format_args!("nothing came for {} s", SILENCE_MAX.as_secs())));
            }
        }
    }
}

fn cut_off(why: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("the transfer was cut off: {why}"))
        .advise("Nothing was written. Try again, or take it from another node")
}

/// Reads on a thread of its own, so that a silent node can be given up. An empty piece is the end.
fn read_aside(body: ureq::Body) -> Receiver<io::Result<Vec<u8>>> {
    let (pieces, receiver) = mpsc::sync_channel(PIECES_AHEAD);
    std::thread::spawn(move || {
        let mut body = body.into_with_config().limit(u64::MAX).reader();
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let read = match body.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read,
            };
            let is_last = !matches!(read, Ok(1..));
            let piece = read.map(|read| {
                piece.truncate(read);
                piece
            });
            if pieces.send(piece).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

/// The exit codes of commands that talk to a cluster.
const REFUSED: u8 = 3;
const UNAVAILABLE: u8 = 4;

fn refusal(url: &str, answer: &mut Response<ureq::Body>) -> Failure {
    let status = answer.status().as_u16();
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("it is no node of Confman's, or an older one");
    let exit_code = if status == 503 { UNAVAILABLE } else { REFUSED };
    Failure { exit_code, ..Failure::failed(format!("{url} answers {status}: {detail}")) }
}

/// The file until it is whole: beside the one that it becomes, for its owner alone, gone when this is dropped.
struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    fn create(becomes: &Path) -> Result<Partial, Failure> {
        let Some(name) = becomes.file_name() else {
            return Err(Failure::refused(format!("{} is not the name of a file", becomes.display())));
        };
        let name = format!(".{}.{}.partial", name.to_string_lossy(), std::process::id());
        let path = becomes.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(|error| {
            Failure::refused(format!("{} cannot be written: {error}", path.display()))
                .advise("Name a file in a folder that exists and that you may write to")
        })?;
        Ok(Partial { path, file })
    }

    fn failed(&self, error: io::Error) -> Failure {
        Failure::failed(format!("{} cannot be written: {error}", self.path.display()))
            .advise("Nothing was kept. Name a file on a disk with room")
    }

    /// Gives it its name, durably.
    fn keep(self, becomes: &Path) -> Result<(), Failure> {
        fs::rename(&self.path, becomes).map_err(|error| self.failed(error))?;
        let folder = match becomes.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| self.failed(error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Gone already where it was kept.
        let _ = fs::remove_file(&self.path);
    }
}
