//! A namespace as a file.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::HttpState;
use super::accept;
use super::admit::Call;
use super::conditional;
use super::past;
use super::problem::Problem;
use super::shape;
use crate::api::{ListRequest, Moment, PageRequest, Selection};
use crate::base::limits::{FILE_BYTES_MAX, PAGE_ITEMS_MAX};
use crate::wire::{FileFormat, FileWriter, Slug};

/// What a list cannot be where it is a file.
const OF_PAGES: &[&str] = &["limit", "cursor", "fields"];

/// The format that is asked for; `None` for a list in pages.
pub(super) fn format(call: &Call) -> Result<Option<FileFormat>, Problem> {
    let Some(text) = call.query.get("format") else { return Ok(None) };
    let format = FileFormat::parse(text).ok_or_else(|| {
        let all = FileFormat::ALL.map(FileFormat::as_str).join(", ");
        Problem::invalid(format!("format is one of {all}; without it the answer is a list"))
    })?;
    if let Some(name) = OF_PAGES.iter().find(|name| call.query.get(name).is_some()) {
        return Err(Problem::invalid(format!("a file is whole: leave out either format or {name}")));
    }
    accept::choose(&call.headers, &[format.media_type()])?;
    Ok(Some(format))
}

/// All entries at one revision. No more is in memory than a page and the file, of which one is made at a time.
pub(super) async fn whole(
    state: &HttpState,
    headers: &HeaderMap,
    of: Selection<'_>,
    at: Option<Moment>,
    format: FileFormat,
) -> Result<Response, Problem> {
    let mut file = FileWriter::new(format);
    let (mut cursor, mut changed): (Option<String>, _) = (None, None);
    past::reach(state, [at, None]).await?;
    let _turn = state.page_turn().await?;
    let applied = loop {
        let page = PageRequest { limit: PAGE_ITEMS_MAX, cursor: cursor.as_deref() };
        let answer = state.api().list(ListRequest { of, fields: "", at, page }).await?;
        // What the first page says: the others are as of its revision.
        if cursor.is_none() {
            changed = answer.value.changed;
        }
        for entry in answer.value.entries {
            let entry = shape::entry(entry);
            file.add(&entry.key, entry.value_type, &entry.value).map_err(|unsayable| {
                let detail = format!(
                    "this cannot be said as {}: {unsayable}. Take another format, or a prefix or type without it",
                    format.as_str()
                );
                Problem::new(Slug::InvalidValue, detail).member("keys", unsayable.keys)
            })?;
            if file.bytes() > FILE_BYTES_MAX {
                let detail =
                    format!("the file has more than {FILE_BYTES_MAX} bytes: take a prefix, or the list in pages");
                return Err(Problem::new(Slug::PayloadTooLarge, detail));
            }
        }
        cursor = answer.value.next_cursor;
        if cursor.is_none() {
            break answer.applied;
        }
    };
    conditional::read(headers, shape::file_etag(changed, format.as_str()), applied, || {
        let mut response = shape::empty(StatusCode::OK, applied);
        *response.body_mut() = Body::from(file.finish());
        response.headers_mut().insert(header::CONTENT_TYPE, content_type(format.media_type()));
        response
    })
}

/// What is text is UTF-8, and says so; the media types of JSON and YAML say it themselves.
pub(super) fn content_type(media_type: &'static str) -> HeaderValue {
    match media_type.starts_with("text/") {
        true => HeaderValue::from_str(&format!("{media_type}; charset=utf-8")).expect("a media type is ASCII"),
        false => HeaderValue::from_static(media_type),
    }
}
