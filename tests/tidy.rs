//! What the compiler cannot hold us to: who may import whom, what may not be named where, how long a file may grow.
//!
//! The rules read text, line by line, not Rust; they are right as long as the code is formatted. Each says what to do
//! instead, and each has a test in `can_fail.rs` that shows it failing. A rule is changed here, with its reason, or not at
//! all.

#[path = "tidy/can_fail.rs"]
mod can_fail;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who may import whom, from the top down. Everything may import `base` and itself; `lib.rs` names all.
const IMPORTS: &[(&str, &[&str])] = &[
    ("main", &["cli", "real", "http", "node", "config"]),
    ("cli", &["client", "config", "wire", "real", "node", "inspect", "http", "host"]),
    ("client", &["wire", "host"]),
    ("inspect", &["node", "raft", "apply", "audit", "log", "keys", "model", "host"]),
    (
        "node",
        &["api", "raft", "apply", "audit", "watch", "peer", "config", "host", "log", "keys", "http", "wire", "model"],
    ),
    ("http", &["api", "wire", "model", "host", "config"]),
    ("api", &["raft", "audit", "watch", "apply", "keys", "model", "peer", "host", "config", "wire"]),
    ("raft", &["apply", "log", "peer", "model", "host", "config"]),
    ("apply", &["watch", "keys", "model", "host"]),
    ("audit", &["keys", "model", "host", "apply"]),
    ("watch", &["keys", "model", "host"]),
    ("log", &["host", "model", "config"]),
    ("keys", &["host", "model", "config"]),
    ("peer", &["host", "model", "config"]),
    ("real", &["host", "config"]),
    ("wire", &["model"]),
    ("config", &[]),
    ("model", &[]),
    ("host", &[]),
    ("base", &[]),
];

/// Modules whose tests may import anything: the fakes of `host` are run against what is built on it.
const TESTS_IMPORT_ALL: &[&str] = &["host"];

/// Files hold one idea; past this, ask whether it is two.
const FILE_LINES_SOFT: usize = 600;
const FILE_LINES_HARD: usize = 900;
/// Files over the soft limit, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Where a ban holds.
#[derive(Clone, Copy, PartialEq)]
enum Where {
    /// `src/`, but not `real/`, `cli/`, `main.rs`, tests and comments: the code that the simulator runs.
    Simulated,
    /// All Rust code of the product and the simulator, tests too; not comments.
    Code,
    /// All Rust text under `src/`, comments too.
    ProductText,
}

/// What may not be written, where, and what to do instead.
const BANS: &[(Where, &[&str], &str)] = &[
    (Where::Simulated, &["std::fs", "tokio::fs"], "go through `Host::files`: the simulator has its own disk"),
    (Where::Simulated, &["std::net", "tokio::net"], "go through `Host::peers`: the simulator has its own network"),
    (Where::Simulated, &["std::thread"], "spawn a task through `Host::spawn`; only real/ has threads"),
    (Where::Simulated, &["SystemTime"], "ask `Host::clock` for `wall()`, or carry the time as data"),
    (Where::Simulated, &["Instant::now"], "ask `Host::clock` for `now()`"),
    (Where::Simulated, &["tokio::spawn", "tokio::task"], "spawn through `Host::spawn`"),
    (Where::Simulated, &["tokio::time"], "sleep through `Host::sleep` and bound work with `Host::until`"),
    (Where::Simulated, &["tokio::runtime", "tokio::signal", "tokio::process"], "only real/ and cli/ have a runtime"),
    (Where::Simulated, &["rand::rng(", "thread_rng", "getrandom"], "draw from a fork of `Host::entropy`"),
    (Where::Simulated, &["println!", "eprintln!", "print!", "eprint!"], "log with `tracing`"),
    (Where::Simulated, &["HashMap", "HashSet"], "use BTreeMap or BTreeSet: a hash order must reach nothing visible"),
    (Where::Simulated, &["unbounded_channel"], "use a bounded channel, its bound a constant with a name and a reason"),
    (Where::Simulated, &["select!"], "poll in a fixed order: `futures_util::future::select`, the older work first"),
    (Where::ProductText, &["madsim"], "the product does not know its simulator; that belongs in sim-tests/"),
    (Where::Code, &["todo!", "unimplemented!"], "finish it, or answer with an error that says so"),
    (Where::Code, &["dbg!"], "remove it, or log with `tracing`"),
    (Where::Code, &["#[ignore"], "a test runs or is deleted; what is slow goes where slow tests run"),
];

