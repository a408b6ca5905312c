use serde::{Deserialize, Serialize};

use super::Point;

/// Something goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Its own, whatever becomes of the others: what is random in it descends from it.
    pub id: u64,
    pub when: When,
    /// How long it goes on, in milliseconds; left out for what happens in an instant. `None` is for good, beyond the
    /// end of the disturbance: until the others have shown that they go on without whom it struck.
    #[serde(default = "an_instant", skip_serializing_if = "is_instant")]
    pub for_ms: Option<u64>,
    pub who: Who,
    pub what: What,
}

fn an_instant() -> Option<u64> {
    Some(0)
}

fn is_instant(for_ms: &Option<u64>) -> bool {
    *for_ms == an_instant()
}

/// The moment of a fault. Time counts from the beginning of the disturbance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    AtMs(u64),
    At(At),
}

/// A call at which a fault strikes, in the midst of it. Where it never comes, the fault does not strike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct At {
    pub point: Point,
    pub node: Where,
    /// At which of these calls, counted from `from_ms` on; the first is 1.
    #[serde(default = "the_first", skip_serializing_if = "is_first")]
    pub nth: u64,
    pub from_ms: u64,
}

fn the_first() -> u64 {
    1
}

fn is_first(nth: &u64) -> bool {
    *nth == 1
}

/// Whose call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Where {
    Node(u64),
    One(Whose),
}

/// See [`Where`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Whose {
    Any,
    /// Whoever leads at that moment.
    Leader,
}

/// Whom a fault strikes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Who {
    Nodes(Vec<u64>),
    /// Whoever leads at that moment; the first node where nobody does.
    Leader,
    All,
    /// The node at the point where the fault strikes.
    There,
}

/// What goes wrong, and what an operator does meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    /// Nothing passes between these and the others, clients included where said so. What is sent is lost, or held.
    Cut {
        #[serde(default, skip_serializing_if = "is_false")]
        holds: bool,
        #[serde(default, skip_serializing_if = "is_false")]
        clients: bool,
    },
    /// Nothing passes from these to the others; the other way it does.
    CutOutward {
        #[serde(default, skip_serializing_if = "is_false")]
        holds: bool,
    },
    /// Nothing passes from the others to these; the other way it does.
    CutInward {
        #[serde(default, skip_serializing_if = "is_false")]
        holds: bool,
    },
    /// The others fall into two halves that see each other only through these.
    Bridge {
        #[serde(default, skip_serializing_if = "is_false")]
        holds: bool,
    },
    /// These are cut off from all others one after another, and joined again in another order (FoundationDB's swizzle).
    Swizzle {
        #[serde(default, skip_serializing_if = "is_false")]
        holds: bool,
    },
    /// Frames and requests to and from these are lost.
    Loss { percent: u32 },
    /// Frames and requests to and from these take up to this much longer.
    Delay { ms: u64 },
    /// Frames from these to one node take up to this much longer.
    LinkDelay { to: u64, ms: u64 },
    /// Frames to and from these arrive twice.
    Duplication { percent: u32 },
    /// Frames to and from these overtake each other.
    Reordering { percent: u32 },
    /// The process is killed, and started again afterwards.
    Crash,
    /// The process is killed again and again, also while it recovers: each time it lives up to this long.
    RestartStorm { life_ms: u64 },
    /// These are killed one after another, and each is started again after a while. They overlap where that is longer
    /// than the time from one to the next.
    RollingRestart { every_ms: u64, down_ms: u64 },
    /// The process is killed, and started again once the others have made this many snapshots, so that the log that it
    /// needs is gone.
    Outage { snapshots: u64 },
    /// The process stands still.
    Pause,
    /// The process stands still for a while, again and again.
    SlowNode { paused_ms: u64, every_ms: u64 },
    /// The process is killed, which makes an election where it led; the first to vote in one goes dark right after,
    /// and on again afterwards, as these do.
    VoterPowerLoss,
    /// The machine goes dark, and on again afterwards.
    PowerLoss,
    /// The machine goes dark, and its stores come back as said.
    StoreLoss { how: StoreLoss },
    /// The next sync fails, which stops the node; it is started again soon.
    FailedSync,
    /// The next read of a file fails.
    ReadError,
    /// The next call on a file or a name takes this much longer; others of the node pass it.
    HungCall { ms: u64 },
    /// The disk has this much space left.
    FullDisk { bytes: u64 },
    /// Syncs take this many times as long.
    SlowSyncs { factor: u32 },
    /// Reads, writes and syncs take this many times as long.
    SlowIo { factor: u32 },
    /// A bit of a file turns over, where something was written.
    FlippedBit { file: Damaged },
    /// What was meant for another sector was written to one of this file's as well.
    MisdirectedWrite { file: Damaged },
    /// The wall clock steps by this much, and back afterwards. From the beginning on, it is a wrong clock.
    ClockStep { ms: i64 },
    /// The machine's time runs faster by this many parts per million, or slower.
    ClockDrift { ppm: i64 },
    /// An operator starts these spare nodes, empty, and adds them; keeps asking for as long as it goes on.
    AddMember,
    /// An operator removes these nodes from the cluster.
    RemoveMember,
    /// An operator starts a spare node, empty, and lets it take the place of the one struck. Where that one is lost,
    /// its machine is gone for good with all that it had.
    ReplaceMember {
        with: u64,
        #[serde(default, skip_serializing_if = "is_false")]
        lost: bool,
    },
    /// An operator hands the leadership to the node struck.
    TransferLeader,
    /// An operator takes a backup from the node struck, and restores it as a cluster of its own, whose machine loses
    /// power this many times in its first moments.
    Restore { power_losses: u64 },
}

