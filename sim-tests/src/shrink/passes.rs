use super::ddmin::ddmin;
use super::search::Search;
use super::simpler;
use crate::schedule::{Fault, Operation, Schedule, Work};

/// A violation is seen a little after what it is about, and by whoever looks again.
const AFTER_VIOLATION_MS: u64 = 200;

/// All passes, those first that take away most for a trial, until a whole round takes away nothing.
pub fn all(search: &mut Search<'_>, violated_ms: Option<u64>) {
    if let Some(ms) = violated_ms.map(|ms| ms + AFTER_VIOLATION_MS).filter(|ms| *ms < search.best.disturbed_ms) {
        search.pass("what came after the violation");
        search.take_first(&[simpler::cut(&search.best, ms)]);
    }
    search.pass("time");
    search.descend(simpler::shorter);
    search.pass("faults");
    faults(search);
    search.pass("clients");
    clients(search);
    // Fewer operations are worth more than usual settings, which have their turn when there are few.
    search.pass("settings that need fewer operations");
    search.take_first(&simpler::sooner(&search.best));
    while !search.time_up() {
        let before = search.best.clone();
        round(search);
        if search.best == before {
            if search.thorough {
                return;
            }
            search.thorough = true;
        }
    }
}

fn round(search: &mut Search<'_>) {
    search.pass("time");
    search.descend(simpler::shorter);
    search.pass("nodes");
    search.descend(simpler::fewer_nodes);
    search.pass("faults");
    faults(search);
    search.pass("clients");
    clients(search);
    search.pass("operations");
    operations(search);
    search.pass("idle time");
    search.descend(simpler::without_gaps);
    search.pass("each fault");
    search.descend(simpler::simpler_faults);
    search.pass("settings");
    search.descend(simpler::calmer_settings);
    search.pass("client numbers and values");
    search.descend(simpler::renumbered_clients);
    search.descend(simpler::smaller_values);
}

fn faults(search: &mut Search<'_>) {
    let all = search.best.faults.clone();
    let with = |best: &Schedule, faults: &[Fault]| Schedule { faults: faults.to_vec(), ..best.clone() };
    ddmin(all, |candidates| take_first(search, candidates, with));
}

/// Whole clients: fewer that draw, then, once their operations are a list, those that are needed.
fn clients(search: &mut Search<'_>) {
    if matches!(search.best.workload.work, Work::Drawn(_)) {
        search.descend(simpler::fewer_drawing_clients);
        search.list_operations();
    }
    let Work::Operations(all) = search.best.workload.work.clone() else { return };
    let with = |best: &Schedule, clients: &[u64]| {
        let kept = all.iter().filter(|operation| clients.contains(&operation.client));
        simpler::with_operations(best, kept.cloned().collect())
    };
    ddmin(simpler::clients(&search.best), |candidates| take_first(search, candidates, with));
}

fn operations(search: &mut Search<'_>) {
    let Work::Operations(all) = search.best.workload.work.clone() else { return };
    let with = |best: &Schedule, operations: &[Operation]| simpler::with_operations(best, operations.to_vec());
    ddmin(all, |candidates| take_first(search, candidates, with));
}

fn take_first<T>(
    search: &mut Search<'_>,
    candidates: &[Vec<T>],
    with: impl Fn(&Schedule, &[T]) -> Schedule,
) -> Option<usize> {
    let candidates: Vec<Schedule> = candidates.iter().map(|items| with(&search.best, items)).collect();
    search.take_first(&candidates)
}
