//! The canonical form of a path.
//!
//! A namespace or key may contain `/`, written `%2F` in a URL. As many proxies refuse or decode that, `/-/` may end the
//! namespace instead (no namespace segment can be `-`), and then all that follows it is the key:
//! `/config/teams/payments/-/db/url` is `/config/teams%2Fpayments/db%2Furl`. With nothing after it,
//! `/config/teams/payments/-` is the namespace's list; `/audit/`, `/namespaces/` and `/diff/` take that form too. So the
//! key `-` itself is reached by `/config/teams/-/-`, and `/history` and `/rollback` of a key by the `%2F` form. The audit
//! of a namespace that is called `verify` is `/audit/verify/-`.

use std::borrow::Cow;
use std::str;

/// What may be followed by a namespace, and whether a key may follow that.
const COLLECTIONS: &[(&str, bool)] =
    &[("/api/v1/config/", true), ("/api/v1/audit/", false), ("/api/v1/namespaces/", false), ("/api/v1/diff/", false)];

/// The path as the table of routes knows it; the error says what is malformed.
pub(super) fn canonical(path: &str) -> Result<Cow<'_, str>, &'static str> {
    decode(path)?;
    for &(collection, has_keys) in COLLECTIONS {
        let Some(rest) = path.strip_prefix(collection) else { continue };
        let segments: Vec<&str> = rest.split('/').collect();
        let Some(end) = segments.iter().skip(1).position(|&segment| segment == "-") else { break };
        let (namespace, after) = (segments[..=end].join("%2F"), &segments[end + 2..]);
        if after.is_empty() || after == [""] {
            let namespace = hide_from_table(collection, namespace);
            return Ok(Cow::Owned(format!("{collection}{namespace}")));
        }
        if has_keys {
            return Ok(Cow::Owned(format!("{collection}{namespace}/{}", after.join("%2F"))));
        }
    }
    Ok(Cow::Borrowed(path))
}

/// Whether a path begins like one with a namespace in it.
pub(super) fn is_in_collection(path: &str) -> bool {
    COLLECTIONS.iter().any(|(collection, _)| path.starts_with(collection))
}

/// The namespace `verify` must not be taken for the verification of the chain: the table matches a path as it is written.
fn hide_from_table(collection: &str, namespace: String) -> String {
    if collection == "/api/v1/audit/" && namespace == "verify" { "%76erify".to_owned() } else { namespace }
}

/// Undoes percent-encoding (RFC 3986, section 2.1), strictly.
pub(super) fn decode(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let (mut bytes, mut decoded) = (text.as_bytes(), Vec::with_capacity(text.len()));
    while let Some((&first, rest)) = bytes.split_first() {
        if first != b'%' {
            decoded.push(first);
            bytes = rest;
            continue;
        }
        let (Some(high), Some(low)) = (digit(rest.first()), digit(rest.get(1))) else {
            return Err("a '%' in a URL is followed by two hexadecimal digits; a '%' itself is written %25");
        };
        decoded.push((high * 16 + low) as u8);
        bytes = &rest[2..];
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| "what is percent-encoded in a URL must be UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dash_segments_end_the_namespace() {
        for (path, want) in [
            ("/api/v1/config/teams/payments/-/db/url", "/api/v1/config/teams%2Fpayments/db%2Furl"),
            ("/api/v1/config/a/-/k", "/api/v1/config/a/k"),
            ("/api/v1/config/a/-/-", "/api/v1/config/a/-"),
            ("/api/v1/config/a/-/b/-/c", "/api/v1/config/a/b%2F-%2Fc"),
            ("/api/v1/config/a/-/k/history", "/api/v1/config/a/k%2Fhistory"),
            ("/api/v1/config/a%2Fb/-/k", "/api/v1/config/a%2Fb/k"),
            ("/api/v1/config/a/b/-", "/api/v1/config/a%2Fb"),
            ("/api/v1/config/a/b/-/", "/api/v1/config/a%2Fb"),
            ("/api/v1/config/a//-/k", "/api/v1/config/a%2F/k"),
            ("/api/v1/config/a/-/k/", "/api/v1/config/a/k%2F"),
            ("/api/v1/audit/a/b/-", "/api/v1/audit/a%2Fb"),
            ("/api/v1/audit/verify/-", "/api/v1/audit/%76erify"),
            ("/api/v1/audit/verify", "/api/v1/audit/verify"),
            ("/api/v1/config/verify/-", "/api/v1/config/verify"),
            ("/api/v1/audit/a/-/k", "/api/v1/audit/a/-/k"),
            ("/api/v1/namespaces/a/b/-", "/api/v1/namespaces/a%2Fb"),
            ("/api/v1/config/-/k", "/api/v1/config/-/k"),
            ("/api/v1/config/a/k", "/api/v1/config/a/k"),
            ("/api/v1/config/a/%2D", "/api/v1/config/a/%2D"),
            ("/health", "/health"),
            ("*", "*"),
        ] {
            assert_eq!(canonical(path).as_deref(), Ok(want), "{path}");
        }
    }

    #[test]
    fn escapes_are_whole_and_utf_8() {
        assert_eq!(decode("a%2Fb%c3%A4+").as_deref(), Ok("a/bä+"));
        for bad in ["%", "%2", "%zz", "%+1", "a%2", "%ff", "%c3"] {
            assert!(decode(bad).is_err(), "{bad}");
            assert!(canonical(bad).is_err(), "{bad}");
        }
    }
}
