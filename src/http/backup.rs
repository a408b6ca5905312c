//! The state as a file, at one revision, while writes go on.

use std::io;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;

use super::HttpState;
use super::admit::Call;
use super::problem::Problem;
use super::shape;
use crate::api::{Backup, ReadError};
use crate::wire::Slug;

/// What a backup's bytes are: a file of Confman's own, with checksums of its own.
pub(super) const MEDIA_TYPE: &str = "application/octet-stream";

pub(super) async fn get(state: HttpState, call: Call) -> Result<Response, Problem> {
    let backup = state.api().backup().await.map_err(|error| match error {
        ReadError::Overloaded => Problem::new(
            Slug::Overloaded,
            "this node gives as many backups as it may already: try again when one is done, or ask another node",
        )
        .retry_later(),
        other => other.into(),
    })?;
    let revision = backup.revision;
    tracing::info!(request_id = call.context.request_id.as_str(), actor = call.actor, %revision, "a backup is taken");
    let name = format!("attachment; filename=\"confman-{}-{}.backup\"", revision.term, revision.index);
    let mut response = shape::empty(StatusCode::OK, Some(revision));
    *response.body_mut() = Body::from_stream(stream::try_unfold(backup, next));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers
        .insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).expect("a revision is two decimal numbers"));
    Ok(response)
}

/// An error ends the connection before the answer's end: the client sees that, and the file shows it too.
async fn next(mut backup: Backup) -> io::Result<Option<(bytes::Bytes, Backup)>> {
    match backup.next().await {
        Ok(bytes) => Ok(bytes.map(|bytes| (bytes, backup))),
        Err(what) => {
            tracing::error!(revision = %backup.revision, what, "a backup could not be finished");
            Err(io::Error::other(what))
        }
    }
}
