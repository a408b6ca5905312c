//! What a good test makes happen sometimes: named points that a swarm counts. One that stays cold over many seeds is
//! a fault, a knob or a workload that no longer reaches what it was made for.
//!
//! After FoundationDB's and Antithesis' `sometimes` assertions.

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
    /// A client's request never arrived.
    RequestLost = "a client's request was lost",
    /// A node's answer never reached its client.
    AnswerLost = "an answer to a client was lost",
    /// A client followed a redirect.
    RedirectFollowed = "a client followed a redirect",
    /// A power loss took bytes that a file had and that were never synced.
    UnsyncedBytesLost = "a power loss took unsynced bytes",
    /// A power loss took a name that a folder had and that was never synced.
    UnsyncedNameLost = "a power loss took an unsynced name",
    /// A power loss threw a store back to an earlier batch.
    StoreCameBackShort = "a store came back short after a power loss",
    /// A power loss left a store that does not open.
    StoreBroke = "a store did not open after a power loss",
    /// A power loss emptied a store, which said nothing of it.
    StoreCameBackEmpty = "a store came back empty after a power loss",
}
