//! What happened, in order: JSON lines and a rolling hash that is the run's identity.
//!
//! A line has `n` (its number), `t` (virtual seconds), whose it is (`node` and `incarnation`, or `client`; neither for
//! the run's own), `kind`, `cause` (the number of the event that led to it, see [`cause`]), the members of its kind,
//! and `detail`. `src/docs/simulation.md` lists the kinds.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::coverage::Point;
use crate::host::net::{FIRST_CLIENT, Place};
use crate::runtime::{cause, elapsed};

/// The version of the lines' form.
pub const FORMAT: u32 = 2;

/// How many events lie between two checkpoints of the hash.
const CHECKPOINT_EVERY: u64 = 4_096;

/// Who an event belongs to: a node and its incarnation, a client, or the run itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Run,
    Node { node: u64, incarnation: u32 },
    Client(u64),
}

/// A member of an event, as JSON.
#[derive(Clone, Copy)]
pub enum Member<'a> {
    Number(u64),
    Flag(bool),
    Text(&'a str),
    /// A node or a client: `"n3"`, `"c7"`.
    Place(Place),
    Places(&'a [Place]),
    /// Events, by their numbers.
    Events(&'a [u64]),
    /// What is JSON already.
    Json(&'a str),
}

/// An event, before it has its number and its moment.
pub struct Event<'a> {
    pub actor: Actor,
    pub kind: &'static str,
    /// What led to it, where that is not what runs now.
    pub cause: Option<u64>,
    pub members: &'a [(&'static str, Member<'a>)],
    pub detail: fmt::Arguments<'a>,
}

/// An append-only record of a run.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    hash: u128,
    events: u64,
    line: String,
    checkpoints: Vec<Checkpoint>,
    file: Option<BufWriter<File>>,
    /// Which events are written to the file.
    written: Range<u64>,
    file_failed: Option<io::Error>,
    counts: BTreeMap<&'static str, u64>,
    warm: BTreeMap<Point, u64>,
    last_of_node: BTreeMap<u64, u64>,
}

/// The hash of everything before an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub events: u64,
    pub hash: u128,
}

impl Trace {
    /// A trace that is hashed, and of which the events with these numbers are written to `path`.
    pub fn to_file(path: &Path, events: Range<u64>) -> io::Result<Trace> {
        let trace = Trace::default();
        let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        {
            let mut inner = trace.lock();
            (inner.file, inner.written) = (Some(file), events);
        }
        Ok(trace)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Records an event at this virtual moment, with what runs now as its cause, and tells its number. `detail` holds
    /// nothing that differs between two processes: no addresses, no real time.
    pub fn event(&self, actor: Actor, kind: &'static str, detail: fmt::Arguments<'_>) -> u64 {
        self.record(Event { actor, kind, cause: cause::current(), members: &[], detail })
    }

    /// Records an event of the run itself, which follows from nothing, and tells its number.
    pub fn of_run(
        &self,
        kind: &'static str,
        members: &[(&'static str, Member<'_>)],
        detail: fmt::Arguments<'_>,
    ) -> u64 {
        self.record(Event { actor: Actor::Run, kind, cause: None, members, detail })
    }

    /// Records an event at this virtual moment and tells its number. What runs now follows from it from here on.
    pub fn record(&self, event: Event<'_>) -> u64 {
        let at = elapsed();
        let mut guard = self.lock();
        let inner = &mut *guard;
        let number = inner.events;
        if number.is_multiple_of(CHECKPOINT_EVERY) {
            inner.checkpoints.push(Checkpoint { events: number, hash: inner.hash });
        }
        inner.line.clear();
        // Writing to a String does not fail.
        let _ = write_line(&mut inner.line, number, at, &event);
        inner.events += 1;
        let folded = xxh3_128_with_seed(inner.line.as_bytes(), inner.hash as u64);
        inner.hash = inner.hash.rotate_left(1) ^ folded;
        if let Actor::Node { node, .. } = event.actor {
            inner.last_of_node.insert(node, number);
        }
        if inner.written.contains(&number)
            && let Some(file) = &mut inner.file
            && let Err(error) = file.write_all(inner.line.as_bytes())
        {
            inner.file_failed.get_or_insert(error);
        }
        drop(guard);
        cause::follow(number);
        number
    }

    /// The latest event of a node.
    pub fn last_of(&self, node: u64) -> Option<u64> {
        self.lock().last_of_node.get(&node).copied()
    }

    /// The number that the next event will have.
    pub fn next_number(&self) -> u64 {
        self.lock().events
    }

    /// The hash at every so many events: two runs of one seed are the same up to where these differ.
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        self.lock().checkpoints.clone()
    }

