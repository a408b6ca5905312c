//! What differs from run to run, made the same: ids, times, hashes, ports. What was equal stays equal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::support::Cluster;

/// Members of JSON whose numbers depend on how the cluster came to be.
const COUNTED: &[&str] = &["term", "lastLogIndex", "events"];

/// The names that a story gives to what differs.
pub(super) struct Names {
    addresses: Vec<(String, String)>,
    given: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
}

impl Names {
    pub fn new(cluster: &Cluster) -> Names {
        let mut addresses = Vec::new();
        for node in &cluster.nodes {
            let client = node.url.trim_start_matches("http://").to_owned();
            addresses.push((client, format!("<node {}>", node.id)));
            addresses.push((cluster.peer(node.id), format!("<peer {}>", node.id)));
        }
        Names { addresses, given: BTreeMap::new(), counts: BTreeMap::new() }
    }

    fn name(&mut self, kind: &'static str, what: &str) -> String {
        if let Some(known) = self.given.get(what) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("<{kind}{count}>");
        self.given.insert(what.to_owned(), name.clone());
        name
    }

    /// `text` with names in place of what differs.
    pub fn normal(&mut self, text: &str) -> String {
        // The numbers of errors are the system's own.
        let mut text = text.replace("os error 111", "os error <number>").replace("os error 61", "os error <number>");
        for (address, name) in &self.addresses {
            text = text.replace(address, name);
        }
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let inside =
                out.chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '<' | '%'));
            if !inside && let Some((length, name)) = self.found(rest) {
                out.push_str(&name);
                rest = &rest[length..];
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        out
    }

    /// What `text` begins with that differs: how long it is, and its name.
    fn found(&mut self, text: &str) -> Option<(usize, String)> {
        let hex = text.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
        if hex == 64 {
            return Some((64, self.name("hash ", &text[..64])));
        }
        if hex == 32 {
            return Some((32, self.name("id ", &text[..32])));
        }
        if is_time(text) {
            return Some((24, "<time>".to_owned()));
        }
        if let Some(rest) = text.strip_prefix("confman-")
            && let (Some(length), Some((revision, _))) = (rest.find(".backup"), rest.split_once(".backup"))
        {
            return Some((8 + length, format!("confman-{}", self.name("r", &revision.replace('-', ":")))));
        }
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let term = digits(text);
        let index = digits(text[term..].strip_prefix(':')?);
        let length = term + 1 + index;
        (term > 0 && index > 0).then(|| (length, self.name("r", &text[..length])))
    }

    /// JSON, indented as it came, with names in place of what differs.
    pub fn json(&mut self, text: &str) -> String {
        let mut out = String::new();
        for line in indented(text).lines() {
            let (name, value) = line.split_once(": ").unwrap_or(("", line));
            let name = name.trim().trim_matches('"');
            let line = match name {
                "requestId" if value.len() > 34 - 2 && value.trim_matches(['"', ',']).len() == 32 => {
                    line.replace(value.trim_matches(['"', ',']), "<request id>")
                }
                "nextCursor" => line.replace(value.trim_matches(['"', ',']), "<cursor>"),
                // A digest of what is known is known.
                "oldDigest" | "newDigest" => line.to_owned(),
                "version" if value.starts_with('"') => line.replace(env!("CARGO_PKG_VERSION"), "<release>"),
                counted if COUNTED.contains(&counted) => line.replace(value.trim_matches(','), "<number>"),
                _ => self.normal(line),
            };
            let _ = writeln!(out, "{line}");
        }
        out
    }
}

fn is_time(text: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00.000Z";
    text.len() >= FORM.len()
        && FORM
            .bytes()
            .zip(text.bytes())
            .all(|(form, byte)| if form == b'0' { byte.is_ascii_digit() } else { form == byte })
}

/// JSON with a line for each member and item, in the order in which they came.
fn indented(text: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            (in_string, escaped) = (escaped || c != '"', c == '\\' && !escaped);
            continue;
        }
        let next_line = |out: &mut String, depth: usize| out.push_str(&format!("\n{}", "  ".repeat(depth)));
        match c {
            '"' => {
                in_string = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                if matches!(chars.peek(), Some('}' | ']')) {
                    out.extend(chars.next());
                } else {
                    depth += 1;
                    next_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                next_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                next_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c => out.push(c),
        }
    }
    out
}

/// What was recorded and what came, line by line, with some lines around each difference.
pub(super) fn difference(recorded: &str, told: &str) -> String {
    const AROUND: usize = 8;
    let (old, new): (Vec<&str>, Vec<&str>) = (recorded.lines().collect(), told.lines().collect());
    // The longest common subsequence, from the end.
    let mut common = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for at in (0..old.len()).rev() {
        for to in (0..new.len()).rev() {
            common[at][to] = match old[at] == new[to] {
                true => common[at + 1][to + 1] + 1,
                false => common[at + 1][to].max(common[at][to + 1]),
            };
        }
    }
    let mut lines: Vec<(char, &str)> = Vec::new();
    let (mut at, mut to) = (0, 0);
    while at < old.len() || to < new.len() {
        if at < old.len() && to < new.len() && old[at] == new[to] {
            lines.push((' ', old[at]));
            (at, to) = (at + 1, to + 1);
        } else if to == new.len() || (at < old.len() && common[at + 1][to] >= common[at][to + 1]) {
            lines.push(('-', old[at]));
            at += 1;
        } else {
            lines.push(('+', new[to]));
            to += 1;
        }
    }
    let mut text = String::new();
    for (at, (mark, line)) in lines.iter().enumerate() {
        let near = lines.iter().skip(at.saturating_sub(AROUND)).take(2 * AROUND + 1).any(|(mark, _)| *mark != ' ');
        if near {
            let _ = writeln!(text, "{mark} {line}");
        }
    }
    text
}
