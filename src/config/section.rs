//! One table of the file, under what the environment and the flags say of it. Every read names its setting and
//! remembers what is wrong with it, so that one look shows all mistakes together; and what holds, and why.

use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settings::{self, Fallback, Form};
use super::sources::{Effective, Origin, Overrides};
use super::units::{HostPort, format_bytes, format_duration, is_base_url, parse_bytes, parse_duration};

/// A reading of the whole configuration: what was given, what is wrong with it, and what holds.
pub(super) struct Reading<'t> {
    file: &'t str,
    text: &'t str,
    overrides: Overrides,
    mistakes: RefCell<Vec<(Place, String)>>,
    effective: RefCell<Vec<Effective>>,
}

/// Where a mistake is; in the order in which mistakes are told.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Line(usize),
    /// A variable or a flag.
    Named(String),
}

impl<'t> Reading<'t> {
    pub fn new(file: &'t str, text: &'t str, overrides: Overrides) -> Reading<'t> {
        let reading =
            Reading { file, text, overrides, mistakes: RefCell::new(Vec::new()), effective: RefCell::new(Vec::new()) };
        for (variable, meant) in &reading.overrides.typos {
            let what = format!("this is not a setting; did you mean {meant}?");
            reading.mistakes.borrow_mut().push((Place::Named(variable.clone()), what));
        }
        reading
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    /// A place in the file, for people.
    fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.file, self.line(offset))
    }

    /// Notes a mistake at a byte offset of the file.
    pub fn add(&self, offset: usize, what: impl Into<String>) {
        self.mistakes.borrow_mut().push((Place::Line(self.line(offset)), what.into()));
    }

    fn holds(&self, name: String, value: String, origin: Origin) {
        self.effective.borrow_mut().push(Effective { name, value, origin });
    }

    /// All mistakes as `file:line: what`, by line, and then `VARIABLE: what`.
    pub fn mistakes(&self) -> Vec<String> {
        let mut found = self.mistakes.borrow().clone();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        let told = found.into_iter().map(|(place, what)| match place {
            Place::Line(line) => format!("{}:{line}: {what}", self.file),
            Place::Named(name) => format!("{name}: {what}"),
        });
        told.collect()
    }

    /// All settings as they hold, in the order of the table of settings, and the variables that nobody knows.
    pub fn into_effective(self) -> (Vec<Effective>, Vec<String>) {
        let place = |name: &str| settings::SETTINGS.iter().position(|setting| setting.name.starts_with(name));
        let mut effective = self.effective.into_inner();
        effective.sort_by_key(|one| place(&one.name));
        (effective, self.overrides.ignored)
    }
}

/// One table: its name as the file writes it, and what it holds.
pub(super) struct Section<'p, 't> {
    reading: &'p Reading<'t>,
    /// `""` for the top of the file.
    name: String,
    /// The name as the file's heading writes it: `[http]`, `[[members]]`.
    heading: String,
    offset: usize,
    table: Option<&'p DeTable<'t>>,
    /// One of several of its name: neither variables nor flags know it.
    listed: bool,
}

/// A value as it was given.
enum Raw<'p, 't> {
    File(&'p Spanned<DeValue<'t>>),
    /// By a variable or a flag.
    Above(&'p str),
}

impl Raw<'_, '_> {
    fn text(&self) -> Option<&str> {
        match self {
            Raw::File(value) => value.get_ref().as_str(),
            Raw::Above(text) => Some(text),
        }
    }

    fn integer(&self) -> Option<u64> {
        match self {
            Raw::File(value) => {
                let integer = value.get_ref().as_integer()?;
                u64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            Raw::Above(text) => text.parse().ok(),
        }
    }

    fn shown(&self) -> String {
        match self {
            Raw::File(value) => shown(value.get_ref()),
            Raw::Above(text) => format!("{text:?}"),
        }
    }
}

impl<'p, 't> Section<'p, 't> {
    /// A table that may hold what the table of settings says, and nothing else. `None` reads as an empty one.
    fn new(
        reading: &'p Reading<'t>,
        (name, heading): (String, String),
        offset: usize,
        table: Option<&'p DeTable<'t>>,
    ) -> Section<'p, 't> {
        let listed = heading.starts_with("[[");
        let section = Section { reading, name, heading, offset, table, listed };
        let allowed = settings::keys_of(&section.name);
        for key in table.into_iter().flat_map(|table| table.keys()) {
            if !allowed.contains(&key.get_ref().as_ref()) {
                section.refuse_unknown(key.span().start, key.get_ref(), &allowed);
            }
        }
        section
    }

