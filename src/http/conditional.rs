//! Conditional requests (RFC 9110, section 13).

use axum::http::{HeaderMap, HeaderValue, header};

/// RFC 9110, section 13.1.2, with the weak comparison. Malformed members match nothing.
pub(super) fn none_match(headers: &HeaderMap, current: &HeaderValue) -> bool {
    let current = current.to_str().expect("our ETags are ASCII");
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = given.flat_map(|value| value.split(',')).map(str::trim);
    !tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == current)
}
