use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// A map that is looked up and never gone through. Its hasher is the same in every process: the standard one would draw
/// its keys from the run's own randomness, and so shift the run.
pub type Lookup<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;
