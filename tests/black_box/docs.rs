//! The guides are tried as they are written: the `sh` blocks of a page, from top to bottom, in one shell, against real
//! nodes. Only what a test cannot have is put in their place (`support/hosts.sh`): other machines are folders and
//! addresses of the loopback network, a service is a process, nobody becomes root.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::node::signal;
use crate::support::{binary, free_port, skip, within};

/// How long a whole page may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);
const STAND_INS: &[&str] = &["cargo", "install", "journalctl", "scp", "ssh", "sudo", "systemctl", "useradd"];

#[test]
fn three_hosts_as_the_page_says() {
    let Some(tried) = Tried::pages(&[Part::all("src/docs/deploy.md")], false) else { return };
    tried.says("node 4 has taken the place of node 3");
    tried.says("hello from there");
    tried.says_problems(&["not-a-member"]);
}

#[test]
fn operating_as_the_page_says() {
    let running = Part { page: "src/docs/deploy.md", until: Some("## Ports, firewall, TLS") };
    let Some(tried) = Tried::pages(&[running, Part::all("src/docs/operate.md")], false) else { return };
    tried.says("node 4 is a learner");
    tried.says("this node was removed from the cluster");
    tried.says_problems(&["not-a-member"]);
}

#[test]
fn the_rest_guide_as_it_says() {
    let Some(tried) = Tried::pages(&[Part::all("src/docs/api.md")], true) else { return };
    tried.says("304");
    tried.says("\"valid\":true");
    tried.says("\"outcome\":\"deleted\"");
    tried.says_problems(&[
        "idempotency-mismatch",
        "invalid-value",
        "membership-conflict",
        "namespace-not-empty",
        "not-found",
        "precondition-failed",
        "version-unknown",
    ]);
}

#[test]
fn the_first_screen_as_it_says() {
    let Some(tried) = Tried::pages(&[Part::all("README.md")], true) else { return };
    tried.says("set greeting in demo: version 2");
    tried.says_problems(&[]);
}

#[test]
fn the_command_line_as_the_page_says() {
    let Some(tried) = Tried::pages(&[Part::all("src/docs/cli.md")], true) else { return };
    tried.says("made db.url in payments");
    tried.says_problems(&[]);
}

/// A page, or what comes before one of its headings.
struct Part {
    page: &'static str,
    until: Option<&'static str>,
}

impl Part {
    fn all(page: &'static str) -> Part {
        Part { page, until: None }
    }
}

/// Pages that were tried, and what their commands printed.
struct Tried {
    output: String,
    folder: Folder,
}

impl Tried {
    /// Runs all of some pages, in a folder where `confman dev` runs or in an empty one. `None` where this system has not
    /// what it takes.
    fn pages(parts: &[Part], dev: bool) -> Option<Tried> {
        if let Some(why) = missing() {
            skip(&format!("the commands of {}: {why}", parts[parts.len() - 1].page));
            return None;
        }
        let mut folder = Folder::new();
        let mut script = script(parts);
        if dev {
            for (port, url) in (7400..).zip(folder.run_dev()) {
                script = script.replace(&format!("http://127.0.0.1:{port}"), &url);
            }
        }
        let (script_file, output_file) = (folder.path().join("script"), folder.path().join("output"));
        fs::write(&script_file, script).expect("a file");
        let output = fs::File::create(&output_file).expect("a file");
        let mut shell = folder
            .command("bash")
            .arg(&script_file)
            .stdout(output.try_clone().expect("a file"))
            .stderr(output)
            .process_group(0)
            .spawn()
            .expect("a shell");
        let ended = within(PATIENCE, || shell.try_wait().expect("a child"));
        if ended.is_none() {
            // The group, so that a loop that waits for something ends too.
            signal(shell.id().wrapping_neg(), libc::SIGKILL);
            shell.wait().expect("a child");
        }
        let output = fs::read_to_string(&output_file).expect("what was printed");
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}\n{}\n{output}", folder.logs());
        Some(Tried { output, folder })
    }

    #[track_caller]
    fn says(&self, what: &str) {
        assert!(self.output.contains(what), "{what:?} is not in\n{}\n{}", self.folder.logs(), self.output);
    }

    /// Nothing was refused but what the page says is refused.
    #[track_caller]
    fn says_problems(&self, expected: &[&str]) {
        let slugs = self.output.split("https://confman/errors/").skip(1);
        let slugs: BTreeSet<&str> = slugs.filter_map(|rest| rest.split('"').next()).collect();
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        // Who asks whether a node is ready may come before it knows who it is.
        let passing = ["no-leader", "version-not-reached"];
        let refused: BTreeSet<&str> = slugs.into_iter().filter(|slug| !passing.contains(slug)).collect();
        assert_eq!(refused, expected, "{}", self.output);
    }
}

