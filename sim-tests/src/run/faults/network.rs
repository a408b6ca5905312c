use std::collections::BTreeSet;

use rand::seq::SliceRandom;

use super::Faults;
use crate::host::net::{Disturbance, Effect, FIRST_CLIENT, Place};
use crate::schedule::{Fault, What};
use crate::seed::stream;

type Places = BTreeSet<Place>;

impl Faults {
    /// What a fault does to the links of those whom it strikes.
    pub(super) fn begin_between(&self, fault: &Fault, struck: &[u64]) {
        for disturbance in self.disturbances(fault, struck) {
            self.disturb(fault.id, disturbance);
        }
    }

    /// Disturbs the network for as long as the fault goes on; the number ends it earlier.
    pub(super) fn disturb(&self, fault: u64, disturbance: Disturbance) -> u64 {
        let number = self.world().net.disturb(disturbance);
        self.state().disturbances.entry(fault).or_default().push(number);
        number
    }

    /// Cuts one node off from all others.
    pub(super) fn cut_off(&self, node: u64, holds: bool) -> [Disturbance; 2] {
        let others = self.nodes().into_iter().filter(|other| *other != node).collect();
        both(&Places::from([node]), &others, Effect::Cut { holds })
    }

    fn nodes(&self) -> Places {
        self.world().nodes().into_iter().collect()
    }

    fn disturbances(&self, fault: &Fault, struck: &[u64]) -> Vec<Disturbance> {
        let nodes = self.nodes();
        let clients: Places = (1..=self.0.clients).map(|client| FIRST_CLIENT + client).collect();
        let these: Places = struck.iter().copied().collect();
        let others: Places = nodes.difference(&these).copied().collect();
        let everyone: Places = nodes.union(&clients).copied().collect();
        let percent = |share: u32| f64::from(share) / 100.0;
        match fault.what {
            What::Cut { holds, clients: true } => {
                let far: Places = others.union(&clients).copied().collect();
                both(&these, &far, Effect::Cut { holds }).into()
            }
            What::Cut { holds, clients: false } => both(&these, &others, Effect::Cut { holds }).into(),
            What::CutOutward { holds } => vec![one_way(&these, &others, Effect::Cut { holds })],
            What::CutInward { holds } => vec![one_way(&others, &these, Effect::Cut { holds })],
            What::Bridge { holds } => {
                let mut far: Vec<Place> = others.into_iter().collect();
                far.shuffle(&mut stream(self.0.seed, &format!("fault/{}", fault.id)));
                let (near, far) = far.split_at(far.len() / 2);
                let set = |places: &[Place]| places.iter().copied().collect();
                both(&set(near), &set(far), Effect::Cut { holds }).into()
            }
            What::Loss { percent: share } => both(&these, &everyone, Effect::Loss(percent(share))).into(),
            What::Delay { ms } => both(&these, &everyone, Effect::Delay(ms * 1_000)).into(),
            What::LinkDelay { to, ms } => vec![one_way(&these, &[to].into(), Effect::Delay(ms * 1_000))],
            What::Duplication { percent: share } => both(&these, &nodes, Effect::Duplication(percent(share))).into(),
            What::Reordering { percent: share } => both(&these, &nodes, Effect::Reordering(percent(share))).into(),
            _ => Vec::new(),
        }
    }
}

fn one_way(from: &Places, to: &Places, effect: Effect) -> Disturbance {
    Disturbance { from: from.clone(), to: to.clone(), effect }
}

fn both(a: &Places, b: &Places, effect: Effect) -> [Disturbance; 2] {
    [one_way(a, b, effect), one_way(b, a, effect)]
}
