use super::{answers, fresh, monotonic, reads, revisions};
use crate::clients::Record;

/// The laws that need the clients' answers alone, judged as each operation ends: so the moment of a violation is exact.
#[derive(Default)]
pub struct Operations {
    reads: reads::NoGarbage,
    revisions: revisions::RealTimeOrder,
    monotonic: monotonic::NothingGoesBackOnANode,
    fresh: fresh::AsNewAsAsked,
}

impl Operations {
    /// An operation has begun.
    pub fn began(&mut self, record: &Record) {
        self.reads.began(record);
    }

    /// An operation has ended; the error names the law that is broken, and how.
    pub fn ended(&mut self, record: &Record) -> Result<(), (&'static str, String)> {
        // Each keeps what it learns, also after another found itself broken.
        let judged = [
            (answers::NAME, answers::check(record)),
            (revisions::NAME, self.revisions.ended(record)),
            (monotonic::NAME, self.monotonic.ended(record)),
            (fresh::NAME, self.fresh.ended(record)),
            (reads::NAME, self.reads.ended(record)),
        ];
        judged.into_iter().try_for_each(|(law, judged)| judged.map_err(|what| (law, what)))
    }
}