    /// The whole file.
    pub fn top(reading: &'p Reading<'t>, table: &'p DeTable<'t>) -> Section<'p, 't> {
        Section::new(reading, (String::new(), "the top of the file".to_owned()), 0, Some(table))
    }

    fn refuse_unknown(&self, offset: usize, key: &str, allowed: &[&str]) {
        let hint = nearest(key, allowed).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        let (path, heading, allowed) = (self.path(key), &self.heading, allowed.join(", "));
        self.reading.add(offset, format!("`{path}` is not a setting{hint} ({heading} may have {allowed})"));
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn in_file(&self, key: &str) -> Option<&'p Spanned<DeValue<'t>>> {
        self.table?.get(key)
    }

    fn above(&self, key: &str) -> Option<&'p (&'static str, Origin, String)> {
        let path = self.path(key);
        let given = &self.reading.overrides.given;
        given.iter().find(|(name, ..)| !self.listed && *name == path)
    }

    fn get(&self, key: &str) -> Option<Raw<'p, 't>> {
        match self.above(key) {
            Some((_, _, text)) => Some(Raw::Above(text)),
            None => self.in_file(key).map(Raw::File),
        }
    }

    /// Where the value comes from.
    pub fn origin(&self, key: &str) -> Origin {
        match (self.above(key), self.in_file(key)) {
            (Some((_, origin, _)), _) => origin.clone(),
            (None, Some(value)) => Origin::File(self.reading.place(value.span().start)),
            (None, None) => Origin::Default,
        }
    }

    /// Notes what holds. What stands in a list is told by [`Section::holds_all`].
    fn holds(&self, key: &str, value: String) {
        self.holds_from(key, value, self.origin(key));
    }

    /// Notes what holds by something else than its own value.
    pub fn holds_from(&self, key: &str, value: String, origin: Origin) {
        if !self.listed {
            let value = if settings::find(&self.path(key)).is_secret() { "(secret)".to_owned() } else { value };
            self.reading.holds(self.path(key), value, origin);
        }
    }

    /// Notes what one of several tables says, in one line.
    pub fn holds_all(&self, value: String) {
        self.reading.holds(self.name.clone(), value, Origin::File(self.reading.place(self.offset)));
    }

    /// Notes that a setting is wrong: where it was given, or where its table begins if it is absent.
    pub fn refuse(&self, key: &str, why: impl fmt::Display) {
        let what = format!("`{}` {why}", self.path(key));
        match self.above(key) {
            Some((_, origin, _)) => {
                self.reading.mistakes.borrow_mut().push((Place::Named(origin.to_string()), what));
            }
            None => self.reading.add(self.in_file(key).map_or(self.offset, |value| value.span().start), what),
        }
    }

    /// Whether the setting was given, right or wrong.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// A table inside this one; empty where it is absent.
    pub fn section(&self, key: &str) -> Section<'p, 't> {
        let found = self.in_file(key);
        let table = found.and_then(|value| value.get_ref().as_table());
        if found.is_some() && table.is_none() {
            self.refuse(key, format!("must be a table: [{}]", self.path(key)));
        }
        let offset = found.map_or(self.offset, |value| value.span().start);
        let path = self.path(key);
        let heading = format!("[{path}]");
        Section::new(self.reading, (path, heading), offset, table)
    }

