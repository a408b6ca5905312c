//! Durations, sizes, addresses and URLs, as people write them.

use std::net::IpAddr;
use std::time::Duration;

/// Reads `500ms`, `3s`, `5m` or `2h`. `None` where it is anything else, or too large.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let millis_per_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(millis_per_unit).map(Duration::from_millis)
}

/// Writes a duration the way [`parse_duration`] reads it, in the largest unit that is exact.
pub(super) fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "0ms".to_owned(),
        ms if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// Reads `512`, `64KiB`, `16MiB` or `2GiB`.
pub(super) fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(1 << shift)
}

/// Writes a size the way [`parse_bytes`] reads it.
pub(super) fn format_bytes(bytes: u64) -> String {
    match bytes {
        0 => "0".to_owned(),
        n if n % (1 << 30) == 0 => format!("{}GiB", n >> 30),
        n if n % (1 << 20) == 0 => format!("{}MiB", n >> 20),
        n if n % (1 << 10) == 0 => format!("{}KiB", n >> 10),
        n => n.to_string(),
    }
}

/// A host and a port that were written as `127.0.0.1:7400`, `[::1]:7400` or `db-1.internal:7400`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostPort {
    pub host: String,
    pub port: u16,
}

impl HostPort {
    /// `None` where host or port is missing, or the port is not a number of 1 to 65535.
    pub fn parse(text: &str) -> Option<HostPort> {
        let (host, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
        let bare = match host.strip_prefix('[') {
            Some(rest) => {
                let inner = rest.strip_suffix(']')?;
                inner.parse::<std::net::Ipv6Addr>().ok()?;
                inner
            }
            None => host,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '_';
        let sane = !bare.is_empty() && (host.starts_with('[') || bare.chars().all(plain));
        sane.then(|| HostPort { host: bare.to_owned(), port })
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// Whether it means "all addresses": fine to listen on, of no use to others.
    pub fn is_unspecified(&self) -> bool {
        self.host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified())
    }
}

/// Whether other nodes can be told to connect there: a host and a port, and not "all addresses".
pub fn is_peer_address(text: &str) -> bool {
    HostPort::parse(text).is_some_and(|at| !at.is_unspecified())
}

/// Whether `text` is a base URL: `http://host[:port]` or `https://host[:port]`, and nothing behind it.
pub fn is_base_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else { return false };
    HostPort::parse(rest).is_some() || (!rest.contains(':') && HostPort::parse(&format!("{rest}:1")).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_what_they_print() {
        for (text, millis) in [("500ms", 500), ("3s", 3_000), ("5m", 300_000), ("2h", 7_200_000), ("0ms", 0)] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
        for bad in ["", "5", "s", "1.5s", "-1s", "5 s", "5S", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(parse_duration(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_read_back_what_they_print() {
        for (text, bytes) in [("512", 512), ("64KiB", 64 << 10), ("16MiB", 16 << 20), ("2GiB", 2 << 30)] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
            assert_eq!(format_bytes(bytes), text);
        }
        for bad in ["", "MiB", "1MB", "1.5MiB", "1 MiB", "-1", "99999999999999GiB"] {
            assert_eq!(parse_bytes(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn addresses_know_loopback_from_the_rest() {
        let loopback = |text| HostPort::parse(text).map(|at| at.is_loopback());
        assert_eq!(loopback("127.0.0.1:7400"), Some(true));
        assert_eq!(loopback("[::1]:7400"), Some(true));
        assert_eq!(loopback("localhost:7400"), Some(true));
        assert_eq!(loopback("10.0.0.1:7400"), Some(false));
        assert_eq!(loopback("0.0.0.0:7400"), Some(false));
        assert_eq!(loopback("db-1.internal:7400"), Some(false));
        for bad in
            ["", "7400", ":7400", "host", "host:", "host:0", "host:70000", "::1:7400", "a b:1", "http://x:1", "[x]:1"]
        {
            assert_eq!(HostPort::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_base_url_has_no_path() {
        for good in ["http://127.0.0.1:7400", "https://config.example.com", "http://[::1]:7400"] {
            assert!(is_base_url(good), "{good}");
        }
        for bad in ["", "127.0.0.1:7400", "http://", "http://a:7400/", "http://a/x", "ftp://a", "http://a:x"] {
            assert!(!is_base_url(bad), "{bad}");
        }
    }
}
