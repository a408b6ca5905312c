//! How new a read has to be, and the wait for it.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::actor::ApiHandle;
use super::below::ReadView;
use super::cursor::Cursor;
use super::read::ReadError;
use crate::base::{LogId, Monotonic};
use crate::raft::ReadIndexError;

/// How long a version may be out of reach before the leader is asked whether it exists. A follower is hardly ever
/// further behind than that.
const BEHIND_BRIEFLY: Duration = Duration::from_millis(20);

/// What a read asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The state that is read holds this revision. Without one and not linearizable, a read is eventual.
    pub min_version: Option<LogId>,
    /// The state that is read holds all that was acknowledged, by any node, before the read came.
    pub linearizable: bool,
    /// How long it may wait for that; at most, and where there is none, the read timeout.
    pub timeout: Option<Duration>,
}

impl ApiHandle {
    /// Waits until a read that begins now, on this node, is as new as `freshness` says, and as the page before the one
    /// that `cursor` asks for.
    pub async fn fresh(&self, freshness: &Freshness, cursor: Option<&str>) -> Result<(), ReadError> {
        self.readable()?;
        let longest = self.read_deadline();
        let deadline = match freshness.timeout {
            Some(timeout) => longest.min(self.shared.host.clock.now().after(timeout)),
            None => longest,
        };
        if freshness.linearizable {
            self.shared.below.consensus.read_index(deadline).await?;
        }
        if let Some(version) = freshness.min_version {
            self.view_with(version, deadline).await?;
        }
        // What else is wrong with a cursor is found when it is opened.
        match cursor.and_then(Cursor::unproven_revision) {
            Some(revision) => match self.view_with(revision, deadline).await {
                Err(error @ ReadError::VersionNotReached(_)) => Err(error),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// The URL of the leader, where it is another node.
    pub fn leader_elsewhere(&self) -> Option<String> {
        let status = self.shared.below.consensus.status();
        let (leader, member) = status.leader_member()?;
        (leader != self.shared.identity.node).then(|| member.url.clone())
    }

    /// When a read that begins now is given up.
    pub(super) fn read_deadline(&self) -> Monotonic {
        self.shared.host.clock.now().after(self.shared.read_timeout)
    }

    /// The newest view, once it holds `version`.
    pub(super) async fn view_with(&self, version: LogId, deadline: Monotonic) -> Result<Box<dyn ReadView>, ReadError> {
        loop {
            let view = self.view()?;
            if view.applied().is_some_and(|applied| applied.index >= version.index) {
                let is_of_this_history = view.term_at(version.index)? == Some(version.term);
                return if is_of_this_history { Ok(view) } else { Err(ReadError::UnknownVersion(version)) };
            }
            // It keeps what is superseded meanwhile.
            drop(view);
            self.reach_version(version, deadline).await?;
        }
    }

    /// Waits until this node has applied the version's index, or it is sure that nothing was ever committed there.
    async fn reach_version(&self, version: LogId, deadline: Monotonic) -> Result<(), ReadError> {
        let below = &self.shared.below;
        let mut applied = pin!(below.state.wait_applied(version.index));
        let mut beyond = pin!(self.is_beyond_the_log(version, deadline));
        let reached = poll_fn(|cx| match applied.as_mut().poll(cx) {
            Poll::Ready(true) => Poll::Ready(Ok(())),
            Poll::Ready(false) => Poll::Ready(Err(ReadError::Stopping)),
            Poll::Pending => beyond.as_mut().poll(cx).map(|()| Err(ReadError::UnknownVersion(version))),
        });
        self.shared.host.until(deadline, reached).await.unwrap_or(Err(ReadError::VersionNotReached(version)))
    }

    /// Completes where the version's index is beyond all that was committed when it was asked for. Who has a version
    /// was told of it once it was committed: so it is of another history, one that a restore ended.
    async fn is_beyond_the_log(&self, version: LogId, deadline: Monotonic) {
        self.shared.host.sleep(BEHIND_BRIEFLY).await;
        match self.shared.below.consensus.committed(deadline).await {
            Ok(last) if last.index < version.index => {}
            // Where nobody can tell, the wait goes on.
            Ok(_) | Err(_) => std::future::pending().await,
        }
    }
}

impl From<ReadIndexError> for ReadError {
    fn from(error: ReadIndexError) -> ReadError {
        match error {
            ReadIndexError::NoLeader => ReadError::NoLeader,
            ReadIndexError::NotApplied { at } => ReadError::VersionNotReached(at),
            ReadIndexError::Overloaded => ReadError::Overloaded,
            ReadIndexError::Stopped => ReadError::Stopping,
        }
    }
}
