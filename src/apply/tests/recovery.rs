use rand::SeedableRng;

use super::*;
use crate::keys::{audit, config, meta};

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let host = fake::host();
    let apply = applied(&host, "a=1; member second; a=2", 2).await;
    let (status, membership) = (apply.status(), apply.membership());
    drop(apply);
    let host = host.kill();
    let apply = start(&host).await;
    assert_eq!((apply.status(), apply.membership()), (status, membership));
    assert_eq!(store_names(&host).await, ["state-0-1"]);
}

#[tokio::test]
async fn after_a_power_loss_the_state_is_that_of_some_entry_and_takes_the_rest() {
    let entries = log("a=1; a=2; del a; b=1; term 2; a=3; member second; b=2; del b");
    let whole_host = fake::host();
    let whole = start(&whole_host).await;
    apply_all(&whole, &entries, 1).await;
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..30 {
        let host = fake::host();
        let apply = start(&host).await;
        apply_all(&apply, &entries, 1).await;
        let host = host.power_loss(&mut crate::host::Rng::seed_from_u64(seed));
        let apply = start(&host).await;
        assert_eq!(apply.status().state_hash, recomputed_hash(&apply));
        let kept = apply.status().applied.map_or(0, |applied| applied.index.0 as usize + 1);
        seen.insert(kept);
        apply_all(&apply, &entries[kept..], 2).await;
        assert_eq!(rows(&apply), rows(&whole), "seed {seed}");
    }
    assert!(seen.len() > 3, "the test should see several lengths: {seen:?}");
}

#[tokio::test]
async fn a_store_that_is_in_doubt_is_set_aside_and_removed() {
    let name = "state-0-1";
    for what in ["does not open", "pointer damaged", "pointer lost", "store lost", "summary damaged", "no format"]
        .iter()
        .chain(["audit tail lost", "set aside"].iter())
    {
        let host = fake::host();
        let apply = applied(&host, "a=1; a=2", 1).await;
        let head = apply.view().unwrap().audit_before(None, None, 1).unwrap()[0].id;
        drop(apply);
        let host = host.kill();
        match *what {
            "does not open" => host.stores.break_store(name),
            "pointer damaged" => host.files.set_contents("apply/CURRENT-0", b"nonsense".to_vec()),
            "pointer lost" => host.host.files.remove("apply/CURRENT-0").await.unwrap(),
            "store lost" => host.host.stores.remove(name).await.unwrap(),
            "summary damaged" => tamper(&host, name, meta::summary_key(GROUP), Some(Bytes::from_static(b"\x01"))).await,
            "no format" => tamper(&host, name, meta::format_key(GROUP), None).await,
            "audit tail lost" => tamper(&host, name, audit::key(GROUP, audit::position(head)), None).await,
            "set aside" => ApplyHandle::set_aside(&host.host, GROUP, "behind the purged log").await.unwrap(),
            other => panic!("{other}?"),
        }
        let apply = start(&host).await;
        assert_eq!(apply.status(), ApplyStatus::default(), "{what}");
        let names = store_names(&host).await;
        assert_eq!(names.len(), 1, "{what}: {names:?}");
        apply_all(&apply, &log("a=1; a=2"), 1).await;
        drop(apply);
        let apply = start(&host.kill()).await;
        assert_eq!(apply.status().applied, Some(LogId::new(1, 2)), "{what}");
    }
}

#[tokio::test]
async fn a_newer_store_is_refused_and_left_alone() {
    let host = fake::host();
    drop(applied(&host, "a=1", 1).await);
    let host = host.kill();
    tamper(&host, "state-0-1", meta::format_key(GROUP), Some(Bytes::from_static(&[meta::STORE_FORMAT + 1]))).await;
    let error = ApplyHandle::start(&host.host, GROUP).await.err().unwrap();
    assert!(error.to_string().contains("run the newer release"), "{error}");
    assert_eq!(store_names(&host).await, ["state-0-1"]);
}

#[tokio::test]
async fn leftovers_go_and_other_groups_stay() {
    let host = fake::host();
    drop(applied(&host, "a=1", 1).await);
    let host = host.kill();
    for leftover in ["state-0-7", "state-1-1", "state-01-1", "other"] {
        host.host.stores.open(leftover).await.unwrap();
    }
    let apply = start(&host).await;
    assert_eq!(apply.status().applied, Some(LogId::new(1, 1)));
    assert_eq!(store_names(&host).await, ["other", "state-0-1", "state-01-1", "state-1-1"]);
    apply.start_over("to see the next name").await.unwrap();
    assert!(store_names(&host).await.contains(&"state-0-8".to_owned()), "a name is not used again");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_ends_the_actor_and_the_next_start_rebuilds() {
    let host = fake::host();
    let apply = applied(&host, "a=1; b=1", 1).await;
    let row = config::key(GROUP, &namespace("n"), &key("a"));
    tamper(&host, "state-0-1", row, Some(Bytes::from_static(b"\x01\x07"))).await;
    let before = apply.status();
    let next = log("a=1; b=1; b=2; a=2").split_off(3);
    for _ in 0..2 {
        assert!(matches!(apply.apply(next.clone()).await, Err(ApplyError::Store(_))));
    }
    let harmless = log("a=1; b=1; b=2").split_off(3);
    assert!(apply.apply(harmless).await.is_err(), "a failed store is not used again");
    assert_eq!(apply.status(), before, "all of the batch or nothing");
    assert_eq!(start(&host.kill()).await.status(), ApplyStatus::default());
}
