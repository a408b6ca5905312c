//! The cluster as its members report it.

use axum::http::StatusCode;
use axum::response::Response;

use super::HttpState;
use super::admit::Call;
use super::problem::Problem;
use super::shape;
use crate::api::{Alarm, AlarmKind, ClusterView, GroupReport, MemberView, RaftRole};
use crate::base::{GroupId, LogId};
use crate::wire;

pub(super) async fn get(state: HttpState, _: Call) -> Result<Response, Problem> {
    let view = state.api().cluster().await;
    let identity = state.api().identity();
    let body = wire::Cluster {
        cluster: identity.cluster.clone(),
        node: identity.node.0,
        nodes: view.members.iter().map(|member| node(member, &view)).collect(),
        alarms: view.alarms.iter().map(alarm).collect(),
    };
    Ok(shape::json(StatusCode::OK, None, &body))
}

fn node(member: &MemberView, view: &ClusterView) -> wire::ClusterNode {
    let report = member.report.as_ref();
    wire::ClusterNode {
        node: member.node.0,
        address: member.member.peer.clone(),
        url: member.member.url.clone(),
        storage: member.member.storage.to_string(),
        voter: member.member.voter,
        reachable: report.is_ok(),
        error: report.err().cloned(),
        version: report.ok().map(|report| report.version.clone()),
        groups: report.map_or_else(|_| Vec::new(), |report| report.groups.iter().map(|one| group(one, view)).collect()),
    }
}

fn group(report: &GroupReport, view: &ClusterView) -> wire::ClusterGroup {
    let text = |id: Option<LogId>| id.map(|id| id.to_string());
    wire::ClusterGroup {
        group: report.group.0,
        role: match report.role {
            RaftRole::Leader => "leader",
            RaftRole::Follower => "follower",
            RaftRole::Candidate => "candidate",
            RaftRole::Learner => "learner",
        }
        .to_owned(),
        leader: report.leader.map(|leader| leader.0),
        term: report.term.0,
        last_log_index: report.last_log.map(|index| index.0),
        committed: text(report.committed),
        applied: text(report.applied),
        snapshot: text(report.snapshot),
        purged: text(report.purged),
        state_hash: format!("{:032x}", report.state_hash),
        lag: entries_upto(highest_committed(view, report.group)).saturating_sub(entries_upto(report.applied)),
        caught_up: report.caught_up,
    }
}

fn highest_committed(view: &ClusterView, group: GroupId) -> Option<LogId> {
    let reports = view.members.iter().filter_map(|member| member.report.as_ref().ok());
    reports.flat_map(|report| &report.groups).filter(|one| one.group == group).filter_map(|one| one.committed).max()
}

/// How many entries a log has up to `id`.
fn entries_upto(id: Option<LogId>) -> u64 {
    id.map_or(0, |id| id.index.0 + 1)
}

fn alarm(alarm: &Alarm) -> wire::Alarm {
    wire::Alarm {
        kind: match alarm.kind {
            AlarmKind::StateHashMismatch => wire::AlarmKind::StateHashMismatch,
            AlarmKind::StateDamaged => wire::AlarmKind::StateDamaged,
            AlarmKind::ApiKeysDiffer => wire::AlarmKind::ApiKeysDiffer,
            AlarmKind::ClocksDiffer => wire::AlarmKind::ClocksDiffer,
            AlarmKind::NotAMember => wire::AlarmKind::NotAMember,
        },
        nodes: alarm.nodes.iter().map(|node| node.0).collect(),
        detail: alarm.detail.clone(),
    }
}
