//! Which cluster a command is for, as whom, and how its answer is printed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;

use super::{Failure, dev};
use crate::client::{Client, ClientConfig, Consistency, Error};
use crate::config::parse_duration;
use crate::real;

/// The variables that stand for flags of these commands. An empty one is the same as none.
pub(super) const VARIABLES: &[&str] = &[ADDRESS, KEY, KEY_FILE, DEV, TIMEOUT, OUTPUT];
const ADDRESS: &str = "CONFMAN_ADDRESS";
const KEY: &str = "CONFMAN_KEY";
const KEY_FILE: &str = "CONFMAN_KEY_FILE";
const DEV: &str = "CONFMAN_DEV";
const TIMEOUT: &str = "CONFMAN_TIMEOUT";
const OUTPUT: &str = "CONFMAN_OUTPUT";

/// Where `confman serve` listens if nobody says otherwise.
const ADDRESS_DEFAULT: &str = "http://127.0.0.1:7400";
/// How long an operation is tried if nobody says otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// Where `confman dev` keeps its cluster if nobody says otherwise.
const DEV_DEFAULT: &str = "confman-data";

#[derive(clap::Args)]
#[command(next_help_heading = "Where, as whom, and how")]
pub(super) struct Reach {
    /// Addresses of nodes, with commas between them [env: CONFMAN_ADDRESS] [default: those of `confman dev` in
    /// ./confman-data, else http://127.0.0.1:7400].
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    address: Vec<String>,
    /// The API key [env: CONFMAN_KEY]. Others on this machine may see it: prefer the variable, or a file.
    // Commands have a key of another kind.
    #[arg(id = "api_key", long = "key", value_name = "KEY", conflicts_with = "key_file")]
    key: Option<String>,
    /// A file with the API key [env: CONFMAN_KEY_FILE].
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A folder of `confman dev`: its nodes are asked, with its admin's key [env: CONFMAN_DEV].
    #[arg(long, value_name = "DIR", conflicts_with = "address")]
    dev: Option<PathBuf>,
    /// How long to try, like 500ms or 1m [env: CONFMAN_TIMEOUT] [default: 10s; changes of the
    /// cluster 30s].
    #[arg(long, value_name = "DURATION")]
    timeout: Option<String>,
    /// How to print the answer [env: CONFMAN_OUTPUT] [default: text].
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<Format>,
}

