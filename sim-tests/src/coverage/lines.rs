use super::Point;

/// The point that a node's log line tells of.
pub fn of_log_line(line: &str) -> Option<Point> {
    const BY_BEGINNING: [(&str, Point); 11] = [
        ("power was lost while records were written", Point::TornTailCut),
        ("set aside: the state will be rebuilt", Point::StoreSetAside),
        ("the store is set aside", Point::StoreSetAside),
        ("missing: the state will be rebuilt", Point::StoreMissing),
        ("the disk is full", Point::DiskFullWaited),
        ("disk nearly full", Point::WritesStoppedForSpace),
        ("disk has room again", Point::WritesWentOn),
        ("this node's clock runs ahead", Point::LogTimeCapped),
        ("receiving a snapshot", Point::SnapshotTransferBegun),
        ("installed a snapshot", Point::SnapshotInstalled),
        ("the link to a peer ended", Point::LinkEnded),
    ];
    BY_BEGINNING.iter().find(|(beginning, _)| line.starts_with(beginning)).map(|(_, point)| *point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_by_their_beginning() {
        assert_eq!(of_log_line("installed a snapshot group=0 last=3:17"), Some(Point::SnapshotInstalled));
        assert_eq!(of_log_line("linked to a peer peer=2"), None);
    }
}
