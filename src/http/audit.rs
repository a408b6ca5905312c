//! The audit, newest first.

use axum::http::StatusCode;
use axum::response::Response;

use super::HttpState;
use super::admit::Call;
use super::problem::Problem;
use super::shape;
use crate::model::Namespace;
use crate::wire::{AuditBreak, AuditList, AuditVerification};

pub(super) async fn all(state: HttpState, call: Call) -> Result<Response, Problem> {
    page(state, call, None).await
}

pub(super) async fn of_namespace(state: HttpState, call: Call) -> Result<Response, Problem> {
    let namespace = call.namespace()?;
    page(state, call, Some(namespace)).await
}

/// Verifies the whole chain in this node's store. That it is broken is an answer, not an error.
pub(super) async fn verify(state: HttpState, call: Call) -> Result<Response, Problem> {
    let found = state.api().verify_audit().await?;
    if let Some(broken) = &found.broken {
        let (request_id, events) = (call.context.request_id.as_str(), found.events);
        let event = broken.event.map(|id| id.to_string());
        tracing::error!(request_id, event, events, reason = broken.reason, "the audit chain is broken");
    }
    let body = AuditVerification {
        valid: found.broken.is_none(),
        events: found.events,
        first_id: found.first.map(|id| id.to_string()),
        last_id: found.last.map(|id| id.to_string()),
        last_hash: found.last_hash,
        revision: found.applied.map(|applied| applied.to_string()),
        broken: found.broken.map(|broken| AuditBreak {
            id: broken.event.map(|id| id.to_string()),
            reason: format!(
                "{}. Verify on the other nodes: where the chain is whole there, this node's store is damaged and the node \
                 is to be replaced; where it breaks at the same event, the audit was altered: keep all data directories as \
                 evidence",
                broken.reason
            ),
        }),
    };
    Ok(shape::json(StatusCode::OK, found.applied, &body))
}

async fn page(state: HttpState, call: Call, namespace: Option<Namespace>) -> Result<Response, Problem> {
    let page = call.query.page()?;
    let _turn = state.page_turn().await?;
    let answer = state.api().audit(namespace, page).await?;
    let list = AuditList {
        items: answer.value.events.into_iter().map(shape::audit_event).collect(),
        revision: answer.applied.map(|applied| applied.to_string()),
        pagination: shape::pagination(page.limit, answer.value.next_cursor),
    };
    Ok(shape::json(StatusCode::OK, answer.applied, &list))
}
