use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use madsim::task::AbortHandle;
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::cluster::Cluster;
use crate::host::net::Place;
use crate::runtime::{Guarded, sleep};

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
    let net = &cluster.world().net;
    let there = net.conditions(client, node);
    if there.cut || net.chance(there.loss) {
        return std::future::pending().await;
    }
    match net.listens(node) {
        None => return std::future::pending().await,
        Some(false) => {
            sleep(net.delay(&there) * 2).await;
            return Reply::NotDelivered("connection refused".to_owned());
        }
        Some(true) => sleep(net.delay(&there)).await,
    }
    let Some((process, sim_node)) = cluster.node(node) else {
        return Reply::NotDelivered("connection refused".to_owned());
    };
    let (answer, answered) = oneshot::channel();
    let router = sim_node.router();
    let server = process.clone();
    let serving = process.tasks().spawn(async move {
        let handled = Guarded::new(async move {
            // A router's error type has no values.
            let Ok(response) = router.oneshot(request.map(Body::from)).await;
            let (parts, body) = response.into_parts();
            let body = http_body_util::Limited::new(body, ANSWER_BYTES_MAX).collect().await.ok()?.to_bytes();
            Some(axum::http::Response::from_parts(parts, body))
        });
        match handled.await {
            Ok(response) if server.is_alive() => {
                // The client may have gone.
                let _ = answer.send(response);
            }
            Ok(_) => {}
            Err(panicked) => server.fatal(&format!("a request handler panicked: {}", panicked.0)),
        }
    });
    // A server notices that its client hung up, or does not.
    let hang_up = HangUp(net.chance(0.5).then(|| serving.abort_handle()));
    let Ok(Some(response)) = answered.await else {
        return Reply::Broken;
    };
    drop(hang_up);
    let back = net.conditions(node, client);
    if back.cut || net.chance(back.loss) {
        return std::future::pending().await;
    }
    sleep(net.delay(&back)).await;
    Reply::Answer(response)
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
