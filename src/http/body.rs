//! Request bodies: JSON, or a value as text; bounded before anything is allocated for them.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::base::limits::BODY_BYTES_MAX;
use crate::wire::Slug;

/// Reads a JSON object. `example` is what one looks like.
pub(super) async fn json<T: DeserializeOwned>(headers: &HeaderMap, body: Body, example: &str) -> Result<T, Problem> {
    if !is(headers, "application/json")? {
        return Err(of_other_type(headers));
    }
    let bytes = read(headers, body).await?;
    parse(&bytes).map_err(|error| Problem::invalid(format!("the body does not fit: {error}. Send one like {example}")))
}

/// Whether the body is text as it stands, and no JSON.
pub(super) fn is_text(headers: &HeaderMap) -> Result<bool, Problem> {
    is(headers, "text/plain")
}

/// Reads text.
pub(super) async fn text(headers: &HeaderMap, body: Body) -> Result<String, Problem> {
    let bytes = read(headers, body).await?;
    String::from_utf8(bytes.into()).map_err(|error| {
        let at = error.utf8_error().valid_up_to() + 1;
        Problem::invalid(format!("byte {at} of the body is not UTF-8: values are text, encode it with base64 perhaps"))
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))?;
    match text.trim_ascii_start().chars().next() {
        Some('{') => serde_json::from_str(text).map_err(|error| error.to_string()),
        // Serde takes an array for a struct, member by member; the contract does not.
        Some(_) => Err("it is not a JSON object".to_owned()),
        None => Err("it is empty".to_owned()),
    }
}

/// Whether the body is of this type, by its one `Content-Type`. One that cannot be read, whatever its type, is refused.
fn is(headers: &HeaderMap, media_type: &str) -> Result<bool, Problem> {
    let refuse = |detail: String| Err(Problem::new(Slug::UnsupportedMediaType, detail));
    if let Some(coding) = headers.get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        return refuse(format!("send the body without Content-Encoding {coding:?}"));
    }
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let (content_type, another) = (given.next().and_then(|value| value.to_str().ok()), given.next());
    let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
    let is_it = parts.next().unwrap_or_default().eq_ignore_ascii_case(media_type) && another.is_none();
    let is_utf8 = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    if is_it && !parts.all(is_utf8) { refuse("send the body in UTF-8".to_owned()) } else { Ok(is_it) }
}

fn of_other_type(headers: &HeaderMap) -> Problem {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = content_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    let detail = if form {
        "the body came as a form, which is what curl -d sends: add -H 'Content-Type: application/json'"
    } else {
        "send JSON, and say so: Content-Type: application/json"
    };
    Problem::new(Slug::UnsupportedMediaType, detail)
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|announced| announced > BODY_BYTES_MAX as u64) {
        return Err(too_large());
    }
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Problem::invalid("the body ended before it was complete: send it again")),
    }
}

fn too_large() -> Problem {
    Problem::new(Slug::PayloadTooLarge, format!("a body is at most {BODY_BYTES_MAX} bytes"))
}
