use std::time::Duration;

use super::*;
use crate::keys::config;

const ROW: &str = "a";

fn row() -> Bytes {
    config::key(GROUP, &namespace("n"), &key(ROW))
}

#[tokio::test(start_paused = true)]
async fn a_whole_store_raises_no_alarm() {
    let host = fake::host();
    let apply = applied(&host, "a=1; b=1; a=2; del b", 1).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(apply.status().alarm, None);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_rotted_raises_an_alarm_that_stays_until_the_node_is_rebuilt() {
    for value in [None, Some(Bytes::from_static(b"rot"))] {
        let host = fake::host();
        let apply = applied(&host, "a=1; b=1", 1).await;
        tamper(&host, "state-0-1", row(), value).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        let alarm = apply.status().alarm.unwrap();
        assert!(alarm.contains("at 1:2") && alarm.contains("Start the node again"), "{alarm}");
        let more = log("a=1; b=1; c=1").split_off(3);
        apply.apply(more).await.unwrap();
        assert!(apply.status().alarm.is_some(), "it stays");
        drop(apply);
        let host = host.kill();
        let apply = start(&host).await;
        assert_eq!(apply.status(), ApplyStatus::default());
    }
}

#[tokio::test(start_paused = true)]
async fn the_scrub_follows_to_a_new_store_and_ends_with_the_actor() {
    let host = fake::host();
    let apply = applied(&host, "a=1", 1).await;
    apply.start_over("test").await.unwrap();
    apply_all(&apply, &log("a=1; b=1"), 1).await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(apply.status().alarm, None);
    tamper(&host, "state-0-2", row(), None).await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(apply.status().alarm.is_some());
    let mut status = apply.subscribe();
    drop(apply);
    status.mark_unchanged();
    assert!(status.changed().await.is_err(), "the scrub's handle does not keep the actor alive");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_rotted_does_not_get_into_a_snapshot() {
    let host = fake::host();
    let apply = applied(&host, "a=1; b=1", 1).await;
    let (parts, view, range) = apply.snapshot_view().await.unwrap();
    assert_eq!(view.scan(&range, usize::MAX, crate::host::Direction::Forward).unwrap(), rows(&apply));
    assert_eq!(parts.damage.get(), None);
    drop((parts, view));

    tamper(&host, "state-0-1", row(), Some(Bytes::from_static(b"rot"))).await;
    let (parts, view, range) = apply.snapshot_view().await.unwrap();
    assert!(view.scan(&range, usize::MAX, crate::host::Direction::Forward).is_err());
    let what = parts.damage.get().unwrap().clone();
    apply.report_damage(parts.store, what).await;
    let mut status = apply.subscribe();
    let alarmed = status.wait_for(|status| status.alarm.is_some()).await.unwrap().alarm.clone().unwrap();
    assert!(alarmed.contains("state hash") && alarmed.contains("Start the node again"), "{alarmed}");
}