/// Types that `std::net` shares with those who open no socket.
const ADDRESSES: &[&str] = &["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "AddrParseError"];

/// Where people keep their files. Put together here, so that this file does not name them.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wor", "k/"), concat!("/roo", "t/"), concat!("/hom", "e/"), concat!("/User", "s/")];

/// The lints that nobody may switch off; written so that this file does not switch them off.
const EXCUSES: &[&str] = &[concat!("dead_", "code"), concat!("unuse", "d)"), concat!("unuse", "d,")];

/// One broken rule, and what to do about it.
struct Finding {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// One line of Rust.
struct Line {
    text: String,
    /// Without comments.
    code: String,
    in_tests: bool,
}

/// One file under `src/` or `sim-tests/`.
struct Source {
    path: String,
    lines: Vec<Line>,
    /// What `a::{b, c}` stands for, `a::b` and `a::c`, each with its line.
    expanded: Vec<(usize, String)>,
}

impl Source {
    /// The top-level module that a file of the product belongs to; none for `lib.rs` and for other crates.
    fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let module = inside.split(['/', '.']).next()?;
        (module != "lib").then_some(module)
    }

    fn is_simulated(&self) -> bool {
        self.path.starts_with("src/") && !matches!(self.module(), Some("real" | "cli" | "main"))
    }

    fn finding(&self, line: usize, what: String) -> Finding {
        Finding { file: self.path.clone(), line: line + 1, what }
    }
}

/// Reads Rust files, and finds out which of their lines are tests.
fn read(files: Vec<(String, String)>) -> Vec<Source> {
    let mut test_files = Vec::new();
    let mut sources: Vec<Source> = files
        .into_iter()
        .map(|(path, text)| {
            let mut lines: Vec<Line> = text
                .lines()
                .map(|text| Line { text: text.to_owned(), code: without_comment(text).to_owned(), in_tests: false })
                .collect();
            mark_tests(&path, &mut lines, &mut test_files);
            let expanded = expand_groups(&lines);
            Source { path, lines, expanded }
        })
        .collect();
    for source in &mut sources {
        let in_tests_folder = source.path.starts_with("sim-tests/tests/");
        if in_tests_folder || test_files.iter().any(|test| is_within(&source.path, test)) {
            source.lines.iter_mut().for_each(|line| line.in_tests = true);
        }
    }
    sources
}

/// Whether `path` is the file `module.rs`, or lies in the folder `module/`.
fn is_within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/') || rest.is_empty())
}

fn without_comment(text: &str) -> &str {
    if text.trim_start().starts_with("//") {
        return "";
    }
    // " // " also occurs in strings; what is missed after it there is no loss.
    text.find(" // ").map_or(text, |at| &text[..at])
}

