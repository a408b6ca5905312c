use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::child::run_apart;

/// Runs each seed in two fresh processes; the traces must be the same, byte for byte.
pub fn twins(first: u64, seeds: u64) -> ExitCode {
    let mut code = 0;
    for seed in first..first + seeds {
        code = code.max(twin(seed));
    }
    ExitCode::from(code)
}

fn twin(seed: u64) -> u8 {
    let path = |which| std::env::temp_dir().join(format!("confman-sim-{}-{seed}-{which}.jsonl", std::process::id()));
    let paths: [PathBuf; 2] = [path("a"), path("b")];
    let runs = paths.each_ref().map(|path| run_apart(seed, Some(path), 240));
    let code = match &runs {
        [a, b] if a.hash.is_empty() || b.hash.is_empty() => {
            println!("seed {seed}: no trace to compare\n{}\n{}", a.conclusion, b.conclusion);
            2
        }
        [a, b] if a.hash == b.hash => {
            println!("seed {seed}: equal, {} events, hash {} ({})", a.events, &a.hash[..16], a.verdict);
            0
        }
        _ => {
            println!("seed {seed}: NOT EQUAL\n{}", first_difference(&paths[0], &paths[1]));
            1
        }
    };
    for path in &paths {
        // Left behind only where it was never made.
        let _ = std::fs::remove_file(path);
    }
    code
}

fn first_difference(a: &Path, b: &Path) -> String {
    let lines = |path: &Path| File::open(path).map(|file| BufReader::new(file).lines());
    let (Ok(mut a), Ok(mut b)) = (lines(a), lines(b)) else {
        return "the traces cannot be read".to_owned();
    };
    let mut before = String::new();
    loop {
        match (a.next().transpose(), b.next().transpose()) {
            (Ok(None), Ok(None)) => return "the traces are equal and their hashes are not".to_owned(),
            (Ok(x), Ok(y)) if x == y => before = x.unwrap_or_default(),
            (Ok(x), Ok(y)) => {
                let shown = |line: Option<String>| line.unwrap_or_else(|| "(the trace ends)".to_owned());
                return format!("  both:   {before}\n  first:  {}\n  second: {}", shown(x), shown(y));
            }
            (Err(error), _) | (_, Err(error)) => return format!("the traces cannot be read: {error}"),
        }
    }
}
