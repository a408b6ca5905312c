//! The scrub: recomputes the state hash from the stored rows, slowly, for ever. What reads never touch may have rotted
//! long ago; a node that finds it in time is rebuilt while the others are whole.

use std::sync::Arc;
use std::time::Duration;

use super::actor::WeakApply;
use super::hash::row_hash;
use super::open::OpenStore;
use crate::base::GroupId;
use crate::host::{Host, StoreError};
use crate::keys::{Space, Steps, everything, space_of};

/// After the start: recovery comes first.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Between two steps of at most a hundred rows or about a megabyte: a few percent of a core, a few megabytes a second.
const STEP_PAUSE: Duration = Duration::from_millis(50);
/// Between two passes.
const PASS_PAUSE: Duration = Duration::from_secs(60);

/// Runs until the actor is gone.
pub(super) async fn run(host: Host, group: GroupId, apply: WeakApply) {
    host.sleep(FIRST_PAUSE).await;
    while let Some(store) = apply.store() {
        let name = store.name.clone();
        match pass(&host, group, store, &apply).await {
            Ok(None) => {}
            Ok(Some(what)) => apply.report_damage(name, what).await,
            Err(error) => apply.report_damage(name, error.to_string()).await,
        }
        host.sleep(PASS_PAUSE).await;
    }
}

/// One pass over one view. `Some` says what is wrong.
async fn pass(
    host: &Host,
    group: GroupId,
    store: Arc<OpenStore>,
    apply: &WeakApply,
) -> Result<Option<String>, StoreError> {
    let view = store.view(group)?;
    let mut steps = Steps::new(everything());
    let mut sum = 0u128;
    loop {
        let rows = steps.next(view.raw(), usize::MAX)?;
        if rows.is_empty() {
            break;
        }
        for (key, value) in &rows {
            if space_of(group, key) != Some(Space::Meta) {
                sum = sum.wrapping_add(row_hash(key, value));
            }
        }
        drop(rows);
        host.sleep(STEP_PAUSE).await;
        match apply.store() {
            Some(current) if Arc::ptr_eq(&current, &store) => {}
            // A pass over a store that was replaced would only keep it alive.
            _ => return Ok(None),
        }
    }
    let wrong = || {
        let at = view.applied().map(|at| at.to_string()).unwrap_or_default();
        format!("at {at} its rows have the state hash {sum:032x} where it should be {:032x}", view.state_hash())
    };
    Ok((sum != view.state_hash()).then(wrong))
}
