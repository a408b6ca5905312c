//! Every setting there is: its name, form, unit, default and meaning. What reads the settings takes defaults and
//! bounds from here, and the reference page is written from here.

use std::time::Duration;

use super::units::{format_bytes, format_duration};

/// One setting.
pub struct Setting {
    /// As the file has it: table and key, `http.listen`.
    pub name: &'static str,
    pub form: Form,
    pub fallback: Fallback,
    /// The flag of `confman serve`, where it has one.
    pub flag: Option<&'static str>,
    /// Whether SIGHUP is enough to change it.
    pub reloads: bool,
    /// What it is for; Markdown.
    pub about: &'static str,
}

/// What a value looks like.
#[derive(Clone, Copy)]
pub enum Form {
    /// As the meaning says.
    Text,
    /// Text that is never shown.
    Secret,
    /// Host and port.
    Address,
    /// `http://` or `https://`, host and port.
    Url,
    /// A file or a folder.
    Path,
    Number {
        min: u64,
        max: u64,
    },
    Duration {
        min: Duration,
        max: Duration,
    },
    Size {
        min: u64,
        max: u64,
    },
    OneOf(&'static [&'static str]),
}

/// What holds where nothing is said.
#[derive(Clone, Copy)]
pub enum Fallback {
    /// It must be given.
    Required,
    /// This value, as it would be written.
    Value(&'static str),
    /// What comes of other settings.
    Other(&'static str),
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const HOUR: Duration = Duration::from_secs(3600);
/// Node ids are stored with room to spare.
const NODE_MAX: u64 = u64::MAX / 2;
/// What is logged where nobody says otherwise. What openraft tells below `error` is for its developers: a warning for
/// each heartbeat that a dead follower misses, twenty a second.
pub const LOG_DEFAULT: &str = "info,openraft=error,fjall=warn,lsm_tree=warn";

use Fallback::{Other, Required, Value};

const fn setting(name: &'static str, form: Form, fallback: Fallback, about: &'static str) -> Setting {
    Setting { name, form, fallback, flag: None, reloads: false, about }
}

impl Setting {
    const fn flag(self, flag: &'static str) -> Setting {
        Setting { flag: Some(flag), ..self }
    }

    const fn reloads(self) -> Setting {
        Setting { reloads: true, ..self }
    }
}

const fn time(min: Duration, max: Duration) -> Form {
    Form::Duration { min, max }
}

/// All settings, in the order of the reference page.
pub static SETTINGS: &[Setting] = &[
    setting(
        "cluster",
        Form::Text,
        Required,
        "The cluster's name, the same on all its nodes: 1 to 64 characters of `A-Z a-z 0-9 . _ -`. Nodes of another \
         cluster are refused.",
    ),
    setting(
        "node",
        Form::Number { min: 1, max: NODE_MAX },
        Required,
        "This node's number: the `id` of one of `[[members]]`.",
    )
    .flag("--node"),
    setting(
        "dataDir",
        Form::Path,
        Required,
        "The folder for the log, the snapshots and the store; made where there is none. Must be on a disk that keeps \
         what `fdatasync` promised.",
    )
    .flag("--data"),
    setting(
        "log",
        Form::Text,
        Value(LOG_DEFAULT),
        "What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`), or levels by module, like \
         `info,confman::raft=debug`. A level alone is about Confman's own lines.",
    )
    .flag("--log")
    .reloads(),
    setting("http.listen", Form::Address, Value("127.0.0.1:7400"), "Where clients connect.").flag("--http-listen"),
    setting(
        "http.url",
        Form::Url,
        Other("the `url` of this node in `[[members]]`"),
        "Where clients are redirected to. Must be what `[[members]]` says.",
    ),
    setting(
        "http.connectionsMax",
        Form::Number { min: 1, max: 1_000_000 },
        Value("10000"),
        "Connections of clients at once. For one more, the one that has waited the longest for a request is closed; where \
         all have one in hand, it is told `overloaded`. Each takes an open file: a node raises its limit of them as far as \
         it may, and takes fewer connections where that is not enough.",
    ),
    setting("http.headerTimeout", time(ms(100), HOUR), Value("10s"), "How long a request's head may take to arrive."),
    setting("http.bodyTimeout", time(ms(100), HOUR), Value("30s"), "How long a request's body may take to arrive."),
    setting(
        "http.idleTimeout",
        time(ms(100), HOUR),
        Value("75s"),
        "How long a connection may be silent between requests.",
    ),
    setting(
        "peer.listen",
        Form::Address,
        Other("the `peer` of this node in `[[members]]`"),
        "Where other nodes connect.",
    )
    .flag("--peer-listen"),
    setting(
        "peer.address",
        Form::Address,
        Other("the `peer` of this node in `[[members]]`"),
        "Where other nodes are told to connect. Must be what `[[members]]` says.",
    ),
    setting(
        "peer.secret",
        Form::Secret,
        Other("none: loopback addresses only"),
        "What the nodes of the cluster prove to each other that they know: 16 characters or more.",
    ),
    setting(
        "peer.secretFile",
        Form::Path,
        Other("none"),
        "A file with the secret, in place of `peer.secret`. White space around it does not count.",
    ),
    setting(
        "members.id",
        Form::Number { min: 1, max: NODE_MAX },
        Required,
        "The number of a node of the fresh cluster.",
    ),
    setting("members.peer", Form::Address, Required, "Where other nodes reach it."),
    setting("members.url", Form::Url, Required, "Where clients reach it."),
    setting("raft.heartbeat", time(ms(10), ms(60_000)), Value("50ms"), "How often followers hear of the leader."),
    setting(
        "raft.electionTimeoutMin",
        time(ms(20), ms(600_000)),
        Value("150ms"),
        "The shortest random wait before a follower campaigns, after the leader's lease. At least twice the heartbeat.",
    ),
    setting(
        "raft.electionTimeoutMax",
        time(ms(30), ms(600_000)),
        Value("250ms"),
        "The longest random wait, and the length of the leader's lease.",
    ),
    setting(
        "raft.appendEntriesMax",
        Form::Number { min: 1, max: 65_536 },
        Value("1024"),
        "Log entries in one frame. Bytes bound it too.",
    ),
    setting(
        "raft.logEntriesKept",
        Form::Number { min: 0, max: 100_000_000 },
        Value("1000"),
        "Log entries kept behind a snapshot, for followers that are a little late.",
    ),
    setting(
        "storage.segmentBytes",
        Form::Size { min: 64 << 10, max: 1 << 30 },
        Value("16MiB"),
        "One file of the log, preallocated.",
    ),
    setting(
        "storage.snapshotLogBytes",
        Form::Size { min: 64 << 10, max: 1 << 40 },
        Value("64MiB"),
        "A snapshot is made when the log since the last one has outgrown this and the last snapshot.",
    ),
    setting(
        "storage.reserveBytes",
        Form::Size { min: 0, max: 1 << 40 },
        Value("64MiB"),
        "With less free disk, writes are refused with 507; with less than half of it, a node takes no more entries.",
    ),
    setting(
        "requests.writeTimeout",
        time(ms(10), HOUR),
        Value("5s"),
        "How long a write may take: then 503 where nothing was proposed, else 504.",
    ),
    setting("requests.readTimeout", time(ms(10), HOUR), Value("5s"), "How long a read may wait for what it needs."),
    setting(
        "requests.followerWrites",
        Form::OneOf(&["auto", "redirect", "forward"]),
        Value("auto"),
        "What a follower does with a write: sends the client to the leader (`redirect`), passes it on (`forward`), or \
         redirects unless the client would lose its credentials (`auto`).",
    ),
    setting(
        "requests.inFlightMax",
        Form::Number { min: 1, max: 1_000_000 },
        Value("1024"),
        "Requests in hand at once. One more is told `overloaded`.",
    ),
    setting("auth.apiKeys.name", Form::Text, Required, "What the key is called in logs and refusals.").reloads(),
    setting("auth.apiKeys.principal", Form::Text, Other("the name"), "Who acts with it, as the audit shows it.")
        .reloads(),
    setting(
        "auth.apiKeys.role",
        Form::OneOf(&["reader", "admin"]),
        Required,
        "A `reader` reads. An `admin` also writes, and sees the audit of all namespaces.",
    )
    .reloads(),
    setting(
        "auth.apiKeys.key",
        Form::Secret,
        Other("none"),
        "The key itself, 16 visible ASCII characters or more; this or `keySha256`.",
    )
    .reloads(),
    setting(
        "auth.apiKeys.keySha256",
        Form::Text,
        Other("none"),
        "The SHA-256 of the key as 64 hexadecimal digits: the file then opens nothing to who reads it.",
    )
    .reloads(),
];

impl Setting {
    /// Tables that may stand several times have no variables: there is no telling which one is meant.
    pub fn is_listed(&self) -> bool {
        ["members.", "auth.apiKeys."].iter().any(|list| self.name.starts_with(list))
    }

    /// The environment variable, where it has one: `CONFMAN_HTTP_LISTEN`.
    pub fn variable(&self) -> Option<String> {
        if self.is_listed() {
            return None;
        }
        let mut variable = PREFIX.to_owned();
        for c in self.name.chars() {
            match c {
                '.' => variable.push('_'),
                c if c.is_ascii_uppercase() => variable.extend(['_', c]),
                c => variable.push(c.to_ascii_uppercase()),
            }
        }
        Some(variable)
    }

    pub fn is_secret(&self) -> bool {
        matches!(self.form, Form::Secret)
    }
}

/// What the variables begin with.
pub const PREFIX: &str = "CONFMAN_";

/// The setting of this name.
pub fn find(name: &str) -> &'static Setting {
    let found = SETTINGS.iter().find(|setting| setting.name == name);
    found.unwrap_or_else(|| panic!("{name} is read, but not in the table of settings"))
}

/// What may stand in a table of the file, in the order of the page: `""` is the top.
pub fn keys_of(table: &str) -> Vec<&'static str> {
    let mut keys = Vec::new();
    for setting in SETTINGS {
        let inside = match table {
            "" => Some(setting.name),
            table => setting.name.strip_prefix(table).and_then(|rest| rest.strip_prefix('.')),
        };
        let Some(key) = inside.and_then(|inside| inside.split('.').next()) else { continue };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

impl Form {
    /// What is allowed, to follow "it must be".
    pub fn rule(&self) -> String {
        match self {
            Form::Text | Form::Secret => "text".to_owned(),
            Form::Path => "a path".to_owned(),
            Form::Address => "host and port, like \"127.0.0.1:7400\"".to_owned(),
            Form::Url => {
                "http:// or https:// with host and port, and no path, like \"http://10.0.0.1:7400\"".to_owned()
            }
            Form::Number { min, max } => format!("a whole number from {min} to {max}"),
            Form::Duration { min, max } => {
                let (min, max) = (format_duration(*min), format_duration(*max));
                format!("a duration from {min} to {max}, like \"500ms\", \"3s\" or \"5m\"")
            }
            Form::Size { min, max } => {
                let (min, max) = (format_bytes(*min), format_bytes(*max));
                format!("a size from {min} to {max}, like \"64KiB\" or \"16MiB\", or a number of bytes")
            }
            Form::OneOf(words) => format!("one of {}", words.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_the_name_in_capitals() {
        let variable = |name| find(name).variable();
        assert_eq!(variable("node").as_deref(), Some("CONFMAN_NODE"));
        assert_eq!(variable("http.listen").as_deref(), Some("CONFMAN_HTTP_LISTEN"));
        assert_eq!(variable("raft.electionTimeoutMin").as_deref(), Some("CONFMAN_RAFT_ELECTION_TIMEOUT_MIN"));
        assert_eq!(variable("members.id"), None);
    }

    #[test]
    fn no_two_settings_share_a_name_a_variable_or_a_flag() {
        let mut seen = std::collections::BTreeSet::new();
        for setting in SETTINGS {
            let names = [Some(setting.name.to_owned()), setting.variable(), setting.flag.map(str::to_owned)];
            for name in names.into_iter().flatten() {
                assert!(seen.insert(name.clone()), "{name} stands twice");
            }
        }
    }

    #[test]
    fn tables_know_their_keys() {
        assert_eq!(keys_of("auth"), ["apiKeys"]);
        assert_eq!(keys_of("members"), ["id", "peer", "url"]);
        assert!(keys_of("").starts_with(&["cluster", "node", "dataDir", "log", "http", "peer", "members"]));
    }
}
