//! What a good test makes happen sometimes: named points that a swarm counts. One that stays cold over many seeds is
//! a fault, a knob or a workload that no longer reaches what it was made for.
//!
//! After FoundationDB's and Antithesis' `sometimes` assertions. The node has no hooks for them: they are told by what
//! the host sees ([`Trace::sometimes`](crate::trace::Trace::sometimes) at the host's boundary), by what nodes say of
//! themselves ([`Watcher`]), by their log lines ([`of_log_line`]), and by what clients were told ([`of_history`]).

mod history;
mod lines;
mod watcher;

pub use history::of_history;
pub use lines::of_log_line;
pub use watcher::Watcher;

macro_rules! points {
    ($($(#[doc = $story:literal])+ $point:ident = $name:literal,)+) => {
        /// A point of coverage.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point {
            $($(#[doc = $story])+ $point,)+
        }

        impl Point {
            /// All points.
            pub const ALL: &'static [Point] = &[$(Point::$point),+];

            /// The point's name, as a swarm prints it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Point::$point => $name),+
                }
            }
        }
    };
}

points! {
    /// A message between nodes met a cut and is gone.
    FrameCutOff = "a frame met a cut",
    /// A message between nodes was lost on its way.
    FrameLost = "a frame was lost",
    /// A message between nodes arrived twice.
    FrameRepeated = "a frame arrived twice",
    /// A message between nodes may have overtaken earlier ones.
    FrameReordered = "a frame could overtake others",
    /// A message waited for a cut to end, and went on its way then.
    FrameHeld = "a frame waited for a cut to end",
    /// A message was on its way to a process that had died.
    FrameToDeadProcess = "a frame was sent to a process that was gone",
    /// A client's request never arrived.
    RequestLost = "a client's request was lost",
    /// A node's answer never reached its client.
    AnswerLost = "an answer to a client was lost",
    /// A client followed a redirect.
    RedirectFollowed = "a client followed a redirect",
    /// A link between nodes ended, and was made anew.
    LinkEnded = "a link between nodes ended",
    /// A power loss took bytes that a file had and that were never synced.
    UnsyncedBytesLost = "a power loss took unsynced bytes",
    /// A power loss left bytes that were never synced.
    UnsyncedBytesKept = "a power loss left unsynced bytes",
    /// A power loss took a name that a folder had and that was never synced.
    UnsyncedNameLost = "a power loss took an unsynced name",
    /// A power loss threw a store back to an earlier batch.
    StoreCameBackShort = "a store came back short after a power loss",
    /// A power loss left a store that does not open.
    StoreBroke = "a store did not open after a power loss",
    /// A power loss emptied a store, which said nothing of it.
    StoreCameBackEmpty = "a store came back empty after a power loss",
    /// A power loss took a store's whole folder.
    StoreVanished = "a store was gone after a power loss",
    /// Recovery found records that a power loss had torn, and cut them.
    TornTailCut = "recovery cut a torn tail off the log",
    /// A store that could not be trusted was set aside, and rebuilt from snapshot and log.
    StoreSetAside = "a store was set aside and rebuilt",
    /// The store that the node should have had was not there.
    StoreMissing = "a store was missing and rebuilt",
    /// The log, a snapshot or a commit waited for disk space.
    DiskFullWaited = "something waited for disk space",
    /// A node took no more writes, since its disk was nearly full.
    WritesStoppedForSpace = "a node took no more writes for want of disk space",
    /// A node took writes again once its disk had room.
    WritesWentOn = "a node took writes again once its disk had room",
    /// A process died before it served: in the midst of its recovery, perhaps.
    StoppedWhileStarting = "a process died while it was starting",
    /// A node stopped itself, as it must after a failed sync.
    StoppedItself = "a node stopped itself",
    /// No process ran on any machine.
    AllDown = "all nodes were down at once",
    /// Fewer nodes than a quorum were up.
    QuorumDown = "fewer nodes than a quorum were up",
    /// A leader's process died.
    LeaderDied = "a leader's process died",
    /// A restarted node had to catch up.
    RestartedNodeLagged = "a restarted node had applied less than others had committed",
    /// Another node came to lead.
    LeaderChanged = "another node came to lead",
    /// A node that had led led again in a later term.
    SameLeaderAgain = "a node was elected again in a later term",
    /// At least one term passed in which nobody was seen to lead: a split vote, or a candidate that was lost.
    TermWithoutLeader = "a term passed without a leader",
    /// Nobody led for a second.
    NoLeaderForLong = "nobody led for a second",
    /// Two nodes took themselves for the leader at once, in different terms.
    TwoClaimLeadership = "two nodes took themselves for the leader at once",
    /// A candidate became a follower again.
    ElectionLost = "a candidate did not win",
    /// A leader was lost with entries in its log that were not committed.
    LeaderLostInFlight = "a leader was lost with entries in flight",
    /// A new leader had entries of an earlier term that were not yet committed.
    EntriesInherited = "a new leader had uncommitted entries of an earlier term",
    /// Entries that were never committed made way for a later leader's.
    ConflictTruncated = "a log's conflicting tail was replaced",
    /// A node had applied fifty entries fewer than another.
    FollowerFarBehind = "a node was fifty entries behind",
    /// A node knew ten entries as committed that it had not applied.
    AppliedLagsCommitted = "a node had ten committed entries to apply",
    /// A leader whose clock ran far ahead capped its stamps.
    LogTimeCapped = "a leader capped its stamps",
    /// A learner received the log.
    LearnerFollowed = "a learner followed",
    /// The old and the new voters decided together.
    VotersJoint = "a change of voters was half done",
    /// A leader found a change of voters half done, which another had begun.
    JointInherited = "a new leader had a change of voters to finish",
    /// A node that was a member learnt that it is none any more.
    RemovedNodeKnew = "a removed node knew that it was removed",
    /// A node built a snapshot.
    SnapshotBuilt = "a node built a snapshot",
    /// A log was purged to its last applied entry.
    PurgedToTheTip = "a log was purged to its tip",
    /// A follower began to receive a snapshot.
    SnapshotTransferBegun = "a snapshot's transfer began",
    /// A follower installed a snapshot.
    SnapshotInstalled = "a snapshot was installed",
    /// A snapshot was installed on a node whose log reached further than the snapshot.
    SnapshotOverLongerLog = "a snapshot was installed over a log that reached further",
    /// A client never learnt that its write took effect.
    UnknownTookEffect = "a write of unknown outcome took effect",
    /// A client never learnt that its write did not take effect.
    UnknownDidNot = "a write of unknown outcome did not take effect",
    /// A request was refused, since nobody led.
    RefusedWithoutLeader = "a request was refused for want of a leader",
    /// A write was refused, since the leader's disk was full.
    RefusedStorageFull = "a write was refused for want of space",
    /// A client met a machine on which no node ran.
    ConnectionRefused = "a client's connection was refused",
    /// A client's connection broke after its request was sent.
    ConnectionBroke = "a client's connection broke",
    /// An eventual read on a node that lagged did not show what had been acknowledged before.
    StaleRead = "an eventual read was older than an acknowledged write",
    /// A delete found nothing to delete.
    DeletedOfAbsent = "a delete found nothing",
    /// A deleted key was set again, and its version started again.
    SetAgainAfterDelete = "a deleted key was set again",
    /// Two acknowledged writes of one key overlapped in time.
    WritesOnOneKeyAtOnce = "two clients wrote one key at once",
    /// A write was acknowledged only after more than a second.
    SlowWrite = "a write was acknowledged after more than a second",
    /// A list had at least twenty entries.
    LongList = "a list had twenty entries",
    /// A list had no entries.
    EmptyList = "a list was empty",
    /// A value of at least twenty kilobytes was acknowledged.
    LargeValue = "a value of twenty kilobytes was written",
}