/// Marks what stands under `#[cfg(test)]`, and collects the modules that are declared there.
fn mark_tests(path: &str, lines: &mut [Line], test_files: &mut Vec<String>) {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.trim_end_matches(".rs");
    let children = if matches!(stem, "mod" | "lib" | "main") { folder.to_owned() } else { format!("{folder}/{stem}") };
    let mut at = 0;
    while at < lines.len() {
        let attribute = lines[at].code.trim();
        let is_for_tests = attribute.starts_with("#[cfg(") && attribute.contains("test") && !attribute.contains("not(");
        if !is_for_tests {
            at += 1;
            continue;
        }
        let indent = lines[at].code.len() - lines[at].code.trim_start().len();
        let mut moved_to = None;
        let mut end = at + 1;
        // Other attributes, up to the item.
        while end < lines.len() && lines[end].code.trim().starts_with("#[") {
            if let Some(rest) = lines[end].code.trim().strip_prefix("#[path = \"") {
                moved_to = rest.strip_suffix("\"]").map(|file| format!("{folder}/{}", file.trim_end_matches(".rs")));
            }
            end += 1;
        }
        let item = lines.get(end).map_or("", |line| line.code.trim()).to_owned();
        if let Some(name) = item.strip_suffix(';').and_then(|item| item.rsplit_once("mod ")).map(|(_, name)| name) {
            test_files.push(moved_to.unwrap_or_else(|| format!("{children}/{name}")));
        } else if !item.ends_with(';') {
            // A block: to the brace at the same indent.
            let closes = |line: &Line| line.code.trim_end() == format!("{}}}", " ".repeat(indent));
            while end < lines.len() && !closes(&lines[end]) {
                end += 1;
            }
        }
        let last = end.min(lines.len() - 1);
        lines[at..=last].iter_mut().for_each(|line| line.in_tests = true);
        at = last + 1;
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The full paths inside each `prefix::{...}`, nested ones too, over as many lines as it takes.
fn expand_groups(lines: &[Line]) -> Vec<(usize, String)> {
    let mut expanded = Vec::new();
    // The groups that are open, each as the path before its brace.
    let mut groups: Vec<String> = Vec::new();
    let mut path = String::new();
    let mut path_has_ended = false;
    for (at, line) in lines.iter().enumerate() {
        for c in line.code.chars().chain([' ']) {
            match c {
                // What follows a space is the alias in `a as b`.
                c if is_word(c) || c == ':' => {
                    if !path_has_ended {
                        path.push(c);
                    }
                    continue;
                }
                ' ' if groups.is_empty() => path.clear(),
                ' ' => path_has_ended = !path.is_empty(),
                '{' if path.ends_with("::") => {
                    let prefix = groups.last().map_or("", String::as_str);
                    groups.push(format!("{prefix}{}", std::mem::take(&mut path)));
                }
                ',' | '}' => {
                    if let (Some(prefix), false) = (groups.last(), path.is_empty()) {
                        expanded.push((at, format!("{prefix}{path}")));
                    }
                    if c == '}' {
                        groups.pop();
                    }
                    path.clear();
                }
                _ => path.clear(),
            }
            path_has_ended = path_has_ended && !path.is_empty();
        }
    }
    expanded
}

/// Whether `text` contains `what`, not as the end of a longer name. Returns what follows it.
fn after_each<'a>(text: &'a str, what: &str) -> Vec<&'a str> {
    let is_whole = |at: usize| !text[..at].chars().next_back().is_some_and(|c| is_word(c) && what.starts_with(is_word));
    text.match_indices(what).filter(|(at, _)| is_whole(*at)).map(|(at, found)| &text[at + found.len()..]).collect()
}

