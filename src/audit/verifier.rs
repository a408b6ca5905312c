use std::sync::{Mutex, Weak};
use std::time::Duration;

use super::actor::AuditStatus;
use super::chain::{Broken, Verified, verify};
use crate::base::{GroupId, LogId};
use crate::host::{Host, StoreError};
use crate::keys::{StateView, Views};
use crate::model::EventId;

/// Events of one step: a fraction of a millisecond of hashing.
const STEP_EVENTS: usize = 128;
/// Between two steps while events are left: a million events take about four minutes, a percent of a core.
const STEP_PAUSE: Duration = Duration::from_millis(30);
/// The same where somebody waits for it: about as long as a step, so that others have every second turn.
const STEP_PAUSE_ASKED: Duration = Duration::from_millis(1);
/// Once all is verified.
const IDLE_PAUSE: Duration = Duration::from_secs(1);
/// After the store could not be read: it will not get better by itself.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(60);

/// Verifies the chain from its beginning, then keeps up, until the actor's last handle is gone. A break stops the node:
/// nobody can say which of its answers are still true.
pub(super) async fn run(host: Host, group: GroupId, views: Views, status: Weak<Mutex<AuditStatus>>) {
    let mut verified = Verified::START;
    loop {
        host.sleep(STEP_PAUSE).await;
        let Some(status) = status.upgrade() else { return };
        match keep_up(&views, verified) {
            Ok(Step { now, .. }) if now == verified => {
                drop(status);
                host.sleep(IDLE_PAUSE).await;
            }
            Ok(Step { now, done }) => {
                if done {
                    tracing::debug!(%group, events = now.events, "the audit chain is whole");
                }
                verified = now;
                *status.lock().expect("nothing panics while it holds this lock") =
                    AuditStatus { verified_up_to: now.last, events: now.events };
            }
            Err(Failed::Broken(broken)) => {
                host.fatal(&format!(
                    "{broken} (group {group}). Ask another node for this event. Where it is whole there, this node's \
                     store is damaged: remove the file apply/CURRENT-{group} in its data directory and start it again; \
                     it rebuilds its state from snapshot and log. If that does not help, replace the node. Where the \
                     event is the same everywhere, the audit was altered: keep all data directories as evidence"
                ));
                return;
            }
            Err(Failed::Unreadable(error)) => {
                // The store fails; the Apply actor and the scrub know what to do about that.
                tracing::error!(%group, %error, "the audit cannot be verified");
                drop(status);
                host.sleep(UNREADABLE_PAUSE).await;
            }
        }
    }
}

struct Step {
    now: Verified,
    /// All events of the view are verified.
    done: bool,
}

enum Failed {
    Broken(Broken),
    Unreadable(StoreError),
}

/// What came of verifying a whole chain because somebody asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The state that was verified: all events up to this log entry.
    pub applied: Option<LogId>,
    /// As far as the chain is whole.
    pub verified: Verified,
    /// The first of all events.
    pub first: Option<EventId>,
    pub broken: Option<Break>,
}

/// Why a chain is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The first event that does not fit behind those before it, where there is one.
    pub event: Option<EventId>,
    pub what: String,
}

/// Verifies all events of one view from the first, some at a time: whatever their number, it holds few of them, and
/// others get their turn.
pub(super) async fn whole(host: &Host, view: StateView) -> Verification {
    let (mut verified, applied) = (Verified::START, view.applied());
    let first = view.audit_after(None, 1).ok().and_then(|events| events.first().map(|event| event.id));
    let broken = loop {
        match step(&view, verified) {
            Ok(Step { now, done }) => {
                verified = now;
                if done {
                    break None;
                }
            }
            Err(Failed::Broken(broken)) => {
                verified = broken.upto;
                break Some(Break { event: broken.event, what: broken.what.to_owned() });
            }
            // The store fails, or a row is not what was written: either way nobody can say that the chain is whole.
            Err(Failed::Unreadable(error)) => break Some(Break { event: None, what: error.to_string() }),
        }
        host.sleep(STEP_PAUSE_ASKED).await;
    };
    Verification { applied, verified, first, broken }
}

/// The next step over the newest view.
fn keep_up(views: &Views, from: Verified) -> Result<Step, Failed> {
    let view = views().map_err(Failed::Unreadable)?;
    // The state was set aside and is being rebuilt: it begins again, and so does the verification.
    let from = if view.audit_events() < from.events { Verified::START } else { from };
    step(&view, from)
}

/// Verifies some of the events behind `from`.
fn step(view: &StateView, from: Verified) -> Result<Step, Failed> {
    let events = view.audit_after(from.position(), STEP_EVENTS).map_err(Failed::Unreadable)?;
    let now = verify(from, &events).map_err(Failed::Broken)?;
    let done = events.len() < STEP_EVENTS;
    if done && (now.head, now.events) != (view.audit_head(), view.audit_events()) {
        let broken = Broken {
            upto: now,
            event: None,
            what: "its end is not the one that the state knows: events are missing or altered",
        };
        return Err(Failed::Broken(broken));
    }
    Ok(Step { now, done })
}
