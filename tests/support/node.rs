//! One `confman serve` process.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::{binary, wait_for};

pub struct Node {
    pub id: u64,
    pub url: String,
    pub config: PathBuf,
    pub data: PathBuf,
    pub log: PathBuf,
    process: Option<Child>,
}

impl Node {
    /// Writes the configuration file.
    pub fn prepare(id: u64, url: String, home: &Path, text: &str) -> Node {
        fs::create_dir_all(home).expect("a folder for the node");
        let config = home.join("node.toml");
        fs::write(&config, text).expect("a configuration file");
        Node { id, url, config, data: home.join("data"), log: home.join("node.log"), process: None }
    }

    /// Starts the process; does not wait for anything.
    pub fn run(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).expect("a log file");
        self.run_logging_to(log);
    }

    /// Starts the process, with its log going elsewhere.
    pub fn run_logging_to(&mut self, log: File) {
        let mut command = Command::new(binary());
        command.arg("serve").arg("--config").arg(&self.config);
        self.spawn(command, log);
    }

    /// Starts the process with a command of the test's own.
    pub fn run_command(&mut self, command: Command) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).expect("a log file");
        self.spawn(command, log);
    }

    fn spawn(&mut self, mut command: Command, log: File) {
        assert!(!self.is_running(), "node {} runs already", self.id);
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a log file")).stderr(log);
        self.process = Some(command.spawn().expect("the binary starts"));
    }

    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("a running node").id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("a running node");
        process.kill().expect("it can be killed");
        process.wait().expect("it ends");
    }

    /// SIGTERM, and how it ended.
    pub fn stop(&mut self) -> ExitStatus {
        signal(self.pid(), libc::SIGTERM);
        wait_for("the node to end after SIGTERM", || self.ended())
    }

    /// How it ended, if it did by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.process.as_mut()?.try_wait().expect("its status can be read")?;
        self.process = None;
        Some(status)
    }

    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.is_running() {
            self.kill();
        }
        if std::thread::panicking() {
            let text = self.log_text();
            let tail: Vec<&str> = text.lines().rev().take(15).collect();
            eprintln!("---- the end of node {}'s log", self.id);
            tail.into_iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

pub fn signal(pid: u32, signal: i32) {
    // SAFETY: kill(2) touches no memory of ours.
    unsafe { libc::kill(pid as libc::pid_t, signal) };
}
