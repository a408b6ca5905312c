use std::time::Duration;

use crate::base::Monotonic;
use crate::host::Host;

/// How long to wait before looking again whether a full disk has space.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// So long what was seen of the disk is taken to be true.
const FRESH: Duration = Duration::from_millis(250);

/// Keeps the store from meeting a full disk. An engine that meets one in the middle of its own work does not recover,
/// so nothing is handed to it below an eighth of the reserve: the node waits, and goes on by itself.
pub(super) struct DiskRoom {
    host: Host,
    floor_bytes: u64,
    looked_at: Option<Monotonic>,
}

impl DiskRoom {
    pub(super) fn new(host: Host, reserve_bytes: u64) -> DiskRoom {
        DiskRoom { host, floor_bytes: reserve_bytes / 8, looked_at: None }
    }

    /// Returns once the store may go on committing. Costs nothing where the disk was looked at just now.
    pub(super) async fn wait(&mut self) {
        let now = self.host.clock.now();
        if self.looked_at.is_none_or(|at| now.since(at) >= FRESH) {
            self.wait_for(0, "the store").await;
            self.looked_at = Some(self.host.clock.now());
        }
    }

    /// Returns once `bytes` can be written and the store can still go on.
    pub(super) async fn wait_for(&self, bytes: u64, who: &'static str) {
        let needed = self.floor_bytes.saturating_add(bytes);
        let mut warned = false;
        loop {
            match self.host.files.free_bytes().await {
                Ok(free) if free < needed => {
                    if !warned {
                        tracing::warn!(free, needed, "the disk is full: {who} waits for space");
                    }
                    warned = true;
                }
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot tell how much disk is free");
                    break;
                }
            }
            self.host.sleep(LOOK_AGAIN).await;
        }
        if warned {
            tracing::info!("the disk has space again: {who} goes on");
        }
    }

    pub(super) async fn pause(&self) {
        self.host.sleep(LOOK_AGAIN).await;
    }
}
