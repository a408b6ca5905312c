//! The guides are tried as they are written: the `sh` blocks of a page, from top to bottom, in one shell, against real
//! nodes. Only what a test cannot have is put in their place (`support/hosts.sh`): other machines are folders and
//! addresses of the loopback network, a service is a process, nobody becomes root.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::node::signal;
use crate::support::{binary, skip, within};

/// How long a whole page may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);
const STAND_INS: &[&str] = &["cargo", "install", "journalctl", "scp", "ssh", "sudo", "systemctl", "useradd"];

#[test]
fn three_hosts_as_the_page_says() {
    let Some(tried) = Tried::page("deploy.md") else { return };
    tried.says("node 4 has taken the place of node 3");
    tried.says("hello again");
    tried.says("hello from there");
}

/// A page that was tried, and what its commands printed.
struct Tried {
    output: String,
    folder: Folder,
}

impl Tried {
    /// Runs all of a page. `None` where this system has not what it takes.
    fn page(name: &str) -> Option<Tried> {
        if let Some(why) = missing() {
            skip(&format!("the commands of {name}: {why}"));
            return None;
        }
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/docs").join(name);
        let text = fs::read_to_string(&page).expect("a page of the guides");
        let folder = Folder::new();
        let script = script(&text);
        let (script_file, output_file) = (folder.path().join("script"), folder.path().join("output"));
        fs::write(&script_file, script).expect("a file");
        let output = fs::File::create(&output_file).expect("a file");
        let mut shell = Command::new("bash")
            .arg(&script_file)
            .current_dir(folder.path().join("repository"))
            .env_clear()
            .env("PATH", folder.path_variable())
            .env("HOME", folder.path())
            .env("HOSTS", folder.path())
            .env("STAND_INS", folder.path().join("bin"))
            .env("BINARY", binary())
            .stdin(Stdio::null())
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
        assert!(ended.is_some_and(|status| status.success()), "{name}: {ended:?}\n{}\n{output}", folder.logs());
        Some(Tried { output, folder })
    }

    #[track_caller]
    fn says(&self, what: &str) {
        assert!(self.output.contains(what), "{what:?} is not in\n{}\n{}", self.folder.logs(), self.output);
    }
}

/// What the pages need and this system does not have.
fn missing() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("all of 127.0.0.0/8 is needed".to_owned());
    }
    let tools = ["bash", "curl", "openssl", "setsid"];
    let absent = |tool: &&str| !Command::new("which").arg(tool).output().is_ok_and(|found| found.status.success());
    tools.iter().find(|tool| absent(tool)).map(|tool| format!("{tool} is not installed"))
}

/// The commands of a page, with the addresses of this process.
fn script(page: &str) -> String {
    // A network for each process that tries the pages.
    let network = format!("127.{}.", 64 + std::process::id() % 128);
    let mut script = String::from("set -euo pipefail\n");
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line != "```sh" {
            continue;
        }
        script += &format!("echo '---- line {}'\n", number + 1);
        for (_, line) in lines.by_ref().take_while(|(_, line)| *line != "```") {
            script += &line.replace("10.0.", &network);
            script.push('\n');
        }
    }
    script
}

/// Where a page is tried; its nodes end with it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().expect("a temporary folder"));
        let stand_ins = folder.path().join("bin");
        for made in [&stand_ins, &folder.path().join("repository")] {
            fs::create_dir(made).expect("a folder");
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/hosts.sh");
        for name in STAND_INS {
            symlink(&script, stand_ins.join(name)).expect("a link");
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn path_variable(&self) -> String {
        let path = std::env::var("PATH").expect("a PATH");
        format!("{}:{path}", self.path().join("bin").display())
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
        for host in self.hosts() {
            let pid = fs::read_to_string(host.join("confman.pid")).ok().and_then(|pid| pid.trim().parse().ok());
            if let Some(pid) = pid {
                signal(pid, libc::SIGKILL);
            }
        }
    }
}
