use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sim_tests::coverage::Point;

use crate::summary::{DID_NOT_END, HARNESS_FAILED, Summary};

/// What the counts of client operations begin with.
const OPERATIONS: [&str; 3] = ["writes ", "reads ", "answers "];

/// What many seeds came to, all in all.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    pub done: u64,
    pub verdicts: BTreeMap<String, u64>,
    /// The seeds in which each law was broken.
    pub laws: BTreeMap<String, BTreeSet<u64>>,
    /// The seeds that came to nothing: the simulator failed, or they did not end.
    pub unfinished: BTreeMap<String, BTreeSet<u64>>,
    pub faults: BTreeMap<String, u64>,
    pub operations: BTreeMap<String, u64>,
    /// What else was counted.
    pub others: BTreeMap<String, u64>,
    /// How often each point of coverage was touched; 0 for the cold ones.
    pub coverage: BTreeMap<String, u64>,
    /// By the number of nodes.
    pub pace: BTreeMap<u64, Pace>,
    /// The most processor time, and the seed that took it.
    pub slowest: Option<(f64, u64)>,
}

/// Simulated time and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    pub seeds: u64,
    pub simulated_s: f64,
    pub cpu_s: f64,
}

impl Pace {
    /// How many seconds are simulated in one of a core's.
    pub fn times_real_time(self) -> f64 {
        self.simulated_s / self.cpu_s.max(1e-9)
    }
}

impl Tally {
    pub fn new() -> Tally {
        let coverage = Point::ALL.iter().map(|point| (point.name().to_owned(), 0)).collect();
        Tally { coverage, ..Tally::default() }
    }

    pub fn add(&mut self, summary: &Summary) {
        self.done += 1;
        *self.verdicts.entry(summary.verdict.clone()).or_default() += 1;
        for law in summary.laws.keys().chain(&summary.law) {
            self.laws.entry(law.clone()).or_default().insert(summary.seed);
        }
        if [HARNESS_FAILED, DID_NOT_END].contains(&summary.verdict.as_str()) {
            self.unfinished.entry(summary.verdict.clone()).or_default().insert(summary.seed);
        }
        for (what, count) in &summary.counts {
            let operation = OPERATIONS.iter().any(|begins| what.starts_with(begins));
            let counts = if operation { &mut self.operations } else { &mut self.others };
            *counts.entry(what.clone()).or_default() += count;
        }
        for (what, count) in &summary.faults {
            *self.faults.entry(what.clone()).or_default() += count;
        }
        for (point, count) in &summary.warm {
            *self.coverage.entry(point.clone()).or_default() += count;
        }
        if summary.cpu_s > 0.0 {
            let pace = self.pace.entry(summary.nodes).or_default();
            pace.seeds += 1;
            pace.simulated_s += summary.simulated_s;
            pace.cpu_s += summary.cpu_s;
            if self.slowest.is_none_or(|(most, _)| most < summary.cpu_s) {
                self.slowest = Some((summary.cpu_s, summary.seed));
            }
        }
    }

    pub fn count(&self, verdict: &str) -> u64 {
        self.verdicts.get(verdict).copied().unwrap_or(0)
    }

    /// The points that no seed touched.
    pub fn cold(&self) -> Vec<&str> {
        self.coverage.iter().filter(|(_, count)| **count == 0).map(|(point, _)| point.as_str()).collect()
    }

    /// The pace over all sizes of cluster.
    pub fn whole_pace(&self) -> Pace {
        self.pace.values().fold(Pace::default(), |whole, pace| Pace {
            seeds: whole.seeds + pace.seeds,
            simulated_s: whole.simulated_s + pace.simulated_s,
            cpu_s: whole.cpu_s + pace.cpu_s,
        })
    }

