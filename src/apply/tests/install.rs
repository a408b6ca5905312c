use std::collections::VecDeque;
use std::time::Duration;

use super::*;
use crate::host::{BoxFuture, KeyRange, StoreView};

/// The rows of a snapshot, in chunks.
pub struct Rows(VecDeque<Vec<Row>>, Option<String>);

impl Rows {
    pub fn boxed(view: &dyn StoreView, range: &KeyRange, chunk: usize) -> Box<dyn RowSource> {
        Rows::of(view.scan(range, usize::MAX, Direction::Forward).unwrap(), chunk)
    }

    fn of(rows: Vec<Row>, chunk: usize) -> Box<dyn RowSource> {
        Box::new(Rows(rows.chunks(chunk).map(<[Row]>::to_vec).collect(), None))
    }
}

impl RowSource for Rows {
    fn next_chunk(&mut self) -> BoxFuture<'_, Result<Option<Vec<Row>>, String>> {
        let next = match (self.0.pop_front(), self.1.take()) {
            (Some(chunk), failure) => {
                self.1 = failure;
                Ok(Some(chunk))
            }
            (None, Some(failure)) => Err(failure),
            (None, None) => Ok(None),
        };
        Box::pin(std::future::ready(next))
    }
}

const SCRIPT: &str = "a=1; a=2; b=1; del b; bootstrap; term 3; c=9";
const LAST: LogId = LogId::new(3, 6);

