//! One operation: which node is asked when, until one answers or the time is up.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use rand::RngExt;

use super::settings::{Consistency, Credentials};
use super::verdict::{Verdict, is_of, judge};
use super::{Client, Error, Knowledge};
use crate::base::{Monotonic, RequestId};
use crate::host::{Connection, SendError, until};
use crate::wire::Slug;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_CONFMAN_VERSION: HeaderName = HeaderName::from_static("x-confman-version");
const X_CONFMAN_MIN_VERSION: HeaderName = HeaderName::from_static("x-confman-min-version");
const X_CONFMAN_CONSISTENCY: HeaderName = HeaderName::from_static("x-confman-consistency");

/// Redirects that one try may follow. Nodes themselves send no third.
const HOPS_MAX: usize = 3;
/// The pause after the first round that brought nothing; it doubles with each.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A request, not yet for any node.
pub(super) struct Call {
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// JSON; empty for none.
    pub body: Bytes,
}

impl Call {
    pub fn get(path: String) -> Call {
        Call { method: Method::GET, path, body: Bytes::new() }
    }

    fn is_write(&self) -> bool {
        self.method != Method::GET
    }
}

/// What came of asking one node, and those that it sent us to.
enum Tried {
    Done(Result<Response<Bytes>, Error>),
    Again { why: String, after: Option<Duration> },
}

impl Client {
    /// An answer that the operation can read: a success, or a 404 of Confman's.
    pub(super) async fn exchange(&self, call: &Call) -> Result<Response<Bytes>, Error> {
        let clock = &self.inner.host.clock;
        let give_up_at = clock.now().after(self.inner.config.timeout);
        let request_id = self.request_id.clone().unwrap_or_else(|| self.new_request_id());
        let mut pause = PAUSE_MIN;
        loop {
            let (mut reasons, mut not_before) = (Vec::new(), Duration::ZERO);
            for base in self.round(call.is_write()) {
                match self.try_node(call, &request_id, base.clone(), give_up_at).await {
                    Tried::Done(result) => return result,
                    Tried::Again { why, after } => {
                        reasons.push(format!("{base}: {why}"));
                        not_before = not_before.max(after.unwrap_or_default());
                    }
                }
                if clock.now() >= give_up_at {
                    break;
                }
            }
            let wait = not_before.max(self.jittered(pause));
            pause = (pause * 2).min(PAUSE_MAX);
            let then = clock.now().after(wait);
            if then >= give_up_at {
                return Err(Error::Unavailable { why: reasons.join("; ") });
            }
            clock.sleep_until(then).await;
        }
    }

    /// Asks one node, and follows where it leads.
    async fn try_node(&self, call: &Call, id: &RequestId, first: String, give_up_at: Monotonic) -> Tried {
        let (mut base, mut path) = (first, call.path.clone());
        for _ in 0..=HOPS_MAX {
            let request = match self.request(call, id, &path) {
                Ok(request) => request,
                Err(error) => return Tried::Done(Err(error)),
            };
            let outcome = self.send(&base, request, call.is_write(), give_up_at).await;
            if let Ok(answer) = &outcome {
                self.learn_version(answer);
            }
            match judge(call.is_write(), &outcome) {
                Verdict::Answered => {
                    self.answered(&base);
                    let unanswered = |error: SendError| Error::Unavailable { why: error.to_string() };
                    return Tried::Done(outcome.map_err(unanswered));
                }
                Verdict::Follow { base: to, path: at } => {
                    if call.is_write() {
                        self.knowledge(|known| known.leader = Some(to.clone()));
                    }
                    (base, path) = (to, at);
                }
                Verdict::Again { why, after } => {
                    self.forget(&base);
                    return Tried::Again { why, after };
                }
                Verdict::Failed(error) => {
                    if error.may_have_happened() {
                        self.forget(&base);
                    }
                    return Tried::Done(Err(error));
                }
            }
        }
        self.forget(&base);
        Tried::Again { why: "nodes send the request back and forth".to_owned(), after: None }
    }

    /// Sends a request to one node, over a connection that is there or a new one.
    async fn send(
        &self,
        base: &str,
        request: Request<Bytes>,
        is_write: bool,
        give_up_at: Monotonic,
    ) -> Result<Response<Bytes>, SendError> {
        if let Some(kept) = self.inner.pool.take(base) {
            match self.send_over(base, kept, request.clone(), is_write, give_up_at).await {
                // The node had closed it while it was not in use: that says nothing about the node.
                Err(SendError::NotSent(_)) => {}
                Err(SendError::Broken(_)) if !is_write => {}
                outcome => return outcome,
            }
        }
        let clock = &*self.inner.host.clock;
        let config = &self.inner.config;
        let patience = clock.now().after(config.connect_timeout).min(give_up_at);
        let connecting = self.inner.host.transport.connect(base);
        match until(clock, patience, connecting).await {
            Some(Ok(connection)) => self.send_over(base, connection, request, is_write, give_up_at).await,
            Some(Err(why)) => Err(SendError::NotSent(why)),
            None => Err(SendError::NotSent("no connection in time".to_owned())),
        }
    }

