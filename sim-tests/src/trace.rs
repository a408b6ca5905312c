//! What happened, in order: JSON lines and a rolling hash that is the run's identity.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::runtime::elapsed;

/// Who an event belongs to: a node and its incarnation, or the run itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Run,
    Node { node: u64, incarnation: u32 },
    Client(u64),
}

/// An append-only record of a run.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    hash: u128,
    events: u64,
    line: String,
    file: Option<BufWriter<File>>,
    file_failed: Option<io::Error>,
    counts: BTreeMap<&'static str, u64>,
}

impl Trace {
    /// A trace that is hashed and also written to `path`.
    pub fn to_file(path: &Path) -> io::Result<Trace> {
        let trace = Trace::default();
        trace.lock().file = Some(BufWriter::new(File::create(path)?));
        Ok(trace)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Records an event at this virtual moment. `detail` holds nothing that differs between two processes: no
    /// addresses, no real time.
    pub fn event(&self, actor: Actor, kind: &'static str, detail: fmt::Arguments<'_>) {
        let at = elapsed();
        let mut guard = self.lock();
        let inner = &mut *guard;
        inner.line.clear();
        let line = &mut inner.line;
        // Writing to a String does not fail.
        let _ = write!(line, "{{\"n\":{},\"t\":{}.{:09},", inner.events, at.as_secs(), at.subsec_nanos());
        let _ = match actor {
            Actor::Run => Ok(()),
            Actor::Node { node, incarnation } => write!(line, "\"node\":{node},\"incarnation\":{incarnation},"),
            Actor::Client(client) => write!(line, "\"client\":{client},"),
        };
        let _ = write!(line, "\"kind\":\"{kind}\",\"detail\":\"");
        let _ = Escape(line).write_fmt(detail);
        line.push_str("\"}\n");
        inner.events += 1;
        let folded = xxh3_128_with_seed(line.as_bytes(), inner.hash as u64);
        inner.hash = inner.hash.rotate_left(1) ^ folded;
        if let Some(file) = &mut inner.file
            && let Err(error) = file.write_all(inner.line.as_bytes())
        {
            inner.file_failed.get_or_insert(error);
        }
    }

    /// Counts something for the summary. Not part of the hash.
    pub fn count(&self, what: &'static str) {
        *self.lock().counts.entry(what).or_default() += 1;
    }

    /// What [`count`](Self::count) counted.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().counts.clone()
    }

    /// The hash of everything so far, and how many events that is.
    pub fn identity(&self) -> (u128, u64) {
        let inner = self.lock();
        (inner.hash, inner.events)
    }

    /// Writes out what is buffered; tells the first error that writing met.
    pub fn finish(&self) -> io::Result<()> {
        let mut inner = self.lock();
        if let Some(error) = inner.file_failed.take() {
            return Err(error);
        }
        inner.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

/// The run's identity as it is printed: the first 64 bits of the hash.
pub fn short(hash: u128) -> String {
    format!("{:016x}", (hash >> 64) as u64)
}

/// Escapes what a JSON string must not contain.
struct Escape<'a>(&'a mut String);

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                c if (c as u32) < 0x20 => write!(self.0, "\\u{:04x}", c as u32)?,
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

/// A moment as it is printed.
pub fn moment(at: Duration) -> String {
    format!("{}.{:03} s", at.as_secs(), at.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(events: &[&str]) -> u128 {
        madsim::runtime::Runtime::new().block_on(async {
            let trace = Trace::default();
            for event in events {
                trace.event(Actor::Run, "test", format_args!("{event}"));
            }
            trace.identity().0
        })
    }

    #[test]
    fn the_hash_depends_on_every_event_and_their_order() {
        assert_eq!(hash_of(&["a", "b"]), hash_of(&["a", "b"]));
        assert_ne!(hash_of(&["a", "b"]), hash_of(&["b", "a"]));
        assert_ne!(hash_of(&["a", "b"]), hash_of(&["a", "b", "c"]));
        assert_ne!(hash_of(&["a", "b", "c"]), hash_of(&["x", "b", "c"]));
    }

    #[test]
    fn lines_are_json() {
        let path = std::env::temp_dir().join(format!("confman-trace-{}.tmp", std::process::id()));
        madsim::runtime::Runtime::new().block_on(async {
            let trace = Trace::to_file(&path).unwrap();
            trace.event(Actor::Node { node: 1, incarnation: 2 }, "test", format_args!("a \"quote\"\n\\ \u{1}"));
            trace.finish().unwrap();
        });
        let line: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(line["detail"], "a \"quote\"\n\\ \u{1}");
        assert_eq!(line["incarnation"], 2);
    }
}