    /// Something happened that a good test makes happen sometimes. Not part of the hash.
    pub fn sometimes(&self, point: Point) {
        *self.lock().warm.entry(point).or_default() += 1;
    }

    /// What [`sometimes`](Self::sometimes) was told, and how often.
    pub fn warm(&self) -> BTreeMap<Point, u64> {
        self.lock().warm.clone()
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

/// A line of the trace.
fn write_line(line: &mut String, number: u64, at: Duration, event: &Event<'_>) -> fmt::Result {
    write!(line, "{{\"n\":{number},\"t\":{}.{:09}", at.as_secs(), at.subsec_nanos())?;
    match event.actor {
        Actor::Run => {}
        Actor::Node { node, incarnation } => write!(line, ",\"node\":{node},\"incarnation\":{incarnation}")?,
        Actor::Client(client) => write!(line, ",\"client\":{client}")?,
    }
    write!(line, ",\"kind\":\"{}\"", event.kind)?;
    if let Some(cause) = event.cause {
        write!(line, ",\"cause\":{cause}")?;
    }
    for (name, member) in event.members {
        write!(line, ",\"{name}\":")?;
        match member {
            Member::Number(number) => write!(line, "{number}")?,
            Member::Flag(flag) => write!(line, "{flag}")?,
            Member::Text(text) => {
                line.push('"');
                Escape(line).write_str(text)?;
                line.push('"');
            }
            Member::Place(place) => write_place(line, *place)?,
            Member::Places(places) => write_list(line, places.iter(), |line, place| write_place(line, *place))?,
            Member::Events(events) => write_list(line, events.iter(), |line, event| write!(line, "{event}"))?,
            Member::Json(json) => line.push_str(json),
        }
    }
    let undetailed = line.len();
    line.push_str(",\"detail\":\"");
    let empty = line.len();
    Escape(line).write_fmt(event.detail)?;
    if line.len() == empty {
        line.truncate(undetailed);
    } else {
        line.push('"');
    }
    line.push_str("}\n");
    Ok(())
}

fn write_place(line: &mut String, place: Place) -> fmt::Result {
    match place.checked_sub(FIRST_CLIENT) {
        Some(client) => write!(line, "\"c{client}\""),
        None => write!(line, "\"n{place}\""),
    }
}

fn write_list<T>(
    line: &mut String,
    items: impl Iterator<Item = T>,
    mut one: impl FnMut(&mut String, T) -> fmt::Result,
) -> fmt::Result {
    line.push('[');
    for (i, item) in items.enumerate() {
        if i > 0 {
            line.push(',');
        }
        one(line, item)?;
    }
    line.push(']');
    Ok(())
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
        let recording = async {
            let trace = Trace::default();
            for event in events {
                trace.event(Actor::Run, "test", format_args!("{event}"));
            }
            trace.identity().0
        };
        cause::unprompted(|| madsim::runtime::Runtime::new().block_on(recording))
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
            let trace = Trace::to_file(&path, 0..u64::MAX).unwrap();
            let first = trace.event(Actor::Run, "first", format_args!(""));
            trace.record(Event {
                actor: Actor::Node { node: 1, incarnation: 2 },
                kind: "test",
                cause: Some(first),
                members: &[
                    ("to", Member::Place(FIRST_CLIENT + 7)),
                    ("nodes", Member::Places(&[1, 2])),
                    ("what", Member::Text("\"")),
                ],
                detail: format_args!("a \"quote\"\n\\ \u{1}"),
            });
            trace.finish().unwrap();
        });
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0], serde_json::json!({"n": 0, "t": 0.0, "kind": "first"}));
        let expected = serde_json::json!({
            "n": 1, "t": 0.0, "node": 1, "incarnation": 2, "kind": "test", "cause": 0,
            "to": "c7", "nodes": ["n1", "n2"], "what": "\"", "detail": "a \"quote\"\n\\ \u{1}",
        });
        assert_eq!(lines[1], expected);
    }
}
