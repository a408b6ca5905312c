//! A browser without a window, for looking at a page.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a browser may take: much longer than a page does, since the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// The browser, where there is one.
pub fn find() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

/// Opens a page of which `#test` in the address makes it look at itself, and gives what it saw.
pub fn look(browser: &Path, page: &Path) -> Value {
    let profile = page.with_extension("profile.tmp");
    let document = page.with_extension("dom.tmp");
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--window-size=1500,940", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}#test", page.display()))
        .stdout(File::create(&document).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the browser did not come to an end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let text = std::fs::read_to_string(&document).unwrap();
    // Left behind only where they were never made.
    let _ = (std::fs::remove_file(&document), std::fs::remove_dir_all(&profile));
    let seen = text.split_once("<pre id=\"seen\"").and_then(|(_, rest)| rest.split_once('>'));
    let seen = seen.and_then(|(_, rest)| rest.split_once("</pre>")).map(|(seen, _)| seen);
    let seen = seen.expect("the page did not look at itself");
    serde_json::from_str(&seen.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).unwrap()
}