/// How a store comes back from a power loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoreLoss {
    DoesNotOpen,
    /// Without its last batches, and it does not say so.
    OpensShort,
    /// Without anything, and it does not say so.
    OpensEmpty,
    /// Its folder is gone.
    IsGone,
}

/// The files that damage can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Damaged {
    /// Any segment of the log, where the vote is too.
    Log,
    /// The last records of the log.
    LogTail,
    Snapshot,
    /// The file that says whose directory this is.
    Identity,
    /// The file that names the current store.
    Current,
}

impl Damaged {
    /// All of them.
    pub const ALL: [Damaged; 5] =
        [Damaged::Log, Damaged::LogTail, Damaged::Snapshot, Damaged::Identity, Damaged::Current];
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl What {
    /// How many names there are.
    pub const KINDS: usize = 39;

    /// The kind's name, for the summary.
    pub fn name(&self) -> &'static str {
        match self {
            What::Cut { .. } => "cut",
            What::CutOutward { .. } => "one-way cut outward",
            What::CutInward { .. } => "one-way cut inward",
            What::Bridge { .. } => "bridge",
            What::Swizzle { .. } => "swizzle",
            What::Loss { .. } => "loss",
            What::Delay { .. } => "delay",
            What::LinkDelay { .. } => "delay of one link",
            What::Duplication { .. } => "duplication",
            What::Reordering { .. } => "reordering",
            What::Crash => "crash",
            What::RestartStorm { .. } => "restart storm",
            What::RollingRestart { .. } => "rolling restart",
            What::Outage { .. } => "outage beyond the log",
            What::Pause => "pause",
            What::SlowNode { .. } => "slow node",
            What::VoterPowerLoss => "power loss of a voter",
            What::PowerLoss => "power loss",
            What::StoreLoss { how: StoreLoss::DoesNotOpen } => "store does not open",
            What::StoreLoss { how: StoreLoss::OpensShort } => "store opens short",
            What::StoreLoss { how: StoreLoss::OpensEmpty } => "store opens empty",
            What::StoreLoss { how: StoreLoss::IsGone } => "store is gone",
            What::FailedSync => "failed sync",
            What::ReadError => "read error",
            What::HungCall { .. } => "hung call",
            What::FullDisk { .. } => "full disk",
            What::SlowSyncs { .. } => "slow syncs",
            What::SlowIo { .. } => "slow disk",
            What::FlippedBit { .. } => "flipped bit",
            What::MisdirectedWrite { .. } => "misdirected write",
            What::ClockStep { ms } if *ms < 0 => "clock step back",
            What::ClockStep { .. } => "clock step forward",
            What::ClockDrift { .. } => "clock drift",
            What::AddMember => "member added",
            What::RemoveMember => "member removed",
            What::ReplaceMember { lost: false, .. } => "member replaced",
            What::ReplaceMember { lost: true, .. } => "lost member replaced",
            What::TransferLeader => "leader transferred",
            What::Restore { .. } => "backup restored",
        }
    }

    /// Whether it can go on for good: the others must do without whom it strikes.
    pub fn can_be_permanent(&self) -> bool {
        matches!(
            self,
            What::Crash
                | What::PowerLoss
                | What::Pause
                | What::Cut { .. }
                | What::CutOutward { .. }
                | What::CutInward { .. }
        )
    }

    /// Whether other nodes belong to the cluster after it.
    pub fn changes_members(&self) -> bool {
        matches!(self, What::AddMember | What::RemoveMember | What::ReplaceMember { .. })
    }

    /// The file that it damages where nothing can mend it.
    pub fn damages(&self) -> Option<Damaged> {
        match self {
            What::FlippedBit { file } | What::MisdirectedWrite { file } => Some(*file),
            _ => None,
        }
    }

    /// Whether it happens in an instant.
    pub fn is_instant(&self) -> bool {
        self.damages().is_some() || matches!(self, What::FailedSync | What::ReadError | What::HungCall { .. })
    }
}
