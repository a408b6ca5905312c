use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use madsim::task::AbortHandle;
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::cluster::Cluster;
use crate::coverage::Point;
use crate::host::net::{FIRST_CLIENT, Lot, Place};
use crate::runtime::cause::{self, Caused};
use crate::runtime::{Guarded, sleep};
use crate::schedule;
use crate::trace::{Actor, Event, Member, Trace};

/// What came of sending a request.
pub enum Reply {
    Answer(axum::http::Response<Bytes>),
    /// It surely was not delivered.
    NotDelivered(String),
    /// The connection broke after the request was sent.
    Broken,
}

/// A body longer than the contract allows is not read.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Sends a request over the simulated network to a node's router. The request and its answer are lost separately;
/// where either is, this never returns, and the caller's patience ends it.
pub async fn call(cluster: &Cluster, client: Place, node: u64, request: axum::http::Request<Bytes>) -> Reply {
    let (net, trace) = (&cluster.world().net, &cluster.world().trace);
    let asking = Actor::Client(client - FIRST_CLIENT);
    let message = net.number();
    let sent = Leg { trace, actor: asking, to: node, message }.send(request.method().as_str());
    let there = net.conditions(client, node);
    if there.cut || net.chance(client, node, Lot::Loss, there.loss) {
        trace.sometimes(Point::RequestLost);
        sent.lost(if there.cut { "cut" } else { "loss" });
        return std::future::pending().await;
    }
    match net.listens(node) {
        None => {
            sent.lost("dead");
            return std::future::pending().await;
        }
        Some(false) => {
            sent.lost("dead");
            sleep(net.delay(client, node, &there) * 2).await;
            return Reply::NotDelivered("connection refused".to_owned());
        }
        Some(true) => sleep(net.delay(client, node, &there)).await,
    }
    let Some((process, sim_node)) = cluster.node(node) else {
        sent.lost("dead");
        return Reply::NotDelivered("connection refused".to_owned());
    };
    let serving_actor = Actor::Node { node, incarnation: process.number };
    sent.received(serving_actor, client);
    let (answer, answered) = oneshot::channel();
    let router = sim_node.router();
    let server = process.clone();
    let serving = process.tasks().spawn(Caused::new(async move {
        let handled = Guarded::new(async move {
            // A router's error type has no values.
            let Ok(response) = router.oneshot(request.map(Body::from)).await;
            let (parts, body) = response.into_parts();
            let body = http_body_util::Limited::new(body, ANSWER_BYTES_MAX).collect().await.ok()?.to_bytes();
            Some(axum::http::Response::from_parts(parts, body))
        });
        let handled = handled.await;
        server.reach(schedule::Point::BeforeReply);
        match handled {
            Ok(response) if server.is_alive() => {
                // The client may have gone.
                let _ = answer.send(response);
            }
            Ok(_) => {}
            Err(panicked) => server.fatal(&format!("a request handler panicked: {}", panicked.0)),
        }
    }));
    // A server notices that its client hung up, or does not.
    let hang_up = HangUp(net.chance(client, node, Lot::HangUp, 0.5).then(|| serving.abort_handle()));
    let Ok(Some(response)) = answered.await else {
        return Reply::Broken;
    };
    drop(hang_up);
    let message = net.number();
    let sent = Leg { trace, actor: serving_actor, to: client, message }.send(response.status().as_str());
    let back = net.conditions(node, client);
    if back.cut || net.chance(node, client, Lot::Loss, back.loss) {
        trace.sometimes(Point::AnswerLost);
        sent.lost(if back.cut { "cut" } else { "loss" });
        return std::future::pending().await;
    }
    sleep(net.delay(node, client, &back)).await;
    sent.received(asking, node);
    Reply::Answer(response)
}

/// One way of a request or of its answer.
struct Leg<'a> {
    trace: &'a Trace,
    actor: Actor,
    to: Place,
    message: u64,
}

/// A message that has left.
struct Sent<'a> {
    leg: Leg<'a>,
    event: u64,
}

impl<'a> Leg<'a> {
    fn send(self, what: &str) -> Sent<'a> {
        let members =
            [("to", Member::Place(self.to)), ("msg", Member::Number(self.message)), ("what", Member::Text(what))];
        let event = self.record("send", cause::current(), &members, self.actor);
        Sent { leg: self, event }
    }

    fn record(
        &self,
        kind: &'static str,
        cause: Option<u64>,
        members: &[(&'static str, Member<'_>)],
        actor: Actor,
    ) -> u64 {
        self.trace.record(Event { actor, kind, cause, members, detail: format_args!("") })
    }
}

impl Sent<'_> {
    fn lost(&self, why: &str) {
        let Leg { to, message, actor, .. } = self.leg;
        let members = [("to", Member::Place(to)), ("msg", Member::Number(message)), ("why", Member::Text(why))];
        self.leg.record("lost", Some(self.event), &members, actor);
    }

    fn received(&self, by: Actor, from: Place) {
        let members = [("from", Member::Place(from)), ("msg", Member::Number(self.leg.message))];
        self.leg.record("receive", Some(self.event), &members, by);
    }
}

/// Ends the handling of a request when its client goes before the answer.
struct HangUp(Option<AbortHandle>);

impl Drop for HangUp {
    fn drop(&mut self) {
        if let Some(serving) = &self.0 {
            serving.abort();
        }
    }
}