    /// An array of tables, like `[[members]]`; empty where it is absent.
    pub fn sections(&self, key: &str) -> Vec<Section<'p, 't>> {
        let Some(found) = self.in_file(key) else { return Vec::new() };
        let path = self.path(key);
        let tables = found.get_ref().as_array().into_iter().flat_map(|array| array.iter());
        let read: Option<Vec<_>> = tables.map(|item| Some((item.span().start, item.get_ref().as_table()?))).collect();
        match read.filter(|_| found.get_ref().is_array()) {
            Some(tables) => tables
                .into_iter()
                .map(|(offset, table)| {
                    let name = (path.clone(), format!("[[{path}]]"));
                    Section::new(self.reading, name, offset, Some(table))
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
        match found {
            Raw::Above(text) => Some(text.to_owned()),
            Raw::File(value) => {
                let text = value.get_ref().as_str().map(str::to_owned);
                if text.is_none() {
                    self.refuse(key, format!("must be text in quotes, not {}", kind(value.get_ref())));
                }
                text
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
        self.holds(key, format!("{found:?}"));
        Some(found)
    }

    /// A host and port, like `127.0.0.1:7400`.
    pub fn address(&self, key: &str) -> Option<String> {
        let rule = format!("it must be {}", Form::Address.rule());
        self.checked_string(key, &rule, |text| HostPort::parse(text).is_some())
    }

    /// A base URL, like `http://10.0.0.1:7400`.
    pub fn base_url(&self, key: &str) -> Option<String> {
        let rule = format!("it must be {}", Form::Url.rule());
        self.checked_string(key, &rule, is_base_url)
    }

    /// A whole number. `None` where it is absent and has no default; wrong is as good as absent.
    pub fn integer(&self, key: &str) -> Option<u64> {
        let Form::Number { min, max } = self.form(key) else { panic!("{key} is no number") };
        self.within(key, min..=max, |raw| raw.integer(), |text| text.parse().ok(), u64::to_string)
    }

    /// A duration, like `"500ms"`.
    pub fn duration(&self, key: &str) -> Duration {
        let Form::Duration { min, max } = self.form(key) else { panic!("{key} is no duration") };
        let read = |raw: &Raw<'_, '_>| raw.text().and_then(parse_duration);
        let found = self.within(key, min..=max, read, parse_duration, |value| format!("{:?}", format_duration(*value)));
        found.expect("every duration has a default")
    }

    /// A size, like `"16MiB"` or a plain number of bytes.
    pub fn bytes(&self, key: &str) -> u64 {
        let Form::Size { min, max } = self.form(key) else { panic!("{key} is no size") };
        let read = |raw: &Raw<'_, '_>| raw.integer().or_else(|| raw.text().and_then(parse_bytes));
        let found = self.within(key, min..=max, read, parse_bytes, |value| format!("{:?}", format_bytes(*value)));
        found.expect("every size has a default")
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let Form::OneOf(words) = self.form(key) else { panic!("{key} is no choice") };
        assert!(choices.iter().map(|(word, _)| word).eq(words), "the table of settings has other words for {key}");
        let (given, fallback) = (self.string(key), self.fallback(key));
        let found = given.clone().or(fallback.map(str::to_owned))?;
        let chosen = choices.iter().find(|(word, _)| *word == found).map(|(_, value)| *value);
        if chosen.is_some() {
            self.holds(key, format!("{found:?}"));
        } else {
            let hint = nearest(&found, words).map(|word| format!(" (did you mean `{word}`?)")).unwrap_or_default();
            self.refuse(key, format!("is {found:?}{hint}: it must be one of {}", words.join(", ")));
        }
        chosen
    }

    fn form(&self, key: &str) -> Form {
        settings::find(&self.path(key)).form
    }

    /// The default, as it would be written.
    pub fn fallback(&self, key: &str) -> Option<&'static str> {
        match settings::find(&self.path(key)).fallback {
            Fallback::Value(text) => Some(text),
            Fallback::Required | Fallback::Other(_) => None,
        }
    }

    fn within<T: PartialOrd>(
        &self,
        key: &str,
        allowed: RangeInclusive<T>,
        read: impl Fn(&Raw<'_, '_>) -> Option<T>,
        parse: impl Fn(&str) -> Option<T>,
        show: impl Fn(&T) -> String,
    ) -> Option<T> {
        let fallback = || self.fallback(key).map(|text| parse(text).expect("a default can be read"));
        let value = match self.get(key) {
            None => fallback(),
            Some(raw) => match read(&raw).filter(|value| allowed.contains(value)) {
                Some(value) => Some(value),
                None => {
                    self.refuse(key, format!("is {}: it must be {}", raw.shown(), self.form(key).rule()));
                    return fallback();
                }
            },
        };
        if let Some(value) = &value {
            self.holds(key, show(value));
        }
        value
    }
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
pub(super) fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
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
