use super::search::Specification;

/// One entry: a register that can be absent and counts its writes since it last was.
pub enum EntryRegister {}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Absent,
    Present { value: Value, version: u64 },
}

/// The number of a value. All values that no read of a history shows are one: nothing tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

impl Value {
    pub const UNSHOWN: Value = Value(0);
}

/// An operation and its answer; `None` where none came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `told`: the version after it, and whether the entry was absent before.
    Set { value: Value, told: Option<Told> },
    /// `existed`: whether there was something to delete.
    Delete { existed: Option<bool> },
    /// A linearizable read, which showed this.
    Read(State),
}

/// What a set was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub created: bool,
    pub version: u64,
}

impl Specification for EntryRegister {
    type State = State;
    type Operation = Operation;

    fn step(state: &State, operation: &Operation) -> Option<State> {
        let present = matches!(state, State::Present { .. });
        match *operation {
            Operation::Set { value, told } => {
                let version = match state {
                    State::Absent => 1,
                    State::Present { version, .. } => version + 1,
                };
                let right = told.is_none_or(|told| told == Told { created: !present, version });
                right.then_some(State::Present { value, version })
            }
            Operation::Delete { existed } => existed.is_none_or(|existed| existed == present).then_some(State::Absent),
            Operation::Read(shown) => (shown == *state).then_some(*state),
        }
    }
}
