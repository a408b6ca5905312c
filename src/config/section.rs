//! One table of the file. Every read names its setting and remembers what is wrong with it, so that one look at the
//! file shows all mistakes together.

use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::units::{HostPort, format_bytes, format_duration, is_base_url, parse_bytes, parse_duration};

/// What is wrong with the file, and where, in the order in which it was found.
pub(super) struct Problems<'t> {
    file: &'t str,
    text: &'t str,
    found: RefCell<Vec<(usize, String)>>,
}

impl<'t> Problems<'t> {
    pub fn new(file: &'t str, text: &'t str) -> Problems<'t> {
        Problems { file, text, found: RefCell::new(Vec::new()) }
    }

    /// Notes a mistake at a byte offset of the file.
    pub fn add(&self, offset: usize, what: impl Into<String>) {
        let line = 1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        self.found.borrow_mut().push((line, what.into()));
    }

    /// All mistakes as `file:line: what`, by line.
    pub fn into_lines(self) -> Vec<String> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(line, _)| *line);
        found.into_iter().map(|(line, what)| format!("{}:{line}: {what}", self.file)).collect()
    }
}

/// One table: its name as the file writes it, and what it holds.
pub(super) struct Section<'p, 't> {
    problems: &'p Problems<'t>,
    /// `""` for the top of the file.
    name: String,
    /// The name as the file's heading writes it: `[http]`, `[[members]]`.
    heading: String,
    offset: usize,
    table: Option<&'p DeTable<'t>>,
}

impl<'p, 't> Section<'p, 't> {
    /// A table that may hold `allowed` and nothing else. `None` reads as an empty one.
    fn new(
        problems: &'p Problems<'t>,
        (name, heading): (String, String),
        offset: usize,
        table: Option<&'p DeTable<'t>>,
        allowed: &[&str],
    ) -> Section<'p, 't> {
        let section = Section { problems, name, heading, offset, table };
        for key in table.into_iter().flat_map(|table| table.keys()) {
            if !allowed.contains(&key.get_ref().as_ref()) {
                section.refuse_unknown(key.span().start, key.get_ref(), allowed);
            }
        }
        section
    }

    /// The whole file, which may hold `allowed` and nothing else at its top.
    pub fn top(problems: &'p Problems<'t>, table: &'p DeTable<'t>, allowed: &[&str]) -> Section<'p, 't> {
        Section::new(problems, (String::new(), "the top of the file".to_owned()), 0, Some(table), allowed)
    }

