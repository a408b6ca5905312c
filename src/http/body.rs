//! Request bodies: JSON, bounded before anything is allocated for it.

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
    must_be_json(headers)?;
    let bytes = read(headers, body).await?;
    parse(&bytes).map_err(|error| Problem::invalid(format!("the body does not fit: {error}. Send one like {example}")))
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

fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail: String| Err(Problem::new(Slug::UnsupportedMediaType, detail));
    if let Some(coding) = headers.get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        return refuse(format!("send the body without Content-Encoding {coding:?}"));
    }
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let (content_type, another) = (given.next().and_then(|value| value.to_str().ok()), given.next());
    let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_utf8 = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    if essence == "application/json" && another.is_none() {
        return if parts.all(is_utf8) { Ok(()) } else { refuse("send the body in UTF-8".to_owned()) };
    }
    if essence == "application/x-www-form-urlencoded" {
        return refuse(
            "the body came as a form, which is what curl -d sends: add -H 'Content-Type: application/json'".to_owned(),
        );
    }
    refuse("send JSON, and say so: Content-Type: application/json".to_owned())
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
