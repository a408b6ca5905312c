//! Transactions: several operations at one revision.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::HttpState;
use super::admit::Call;
use super::body;
use super::config::checked_value;
use super::problem::Problem;
use super::shape;
use super::write::write;
use crate::base::LogId;
use crate::model::{Compare, FailedCompare, Key, Namespace, Op, OpResult, Outcome, Txn, TxnOp};
use crate::wire::{self, Slug, TxnAnswer, TxnOutcome, TxnRequest, TxnResult};

const EXAMPLE: &str = r#"{"compare":[{"namespace":"a","key":"k","revision":"5:42"}],"ops":[{"set":{"namespace":"a","key":"k","value":"..."}},{"delete":{"namespace":"a","key":"old"}}]}"#;

pub(super) async fn post(state: HttpState, call: Call) -> Result<Response, Problem> {
    let hop = call.query.hop()?;
    let asked: TxnRequest = body::json(&call.headers, call.body, EXAMPLE).await?;
    let txn = txn(asked)?;
    // Their values are not needed again.
    let names: Vec<(Namespace, Key)> =
        txn.ops().iter().map(TxnOp::name).map(|(namespace, key)| (namespace.clone(), key.clone())).collect();
    let compares = txn.compare().to_vec();
    let applied = write(&state, &call.headers, call.context, call.actor, hop, Op::Txn(txn)).await?;
    match applied.outcome {
        Outcome::Txn { results } => {
            let results = names.into_iter().zip(results).map(|(name, result)| result_of(name, result)).collect();
            let answer = TxnAnswer { revision: applied.revision.to_string(), results };
            Ok(shape::json(StatusCode::OK, Some(applied.revision), &answer))
        }
        Outcome::CompareFailed { failed } => Err(compare_failed(&compares, &failed).version(Some(applied.revision))),
        _ => Err(Problem::internal("a transaction had an outcome of another operation")),
    }
}

/// A transaction of what was asked for; what is wrong names the operation or comparison.
fn txn(asked: TxnRequest) -> Result<Txn, Problem> {
    let compare = asked.compare.into_iter().enumerate().map(|(n, wire::Compare { namespace, key, revision })| {
        let (namespace, key) = name("compare", n, &namespace, &key)?;
        let revision = revision.map(|text| text.parse::<LogId>()).transpose();
        let revision = revision.map_err(|error| Problem::invalid(format!("compare {n}: {error}")))?;
        Ok(Compare { namespace, key, revision })
    });
    let compare = compare.collect::<Result<Vec<_>, Problem>>()?;
    let ops = asked.ops.into_iter().enumerate().map(|(n, op)| match op {
        wire::TxnOp::Set { namespace, key, value, value_type } => {
            let (namespace, key) = name("op", n, &namespace, &key)?;
            let value_type = checked_value(&value, value_type).map_err(|problem| problem.of_op(n))?;
            Ok(TxnOp::Set { namespace, key, value, value_type })
        }
        wire::TxnOp::Delete { namespace, key } => {
            let (namespace, key) = name("op", n, &namespace, &key)?;
            Ok(TxnOp::Delete { namespace, key })
        }
    });
    let ops = ops.collect::<Result<Vec<_>, Problem>>()?;
    Txn::new(compare, ops).map_err(|error| Problem::invalid(error.to_string()))
}

fn name(what: &str, n: usize, namespace: &str, key: &str) -> Result<(Namespace, Key), Problem> {
    let wrong = |error: &dyn std::fmt::Display| Problem::invalid(format!("{what} {n}: {error}"));
    Ok((Namespace::parse(namespace).map_err(|error| wrong(&error))?, Key::parse(key).map_err(|error| wrong(&error))?))
}

fn result_of((namespace, key): (Namespace, Key), result: OpResult) -> TxnResult {
    let (outcome, version) = match result {
        OpResult::Set { version: 1 } => (TxnOutcome::Created, Some(1)),
        OpResult::Set { version } => (TxnOutcome::Set, Some(version)),
        OpResult::Deleted => (TxnOutcome::Deleted, None),
        OpResult::Absent => (TxnOutcome::Absent, None),
    };
    TxnResult { namespace: namespace.to_string(), key: key.to_string(), outcome, version }
}

fn compare_failed(compares: &[Compare], failed: &[FailedCompare]) -> Problem {
    let told = failed.iter().filter_map(|FailedCompare { n, current }| {
        let Compare { namespace, key, revision } = compares.get(*n as usize)?;
        let text = |revision: &Option<LogId>| revision.map(|revision| revision.to_string());
        let (namespace, key) = (namespace.to_string(), key.to_string());
        Some(wire::FailedCompare { namespace, key, expected: text(revision), current: text(current) })
    });
    let told: Value = told.map(|failed| serde_json::to_value(failed).expect("plain data with string keys")).collect();
    Problem::new(
        Slug::PreconditionFailed,
        format!(
            "nothing was written: {} of {} comparisons do not hold, see `failed`. Read those entries, and decide again",
            failed.len(),
            compares.len()
        ),
    )
    .member("failed", told)
}
