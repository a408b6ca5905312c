//! Conditional requests (RFC 9110, section 13).

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::problem::Problem;
use super::shape;
use crate::base::LogId;
use crate::model::{Condition, Revisions};
use crate::wire::Slug;

/// The entity tags of one header.
#[derive(Debug, PartialEq, Eq)]
enum Tags<'a> {
    /// `*`
    Any,
    Of(Vec<Tag<'a>>),
}

/// RFC 9110, section 8.8.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag<'a> {
    weak: bool,
    /// What stands between the quotes.
    opaque: &'a [u8],
}

/// What a write must find, decided where it is applied. A tag of another format than JSON names its revision too.
pub(super) fn of_write(headers: &HeaderMap) -> Result<Condition, Problem> {
    let if_match = tags(headers, &header::IF_MATCH)?.map(|tags| revisions(tags, |tag| !tag.weak));
    let if_none_match = tags(headers, &header::IF_NONE_MATCH)?.map(|tags| revisions(tags, |_| true));
    Ok(Condition { if_match, if_none_match })
}

/// The answer to a read of what has this ETag, in the order of RFC 9110, section 13.2.2: `whole` makes it where it is
/// to be sent.
pub(super) fn read(
    headers: &HeaderMap,
    etag: HeaderValue,
    version: Option<LogId>,
    whole: impl FnOnce() -> Response,
) -> Result<Response, Problem> {
    let (if_match, if_none_match) = (tags(headers, &header::IF_MATCH)?, tags(headers, &header::IF_NONE_MATCH)?);
    let current = single(etag.as_bytes()).expect("ETags of ours are well-formed");
    if if_match.is_some_and(|tags| !tags.has(|tag| *tag == current && !tag.weak)) {
        let detail = "what is there has another ETag now: see the header, and read it without If-Match";
        return Err(Problem::new(Slug::PreconditionFailed, detail).version(version).header(header::ETAG, etag));
    }
    let mut response = if if_none_match.is_some_and(|tags| tags.has(|tag| tag.opaque == current.opaque)) {
        shape::empty(StatusCode::NOT_MODIFIED, version)
    } else {
        whole()
    };
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

/// A write whose condition did not hold of what is at `current`, or absent.
pub(super) fn failed(current: Option<LogId>) -> Problem {
    let problem = match current {
        Some(current) => {
            let detail = format!("nothing was written: it is at {current} now. Read it, and decide again");
            Problem::new(Slug::PreconditionFailed, detail).header(header::ETAG, shape::etag(current))
        }
        None => Problem::new(Slug::PreconditionFailed, "nothing was written: there is none now. Decide again"),
    };
    problem.member("current", current.map(|current| current.to_string()))
}

impl<'a> Tags<'a> {
    /// Whether something that is there fits.
    fn has(&self, fits: impl Fn(&Tag<'a>) -> bool) -> bool {
        match self {
            Tags::Any => true,
            Tags::Of(tags) => tags.iter().any(fits),
        }
    }
}

/// The revisions that tags stand for, of those that count. Others match nothing that there ever was.
fn revisions(tags: Tags<'_>, counts: impl Fn(&Tag<'_>) -> bool) -> Revisions {
    match tags {
        Tags::Any => Revisions::Any,
        Tags::Of(tags) => Revisions::OneOf(tags.iter().filter(|tag| counts(tag)).filter_map(Tag::revision).collect()),
    }
}

impl Tag<'_> {
    /// The revision that it begins with. What names a format follows behind something that no revision has.
    fn revision(&self) -> Option<LogId> {
        let text = std::str::from_utf8(self.opaque).ok()?;
        let end = text.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(text.len());
        text[..end].parse().ok()
    }
}

fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<Tags<'a>>, Problem> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let (mut any, mut tags) = (false, Vec::new());
    for value in headers.get_all(name) {
        let mut rest = after_commas(value.as_bytes());
        while !rest.is_empty() {
            let after = match (rest.strip_prefix(b"*"), tag(rest)) {
                (Some(after), _) if !any => {
                    any = true;
                    after
                }
                (None, Some((tag, after))) => {
                    tags.push(tag);
                    after
                }
                _ => return Err(malformed(name)),
            };
            rest = after_commas(after);
            // Something stands between two of them.
            if !rest.is_empty() && !after.trim_ascii_start().starts_with(b",") {
                return Err(malformed(name));
            }
        }
    }
    match (any, tags.is_empty()) {
        (true, true) => Ok(Some(Tags::Any)),
        (false, false) => Ok(Some(Tags::Of(tags))),
        _ => Err(malformed(name)),
    }
}

/// What follows the white space and the commas that `text` begins with: a list may have empty members (RFC 9110,
/// section 5.6.1.2).
fn after_commas(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !matches!(byte, b',' | b' ' | b'\t'));
    &text[end.unwrap_or(text.len())..]
}

/// The tag that `text` begins with, and what follows.
fn tag(text: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let (weak, quoted) = match text.strip_prefix(b"W/") {
        Some(quoted) => (true, quoted),
        None => (false, text),
    };
    let opaque = quoted.strip_prefix(b"\"")?;
    let end = opaque.iter().position(|byte| *byte == b'"')?;
    let (opaque, after) = (&opaque[..end], &opaque[end + 1..]);
    let sane = opaque.iter().all(|byte| *byte == 0x21 || (0x23..=0x7e).contains(byte) || *byte >= 0x80);
    sane.then_some((Tag { weak, opaque }, after))
}

fn single(text: &[u8]) -> Option<Tag<'_>> {
    tag(text).filter(|(_, after)| after.is_empty()).map(|(tag, _)| tag)
}

fn malformed(name: &HeaderName) -> Problem {
    let name = if name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
    Problem::invalid(format!("{name} takes ETags as they came, with their quotes and commas between them, or * alone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        }
        headers
    }

    #[test]
    fn a_write_names_revisions() {
        let of = |values: &[&str]| of_write(&given(header::IF_MATCH, values)).ok()?.if_match;
        let one_of = |revisions: &[(u64, u64)]| {
            Some(Revisions::OneOf(revisions.iter().map(|(term, index)| LogId::new(*term, *index)).collect()))
        };
        assert_eq!(of(&["*"]), Some(Revisions::Any));
        assert_eq!(of(&["\"5:42\""]), one_of(&[(5, 42)]));
        assert_eq!(of(&[" \"5:42\" ,\"5:43\"", "\"6:1\""]), one_of(&[(5, 42), (5, 43), (6, 1)]));
        assert_eq!(of(&["\"5:42\",, "]), one_of(&[(5, 42)]));
        // The tag of another format; a tag of nobody's; strong comparison.
        assert_eq!(of(&["\"5:42-env\""]), one_of(&[(5, 42)]));
        assert_eq!(of(&["\"x\", \"\", \"a,b\", \"\u{e4}\", W/\"5:42\""]), one_of(&[]));
        let weakly = of_write(&given(header::IF_NONE_MATCH, &["W/\"5:42\""])).expect("well-formed");
        assert_eq!((weakly.if_match, weakly.if_none_match), (None, one_of(&[(5, 42)])));
        assert_eq!(of_write(&HeaderMap::new()).ok(), Some(Condition::default()));
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for bad in [
            "",
            ",",
            "5:42",
            "\"5:42",
            "5:42\"",
            "\"5:42\" \"5:43\"",
            "\"5:42\"x",
            "\"a b\"",
            "w/\"5:42\"",
            "W/5:42",
            "**",
            "*, *",
            "*, \"5:42\"",
            "\"5:42\", *",
        ] {
            for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
                assert!(of_write(&given(name, &[bad])).is_err(), "{bad:?}");
            }
        }
    }
}
