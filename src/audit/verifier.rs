use std::sync::{Mutex, Weak};
use std::time::Duration;

use super::actor::AuditStatus;
use super::chain::{Verified, verify};
use crate::base::GroupId;
use crate::host::{Host, StoreError};
use crate::keys::Views;

/// Events of one step: a fraction of a millisecond of hashing.
const STEP_EVENTS: usize = 128;
/// Between two steps while events are left: a million events take about four minutes, a percent of a core.
const STEP_PAUSE: Duration = Duration::from_millis(30);
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
        match step(&views, verified) {
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
            Err(Failed::Broken(what)) => {
                host.fatal(&format!(
                    "{what} (group {group}). Ask another node for this event. Where it is whole there, this node's \
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
    Broken(String),
    Unreadable(StoreError),
}

fn step(views: &Views, from: Verified) -> Result<Step, Failed> {
    let view = views().map_err(Failed::Unreadable)?;
    // The state was set aside and is being rebuilt: it begins again, and so does the verification.
    let from = if view.audit_events() < from.events { Verified::START } else { from };
    let events = view.audit_after(from.position(), STEP_EVENTS).map_err(Failed::Unreadable)?;
    let now = verify(from, &events).map_err(|broken| Failed::Broken(broken.to_string()))?;
    if events.len() < STEP_EVENTS && (now.head, now.events) != (view.audit_head(), view.audit_events()) {
        let last = now.last.map_or("the beginning".to_owned(), |id| format!("event {id}"));
        return Err(Failed::Broken(format!("the audit chain is broken behind {last}: events are missing")));
    }
    Ok(Step { now, done: events.len() < STEP_EVENTS })
}