fn with_client<T>(config: ClientConfig, work: impl AsyncFnOnce(Client) -> Result<T, Failure>) -> Result<T, Failure> {
    let system = |error: std::io::Error| Failure::unavailable(format!("the system gave no means: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
    let host = real::client_host().map_err(system)?;
    runtime.block_on(async { work(Client::new(config, host)).await })
}

/// The same for a command that reads entries, namespaces or the audit, and how new that has to be.
#[derive(clap::Args)]
pub(super) struct Reading {
    #[command(flatten)]
    reach: Reach,
    /// What the read has to show: what the node has that is asked, or all that anybody was answered
    /// before, which takes a quorum.
    #[arg(long, value_name = "MODE", value_enum, default_value = "eventual", help_heading = "How new")]
    consistency: Mode,
    /// A version that the read has to show, like the revision that `confman set` printed.
    #[arg(long, value_name = "VERSION", help_heading = "How new")]
    min_version: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Eventual,
    Linearizable,
}

impl Reading {
    pub fn format(&self) -> Result<Format, Failure> {
        self.reach.format()
    }

    /// Runs a command's work with a client.
    pub fn run<T>(&self, work: impl AsyncFnOnce(Client) -> Result<T, Failure>) -> Result<T, Failure> {
        let consistency = match self.consistency {
            // All pages and requests of one command go together.
            Mode::Eventual => Consistency::Session,
            Mode::Linearizable => Consistency::Linearizable,
        };
        let config = self.reach.config(TIMEOUT_DEFAULT)?.with_consistency(consistency);
        with_client(config, async |client| {
            if let Some(version) = &self.min_version {
                client.seen(version)?;
            }
            work(client).await
        })
    }
}

/// Whom a command asks.
pub(super) struct Target {
    pub addresses: Vec<String>,
    pub key: String,
    pub timeout: Duration,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

impl Reach {
    pub fn format(&self) -> Result<Format, Failure> {
        match (self.output, variable(OUTPUT)) {
            (Some(format), _) => Ok(format),
            (None, None) => Ok(Format::Text),
            (None, Some(text)) => Format::from_str(&text, false)
                .map_err(|_| Failure::refused(format!("{OUTPUT} is {text:?}: it must be text or json"))),
        }
    }

    /// Runs a command's work with a client.
    pub fn run<T>(&self, work: impl AsyncFnOnce(Client) -> Result<T, Failure>) -> Result<T, Failure> {
        self.run_within(TIMEOUT_DEFAULT, work)
    }

    /// The same, where every read shows all that anybody was answered before: for what decides by what it reads.
    pub fn run_linearizable<T>(&self, work: impl AsyncFnOnce(Client) -> Result<T, Failure>) -> Result<T, Failure> {
        with_client(self.config(TIMEOUT_DEFAULT)?.with_consistency(Consistency::Linearizable), work)
    }

    /// The same, with operations that take so long if nobody says otherwise.
    pub fn run_within<T>(
        &self,
        timeout: Duration,
        work: impl AsyncFnOnce(Client) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        with_client(self.config(timeout)?, work)
    }

    fn config(&self, timeout: Duration) -> Result<ClientConfig, Failure> {
        let Target { addresses, key, timeout } = self.target(timeout)?;
        let config = ClientConfig::new(addresses).map_err(|error| Failure::refused(error.to_string()))?;
        Ok(config.with_key(key).with_timeout(timeout))
    }

    /// Whom to ask, as whom and for how long, for what does not go through the client.
    pub fn target(&self, timeout: Duration) -> Result<Target, Failure> {
        let given = if self.address.is_empty() && self.dev.is_none() {
            variable(ADDRESS).map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default()
        } else {
            self.address.clone()
        };
        let dev = if given.is_empty() { self.dev_folder() } else { None };
        let dev = dev.map(|folder| dev::whom_to_ask(&folder)).transpose()?;
        let (addresses, dev_key) = match dev {
            Some((addresses, key)) => (addresses, Some(key)),
            None if given.is_empty() => (vec![ADDRESS_DEFAULT.to_owned()], None),
            None => (given, None),
        };
        let addresses: Vec<String> = addresses.iter().map(|address| address.trim().to_owned()).collect();
        let Some(key) = self.key()?.or(dev_key) else {
            return Err(Failure::refused(format!("no API key was given for {}", addresses.join(", "))).advise(
                "Put it into CONFMAN_KEY, or name a file with it in CONFMAN_KEY_FILE or --key-file; `confman key new` makes one",
            ));
        };
        Ok(Target { addresses, key, timeout: self.timeout(timeout)? })
    }

    fn dev_folder(&self) -> Option<PathBuf> {
        let given = self.dev.clone().or_else(|| variable(DEV).map(PathBuf::from));
        given.or_else(|| Path::new(DEV_DEFAULT).join("dev.json").exists().then(|| PathBuf::from(DEV_DEFAULT)))
    }

    /// A flag wins over a variable, whichever of the two it is.
    fn key(&self) -> Result<Option<String>, Failure> {
        match (&self.key, &self.key_file) {
            (Some(key), _) => Ok(Some(key.clone())),
            (None, Some(file)) => read_key(file).map(Some),
            (None, None) => match (variable(KEY), variable(KEY_FILE)) {
                (Some(key), _) => Ok(Some(key)),
                (None, Some(file)) => read_key(Path::new(&file)).map(Some),
                (None, None) => Ok(None),
            },
        }
    }

    fn timeout(&self, default: Duration) -> Result<Duration, Failure> {
        let (name, text) = match (&self.timeout, variable(TIMEOUT)) {
            (Some(text), _) => ("--timeout", text.clone()),
            (None, Some(text)) => (TIMEOUT, text),
            (None, None) => return Ok(default),
        };
        parse_duration(&text).filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
            Failure::refused(format!("{name} is {text:?}: it must be a duration, like \"500ms\", \"3s\" or \"5m\""))
        })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn read_key(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::refused(format!("the key file {} cannot be read: {error}", file.display())))?;
    Ok(text.trim().to_owned())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let what = error.to_string();
        let failure = match &error {
            Error::Invalid(_) => Failure::refused(what),
            Error::Refused(_) => Failure { exit_code: 3, ..Failure::failed(what) },
            Error::Unavailable { .. } => Failure::unavailable(what),
            Error::OutcomeUnknown { .. } | Error::Unexpected { may_have_happened: true, .. } => {
                Failure { exit_code: 5, ..Failure::failed(what) }
            }
            Error::Unexpected { .. } => Failure::unavailable(what),
        };
        match &error {
            Error::Refused(refusal) if refusal.status == 401 => {
                failure.advise("Keys are given by --key-file, CONFMAN_KEY or CONFMAN_KEY_FILE")
            }
            Error::Unavailable { .. } => failure.advise(
                "Nothing was done: it can be tried again. Nodes are named by --address or CONFMAN_ADDRESS, each with what its \
                 http.listen says",
            ),
            _ if error.may_have_happened() => failure.advise("Read what there is now before you write again"),
            _ => failure,
        }
    }
}