    async fn send_over(
        &self,
        base: &str,
        mut connection: Box<dyn Connection>,
        request: Request<Bytes>,
        is_write: bool,
        give_up_at: Monotonic,
    ) -> Result<Response<Bytes>, SendError> {
        let clock = &*self.inner.host.clock;
        let now = clock.now();
        if now >= give_up_at {
            return Err(SendError::NotSent("no time was left to send it".to_owned()));
        }
        // A node that hangs must not use up a read's whole time; a write has nobody else to go to.
        let patience = if is_write { give_up_at } else { now.after(self.inner.config.timeout / 2).min(give_up_at) };
        match until(clock, patience, connection.send(request)).await {
            Some(outcome) => {
                if outcome.is_ok() {
                    self.inner.pool.give_back(base, connection);
                }
                outcome
            }
            None => Err(SendError::Broken("no answer in time".to_owned())),
        }
    }

    fn request(&self, call: &Call, id: &RequestId, path: &str) -> Result<Request<Bytes>, Error> {
        let config = &self.inner.config;
        let mut request = Request::builder().method(call.method.clone()).uri(path).header(X_REQUEST_ID, id.as_str());
        if let Some(key) = &config.key {
            let (name, value) = match config.credentials {
                Credentials::ApiKey => (X_API_KEY, key.clone()),
                Credentials::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
            };
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| Error::Invalid("the API key has a character that a header cannot carry".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if !call.is_write() && config.consistency != Consistency::Eventual {
            if let Some(version) = self.knowledge(|known| known.version) {
                request = request.header(X_CONFMAN_MIN_VERSION, version.to_string());
            }
            if config.consistency == Consistency::Linearizable {
                request = request.header(X_CONFMAN_CONSISTENCY, "linearizable");
            }
        }
        if !call.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let made = request.body(call.body.clone());
        made.map_err(|error| Error::Invalid(format!("this makes no request: {error}")))
    }

    /// A session goes on from the newest version that it was told of; where the history that it saw is gone, it begins
    /// anew.
    fn learn_version(&self, answer: &Response<Bytes>) {
        let named = answer.headers().get(X_CONFMAN_VERSION).and_then(|version| version.to_str().ok()?.parse().ok());
        let is_gone = is_of(answer, Slug::VersionUnknown);
        self.knowledge(|known| known.version = if is_gone { None } else { known.version.max(named) });
    }

    /// The nodes in the order in which they are asked.
    fn round(&self, is_write: bool) -> Vec<String> {
        let addresses = &self.inner.config.addresses;
        self.knowledge(|known| {
            let leader = known.leader.clone().filter(|_| is_write);
            let (before, from) = addresses.split_at(known.preferred);
            let others = from.iter().chain(before).filter(|base| Some(*base) != leader.as_ref());
            leader.iter().chain(others).cloned().collect()
        })
    }

    fn answered(&self, base: &str) {
        let place = self.inner.config.addresses.iter().position(|address| address == base);
        self.knowledge(|known| known.preferred = place.unwrap_or(known.preferred));
    }

    /// A node that did not do it is not asked first the next time.
    fn forget(&self, base: &str) {
        let count = self.inner.config.addresses.len();
        self.knowledge(|known| {
            if known.leader.as_deref() == Some(base) {
                known.leader = None;
            }
            if self.inner.config.addresses[known.preferred] == base {
                known.preferred = (known.preferred + 1) % count;
            }
        });
    }

    pub(super) fn knowledge<T>(&self, with: impl FnOnce(&mut Knowledge) -> T) -> T {
        with(&mut self.inner.knowledge.lock().expect("no holder of this lock can panic"))
    }

    fn new_request_id(&self) -> RequestId {
        RequestId::from_random(self.inner.rng.lock().expect("no holder of this lock can panic").random())
    }

    /// Between half of it and all: clients that failed together do not come back together.
    fn jittered(&self, pause: Duration) -> Duration {
        let share = self.inner.rng.lock().expect("no holder of this lock can panic").random_range(0.5..1.0);
        pause.mul_f64(share)
    }
}
