use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::RngExt;

use super::{Name, Request};
use crate::schedule::{Action, Consistency, Drawn, LIMIT_MAX, Operation};
use crate::seed::stream;

/// The operations that the clients of a run began, in their order: what was drawn, as data.
#[derive(Clone, Default)]
pub struct Issued(Arc<Mutex<Vec<Operation>>>);

impl Issued {
    pub(super) fn begin(&self, operation: &Operation) {
        self.0.lock().expect("no panic under this lock").push(operation.clone());
    }

    /// All operations so far.
    pub fn operations(&self) -> Vec<Operation> {
        self.0.lock().expect("no panic under this lock").clone()
    }
}

/// One draw of a client: an operation, and how long the client rests after it.
pub(super) struct Draw {
    pub action: Action,
    pub consistency: Consistency,
    /// The node that is asked from now on; none where the client stays with the one it has.
    pub moves_to: Option<u64>,
    pub rest: Duration,
}

/// The client's operation with this number: the same one whatever the others do.
pub(super) fn draw(seed: u64, client: u64, nth: u64, from: &Drawn, nodes: &[u64]) -> Draw {
    let mut rng = stream(seed, &format!("client/{client}/{nth}"));
    let moves = nth == 1 || rng.random_bool(0.2);
    let moves_to = moves.then(|| nodes[rng.random_range(0..nodes.len())]);
    let mix = &from.mix;
    let (set, delete, get) = (mix.set, mix.set + mix.delete, mix.set + mix.delete + mix.get);
    let drawn = rng.random_range(0..(get + mix.list).max(1));
    let namespace = format!("app-{}", rng.random_range(0..from.namespaces.max(1)));
    // The lower of two draws: some keys are busier than others.
    let keys = from.keys.max(1);
    let number = rng.random_range(0..keys).min(rng.random_range(0..keys));
    let key = format!("key.{number}");
    let action = if drawn < set {
        Action::Set { namespace, key, bytes: rng.random_range(0..=from.value_bytes) }
    } else if drawn < delete {
        Action::Delete { namespace, key }
    } else if drawn < get {
        Action::Get { namespace, key }
    } else {
        let prefix = if rng.random_bool(0.5) { String::new() } else { format!("key.{}", number % 10) };
        // Half of the lists are read in pages of a few entries.
        let limit = if rng.random_bool(0.5) { LIMIT_MAX } else { rng.random_range(1..=5) };
        Action::List { namespace, prefix, limit }
    };
    let rest = Duration::from_micros(rng.random_range(0..=from.pause_ms * 1_000).max(200));
    let of_a_hundred = stream(seed, &format!("client/{client}/{nth}/consistency")).random_range(0..100);
    let consistency = match of_a_hundred {
        session if session < from.session_reads => Consistency::Session,
        linearizable if linearizable < from.session_reads + from.linearizable_reads => Consistency::Linearizable,
        _ => Consistency::Eventual,
    };
    Draw { action, consistency, moves_to, rest }
}

/// What the operation asks a node for.
pub(super) fn request(operation: &Operation) -> Request {
    let name = |namespace: &str, key: &str| Name { namespace: namespace.to_owned(), key: key.to_owned() };
    match &operation.action {
        Action::Set { namespace, key, bytes } => {
            let mut value = format!("{}|", operation.id);
            let fill = (*bytes as usize).saturating_sub(value.len());
            value.extend(std::iter::repeat_n('x', fill));
            Request::Set { name: name(namespace, key), value }
        }
        Action::Delete { namespace, key } => Request::Delete { name: name(namespace, key) },
        Action::Get { namespace, key } => Request::Get { name: name(namespace, key) },
        Action::List { namespace, prefix, limit } => {
            Request::List { namespace: namespace.clone(), prefix: prefix.clone(), limit: *limit, after: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Work, generate};

    #[test]
    fn an_operation_is_what_it_is_whatever_the_others_are() {
        let Work::Drawn(from) = generate(3).workload.work else { panic!("generated work is drawn") };
        let nth = |client, number| draw(3, client, number, &from, &[1, 2, 3]).action;
        let seventeenth = nth(3, 17);
        for number in 1..17 {
            nth(3, number);
            nth(2, number);
        }
        assert_eq!(nth(3, 17), seventeenth);
        assert!((1..40).any(|number| nth(3, number) != nth(2, number)));
        assert!((1..40).any(|number| nth(3, number) != nth(3, number + 1)));
    }

    #[test]
    fn a_value_tells_who_wrote_it_and_has_its_length() {
        let action = |bytes| Action::Set { namespace: "a".to_owned(), key: "k".to_owned(), bytes };
        let value = |bytes| {
            let operation = Operation {
                id: "c1-7".to_owned(),
                client: 1,
                at_ms: 0,
                node: 1,
                action: action(bytes),
                consistency: Consistency::Eventual,
            };
            let Request::Set { value, .. } = request(&operation) else { panic!("a set stays one") };
            value
        };
        assert_eq!(value(0), "c1-7|");
        assert_eq!(value(8), "c1-7|xxx");
    }
}
