//! Members whose clocks are off. No decision is made by a clock (see log time in ARCHITECTURE.md), but the times that
//! people read come from the leader's.

use std::time::Duration;

use super::cluster::{Alarm, AlarmKind, MemberView};
use crate::base::{NodeId, WallTime};

/// How far a clock may be from those of the others. A report may be as old as its deadline, half a second.
const OFF_MAX: Duration = Duration::from_secs(60);

/// The members whose clocks are far from the median of all that answered; all of them, where no majority agrees.
pub(super) fn that_differ(members: &[MemberView]) -> Option<Alarm> {
    let known = members.iter().filter_map(|member| Some((member.node, member.report.as_ref().ok()?.clock)));
    let clocks: Vec<(NodeId, WallTime)> = known.collect();
    let mut sorted: Vec<WallTime> = clocks.iter().map(|(_, clock)| *clock).collect();
    sorted.sort();
    let median = *sorted.get(sorted.len() / 2)?;
    let mut off: Vec<(NodeId, WallTime)> = clocks.iter().copied().filter(|(_, clock)| is_far(*clock, median)).collect();
    if off.is_empty() {
        return None;
    }
    let majority_agrees = off.len() * 2 < clocks.len();
    if !majority_agrees {
        off = clocks;
    }
    let each: Vec<String> = off.iter().map(|(node, clock)| format!("node {node} has {clock}")).collect();
    let others = if majority_agrees { format!(", the others have about {median}") } else { String::new() };
    let detail = format!(
        "clocks differ: {}{others}. Set the clock right there, and keep it right with NTP (chronyc tracking, timedatectl \
         status). Nothing is lost: only the times of writes are off while such a node leads",
        each.join(", ")
    );
    Some(Alarm { kind: AlarmKind::ClocksDiffer, nodes: off.into_iter().map(|(node, _)| node).collect(), detail })
}

fn is_far(a: WallTime, b: WallTime) -> bool {
    u128::from(a.0.abs_diff(b.0)) > OFF_MAX.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::cluster::NodeReport;
    use crate::api::testing::member;

    const NOW: u64 = 1_700_000_000_000;
    const YEAR: u64 = 365 * 24 * 3_600_000;

    fn off(clocks: &[Option<u64>]) -> Vec<u64> {
        let view = |(at, clock): (usize, &Option<u64>)| {
            let report = clock.map(|clock| NodeReport {
                version: String::new(),
                key_set: 0,
                clock: WallTime(clock),
                groups: Vec::new(),
            });
            let node = NodeId(at as u64 + 1);
            MemberView { node, member: member(node.0), report: report.ok_or("down".to_owned()) }
        };
        let members: Vec<MemberView> = clocks.iter().enumerate().map(view).collect();
        that_differ(&members).map_or_else(Vec::new, |alarm| alarm.nodes.into_iter().map(|node| node.0).collect())
    }

    #[test]
    fn those_far_from_the_others_are_named() {
        let now = Some(NOW);
        assert!(off(&[]).is_empty() && off(&[now]).is_empty() && off(&[None, now]).is_empty());
        assert!(off(&[now, Some(NOW + 59_000), Some(NOW - 59_000)]).is_empty());
        assert_eq!(off(&[now, now, Some(NOW + YEAR)]), [3]);
        assert_eq!(off(&[Some(NOW - YEAR), now, None, now]), [1]);
        assert_eq!(off(&[now, Some(NOW + YEAR)]), [1, 2], "of two, who is right?");
        assert_eq!(off(&[now, Some(NOW + YEAR), Some(NOW - YEAR)]), [1, 2, 3]);
    }
}
