//! The page of a run, opened in a browser: what it shows is what the trace has.
#![cfg(madsim)]

mod browser;
mod made_up;

use std::path::Path;
use std::time::Instant;

use made_up::MadeUp;
use rand::RngExt;
use serde_json::{Value, json};
use sim_tests::explain::explain;
use sim_tests::seed::stream;

/// Writes the page of a trace and lets a browser look at it; nothing where there is no browser.
fn look(name: &str, trace: &str) -> Option<Value> {
    let Some(browser) = browser::find() else {
        skip("a run's page in a browser: Chromium is not installed");
        return None;
    };
    let page = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.html", std::process::id()));
    let mut html = Vec::new();
    explain(trace.as_bytes(), &mut html).unwrap();
    std::fs::write(&page, html).unwrap();
    let began = Instant::now();
    let seen = browser::look(&browser, &page);
    eprintln!("{name}: opened in {} ms, looked at in {:.1} s", seen["openMs"], began.elapsed().as_secs_f64());
    assert_eq!(seen["errors"], json!([]), "{seen:#}");
    std::fs::remove_file(&page).unwrap();
    Some(seen)
}

/// Notes that a test did not run here, and why; `make test` shows it at its end.
fn skip(why: &str) {
    eprintln!("skipped: {why}");
    if let Some(file) = std::env::var_os("CONFMAN_SKIPS") {
        let mut file = std::fs::OpenOptions::new().append(true).open(file).expect("the list of skipped tests");
        std::io::Write::write_all(&mut file, format!("{why}\n").as_bytes()).expect("the list of skipped tests");
    }
}

fn made_up(events: u64, nodes: u64, clients: u64) -> MadeUp {
    let mut rng = stream(1, "explain");
    made_up::trace(events, nodes, clients, &mut |below| rng.random_range(0..below.max(1)))
}

/// What must be so of every page.
fn shows(seen: &Value, made: &MadeUp) {
    for (what, put_in) in [
        ("events", made.events),
        ("messages", made.sent),
        ("lost", made.lost),
        ("doubled", made.doubled),
        ("faults", made.faults),
        ("operations", made.asked),
        ("violations", 1),
        ("onlyLost", made.lost),
        ("searched", 1),
    ] {
        assert_eq!(seen[what], json!(put_in), "{what} of {seen:#}");
    }
    assert_eq!(seen["all"], json!({ "events": made.events, "messages": made.sent }), "after letting go of all filters");
    assert_eq!(seen["withoutHeartbeats"]["messages"], json!(made.sent - made.beats));
    assert_eq!(seen["withoutFirstLane"]["messages"], json!(made.sent - made.of_first));
}

#[test]
fn a_page_tells_the_story_and_filters_it() {
    let made = made_up(6_000, 3, 3);
    let Some(seen) = look("story", &made.lines) else { return };
    shows(&seen, &made);
    let broken: Value = made.lines.lines().rev().nth(1).map(|line| serde_json::from_str(line).unwrap()).unwrap();
    let (law, expected) = (broken["law"].as_str().unwrap(), broken["expected"].as_str().unwrap());
    assert!(seen["headline"].as_str().unwrap().contains(law) && seen["headline"].as_str().unwrap().contains("Seed 42"));
    assert!(seen["law"].as_str().unwrap().contains(expected));
    assert!(seen["lastStep"].as_str().unwrap().contains(law), "the story ends with the violation");
    assert_eq!(seen["violationInView"], json!(true));
    assert!(seen["firstArrows"].as_u64().unwrap() > 20 && seen["firstPixels"].as_u64().unwrap() > 50, "{seen:#}");

    // Only what led here: every cause of what is shown is shown, the violation's events among them, and little else.
    let (led, about) = (seen["led"]["events"].as_u64().unwrap(), broken["about"].as_array().unwrap().len() as u64);
    assert!(led > about + 1 && led < made.events / 10, "{seen:#}");
    assert_eq!((&seen["ledIsClosed"], &seen["ledRows"]), (&json!(true), &json!(led.min(60))));
    assert!(seen["steps"].as_u64().unwrap() > 3);

    // The search finds the violation, the panel shows it as it stands in the trace, and a click goes to its cause.
    assert_eq!(seen["chosen"], broken["n"]);
    let shown: Value = serde_json::from_str(seen["chosenText"].as_str().unwrap()).unwrap();
    assert_eq!(shown, broken);
    assert_eq!(seen["causeOfChosen"], broken["about"][0]);
}

#[test]
fn a_hundred_thousand_events_are_drawn_within_seconds() {
    let made = made_up(100_000, 5, 8);
    let Some(seen) = look("big", &made.lines) else { return };
    shows(&seen, &made);
    assert!(made.doubled > 0 && made.lost > 0 && made.faults > 0, "the made-up run has all that is counted");
    let ms = |what: &str| seen[what].as_u64().unwrap();
    assert!(ms("openMs") < 5_000 && ms("fitDrawMs") < 1_000 && ms("zoomDrawMs") < 1_000, "{seen:#}");
    assert!(seen["fitSummed"].as_u64().unwrap() > made.sent / 2, "the whole run is summed up");
    assert!(seen["fitArrows"].as_u64().unwrap() < 5_000, "and its arrows are few enough to be drawn");
}

#[test]
fn a_run_in_which_all_laws_held_and_one_that_was_stopped_have_their_pages() {
    let made = made_up(1_000, 3, 2);
    let lines: Vec<&str> = made.lines.lines().collect();
    let held = lines[..lines.len() - 2].join("\n");
    let Some(seen) = look("held", &held) else { return };
    assert_eq!((&seen["violations"], &seen["violationInView"]), (&json!(0), &Value::Null));
    let Some(seen) = look("stopped", &held[..held.len() - 9]) else { return };
    assert_eq!(seen["events"], json!(lines.len() - 3));
}