/// What the pages need and this system does not have.
fn missing() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("all of 127.0.0.0/8 is needed".to_owned());
    }
    let tools = ["bash", "curl", "jq", "openssl", "setsid"];
    let absent = |tool: &&str| !Command::new("which").arg(tool).output().is_ok_and(|found| found.status.success());
    tools.iter().find(|tool| absent(tool)).map(|tool| format!("{tool} is not installed"))
}

/// The commands of the pages, with the addresses of this process.
fn script(parts: &[Part]) -> String {
    // A network for each test of each process that tries the pages.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let network = 64 + std::process::id() % 16 * 8 + NEXT.fetch_add(1, Ordering::Relaxed) % 8;
    let network = format!("127.{network}.");
    let mut script = String::from("set -euo pipefail\n");
    for Part { page, until } in parts {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).expect("a page of the guides");
        let mut lines = text.lines().enumerate().take_while(|(_, line)| until.is_none_or(|until| *line != until));
        while let Some((number, line)) = lines.next() {
            if line != "```sh" {
                continue;
            }
            script += &format!("echo '---- {page}:{}'\n", number + 1);
            for (_, line) in lines.by_ref().take_while(|(_, line)| *line != "```") {
                script += &line.replace("10.0.", &network);
                script.push('\n');
            }
        }
    }
    script
}

/// Where a page is tried; its nodes end with it.
struct Folder {
    dev: Option<Child>,
    folder: TempDir,
}

impl Folder {
    fn new() -> Folder {
        let folder = Folder { dev: None, folder: tempfile::tempdir().expect("a temporary folder") };
        let stand_ins = folder.path().join("bin");
        for made in [&stand_ins, &folder.path().join("repository")] {
            fs::create_dir(made).expect("a folder");
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/hosts.sh");
        for name in STAND_INS {
            symlink(&script, stand_ins.join(name)).expect("a link");
        }
        symlink(binary(), stand_ins.join("confman")).expect("a link");
        folder
    }

    /// A command in the folder where the page begins, with nothing of this process in its environment.
    fn command(&self, program: &str) -> Command {
        let stand_ins = self.path().join("bin");
        let path = std::env::var("PATH").expect("a PATH");
        let mut command = Command::new(program);
        command
            .current_dir(self.path().join("repository"))
            .env_clear()
            .env("PATH", format!("{}:{path}", stand_ins.display()))
            .env("HOME", self.path())
            .env("HOSTS", self.path())
            .env("STAND_INS", stand_ins)
            .env("BINARY", binary())
            .stdin(Stdio::null());
        command
    }

    /// Runs `confman dev` there, as after `make dev`, and names its nodes.
    fn run_dev(&mut self) -> Vec<String> {
        let binary = binary();
        let built = self.path().join("repository/target/release");
        fs::create_dir_all(&built).expect("a folder");
        symlink(&binary, built.join("confman")).expect("a link");
        let mut dev = self.command(binary.to_str().expect("a path in UTF-8"));
        dev.args(["dev", "--json", "--port", &free_port().to_string()]).stdout(Stdio::piped());
        let dev = self.dev.insert(dev.spawn().expect("the binary starts"));
        let mut line = String::new();
        BufReader::new(dev.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        let cluster: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let nodes = cluster["nodes"].as_array().expect("nodes");
        nodes.iter().map(|node| node["url"].as_str().expect("a URL").to_owned()).collect()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folders of the hosts.
    fn hosts(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path()).expect("a folder");
        let mut hosts: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        hosts.retain(|host| host.join("home").exists());
        hosts.sort();
        hosts
    }

    /// The last lines of all nodes' logs.
    fn logs(&self) -> String {
        let mut text = String::new();
        for host in self.hosts() {
            let log = fs::read_to_string(host.join("log")).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(8)..].join("\n");
            text += &format!("---- the end of the log of {}\n{last}\n", host.display());
        }
        text
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(mut dev) = self.dev.take() {
            // It ends its nodes first.
            signal(dev.id(), libc::SIGTERM);
            dev.wait().expect("a child");
        }
        for host in self.hosts() {
            let pid = fs::read_to_string(host.join("confman.pid")).ok().and_then(|pid| pid.trim().parse().ok());
            if let Some(pid) = pid {
                signal(pid, libc::SIGKILL);
            }
        }
    }
}