/// Imports point downward only.
fn check_imports(sources: &[Source]) -> Vec<Finding> {
    let table: BTreeMap<&str, &[&str]> = IMPORTS.iter().copied().collect();
    let mut findings = Vec::new();
    for source in sources {
        let Some(module) = source.module() else { continue };
        let Some(allowed) = table.get(module) else {
            let what = format!("module `{module}` has no row in IMPORTS (tests/tidy.rs): say what it may import");
            findings.push(source.finding(0, what));
            continue;
        };
        let mut check = |at: usize, imported: &str| {
            let free = source.lines[at].in_tests && TESTS_IMPORT_ALL.contains(&module);
            let fine = imported == module || imported == "base" || allowed.contains(&imported);
            // `crate::Thing` would be a name in lib.rs; there are none.
            if !free && !fine {
                let what = format!(
                    "`{module}` may not import `{imported}`: it may import {}. Move the code down, or hand it in as a \
                     trait (IMPORTS in tests/tidy.rs)",
                    if allowed.is_empty() { "base".to_owned() } else { allowed.join(", ") }
                );
                findings.push(source.finding(at, what));
            }
        };
        // main.rs is a crate of its own, on top of the library.
        let root = if module == "main" { "confman::" } else { "crate::" };
        for (at, line) in source.lines.iter().enumerate() {
            for rest in after_each(&line.code, root) {
                let imported = rest.split(|c: char| !is_word(c)).next().unwrap_or_default();
                if !imported.is_empty() {
                    check(at, imported);
                }
            }
        }
        for (at, path) in &source.expanded {
            if let Some(inside) = path.strip_prefix(root) {
                check(*at, inside.split(':').next().unwrap_or_default());
            }
        }
        let depth = source.path.matches('/').count() - usize::from(source.path.ends_with("/mod.rs"));
        for (at, line) in source.lines.iter().enumerate() {
            // An indented one belongs to an inline module, one deeper.
            let Some(path) = line.code.strip_prefix("use ").or(line.code.strip_prefix("pub use ")) else { continue };
            if path.matches("super::").count() >= depth && path.starts_with("super::") {
                findings.push(source.finding(at, "`super` climbs to the crate's root: write `crate::`".to_owned()));
            }
        }
    }
    once_each(findings)
}

/// A line that breaks a rule twice is one finding.
fn once_each(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| (&a.file, a.line, &a.what).cmp(&(&b.file, b.line, &b.what)));
    findings.dedup_by(|a, b| (&a.file, a.line, &a.what) == (&b.file, b.line, &b.what));
    findings
}

/// What may not be written.
fn check_bans(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (scope, patterns, instead) in BANS {
            let applies = match scope {
                Where::Simulated => source.is_simulated(),
                Where::ProductText => source.path.starts_with("src/"),
                Where::Code => true,
            };
            if !applies {
                continue;
            }
            let whole_lines = source.lines.iter().enumerate().map(|(at, line)| {
                (at, if *scope == Where::ProductText { line.text.as_str() } else { line.code.as_str() })
            });
            let expanded = source.expanded.iter().map(|(at, path)| (*at, path.as_str()));
            for (at, text) in whole_lines.chain(expanded) {
                if *scope == Where::Simulated && source.lines[at].in_tests {
                    continue;
                }
                for pattern in *patterns {
                    if after_each(text, pattern).into_iter().any(|rest| is_broken(pattern, rest)) {
                        findings.push(source.finding(at, format!("`{pattern}`: {instead}")));
                    }
                }
            }
        }
    }
    once_each(findings)
}

fn is_broken(pattern: &str, rest: &str) -> bool {
    // `std::fs` is not `std::fsomething`; `println!` and `#[ignore` end in themselves.
    let ends = !pattern.ends_with(is_word) || pattern.starts_with('#') || !rest.starts_with(is_word);
    let is_address = || {
        let names = rest.trim_start_matches("::");
        // `std::net::{...}` is judged by what it expands to, where the prefix has one part more.
        names.starts_with('{') || ADDRESSES.iter().any(|address| names.starts_with(address))
    };
    ends && !(pattern == "std::net" && is_address())
}

/// Files hold one idea.
fn check_sizes(sources: &[Source], listed: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let lines = source.lines.len();
        let listed = listed.iter().find(|(path, _)| *path == source.path);
        let what = if lines > FILE_LINES_HARD {
            format!("{lines} lines, more than {FILE_LINES_HARD}: split it by idea")
        } else if lines > FILE_LINES_SOFT && listed.is_none() {
            format!(
                "{lines} lines, more than {FILE_LINES_SOFT}: split it, or give the reason in LONG_FILES (tests/tidy.rs)"
            )
        } else if lines <= FILE_LINES_SOFT && listed.is_some() {
            format!("{lines} lines: take it off LONG_FILES (tests/tidy.rs)")
        } else {
            continue;
        };
        findings.push(source.finding(0, what));
    }
    for (path, reason) in listed {
        if reason.is_empty() || !sources.iter().any(|source| source.path == *path) {
            let what = "LONG_FILES names it: it does not exist, or the reason is missing".to_owned();
            findings.push(Finding { file: (*path).to_owned(), line: 1, what });
        }
    }
    findings
}

