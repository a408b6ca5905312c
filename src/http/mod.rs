//! The REST surface: one table of routes and roles, and what every request and answer passes.
//!
//! A request passes, from the outside in: `answer` (request id, the canonical form of its path, then on the way out the
//! standard headers, problems and the log line), axum's router, `admit` (authentication, role, `Accept`, query
//! parameters, what is not built yet), and its handler. Handlers turn wire types into domain types and back, and leave
//! the rest to `api/`.

mod accept;
mod admit;
mod answer;
mod audit;
mod auth;
mod backup;
mod body;
mod cluster;
mod conditional;
mod config;
mod consistency;
mod file;
mod health;
mod members;
mod namespaces;
mod openapi;
mod past;
mod patch;
mod path;
mod problem;
mod query;
mod routes;
mod shape;
mod swagger;
#[cfg(test)]
mod tests;
mod txn;
mod write;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use rand::RngExt;
use tokio::sync::{Semaphore, SemaphorePermit};

pub use auth::KeyRing;
pub use routes::{Access, ROUTES, Route};

use self::problem::Problem;

use crate::api::{ApiHandle, ReadError};
use crate::base::RequestId;
use crate::config::{ApiKey, FollowerWrites};
use crate::host::{Host, Rng};

/// Pages of lists that are made at once. A long one takes tens of milliseconds of a processor: those of a hundred clients
/// must not stand between the steps of everybody else's requests, and two processors are all that a node may have.
const PAGES_AT_ONCE: usize = 1;
/// How long a page may wait for its turn.
const PAGE_WAIT: Duration = Duration::from_secs(5);

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct HttpState(Arc<Inner>);

struct Inner {
    api: ApiHandle,
    host: Host,
    keys: KeyRing,
    follower_writes: FollowerWrites,
    request_ids: Mutex<Rng>,
    pages: Semaphore,
}

impl HttpState {
    pub fn new(host: &Host, api: ApiHandle, keys: Vec<ApiKey>, follower_writes: FollowerWrites) -> HttpState {
        let request_ids = Mutex::new(host.entropy.fork("request-id"));
        let keys = KeyRing::new(keys);
        api.publish_key_set(keys.digest());
        let pages = Semaphore::new(PAGES_AT_ONCE);
        HttpState(Arc::new(Inner { api, host: host.clone(), keys, follower_writes, request_ids, pages }))
    }

    /// From now on these keys are known, and no others.
    pub fn reload_keys(&self, keys: Vec<ApiKey>) {
        self.0.keys.replace(keys);
        self.0.api.publish_key_set(self.0.keys.digest());
    }

    fn api(&self) -> &ApiHandle {
        &self.0.api
    }

    fn host(&self) -> &Host {
        &self.0.host
    }

    fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    fn follower_writes(&self) -> FollowerWrites {
        self.0.follower_writes
    }

    /// Waits until a page may be made, which it may while the answer lives.
    async fn page_turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        let deadline = self.0.host.clock.now().after(PAGE_WAIT);
        match self.0.host.until(deadline, self.0.pages.acquire()).await {
            Some(turn) => Ok(turn.expect("it is never closed")),
            None => Err(ReadError::Overloaded.into()),
        }
    }

    fn new_request_id(&self) -> RequestId {
        let mut rng = self.0.request_ids.lock().expect("no holder of this lock can panic");
        RequestId::from_random(rng.random())
    }
}

/// The whole REST surface of a node.
pub fn router(state: HttpState) -> Router {
    // Paths are rewritten before they are matched, so the table's router stands behind the layer as its fallback.
    let matched = routes::table(state.clone());
    Router::new().fallback_service(matched).layer(axum::middleware::from_fn_with_state(state, answer::answer))
}