async fn snapshot() -> Vec<Row> {
    let host = fake::host();
    let apply = applied(&host, SCRIPT, 9).await;
    let (parts, view, range) = apply.snapshot_view().await.unwrap();
    assert_eq!((parts.last, parts.membership_at), (LAST, LogId::new(0, 0)));
    view.scan(&range, usize::MAX, Direction::Forward).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_takes_the_place_of_the_state_and_old_views_live_on() {
    let host = fake::host();
    let apply = applied(&host, "old=1", 9).await;
    let before = apply.view().unwrap();
    apply.install(LAST, Bytes::from_static(b"first"), Rows::of(snapshot().await, 3)).await.unwrap();
    assert_eq!(apply.status().applied, Some(LAST));
    assert_eq!(rows(&apply), snapshot().await);
    assert_eq!(apply.membership(), Some((LogId::new(0, 0), Bytes::from_static(b"first"))));
    assert!(before.entry(&namespace("n"), &key("old")).unwrap().is_some());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(store_names(&host).await, ["state-0-1", "state-0-2"], "a view holds the old store");
    drop(before);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(store_names(&host).await, ["state-0-2"], "nothing holds it any more");
    drop(apply);
    assert_eq!(start(&host.kill()).await.status().applied, Some(LAST));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_lost_the_end_of_its_install_is_not_taken_for_whole() {
    let host = fake::host();
    // The commits at the end hold what a start does not look at: old descriptions of a namespace.
    let long = "x".repeat(60_000);
    let script: String = (0..60).map(|n| format!("ns {n}{long}; ")).collect();
    let apply = applied(&host, &format!("{script}bootstrap"), 9).await;
    let (parts, view, range) = apply.snapshot_view().await.unwrap();
    let rows = view.scan(&range, usize::MAX, Direction::Forward).unwrap();
    let after_losing = |lost: usize| {
        let source = Rows::of(rows.clone(), 7);
        async move {
            let host = fake::host();
            let apply = applied(&host, "old=1", 9).await;
            apply.install(parts.last, Bytes::from_static(b"first"), source).await.unwrap();
            drop(apply);
            let host = host.kill();
            host.stores.lose_commits("state-0-2", lost);
            start(&host).await.status()
        }
    };
    assert_eq!(after_losing(0).await, apply.status());
    for lost in 1..3 {
        assert_eq!(after_losing(lost).await, ApplyStatus::default(), "{lost} commits lost");
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_not_whole_changes_nothing() {
    let whole = snapshot().await;
    type Bad = (&'static str, LogId, &'static [u8], Box<dyn RowSource>);
    let mut bad: Vec<Bad> = Vec::new();
    bad.push(("other membership", LAST, b"second", Rows::of(whole.clone(), 2)));
    bad.push(("other last", LogId::new(3, 7), b"first", Rows::of(whole.clone(), 2)));
    bad.push(("nothing", LAST, b"first", Rows::of(Vec::new(), 2)));
    for at in 0..whole.len() {
        let mut rows = whole.clone();
        rows.remove(at);
        bad.push(("a row less", LAST, b"first", Rows::of(rows, 2)));
        let mut rows = whole.clone();
        let value = rows[at].1.to_vec();
        let flipped = [&value[..value.len() - 1], &[value[value.len() - 1] ^ 1]].concat();
        rows[at].1 = flipped.into();
        bad.push(("a flipped bit", LAST, b"first", Rows::of(rows, 2)));
        let mut rows = whole.clone();
        rows.insert(at, whole[at].clone());
        bad.push(("a row twice", LAST, b"first", Rows::of(rows, 2)));
    }
    let mut rows = whole.clone();
    rows.push((Bytes::from_static(&[2, 0, 0, 0, 9, 1]), Bytes::new()));
    rows.sort();
    bad.push(("a row of another group", LAST, b"first", Rows::of(rows, 2)));
    bad.push(("a source that fails", LAST, b"first", Box::new(Rows([whole].into(), Some("torn".into())))));

    let host = fake::host();
    let apply = applied(&host, "old=1", 9).await;
    let before = rows_and_status(&apply);
    for (n, (what, last, membership, source)) in bad.into_iter().enumerate() {
        let result = apply.install(last, Bytes::copy_from_slice(membership), source).await;
        assert!(matches!(result, Err(ApplyError::BadSnapshot { .. })), "{n} {what}: {result:?}");
        assert_eq!(rows_and_status(&apply), before, "{n} {what}");
        assert_eq!(store_names(&host).await, ["state-0-1"], "{n} {what}");
    }
    assert_eq!(start(&host.kill()).await.status(), before.1);
}

fn rows_and_status(apply: &ApplyHandle) -> (Vec<Row>, ApplyStatus) {
    (rows(apply), apply.status())
}

#[tokio::test]
async fn an_older_snapshot_never_replaces_a_newer_state() {
    let host = fake::host();
    let apply = applied(&host, "a=1; a=2; a=3; a=4; a=5; a=6; term 3; a=7", 9).await;
    let applied_id = apply.status().applied.unwrap();
    let result = apply.install(LAST, Bytes::from_static(b"first"), Rows::of(snapshot().await, 3)).await;
    assert_eq!(result, Err(ApplyError::OlderSnapshot { last: LAST, applied: applied_id }));
    // The same one is already there.
    assert_eq!(apply.install(applied_id, Bytes::from_static(b"first"), Rows::of(Vec::new(), 3)).await, Ok(()));
    assert_eq!(apply.status().applied, Some(applied_id));
}

#[tokio::test]
async fn nothing_applied_is_nothing_to_make_a_snapshot_of() {
    let host = fake::host();
    assert!(matches!(start(&host).await.snapshot_view().await, Err(ApplyError::Empty)));
}

#[tokio::test(start_paused = true)]
async fn starting_over_leaves_an_empty_state_that_takes_the_log_again() {
    let host = fake::host();
    let apply = applied(&host, "a=1; a=2", 9).await;
    apply.start_over("ahead of the log").await.unwrap();
    assert_eq!(apply.status(), ApplyStatus::default());
    assert_eq!(apply.membership(), None);
    apply_all(&apply, &log("a=1; a=2"), 1).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(store_names(&host).await, ["state-0-2"]);
    drop(apply);
    assert_eq!(start(&host.kill()).await.status().applied, Some(LogId::new(1, 2)));
}
