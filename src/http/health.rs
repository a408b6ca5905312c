//! For load balancers and supervisors.

use axum::http::StatusCode;
use axum::response::Response;

use super::HttpState;
use super::admit::Call;
use super::problem::{Problem, no_leader};
use super::shape;
use crate::api::{ReadError, Readiness};
use crate::wire::{Health, Ready, Slug};

/// The process can serve; nothing is said of the cluster.
pub(super) async fn health(_: HttpState, _: Call) -> Result<Response, Problem> {
    Ok(shape::json(StatusCode::OK, None, &Health { status: "healthy".to_owned() }))
}

/// This node has caught up, and there is a leader.
pub(super) async fn ready(state: HttpState, _: Call) -> Result<Response, Problem> {
    match state.api().ready() {
        Readiness::Ready { leader_url } => {
            Ok(shape::json(StatusCode::OK, None, &Ready { status: "ready".to_owned(), leader: leader_url }))
        }
        Readiness::Damaged => Err(ReadError::Damaged("the state is damaged".to_owned()).into()),
        Readiness::NotCaughtUp => {
            let detail = "this node has started and has not caught up yet: send requests to another";
            Err(Problem::new(Slug::VersionNotReached, detail).retry_later())
        }
        Readiness::NotAMember { detail } => Err(Problem::new(Slug::NotAMember, detail).retry_later()),
        Readiness::NoLeader => Err(no_leader("this node is up, but can neither write nor pass writes on")),
    }
}
