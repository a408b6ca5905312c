//! Names as paths. Whatever a caller takes for a name reaches the node as that name, to be accepted or refused there: it
//! never becomes another path.

use super::Error;

/// The path of an entry.
pub(super) fn entry(namespace: &str, key: &str) -> Result<String, Error> {
    not_empty(namespace, "a namespace")?;
    not_empty(key, "a key")?;
    if (namespace.contains('/') || key.contains('/')) && is_plain(namespace) && is_plain(key) {
        return Ok(format!("/api/v1/config/{namespace}/-/{key}"));
    }
    Ok(format!("/api/v1/config/{}/{}", escaped(namespace), escaped(key)))
}

/// The path of something that an entry has. Behind `/-/` it would be a part of the key.
pub(super) fn of_entry(namespace: &str, key: &str, what: &str) -> Result<String, Error> {
    not_empty(namespace, "a namespace")?;
    not_empty(key, "a key")?;
    Ok(format!("/api/v1/config/{}/{}/{what}", escaped(namespace), escaped(key)))
}

/// The path of what differs in a namespace.
pub(super) fn diff(namespace: &str) -> Result<String, Error> {
    below("diff", namespace)
}

/// The path of a namespace's entries.
pub(super) fn list(namespace: &str) -> Result<String, Error> {
    below("config", namespace)
}

pub(super) fn namespace(path: &str) -> Result<String, Error> {
    below("namespaces", path)
}

/// The path of the audit, of a namespace or of all.
pub(super) fn audit(namespace: Option<&str>) -> Result<String, Error> {
    match namespace {
        Some(namespace) => below("audit", namespace),
        None => Ok("/api/v1/audit".to_owned()),
    }
}

fn below(collection: &str, namespace: &str) -> Result<String, Error> {
    not_empty(namespace, "a namespace")?;
    if namespace.contains('/') && is_plain(namespace) {
        return Ok(format!("/api/v1/{collection}/{namespace}/-"));
    }
    Ok(format!("/api/v1/{collection}/{}", escaped(namespace)))
}

/// Would be the path of something else, and perhaps be answered.
fn not_empty(name: &str, what: &str) -> Result<(), Error> {
    if name.is_empty() { Err(Error::Invalid(format!("{what} is not empty: give its name"))) } else { Ok(()) }
}

/// Whether `/` can stay as it is, with `/-/` behind the namespace: proxies often refuse or decode `%2F`.
fn is_plain(name: &str) -> bool {
    let is_plain = |segment: &str| {
        !["", "-", ".", ".."].contains(&segment)
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~:@-".contains(&byte))
    };
    name.split('/').all(is_plain)
}

/// A path with a query.
pub(super) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3), `/` too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    // The one segment that paths give a meaning of their own, and those that what is between may remove.
    match escaped.as_str() {
        "-" => "%2D".to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_whatever_is_in_it() {
        for (namespace, key, path) in [
            ("payments", "db.url", "/api/v1/config/payments/db.url"),
            ("teams/payments", "db/url", "/api/v1/config/teams/payments/-/db/url"),
            ("a", "k/history", "/api/v1/config/a/-/k/history"),
            ("a", "b/-/c", "/api/v1/config/a/b%2F-%2Fc"),
            ("a/b", "k?x", "/api/v1/config/a%2Fb/k%3Fx"),
            ("a", "-", "/api/v1/config/a/%2D"),
            ("a/-/b", "k", "/api/v1/config/a%2F-%2Fb/k"),
            ("a", "../b", "/api/v1/config/a/..%2Fb"),
            ("a", "..", "/api/v1/config/a/%2E%2E"),
            ("a", "k?x#y&z", "/api/v1/config/a/k%3Fx%23y%26z"),
            ("a", "ä b%", "/api/v1/config/a/%C3%A4%20b%25"),
        ] {
            assert_eq!(entry(namespace, key), Ok(path.to_owned()));
        }
        assert!(entry("", "k").is_err() && entry("a", "").is_err() && list("").is_err());
        assert_eq!(with_query("/x", &[("prefix", "a&b="), ("limit", "5")]), "/x?prefix=a%26b%3D&limit=5");
        assert_eq!(of_entry("a/b", "k/l", "history"), Ok("/api/v1/config/a%2Fb/k%2Fl/history".to_owned()));
        assert_eq!(diff("a/b"), Ok("/api/v1/diff/a/b/-".to_owned()));
        assert_eq!(audit(None), Ok("/api/v1/audit".to_owned()));
        assert_eq!(list("teams/payments"), Ok("/api/v1/config/teams/payments/-".to_owned()));
        assert_eq!(list("a/-/b"), Ok("/api/v1/config/a%2F-%2Fb".to_owned()));
    }
}
