/// Files that a node opens beside its clients' connections: the store's engine up to 900, connections of other nodes up
/// to 256, the log, snapshots, and some to spare.
const OWN_FILES: u64 = 1536;

/// Asks the system for as many open files as the node and `connections` need, and says how many connections that is
/// enough for. Clients must not take the files that log, store and other nodes need.
pub fn room_for_connections(connections: usize) -> usize {
    let wanted = OWN_FILES.saturating_add(connections as u64);
    match raise(wanted) {
        Some(limit) => connections.min(usize::try_from(beside_own(limit)).unwrap_or(usize::MAX)),
        None => connections,
    }
}

/// How many of `limit` files are for clients: what the node itself does not need, and a quarter where that is little.
fn beside_own(limit: u64) -> u64 {
    limit.saturating_sub(OWN_FILES).max(limit / 4).max(1)
}

/// Raises the limit to `wanted`, or as far as this process may. What holds then; `None` where the system does not say.
#[cfg(unix)]
fn raise(wanted: u64) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit(2) and setrlimit(2) read and write this one struct.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return None;
    }
    #[allow(clippy::useless_conversion)] // The type differs between systems.
    let (soft, hard) = (u64::from(limit.rlim_cur), u64::from(limit.rlim_max));
    if soft >= wanted {
        return Some(soft);
    }
    let raised = libc::rlimit { rlim_cur: wanted.min(hard) as libc::rlim_t, rlim_max: limit.rlim_max };
    // SAFETY: as above.
    let done = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0;
    Some(if done { wanted.min(hard) } else { soft })
}

#[cfg(not(unix))]
fn raise(_: u64) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_the_node_does_not_need() {
        assert_eq!(beside_own(20_000), 20_000 - OWN_FILES);
        assert_eq!((beside_own(1024), beside_own(256), beside_own(0)), (256, 64, 1));
        assert!(room_for_connections(1) == 1);
    }
}