/// Each module says at its top what it is.
fn check_module_docs(sources: &[Source]) -> Vec<Finding> {
    let is_module = |source: &&Source| ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| source.path.ends_with(name));
    let says_something = |line: &Line| line.text.strip_prefix("//! ").is_some_and(|doc| doc.len() > 20);
    sources
        .iter()
        .filter(is_module)
        .filter(|source| !source.lines.first().is_some_and(says_something))
        .map(|source| source.finding(0, "begin with `//!` and a sentence: what is this module for?".to_owned()))
        .collect()
}

/// What no text of the project may say: where somebody's files lie, and that unused code is fine.
fn check_texts(files: &[(String, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in files {
        for (at, line) in text.lines().enumerate() {
            let mut found = |what: &str| {
                findings.push(Finding { file: path.clone(), line: at + 1, what: what.to_owned() });
            };
            if MACHINE_PATHS.iter().any(|folder| names_path(line, folder)) {
                found("a path of somebody's machine: write one that is right for every reader, a relative one");
            }
            let names_lint = EXCUSES.iter().any(|lint| !after_each(line, lint).is_empty());
            let in_code = path.ends_with(".rs") && (line.contains("allow(") || line.contains("expect("));
            let in_settings = path.ends_with(".toml") && line.contains("allow");
            if names_lint && (in_code || in_settings) {
                found("unused code is deleted, or put under `#[cfg(test)]`, not excused");
            }
        }
    }
    findings
}

/// Whether a line names a path that begins with `folder`, rather than one that has it in its middle.
fn names_path(line: &str, folder: &str) -> bool {
    let begins = |at: usize| {
        !line[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')' | '/' | '*' | '~'))
    };
    line.match_indices(folder).any(|(at, _)| begins(at))
}

// ---- The tree as it is.

fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
}

/// The project's text files: what git tracks or would track; without git, everything but what is built.
fn texts() -> Vec<(String, String)> {
    let root = root();
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>());
    let mut paths = listed.unwrap_or_else(|| {
        let mut found = Vec::new();
        walk(&root, &root, &mut found);
        found
    });
    paths.sort();
    paths.dedup();
    // A file may be listed and deleted; one that is not UTF-8 is no text.
    paths
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(root.join(&path)).ok().map(|text| (path, text)))
        .collect()
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                walk(root, &path, found);
            }
        } else if let Ok(relative) = path.strip_prefix(root) {
            found.push(relative.to_string_lossy().into_owned());
        }
    }
}

fn sources() -> Vec<Source> {
    let is_ours = |path: &str| path.ends_with(".rs") && (path.starts_with("src/") || path.starts_with("sim-tests/"));
    let files: Vec<_> = texts().into_iter().filter(|(path, _)| is_ours(path)).collect();
    assert!(files.len() > 20, "only {} files found: is this the project's root?", files.len());
    read(files)
}

fn assert_none(findings: Vec<Finding>) {
    let list: Vec<_> = findings.iter().map(Finding::to_string).collect();
    assert!(list.is_empty(), "\n\n{}\n", list.join("\n"));
}

#[test]
fn imports_point_downward() {
    assert_none(check_imports(&sources()));
}

#[test]
fn what_is_banned_is_not_there() {
    assert_none(check_bans(&sources()));
}

#[test]
fn files_hold_one_idea() {
    assert_none(check_sizes(&sources(), LONG_FILES));
}

#[test]
fn modules_say_what_they_are() {
    assert_none(check_module_docs(&sources()));
}

#[test]
fn texts_are_free_of_machines_and_excuses() {
    assert_none(check_texts(&texts()));
}