    /// The exit code. `incomplete`: seeds that were asked for were not run.
    pub fn code(&self, incomplete: bool, cold_fails: bool) -> u8 {
        match () {
            () if self.count("violated") > 0 => 1,
            () if self.count(HARNESS_FAILED) > 0 => 2,
            () if self.count(DID_NOT_END) > 0 => 3,
            // A seed in which nothing could be tried is no news; a swarm of them is.
            () if self.count("holds") == 0 || incomplete => 3,
            () if cold_fails && !self.cold().is_empty() => 3,
            () => 0,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// What a seed came to.
    pub fn summary(seed: u64, verdict: &str) -> Summary {
        Summary { seed, verdict: verdict.to_owned(), nodes: 3, simulated_s: 60.0, cpu_s: 1.0, ..Summary::default() }
    }

    pub fn violated(seed: u64, law: &str) -> Summary {
        Summary {
            law: Some(law.to_owned()),
            laws: BTreeMap::from([(law.to_owned(), 1.5)]),
            ..summary(seed, "violated")
        }
    }

    fn tally(of: &[Summary]) -> Tally {
        let mut tally = Tally::new();
        of.iter().for_each(|summary| tally.add(summary));
        tally
    }

    #[test]
    fn seeds_are_counted_by_verdict_and_by_every_law_they_break() {
        let mut both = violated(9, "b");
        both.laws.insert("a".to_owned(), 2.0);
        let tally = tally(&[summary(1, "holds"), violated(7, "a"), both, summary(3, DID_NOT_END)]);
        assert_eq!((tally.done, tally.count("holds"), tally.count("violated")), (4, 1, 2));
        assert_eq!(tally.laws["a"], BTreeSet::from([7, 9]));
        assert_eq!(tally.laws["b"], BTreeSet::from([9]));
        assert_eq!(tally.unfinished[DID_NOT_END], BTreeSet::from([3]));
    }

    #[test]
    fn operations_and_faults_are_told_apart_and_points_are_warm_or_cold() {
        let mut one = summary(1, "holds");
        one.counts = BTreeMap::from([("pages read".to_owned(), 1), ("writes acknowledged".to_owned(), 30)]);
        one.faults = BTreeMap::from([("power loss".to_owned(), 2)]);
        one.warm = BTreeMap::from([(Point::ALL[0].name().to_owned(), 4)]);
        let tally = tally(&[one.clone(), one]);
        assert_eq!(tally.faults, BTreeMap::from([("power loss".to_owned(), 4)]));
        assert_eq!(tally.others, BTreeMap::from([("pages read".to_owned(), 2)]));
        assert_eq!(tally.operations, BTreeMap::from([("writes acknowledged".to_owned(), 60)]));
        assert_eq!(tally.coverage[Point::ALL[0].name()], 8);
        assert_eq!(tally.cold().len(), Point::ALL.len() - 1);
        assert!(!tally.cold().contains(&Point::ALL[0].name()));
    }

    #[test]
    fn the_pace_is_simulated_time_by_processor_time() {
        let slow = Summary { nodes: 5, cpu_s: 4.0, ..summary(2, "holds") };
        let nothing_known = Summary { cpu_s: 0.0, simulated_s: 0.0, ..summary(3, DID_NOT_END) };
        let tally = tally(&[summary(1, "holds"), slow, nothing_known]);
        assert_eq!(tally.pace[&3].times_real_time(), 60.0);
        assert_eq!(tally.pace[&5].times_real_time(), 15.0);
        assert_eq!(tally.whole_pace().times_real_time(), 24.0);
        assert_eq!(tally.slowest, Some((4.0, 2)));
    }

    #[test]
    fn the_worst_decides_the_exit_code() {
        let good = summary(1, "holds");
        assert_eq!(tally(&[]).code(false, false), 3);
        assert_eq!(tally(std::slice::from_ref(&good)).code(false, false), 0);
        assert_eq!(tally(std::slice::from_ref(&good)).code(true, false), 3);
        assert_eq!(tally(std::slice::from_ref(&good)).code(false, true), 3);
        assert_eq!(tally(&[good.clone(), summary(2, "inconclusive")]).code(false, false), 0);
        assert_eq!(tally(&[summary(2, "inconclusive")]).code(false, false), 3);
        assert_eq!(tally(&[good.clone(), summary(2, DID_NOT_END)]).code(false, false), 3);
        assert_eq!(tally(&[summary(2, DID_NOT_END), summary(3, HARNESS_FAILED)]).code(false, false), 2);
        assert_eq!(tally(&[good, summary(3, HARNESS_FAILED), violated(4, "a")]).code(true, true), 1);
    }
}
