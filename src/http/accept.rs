//! Which media type an answer has (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

use super::problem::Problem;
use crate::wire::Slug;

/// What the client likes best of `offers`, the first of those that it likes as much. It is refused where it takes none.
pub(super) fn choose<'a>(headers: &HeaderMap, offers: &[&'a str]) -> Result<&'a str, Problem> {
    let mut best = (0.0, None);
    for offer in offers {
        let weight = weight(headers, offer);
        if weight > best.0 {
            best = (weight, Some(*offer));
        }
    }
    best.1.ok_or_else(|| {
        let (all, first) = (offers.join(" or "), offers.first().copied().unwrap_or_default());
        Problem::new(Slug::NotAcceptable, format!("answers are {all}: send Accept: {first}, or none"))
    })
}

/// The most specific range that covers the answer decides; 0 refuses it.
fn weight(headers: &HeaderMap, answer: &str) -> f32 {
    let kind = answer.split('/').next().unwrap_or_default();
    let mut given = false;
    let (mut best, mut weight) = (0, 0.0);
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            given |= !media.is_empty();
            let specific = match media.to_ascii_lowercase().as_str() {
                exact if exact == answer => 3,
                "*/*" => 1,
                range if range.strip_suffix("/*") == Some(kind) => 2,
                _ => continue,
            };
            let quality = parts.find_map(|parameter| {
                let (name, quality) = parameter.split_once('=')?;
                name.trim().eq_ignore_ascii_case("q").then(|| quality.trim().parse().unwrap_or(1.0))
            });
            if specific > best {
                (best, weight) = (specific, quality.unwrap_or(1.0));
            }
        }
    }
    if given { weight } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(accept: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().expect("a header value"));
        headers
    }

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, want) in [
            ("", true),
            ("*/*", true),
            ("application/json", true),
            ("Application/JSON;q=0.1", true),
            ("application/json;charset=utf-8; Q=0", false),
            ("text/html, application/*;q=0.5", true),
            ("text/html", false),
            ("*/*;q=0", false),
            ("*/*, application/json;q=0", false),
            ("application/json;q=0, */*", false),
            ("application/json, */*;q=0", true),
            ("text/event-stream", false),
        ] {
            assert_eq!(choose(&headers(accept), &["application/json"]).is_ok(), want, "{accept:?}");
        }
        assert!(choose(&HeaderMap::new(), &["application/json"]).is_ok());
    }

    #[test]
    fn of_several_the_client_has_its_choice() {
        for (accept, want) in [
            ("", "application/json"),
            ("*/*", "application/json"),
            ("text/plain", "text/plain"),
            ("text/*", "text/plain"),
            ("text/plain, */*", "application/json"),
            ("text/plain, */*;q=0.9", "text/plain"),
            ("application/json;q=0.5, text/plain;q=0.6", "text/plain"),
            ("application/json;q=0, */*;q=0.1", "text/plain"),
        ] {
            assert_eq!(choose(&headers(accept), &["application/json", "text/plain"]).ok(), Some(want), "{accept:?}");
        }
        let refused = choose(&headers("image/png"), &["application/json", "text/plain"]).expect_err("neither is one");
        assert_eq!(
            refused.detail,
            "answers are application/json or text/plain: send Accept: application/json, or none"
        );
    }
}
