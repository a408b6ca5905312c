//! Bytes that are not what was written: never taken for what was, never a panic.

use rand::RngExt;

use super::*;

/// A log of several segments, all told durable, and what it says.
async fn filled(host: &FakeHost) -> Vec<LogEntry> {
    let wal = open(host).await;
    append(&wal, entries(1, 0..30, 400)).await.unwrap();
    wal.save_vote(Bytes::from_static(b"vote")).await.unwrap();
    for index in 30..40 {
        append(&wal, vec![LogEntry { id: LogId::new(1, index), payload: vec![0; 1200].into() }]).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    read_all(&wal).await
}

async fn reopen(host: &FakeHost) -> Result<Wal, LogError> {
    Wal::open(&host.host, GROUP, settings(), None).await
}

#[tokio::test(start_paused = true)]
async fn a_flipped_bit_is_damage_or_changes_nothing() {
    let mut host = fake::host();
    let expected = filled(&host).await;
    let mut rng = Rng::seed_from_u64(3);
    let (mut damaged, mut harmless) = (0, 0);
    for _ in 0..400 {
        host = host.kill();
        let names = segments(&host);
        let name = &names[rng.random_range(0..names.len())];
        let good = host.files.contents(name).unwrap();
        let mut bad = good.clone();
        let at = rng.random_range(0..bad.len());
        bad[at] ^= 1 << rng.random_range(0..8);
        host.files.set_contents(name, bad);
        match reopen(&host).await {
            Ok(wal) => {
                harmless += 1;
                assert_eq!(read_all(&wal).await, expected, "{name} at {at}");
                assert_eq!(wal.vote().unwrap(), "vote");
            }
            Err(LogError::Damaged { file, .. }) => {
                damaged += 1;
                assert_eq!(&file, name, "at {at}");
            }
            Err(other) => panic!("{name} at {at}: {other}"),
        }
        host = host.kill();
        host.files.set_contents(name, good);
    }
    assert!(damaged > 100 && harmless > 10, "{damaged} {harmless}");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_first_record_of_a_segment_is_named_and_not_the_segment_before() {
    let mut host = fake::host();
    filled(&host).await;
    let names = segments(&host);
    for name in &names[..names.len() - 2] {
        host = host.kill();
        let good = host.files.contents(name).unwrap();
        let mut bad = good.clone();
        bad[70] ^= 1;
        host.files.set_contents(name, bad);
        let Err(LogError::Damaged { file, .. }) = reopen(&host).await else { panic!("{name}") };
        assert_eq!(&file, name);
        host = host.kill();
        host.files.set_contents(name, good);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_file_is_damage_and_says_what_to_do() {
    let mut host = fake::host();
    filled(&host).await;
    let mut rng = Rng::seed_from_u64(4);
    for name in segments(&host) {
        for _ in 0..20 {
            host = host.kill();
            let good = host.files.contents(&name).unwrap();
            let len = rng.random_range(0..good.len());
            host.files.set_contents(&name, good[..len].to_vec());
            let Err(error @ LogError::Damaged { .. }) = reopen(&host).await else { panic!("{name} cut at {len}") };
            let text = error.to_string();
            assert!(text.contains(&name) && text.contains("Replace the node"), "{text}");
            host.files.set_contents(&name, good);
        }
    }
    assert!(reopen(&host.kill()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_missing_segment_with_live_entries_is_damage() {
    let host = fake::host();
    filled(&host).await;
    let host = host.kill();
    host.host.files.remove("log/4-0000000002.seg").await.unwrap();
    let Err(LogError::Damaged { file, what, .. }) = reopen(&host).await else { panic!("it was not noticed") };
    assert!(what.contains("are gone"), "{file}: {what}");
}

/// Zeros the sectors of the last record, which is longer than two, and returns where it began.
fn zero_last_sectors(host: &FakeHost) -> (String, usize) {
    let names = segments(host);
    let holds_records = |name: &&String| host.files.contents(name).unwrap()[64..].iter().any(|byte| *byte != 0);
    let name = names.iter().rfind(holds_records).unwrap().clone();
    let mut bytes = host.files.contents(&name).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let from = (end - 600) / 512 * 512;
    bytes[from..end + 1].fill(0);
    host.files.set_contents(&name, bytes);
    (name, from)
}

#[tokio::test(start_paused = true)]
async fn a_zeroed_sector_at_the_end_is_cut_unless_the_store_proves_that_it_was_synced() {
    let host = fake::host();
    let wal = open(&host).await;
    append(&wal, entries(1, 1..4, 1500)).await.unwrap();
    let host = host.kill();
    zero_last_sectors(&host);
    let proven = Wal::open(&host.host, GROUP, settings(), Some(LogId::new(1, 3))).await;
    assert!(matches!(proven, Err(LogError::Damaged { .. })));
    let wal = Wal::open(&host.host, GROUP, settings(), Some(LogId::new(1, 2))).await.unwrap();
    assert_eq!(wal.last(), Some(LogId::new(1, 2)));
    // What was cut does not come back.
    append(&wal, entries(2, 3..4, 10)).await.unwrap();
    let wal = reopen(&host.kill()).await.unwrap();
    assert_eq!(wal.last(), Some(LogId::new(2, 3)));
}

#[tokio::test(start_paused = true)]
async fn a_zeroed_sector_that_a_later_record_proves_is_damage() {
    let host = fake::host();
    let wal = open(&host).await;
    append(&wal, entries(1, 1..3, 1500)).await.unwrap();
    append(&wal, entries(1, 3..4, 10)).await.unwrap();
    let host = host.kill();
    let name = "log/4-0000000001.seg";
    let mut bytes = host.files.contents(name).unwrap();
    bytes[1024..1536].fill(0);
    host.files.set_contents(name, bytes);
    let Err(LogError::Damaged { what, .. }) = reopen(&host).await else { panic!("synced entries were cut") };
    assert!(what.contains("proves"), "{what}");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_rot_while_the_node_runs_stop_it() {
    let host = fake::host();
    let wal = open(&host).await;
    append(&wal, entries(1, 0..10, 500)).await.unwrap();
    let name = "log/4-0000000001.seg";
    let mut bytes = host.files.contents(name).unwrap();
    bytes[700] ^= 1;
    host.files.set_contents(name, bytes);
    let error = wal.read(LogIndex(0), LogIndex(3), usize::MAX).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(host.fatal_reason().unwrap().contains(name));
}

#[tokio::test(start_paused = true)]
async fn a_newer_format_is_named() {
    let host = fake::host();
    filled(&host).await;
    let host = host.kill();
    let name = "log/4-0000000001.seg";
    let mut bytes = host.files.contents(name).unwrap();
    bytes[8] = 2;
    let sum = crc32c::crc32c(&bytes[..12]).to_le_bytes();
    bytes[12..16].copy_from_slice(&sum);
    host.files.set_contents(name, bytes);
    assert!(matches!(reopen(&host).await, Err(LogError::NewerFormat { found: 2, known: 1, .. })));
}

#[tokio::test(start_paused = true)]
async fn any_bytes_are_read_without_a_panic() {
    let mut host = fake::host();
    filled(&host).await;
    let good: Vec<(String, Vec<u8>)> =
        segments(&host).into_iter().map(|name| (name.clone(), host.files.contents(&name).unwrap())).collect();
    let mut rng = Rng::seed_from_u64(5);
    for _ in 0..200 {
        host = host.kill();
        for (name, bytes) in &good {
            let mut bytes = bytes.clone();
            // Whole stretches are overwritten, or copied from elsewhere.
            let (from, len) = (rng.random_range(0..bytes.len()), rng.random_range(0..3000));
            let to = (from + len).min(bytes.len());
            if rng.random_bool(0.5) {
                bytes[from..to].iter_mut().for_each(|byte| *byte = rng.random());
            } else {
                let source = rng.random_range(0..=bytes.len() - (to - from));
                bytes.copy_within(source..source + (to - from), from);
            }
            host.files.set_contents(name, bytes);
        }
        if let Ok(wal) = reopen(&host).await {
            let _ = wal.read(LogIndex(0), LogIndex(u64::MAX), usize::MAX).await;
        }
    }
}
