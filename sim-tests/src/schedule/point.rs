use serde::{Deserialize, Serialize};

macro_rules! points {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A call at a node's boundary to its host, at which a fault can strike. The node knows nothing of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum Point {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Point {
            /// All of them.
            pub const ALL: &'static [Point] = &[$(Point::$name,)+];

            /// Its name in the code.
            pub fn name(self) -> &'static str {
                match self {
                    $(Point::$name => stringify!($name),)+
                }
            }
        }
    };
}

points! {
    /// A process begins to recover: its first call on its files.
    Boot,
    /// A process recovers: any call on its files before it accepts its first link.
    DuringRecovery,
    /// A process hears another node for the first time.
    FirstFrameAccepted,
    /// Any sync is called, of a file or a folder, and has no effect yet.
    BeforeSync,
    /// Records of the log are about to be written.
    BeforeAppend,
    /// The log's sync is called: records are written, and none of them is durable yet.
    AfterAppendBeforeSync,
    /// The log's records are durable, and the node does not know it yet: nobody was answered.
    AfterSyncBeforeAnswer,
    /// A segment of the log gets its name.
    BeforeSegmentRename,
    /// A batch is about to go into the store.
    BeforeApply,
    /// A batch is in the store, and nobody was told.
    AfterApplyBeforeReply,
    /// An answer to a client is ready, and has not left.
    BeforeReply,
    /// A store was opened.
    StoreOpened,
    /// The file of a snapshot was created, to build one or to receive one.
    SnapshotFileCreated,
    /// A piece of a snapshot is about to be written.
    DuringSnapshotWrite,
    /// A snapshot is whole and durable, and gets its name.
    BeforeSnapshotRename,
    /// A snapshot has its name, which is not durable yet.
    AfterSnapshotRename,
    /// A piece of a snapshot has left for another node.
    SnapshotChunkSent,
    /// A piece of a snapshot reaches a node.
    SnapshotChunkReceived,
    /// The rows of a snapshot go into a store that is not yet the current one.
    DuringSnapshotInstall,
    /// The file that names the current store is about to be replaced.
    BeforeCurrentSwap,
    /// The file that names the current store was replaced, and that is not durable yet.
    AfterCurrentSwap,
    /// Any file is about to get another name.
    BeforeRename,
    /// A folder's names are about to become durable.
    BeforeDirSync,
    /// A folder's names are durable, and the node does not know it yet.
    AfterDirSync,
    /// A node has asked another for its vote.
    VoteSent,
    /// A node is asked for its vote.
    VoteReceived,
    /// An answer to a request for a vote has left.
    VoteAnswered,
    /// An answer to a request for a vote reaches the candidate.
    VoteAnswerReceived,
    /// A leader has sent entries or a heartbeat.
    AppendSent,
    /// Entries or a heartbeat reach a follower.
    AppendReceived,
    /// A follower's answer to entries has left.
    AppendAnswered,
    /// A follower's answer to entries reaches the leader.
    AppendAnswerReceived,
    /// A follower has passed a client's write on.
    ForwardSent,
    /// A write that was passed on reaches the leader.
    ForwardReceived,
    /// A node is asked to lead.
    TransferReceived,
}

impl Point {
    /// Whether a busy cluster reaches it many times a second.
    pub(super) fn is_frequent(self) -> bool {
        matches!(
            self,
            Point::BeforeSync
                | Point::BeforeAppend
                | Point::AfterAppendBeforeSync
                | Point::AfterSyncBeforeAnswer
                | Point::BeforeApply
                | Point::AfterApplyBeforeReply
                | Point::BeforeReply
                | Point::AppendSent
                | Point::AppendReceived
                | Point::AppendAnswered
                | Point::AppendAnswerReceived
        )
    }
}
