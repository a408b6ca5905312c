use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Key, Namespace, ValueType};
use crate::base::LogId;
use crate::base::limits::TXN_OPS_MAX;

/// Several changes at one revision: all of them where every comparison holds, else none. Each key is changed once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Txn {
    compare: Vec<Compare>,
    ops: Vec<TxnOp>,
}

/// An entry must be at this revision, or absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compare {
    pub namespace: Namespace,
    pub key: Key,
    pub revision: Option<LogId>,
}

/// One change of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TxnOp {
    /// As [`super::Op::Set`].
    Set { namespace: Namespace, key: Key, value: String, value_type: ValueType },
    /// As [`super::Op::Delete`]; of what is absent it changes nothing, and the others are made all the same.
    Delete { namespace: Namespace, key: Key },
}

/// What one change of a transaction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpResult {
    /// The entry was set; it was absent before where this is version 1.
    Set {
        version: u64,
    },
    Deleted,
    /// There was nothing to delete.
    Absent,
}

/// A comparison that did not hold, by its number from 0, and where the entry is instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCompare {
    pub n: u32,
    pub current: Option<LogId>,
}

/// Operations that make no transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTxn {
    #[error("a transaction has 1 to {TXN_OPS_MAX} operations, this one has {0}")]
    Ops(usize),
    #[error("a transaction has at most {TXN_OPS_MAX} comparisons, this one has {0}")]
    Compares(usize),
    #[error("{namespace}/-/{key} is changed twice: name each key in one operation")]
    ChangedTwice { namespace: Namespace, key: Key },
    #[error("{namespace}/-/{key} is compared twice: name each key in one comparison")]
    ComparedTwice { namespace: Namespace, key: Key },
}

#[derive(Deserialize)]
struct Parts {
    compare: Vec<Compare>,
    ops: Vec<TxnOp>,
}

impl TryFrom<Parts> for Txn {
    type Error = InvalidTxn;

    fn try_from(Parts { compare, ops }: Parts) -> Result<Txn, InvalidTxn> {
        Txn::new(compare, ops)
    }
}

impl Txn {
    pub fn new(compare: Vec<Compare>, ops: Vec<TxnOp>) -> Result<Txn, InvalidTxn> {
        if !(1..=TXN_OPS_MAX).contains(&ops.len()) {
            return Err(InvalidTxn::Ops(ops.len()));
        }
        if compare.len() > TXN_OPS_MAX {
            return Err(InvalidTxn::Compares(compare.len()));
        }
        if let Some((namespace, key)) = twice(compare.iter().map(|it| (&it.namespace, &it.key))) {
            return Err(InvalidTxn::ComparedTwice { namespace, key });
        }
        if let Some((namespace, key)) = twice(ops.iter().map(TxnOp::name)) {
            return Err(InvalidTxn::ChangedTwice { namespace, key });
        }
        Ok(Txn { compare, ops })
    }

    pub fn compare(&self) -> &[Compare] {
        &self.compare
    }

    pub fn ops(&self) -> &[TxnOp] {
        &self.ops
    }
}

impl TxnOp {
    /// What it changes.
    pub fn name(&self) -> (&Namespace, &Key) {
        match self {
            TxnOp::Set { namespace, key, .. } | TxnOp::Delete { namespace, key } => (namespace, key),
        }
    }

    /// The bytes of the value it carries.
    pub fn value_bytes(&self) -> usize {
        match self {
            TxnOp::Set { value, .. } => value.len(),
            TxnOp::Delete { .. } => 0,
        }
    }
}

/// The first name that occurred before.
fn twice<'a>(names: impl Iterator<Item = (&'a Namespace, &'a Key)>) -> Option<(Namespace, Key)> {
    let mut seen = BTreeSet::new();
    let mut names = names;
    let (namespace, key) = names.find(|name| !seen.insert(*name))?;
    Some((namespace.clone(), key.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delete(name: &str) -> TxnOp {
        TxnOp::Delete { namespace: Namespace::parse("n").unwrap(), key: Key::parse(name).unwrap() }
    }

    fn compare(name: &str) -> Compare {
        Compare { namespace: Namespace::parse("n").unwrap(), key: Key::parse(name).unwrap(), revision: None }
    }

    #[test]
    fn each_key_is_changed_once_and_the_log_cannot_say_otherwise() {
        let many = |count: usize| (0..count).map(|n| delete(&n.to_string())).collect::<Vec<_>>();
        assert!(Txn::new(vec![compare("a"), compare("b")], many(TXN_OPS_MAX)).is_ok());
        assert_eq!(Txn::new(Vec::new(), Vec::new()), Err(InvalidTxn::Ops(0)));
        assert_eq!(Txn::new(Vec::new(), many(513)), Err(InvalidTxn::Ops(513)));
        let compares: Vec<Compare> = (0..513).map(|n| compare(&n.to_string())).collect();
        assert_eq!(Txn::new(compares, many(1)), Err(InvalidTxn::Compares(513)));
        let compared = Txn::new(vec![compare("a"), compare("a")], many(1)).unwrap_err();
        assert_eq!(compared.to_string(), "n/-/a is compared twice: name each key in one comparison");
        let ops = vec![delete("a"), delete("b"), delete("a")];
        let changed = Txn::new(Vec::new(), ops.clone()).unwrap_err();
        assert_eq!(changed.to_string(), "n/-/a is changed twice: name each key in one operation");

        let good = Txn::new(vec![compare("a")], vec![delete("a")]).unwrap();
        let bytes = postcard::to_stdvec(&good).unwrap();
        assert_eq!(postcard::from_bytes::<Txn>(&bytes), Ok(good));
        let bad = postcard::to_stdvec(&(Vec::<Compare>::new(), ops)).unwrap();
        assert!(postcard::from_bytes::<Txn>(&bad).is_err());
    }
}
