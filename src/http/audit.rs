//! The audit, newest first.

use axum::http::StatusCode;
use axum::response::Response;

use super::HttpState;
use super::admit::Call;
use super::problem::Problem;
use super::shape;
use crate::model::Namespace;
use crate::wire::AuditList;

pub(super) async fn all(state: HttpState, call: Call) -> Result<Response, Problem> {
    page(state, call, None).await
}

pub(super) async fn of_namespace(state: HttpState, call: Call) -> Result<Response, Problem> {
    let namespace = call.namespace()?;
    page(state, call, Some(namespace)).await
}

async fn page(state: HttpState, call: Call, namespace: Option<Namespace>) -> Result<Response, Problem> {
    let page = call.query.page()?;
    let answer = state.api().audit(namespace, page).await?;
    let list = AuditList {
        items: answer.value.events.into_iter().map(shape::audit_event).collect(),
        revision: answer.applied.map(|applied| applied.to_string()),
        pagination: shape::pagination(page.limit, answer.value.next_cursor),
    };
    Ok(shape::json(StatusCode::OK, answer.applied, &list))
}
