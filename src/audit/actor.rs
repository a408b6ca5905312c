use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::verifier::{self, Verification};
use crate::base::limits::{AUDIT_EVENT_JSON_BYTES, PAGE_ITEMS_BYTES_MAX};
use crate::base::{GroupId, LogId, json_bytes};
use crate::host::{Host, StoreError};
use crate::keys::{StateView, Views};
use crate::model::{AuditEvent, EventId, Key, KeyState, Namespace};

/// Queries that wait. One takes well under a millisecond a page; whoever finds this many before him comes again later.
const INBOX_MAX: usize = 64;
/// Events read at once while a page is put together.
const STEP_EVENTS: usize = 64;
/// Verifications at once: each reads the whole audit.
const VERIFICATIONS_MAX: usize = 1;

/// The way to the Audit actor. Cheap to clone.
#[derive(Clone)]
pub struct AuditHandle {
    inbox: mpsc::Sender<Msg>,
    status: Arc<Mutex<AuditStatus>>,
    host: Host,
    views: Views,
    verifications: Arc<Semaphore>,
}

/// How far the background verification is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditStatus {
    /// The last event up to which the chain was found whole, since this node started.
    pub verified_up_to: Option<EventId>,
    /// How many events that are.
    pub events: u64,
}

/// An event with the values that are still kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    pub event: AuditEvent,
    pub old_value: Option<String>,
    pub new_value: Option<String>,
}

/// Part of the audit, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPage {
    pub records: Vec<AuditRecord>,
    /// There are older events behind the last one.
    pub more: bool,
    /// The last log entry that the view held which this page was read from.
    pub applied: Option<LogId>,
}

/// Why a query was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// Too many queries are waiting, or another verification is under way: come again later.
    #[error("too many audit queries are waiting, try again later")]
    Overloaded,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopped,
    /// The state could not be read.
    #[error("{0}")]
    State(#[from] StoreError),
}

impl AuditHandle {
    /// Starts the actor and the background verification, which stops the node where the chain is broken.
    pub fn start(host: &Host, group: GroupId, views: Views) -> AuditHandle {
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        let status = Arc::new(Mutex::new(AuditStatus::default()));
        host.spawn("audit", Actor { inbox, views: views.clone() }.run());
        host.spawn("audit-verify", verifier::run(host.clone(), group, views.clone(), Arc::downgrade(&status)));
        let verifications = Arc::new(Semaphore::new(VERIFICATIONS_MAX));
        AuditHandle { inbox: sender, status, host: host.clone(), views, verifications }
    }

    /// How far the chain has been verified.
    pub fn status(&self) -> AuditStatus {
        *self.status.lock().expect("nothing panics while it holds this lock")
    }

    /// The events of a namespace, or of all, before `before`: newest first, at most `limit`, and fewer where their
    /// values fill a page.
    pub async fn events(
        &self,
        namespace: Option<Namespace>,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<AuditPage, AuditError> {
        let (reply, answer) = oneshot::channel();
        self.inbox.try_send(Msg { namespace, before, limit, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AuditError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => AuditError::Stopped,
        })?;
        answer.await.map_err(|_| AuditError::Stopped)?
    }

    /// Verifies the whole chain as it is now, from the store, however long that takes: it is done in the caller's task,
    /// and ends with it. Refused while another one is under way.
    pub async fn verify(&self) -> Result<Verification, AuditError> {
        let _turn = self.verifications.try_acquire().map_err(|_| AuditError::Overloaded)?;
        let view = (self.views)()?;
        Ok(verifier::whole(&self.host, view).await)
    }
}

/// A query.
struct Msg {
    namespace: Option<Namespace>,
    before: Option<EventId>,
    limit: usize,
    reply: oneshot::Sender<Result<AuditPage, AuditError>>,
}

struct Actor {
    inbox: mpsc::Receiver<Msg>,
    views: Views,
}

impl Actor {
    async fn run(mut self) {
        while let Some(query) = self.inbox.recv().await {
            // Who asked may have gone in the meantime; then the work would be for nobody.
            if !query.reply.is_closed() {
                let page = self.page(query.namespace.as_ref(), query.before, query.limit);
                drop(query.reply.send(page));
            }
        }
    }

    fn page(
        &self,
        namespace: Option<&Namespace>,
        mut before: Option<EventId>,
        limit: usize,
    ) -> Result<AuditPage, AuditError> {
        let view = (self.views)()?;
        let (mut records, mut bytes) = (Vec::new(), 0);
        let page = |records, more| Ok(AuditPage { records, more, applied: view.applied() });
        loop {
            // One more than is missing: it tells whether there is more.
            let events = view.audit_before(namespace, before, (limit + 1 - records.len()).min(STEP_EVENTS))?;
            let Some(last) = events.last() else {
                return page(records, false);
            };
            before = Some(last.id);
            for event in events {
                if records.len() == limit {
                    return page(records, true);
                }
                let record = with_values(&view, event)?;
                bytes += record.bytes();
                if bytes > PAGE_ITEMS_BYTES_MAX && !records.is_empty() {
                    return page(records, true);
                }
                records.push(record);
            }
        }
    }
}

impl AuditRecord {
    /// What it takes on a page, at most.
    fn bytes(&self) -> usize {
        let value = |value: &Option<String>| value.as_deref().map_or(0, json_bytes);
        let key = self.event.key.as_ref().map_or(0, |key| key.as_str().len());
        let names = key + self.event.namespace.as_str().len() + json_bytes(&self.event.actor);
        let request_id = json_bytes(self.event.request_id.as_str());
        AUDIT_EVENT_JSON_BYTES + names + request_id + value(&self.old_value) + value(&self.new_value)
    }
}

/// Adds the values of an event about an entry, as far as they are kept.
fn with_values(view: &StateView, event: AuditEvent) -> Result<AuditRecord, StoreError> {
    let value_at = |key: &Key, revision: Option<LogId>| -> Result<Option<String>, StoreError> {
        let Some(revision) = revision else { return Ok(None) };
        let state = view.key_state_at(&event.namespace, key, revision.index)?;
        // What was trimmed leaves an older state, or none: not what this event is about.
        let state = state.filter(|state| state.revision() == revision).and_then(KeyState::live);
        Ok(state.map(|entry| entry.value))
    };
    let (old_value, new_value) = match &event.key {
        Some(key) => (value_at(key, event.old_revision)?, value_at(key, event.new_digest.map(|_| event.id.revision))?),
        None => (None, None),
    };
    Ok(AuditRecord { event, old_value, new_value })
}
