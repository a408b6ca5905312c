use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Place;

/// The network as it always is in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetSettings {
    /// A frame takes between these many microseconds in one direction.
    pub delay_us: (u64, u64),
}

impl Default for NetSettings {
    fn default() -> NetSettings {
        NetSettings { delay_us: (100, 1_500) }
    }
}

/// What is wrong with the network for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Disturbance {
    /// Messages from one of these ...
    pub from: BTreeSet<Place>,
    /// ... to one of these meet it.
    pub to: BTreeSet<Place>,
    pub effect: Effect,
}

/// See [`Disturbance`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// Nothing passes. What was sent meanwhile is lost, or held until the cut ends, as TCP's repeats would do.
    Cut { holds: bool },
    /// A frame is lost with this probability.
    Loss(f64),
    /// A frame arrives twice with this probability.
    Duplication(f64),
    /// A frame may overtake others with this probability.
    Reordering(f64),
    /// A frame takes up to this many microseconds longer.
    Delay(u64),
}

/// What one message meets.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    pub cut: bool,
    pub holds: bool,
    pub loss: f64,
    pub duplication: f64,
    pub reordering: f64,
    pub delay_us: (u64, u64),
}

impl Conditions {
    pub(super) fn of<'a>(
        settings: &NetSettings,
        disturbances: impl Iterator<Item = &'a Disturbance>,
        from: Place,
        to: Place,
    ) -> Conditions {
        let mut all = Conditions {
            cut: false,
            holds: true,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            delay_us: settings.delay_us,
        };
        for disturbance in disturbances.filter(|d| d.from.contains(&from) && d.to.contains(&to)) {
            match disturbance.effect {
                Effect::Cut { holds } => {
                    all.cut = true;
                    all.holds &= holds;
                }
                Effect::Loss(p) => all.loss = all.loss.max(p),
                Effect::Duplication(p) => all.duplication = all.duplication.max(p),
                Effect::Reordering(p) => all.reordering = all.reordering.max(p),
                Effect::Delay(us) => all.delay_us.1 += us,
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_one_way_cut_stops_one_way() {
        let cut = Disturbance { from: [1].into(), to: [2, 3].into(), effect: Effect::Cut { holds: false } };
        let all = [cut];
        let meets = |from, to| Conditions::of(&NetSettings::default(), all.iter(), from, to).cut;
        assert!(meets(1, 2) && meets(1, 3));
        assert!(!meets(2, 1) && !meets(3, 1) && !meets(2, 3));
    }
}
