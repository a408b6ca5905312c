use std::collections::BTreeMap;

use crate::cluster::Observation;
use crate::host::net::Place;
use crate::trace::Member;
use crate::world::Incarnation;

/// Records what nodes say of themselves, whenever it is something else than before.
#[derive(Default)]
pub(super) struct Notices(BTreeMap<Place, (u32, Observation)>);

impl Notices {
    pub(super) fn observe(&mut self, process: &Incarnation, seen: &Observation) {
        let before = match self.0.insert(process.node, (process.number, seen.clone())) {
            Some((incarnation, before)) if incarnation == process.number => before,
            _ => Observation::default(),
        };
        // What a node did last is what led to what it says now.
        let cause = process.last_event();
        let note = |kind, members: &[(&'static str, Member<'_>)]| {
            process.follow_up(cause, kind, members, format_args!(""));
        };
        if (before.role, before.term, before.leader) != (seen.role, seen.term, seen.leader) {
            let role = [("role", Member::Text(seen.role)), ("term", Member::Number(seen.term))];
            match seen.leader {
                None => note("role", &role),
                Some(leader) => note("role", &[role[0], role[1], ("leader", Member::Place(leader))]),
            }
        }
        for (kind, was, is) in [("commit", before.committed, seen.committed), ("apply", before.applied, seen.applied)] {
            if let Some(id) = is.filter(|_| was != is) {
                note(kind, &[("term", Member::Number(id.term.0)), ("index", Member::Number(id.index.0))]);
            }
        }
    }
}
