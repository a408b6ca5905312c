use std::collections::BTreeSet;

use super::*;

#[test]
fn a_schedule_reads_back_what_it_prints_and_refuses_what_it_does_not_know() {
    for seed in 0..300 {
        let schedule = generate(seed);
        assert_eq!(Schedule::parse(&schedule.print()), Ok(schedule));
    }
    let newer = Schedule { version: VERSION + 1, ..generate(1) };
    assert!(Schedule::parse(&newer.print()).unwrap_err().contains("version 3"));
    let older = r#"{"version": 1, "seed": 1, "unlike": "this one"}"#;
    assert!(Schedule::parse(older).unwrap_err().contains("version 1, this simulator knows version 2"));
    let misspelt = generate(1).print().replace("\"forMs\"", "\"forMillis\"");
    assert!(Schedule::parse(&misspelt).unwrap_err().contains("forMillis"));
}

#[test]
fn it_reads_as_an_engineer_would_write_it() {
    let at = At { point: Point::AfterAppendBeforeSync, node: Where::One(Whose::Leader), nth: 1, from_ms: 900 };
    let what = What::Cut { holds: false, clients: true };
    let faults = vec![
        Fault { id: 1, when: When::At(at), for_ms: Some(50), who: Who::There, what: What::PowerLoss },
        Fault { id: 4, when: When::AtMs(20), for_ms: None, who: Who::Nodes(vec![2]), what },
        Fault { id: 7, when: When::AtMs(30), for_ms: Some(0), who: Who::Leader, what: What::FailedSync },
    ];
    let printed = serde_json::to_value(&faults).unwrap();
    let expected = serde_json::json!([
        {"id": 1, "when": {"at": {"point": "afterAppendBeforeSync", "node": "leader", "fromMs": 900}}, "forMs": 50,
         "who": "there", "what": "powerLoss"},
        {"id": 4, "when": {"atMs": 20}, "forMs": null, "who": {"nodes": [2]}, "what": {"cut": {"clients": true}}},
        {"id": 7, "when": {"atMs": 30}, "who": "leader", "what": "failedSync"},
    ]);
    assert_eq!(printed, expected);
    let key = || ("app-0".to_owned(), "key.1".to_owned());
    let (namespace, key) = key();
    let set = Operation {
        id: "c1-7".to_owned(),
        client: 1,
        at_ms: 40,
        node: 3,
        action: Action::Set { namespace, key, bytes: 8 },
        consistency: Consistency::default(),
    };
    let expected = serde_json::json!({"id": "c1-7", "client": 1, "atMs": 40, "node": 3,
        "do": {"set": {"namespace": "app-0", "key": "key.1", "bytes": 8}}});
    assert_eq!(serde_json::to_value(set).unwrap(), expected);
    assert_eq!(serde_json::to_value(Expect::Holds).unwrap(), serde_json::json!("holds"));
}

#[test]
fn every_kind_of_fault_and_every_point_is_drawn() {
    let (mut kinds, mut points, mut damaged) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut calm, mut permanent, mut declared, mut most) = (0, 0, 0, 0);
    for seed in 0..300 {
        let schedule = generate(seed);
        for fault in &schedule.faults {
            kinds.insert(fault.what.name());
            permanent += usize::from(fault.for_ms.is_none());
            damaged.extend(fault.what.damages());
            if let When::At(at) = &fault.when {
                points.insert(at.point);
            }
        }
        calm += usize::from(schedule.faults.len() < 2);
        most = most.max(schedule.faults.len());
        declared += usize::from(schedule.expect != Expect::Holds);
    }
    assert_eq!(kinds.len(), What::KINDS, "{kinds:?}");
    let undrawn: Vec<_> = Point::ALL.iter().filter(|point| !points.contains(point)).collect();
    assert!(undrawn.is_empty(), "{undrawn:?}");
    assert_eq!(damaged.len(), Damaged::ALL.len());
    assert!(calm > 5 && most > 40, "{calm} calm, {most} the most");
    assert!((60..140).contains(&permanent), "{permanent}");
    assert!((12..40).contains(&declared), "{declared}");
}