    fn refuse_unknown(&self, offset: usize, key: &str, allowed: &[&str]) {
        let hint = nearest(key, allowed).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        let (path, heading, allowed) = (self.path(key), &self.heading, allowed.join(", "));
        self.problems.add(offset, format!("`{path}` is not a setting{hint} ({heading} may have {allowed})"));
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn get(&self, key: &str) -> Option<&'p Spanned<DeValue<'t>>> {
        self.table?.get(key)
    }

    /// Notes that a setting is wrong: where it stands, or where its table begins if it is absent.
    pub fn refuse(&self, key: &str, why: impl fmt::Display) {
        let offset = self.get(key).map_or(self.offset, |value| value.span().start);
        self.problems.add(offset, format!("`{}` {why}", self.path(key)));
    }

    /// Whether the setting stands in the file, right or wrong.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// A table inside this one; empty where it is absent.
    pub fn section(&self, key: &str, allowed: &[&str]) -> Section<'p, 't> {
        let found = self.get(key);
        let table = found.and_then(|value| value.get_ref().as_table());
        if found.is_some() && table.is_none() {
            self.refuse(key, format!("must be a table: [{}]", self.path(key)));
        }
        let offset = found.map_or(self.offset, |value| value.span().start);
        let path = self.path(key);
        let heading = format!("[{path}]");
        Section::new(self.problems, (path, heading), offset, table, allowed)
    }

    /// An array of tables, like `[[members]]`; empty where it is absent.
    pub fn sections(&self, key: &str, allowed: &[&str]) -> Vec<Section<'p, 't>> {
        let Some(found) = self.get(key) else { return Vec::new() };
        let path = self.path(key);
        let tables = found.get_ref().as_array().into_iter().flat_map(|array| array.iter());
        let read: Option<Vec<_>> = tables.map(|item| Some((item.span().start, item.get_ref().as_table()?))).collect();
        match read.filter(|_| found.get_ref().is_array()) {
            Some(tables) => tables
                .into_iter()
                .map(|(offset, table)| {
                    let name = (path.clone(), format!("[[{path}]]"));
                    Section::new(self.problems, name, offset, Some(table), allowed)
                })
                .collect(),
            None => {
                self.refuse(key, format!("must be a list of tables: [[{path}]]"));
                Vec::new()
            }
        }
    }

    /// Text; `None` where it is absent or something else.
    pub fn string(&self, key: &str) -> Option<String> {
        let found = self.get(key)?;
        match found.get_ref().as_str() {
            Some(text) => Some(text.to_owned()),
            None => {
                self.refuse(key, format!("must be text in quotes, not {}", kind(found.get_ref())));
                None
            }
        }
    }

    /// Text that must be there and must pass `check`, which is described by `rule`.
    pub fn required_string(&self, key: &str, rule: &str, check: impl Fn(&str) -> bool) -> Option<String> {
        if self.get(key).is_none() {
            self.refuse(key, format!("is missing: {rule}"));
        }
        self.checked_string(key, rule, check)
    }

    /// Text that must pass `check` where it is there.
    pub fn checked_string(&self, key: &str, rule: &str, check: impl Fn(&str) -> bool) -> Option<String> {
        let found = self.string(key)?;
        if !check(&found) {
            self.refuse(key, format!("is {found:?}: {rule}"));
            return None;
        }
        Some(found)
    }

    /// A host and port, like `127.0.0.1:7400`.
    pub fn address(&self, key: &str) -> Option<String> {
        self.checked_string(key, ADDRESS_RULE, |text| HostPort::parse(text).is_some())
    }

    /// A base URL, like `http://10.0.0.1:7400`.
    pub fn base_url(&self, key: &str) -> Option<String> {
        self.checked_string(key, URL_RULE, is_base_url)
    }

    /// A whole number within `allowed`.
    pub fn integer(&self, key: &str, default: u64, allowed: RangeInclusive<u64>) -> u64 {
        let Some(found) = self.get(key) else { return default };
        let rule = || format!("a whole number from {} to {}", allowed.start(), allowed.end());
        self.within(key, integer_of(found.get_ref()), found, default, &allowed, rule)
    }

    /// A duration within `allowed`, like `"500ms"`.
    pub fn duration(&self, key: &str, default: Duration, allowed: RangeInclusive<Duration>) -> Duration {
        let Some(found) = self.get(key) else { return default };
        let rule = || {
            let (low, high) = (format_duration(*allowed.start()), format_duration(*allowed.end()));
            format!("a duration from {low} to {high}, like \"500ms\", \"3s\" or \"5m\"")
        };
        self.within(key, found.get_ref().as_str().and_then(parse_duration), found, default, &allowed, rule)
    }

    /// A size within `allowed`, like `"16MiB"` or a plain number of bytes.
    pub fn bytes(&self, key: &str, default: u64, allowed: RangeInclusive<u64>) -> u64 {
        let Some(found) = self.get(key) else { return default };
        let rule = || {
            let (low, high) = (format_bytes(*allowed.start()), format_bytes(*allowed.end()));
            format!("a size from {low} to {high}, like \"64KiB\" or \"16MiB\", or a number of bytes")
        };
        let read = integer_of(found.get_ref()).or_else(|| found.get_ref().as_str().and_then(parse_bytes));
        self.within(key, read, found, default, &allowed, rule)
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = self.string(key)?;
        let chosen = choices.iter().find(|(word, _)| *word == found);
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let hint = nearest(&found, &words).map(|word| format!(" (did you mean `{word}`?)")).unwrap_or_default();
            self.refuse(key, format!("is {found:?}{hint}: it must be one of {}", words.join(", ")));
        }
        chosen.map(|(_, value)| *value)
    }

    fn within<T: PartialOrd>(
        &self,
        key: &str,
        read: Option<T>,
        found: &Spanned<DeValue<'_>>,
        default: T,
        allowed: &RangeInclusive<T>,
        rule: impl Fn() -> String,
    ) -> T {
        match read.filter(|value| allowed.contains(value)) {
            Some(value) => value,
            None => {
                self.refuse(key, format!("is {}: it must be {}", shown(found.get_ref()), rule()));
                default
            }
        }
    }
}

/// What an address looks like.
pub(super) const ADDRESS_RULE: &str = "it must be host and port, like \"127.0.0.1:7400\"";
/// What a base URL looks like.
pub(super) const URL_RULE: &str =
    "it must be http:// or https:// with host and port, and no path, like \"http://10.0.0.1:7400\"";

fn integer_of(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        other => kind(other).to_owned(),
    }
}

/// The name that was probably meant: the same but for case and joints, or at most a third of its letters away.
fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let word = plain(word);
    let scored = names.iter().map(|name| (edits(&word, &plain(name)), *name));
    scored.filter(|(edits, name)| *edits <= 1.max(name.len() / 3)).min().map(|(_, name)| name)
}

/// Levenshtein's distance, over bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let kept = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_the_name_that_was_meant() {
        let names = ["heartbeat", "electionTimeoutMin", "electionTimeoutMax"];
        assert_eq!(nearest("hartbeat", &names), Some("heartbeat"));
        assert_eq!(nearest("election_timeout_max", &names), Some("electionTimeoutMax"));
        assert_eq!(nearest("colour", &names), None);
        assert_eq!((edits("", "abc"), edits("kitten", "sitting"), edits("same", "same")), (3, 3, 0));
    }
}
