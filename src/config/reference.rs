//! The reference page, written from the table of settings.

use std::fmt::Write;

use super::settings::{Fallback, Form, SETTINGS, Setting};
use super::units::{format_bytes, format_duration};

const HEAD: &str = "\
# Configuration

<!-- Written by `confman config reference`, from the table of settings in the code: change it there. -->

A node reads its settings from four places, from weak to strong: the default, the file (`confman serve --config FILE`,
or `CONFMAN_CONFIG`), the environment, and the flags of `confman serve`.

- `confman config check --config FILE` reads all of that as `serve` would, prints every setting and where it comes from,
  and starts nothing. Exit code 2 where something is wrong: then all mistakes are told at once, with their lines.
- A setting that nobody knows is a mistake; so is a variable that is a typo of one below. Other variables that begin with
  `CONFMAN_` are ignored, and `serve` warns of them. An empty variable is the same as none.
- Durations are written `500ms`, `3s`, `5m` or `2h`; sizes `64KiB`, `16MiB`, `1GiB` or a number of bytes. In the file both
  are text in quotes.
- A relative path in the file starts at the file's folder; one in a variable or a flag where the command was given.
- SIGHUP makes a node read everything again. Settings marked *SIGHUP* change at once; of others that differ the log says
  that they wait for the next start. Where something is wrong, nothing changes, and the log says what.
";

const TABLES: &[(&str, &str)] = &[
    ("", "The node"),
    ("http", "`[http]`: clients"),
    ("peer", "`[peer]`: other nodes"),
    ("members", "`[[members]]`: the cluster as it begins"),
    ("raft", "`[raft]`: replication"),
    ("storage", "`[storage]`: the disk"),
    ("requests", "`[requests]`"),
    ("auth.apiKeys", "`[[auth.apiKeys]]`: who may do what"),
];

/// What stands under a heading, before its settings.
fn introduction(table: &str) -> &'static str {
    match table {
        "members" => {
            "The voters of a fresh cluster, this node among them; the same on all nodes. In the file alone. Ignored once \
             the cluster exists, but for this node's own addresses.\n\n"
        }
        "raft" => {
            "A follower that hears nothing waits for the leader's lease (`electionTimeoutMax`) and then a random time \
             between `electionTimeoutMin` and `electionTimeoutMax` before it asks for votes: 400 to 500 ms by default, \
             so that writes come back about 0.4 s after a leader died. On machines or networks that pause for longer \
             than that, raise all three.\n\n"
        }
        "auth.apiKeys" => {
            "One for each key; at least one. In the file alone. `confman key new` makes a key and prints its stanza.\n\n"
        }
        _ => "",
    }
}

/// The whole page, in Markdown.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for (table, heading) in TABLES {
        let _ = write!(page, "\n## {heading}\n\n{}", wrapped(introduction(table)));
        page += "| setting | default | what it is |\n|---|---|---|\n";
        for setting in SETTINGS.iter().filter(|setting| table_of(setting) == *table) {
            let _ = writeln!(page, "| {} | {} | {} |", names(setting), fallback(setting), meaning(setting));
        }
    }
    page
}

fn table_of(setting: &Setting) -> &str {
    setting.name.rsplit_once('.').map_or("", |(table, _)| table)
}

/// The file's lines are as long as those of other pages.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        if width > 0 && width + 1 + word.len() > 120 {
            lines.push('\n');
            width = 0;
        }
        if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += word.len();
    }
    if lines.is_empty() { lines } else { lines + "\n\n" }
}

fn names(setting: &Setting) -> String {
    let mut names = vec![format!("`{}`", setting.name)];
    names.extend(setting.variable().map(|variable| format!("`{variable}`")));
    names.extend(setting.flag.map(|flag| format!("`{flag}`")));
    names.join("<br>")
}

fn fallback(setting: &Setting) -> String {
    match setting.fallback {
        Fallback::Required => "required".to_owned(),
        Fallback::Value(text) => format!("`{text}`"),
        Fallback::Other(what) => what.to_owned(),
    }
}

fn meaning(setting: &Setting) -> String {
    let bounds = match setting.form {
        Form::Number { max, .. } if max > 1 << 60 => " A whole number from 1.".to_owned(),
        Form::Number { min, max } => format!(" A whole number from {min} to {max}."),
        Form::Duration { min, max } => {
            format!(" A duration from {} to {}.", format_duration(min), format_duration(max))
        }
        Form::Size { min, max } => format!(" A size from {} to {}.", format_bytes(min), format_bytes(max)),
        Form::OneOf(words) => format!(" One of `{}`.", words.join("`, `")),
        Form::Address => " Host and port.".to_owned(),
        Form::Url => " `http://` or `https://`, host and port, without a path.".to_owned(),
        Form::Path | Form::Text | Form::Secret => String::new(),
    };
    let reloads = if setting.reloads { " *SIGHUP.*" } else { "" };
    format!("{}{bounds}{reloads}", setting.about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_every_setting() {
        let page = reference();
        for setting in SETTINGS {
            assert_eq!(page.matches(&format!("| `{}`", setting.name)).count(), 1, "{}", setting.name);
        }
    }

    #[test]
    fn the_page_in_the_tree_is_the_one_that_is_written() {
        let stale = "src/docs/configuration.md is stale: `cargo run -- config reference > src/docs/configuration.md`";
        assert!(include_str!("../docs/configuration.md") == reference(), "{stale}");
    }
}
