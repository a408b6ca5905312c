use std::collections::BTreeMap;

/// A story is prose and what is told between it.
pub(super) enum Part {
    Prose(String),
    /// A node is started.
    Start(u64),
    Told(Told),
}

/// One request of a story.
pub(super) struct Told {
    pub node: String,
    pub key: String,
    pub method: String,
    pub target: String,
    headers: Vec<String>,
    body: Option<String>,
    /// As it stands in the file.
    pub lines: String,
}

/// A request as it is sent.
pub(super) struct Sent {
    pub method: String,
    pub target: String,
    pub bytes: Vec<u8>,
}

/// Takes a story apart; what was recorded is left out.
pub(super) fn parse(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut in_request = false;
    for line in text.lines() {
        let Some(rest) = line.strip_prefix('>') else {
            in_request = false;
            if let Some(id) = line.strip_prefix("! start ") {
                parts.push(Part::Start(id.parse().expect("a node's number")));
            } else if !line.starts_with('<') {
                parts.push(Part::Prose(line.to_owned()));
            }
            continue;
        };
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        if !in_request {
            in_request = true;
            let words: Vec<&str> = rest.splitn(4, ' ').collect();
            let [node, key, method, target] = words[..] else { panic!("{line:?} is no request") };
            let [node, key, method, target] = [node, key, method, target].map(str::to_owned);
            parts.push(Part::Told(Told {
                node,
                key,
                method,
                target,
                headers: Vec::new(),
                body: None,
                lines: format!("{line}\n"),
            }));
            continue;
        }
        let Some(Part::Told(told)) = parts.last_mut() else { unreachable!("a request was begun") };
        told.lines.push_str(&format!("{line}\n"));
        match &mut told.body {
            Some(body) if body.is_empty() => body.push_str(rest),
            Some(body) => body.push_str(&format!("\n{rest}")),
            None if rest.is_empty() => told.body = Some(String::new()),
            None => told.headers.push(rest.to_owned()),
        }
    }
    parts
}

impl Told {
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &'_ &String| line.split_once(": ").is_some_and(|(it, _)| it.eq_ignore_ascii_case(name));
        self.headers.iter().find(named).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }

    pub fn request(&self, host: &str, key: Option<&str>, last: &BTreeMap<&'static str, String>) -> Sent {
        let target = String::from_utf8(filled(&self.target, last)).expect("a target is text");
        let mut bytes = format!("{} {target} HTTP/1.1\r\nHost: {host}\r\n", self.method).into_bytes();
        for header in key.into_iter().chain(self.headers.iter().map(String::as_str)) {
            bytes.extend(filled(header, last));
            bytes.extend(b"\r\n");
        }
        let body = self.body.as_ref().map(|body| filled(body, last));
        if let Some(body) = &body {
            bytes.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body.unwrap_or_default());
        Sent { method: self.method.clone(), target, bytes }
    }
}

/// Puts in what stands in double braces: `{{cursor}}` what came last, `{{5 times x}}`, and `{{byte ff}}`.
fn filled(text: &str, last: &BTreeMap<&'static str, String>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (what, after) = after.split_once("}}").unwrap_or_else(|| panic!("{text:?}: braces that do not close"));
        bytes.extend(before.as_bytes());
        if let Some((count, repeated)) = what.split_once(" times ") {
            bytes.extend(repeated.repeat(count.parse().expect("a number")).into_bytes());
        } else if let Some(byte) = what.strip_prefix("byte ") {
            bytes.push(u8::from_str_radix(byte, 16).expect("two hexadecimal digits"));
        } else {
            let known = last.get(what).unwrap_or_else(|| panic!("nothing came yet that is a {what:?}"));
            bytes.extend(known.as_bytes());
        }
        rest = after;
    }
    bytes.extend(rest.as_bytes());
    bytes
}
