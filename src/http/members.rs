//! The members of the cluster: who they are, and changes of them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::HttpState;
use super::admit::Call;
use super::body;
use super::problem::Problem;
use super::shape;
use super::write::{may_redirect, or_redirect};
use crate::api::{ChangeRequest, Changed, MemberChange, MembersRequest, RaftStatus, WriteError};
use crate::base::NodeId;
use crate::config::{is_base_url, is_peer_address};
use crate::wire::{
    self, AddMemberRequest, MemberChanged, PromoteMemberRequest, ReplaceMemberRequest, Slug, TransferRequest,
};

pub(super) async fn list(state: HttpState, _: Call) -> Result<Response, Problem> {
    let status = state.api().members();
    let list = wire::MemberList {
        items: status.members.keys().filter_map(|id| member(&status, *id)).collect(),
        revision: status.members_at.map(|at| at.to_string()),
        changing: status.joint,
    };
    Ok(shape::json(StatusCode::OK, None, &list))
}

pub(super) async fn get(state: HttpState, call: Call) -> Result<Response, Problem> {
    let node = call.node()?;
    let found = member(&state.api().members(), node).ok_or(WriteError::NoSuchMember(node))?;
    Ok(shape::json(StatusCode::OK, None, &found))
}

fn member(status: &RaftStatus, id: NodeId) -> Option<wire::Member> {
    let member = status.members.get(&id)?;
    Some(wire::Member {
        id: id.0,
        peer: member.peer.clone(),
        url: member.url.clone(),
        storage: member.storage.to_string(),
        voter: member.voter,
        leader: status.leader == Some(id),
    })
}

pub(super) async fn add(state: HttpState, mut call: Call) -> Result<Response, Problem> {
    let body = std::mem::take(&mut call.body);
    let example = r#"{"id":4,"peer":"10.0.0.4:7500","url":"http://10.0.0.4:7400"}"#;
    let AddMemberRequest { id, peer, url, promote } = body::json(&call.headers, body, example).await?;
    let (node, url) = new_node(id, &peer, url)?;
    came_in(node, change(&state, call, MemberChange::Add { node, peer, url, promote }).await?)
}

pub(super) async fn replace(state: HttpState, mut call: Call) -> Result<Response, Problem> {
    let (old, body) = (call.node()?, std::mem::take(&mut call.body));
    let example = r#"{"id":4,"peer":"10.0.0.4:7500","url":"http://10.0.0.4:7400"}"#;
    let ReplaceMemberRequest { id, peer, url } = body::json(&call.headers, body, example).await?;
    let (node, url) = new_node(id, &peer, url)?;
    came_in(node, change(&state, call, MemberChange::Replace { old, node, peer, url }).await?)
}

pub(super) async fn promote(state: HttpState, mut call: Call) -> Result<Response, Problem> {
    let (node, body) = (call.node()?, std::mem::take(&mut call.body));
    let PromoteMemberRequest { voter } = body::json(&call.headers, body, r#"{"voter":true}"#).await?;
    if !voter {
        return Err(Problem::invalid("a voter is not made a learner again: remove it, or leave it as it is"));
    }
    let changed = change(&state, call, MemberChange::Promote { node }).await?;
    Ok(shape::json(StatusCode::OK, changed.at, &shape_of(node, changed)))
}

pub(super) async fn remove(state: HttpState, call: Call) -> Result<Response, Problem> {
    let node = call.node()?;
    let changed = change(&state, call, MemberChange::Remove { node }).await?;
    Ok(shape::empty(StatusCode::NO_CONTENT, changed.at))
}

pub(super) async fn transfer(state: HttpState, mut call: Call) -> Result<Response, Problem> {
    let body = std::mem::take(&mut call.body);
    let TransferRequest { node } = body::json(&call.headers, body, r#"{"node":2}"#).await?;
    change(&state, call, MemberChange::Lead { node: NodeId(node) }).await?;
    Ok(shape::json(StatusCode::OK, None, &wire::Leader { node }))
}

/// Changes the members, or says where to.
async fn change(state: &HttpState, call: Call, change: MemberChange) -> Result<Changed, Problem> {
    let (force, hop) = (call.query.force()?, call.query.hop()?);
    let request = MembersRequest {
        request: ChangeRequest { change, force },
        actor: call.actor,
        request_id: call.context.request_id.clone(),
        may_redirect: may_redirect(state, &call.headers),
    };
    state.api().change_members(request).await.map_err(|error| match error {
        WriteError::OutcomeUnknown => Problem::new(
            Slug::OutcomeUnknown,
            "the change may or may not take effect, also later, or in part: see GET /api/v1/cluster/members, and ask for \
             it again where it is not so yet",
        ),
        other => or_redirect(other, &call.context, hop),
    })
}

/// A node that is not yet a member, as it was asked for.
fn new_node(id: u64, peer: &str, url: String) -> Result<(NodeId, String), Problem> {
    if id == 0 {
        return Err(Problem::invalid("id is a number from 1 that was never used in this cluster"));
    }
    if !is_peer_address(peer) {
        return Err(Problem::invalid("peer is where other nodes reach the node, host and port like 10.0.0.4:7500"));
    }
    let url = url.trim_end_matches('/').to_owned();
    if !is_base_url(&url) {
        return Err(Problem::invalid("url is where clients reach the node, like http://10.0.0.4:7400"));
    }
    Ok((NodeId(id), url))
}

fn came_in(node: NodeId, changed: Changed) -> Result<Response, Problem> {
    let status = if changed.pending { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let mut response = shape::json(status, changed.at, &shape_of(node, changed));
    let location = HeaderValue::from_str(&format!("/api/v1/cluster/members/{node}")).expect("a path is ASCII");
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

fn shape_of(node: NodeId, changed: Changed) -> MemberChanged {
    MemberChanged { id: node.0, pending: changed.pending, revision: changed.at.map(|at| at.to_string()) }
}
