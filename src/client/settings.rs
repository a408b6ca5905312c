use std::fmt;
use std::time::Duration;

/// How long an operation may take, tries and all.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long one node may take to accept a connection before the next one is asked.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Whom a client asks, as whom, and for how long.
#[derive(Clone)]
pub struct ClientConfig {
    /// Base URLs.
    pub(super) addresses: Vec<String>,
    pub(super) key: Option<String>,
    pub(super) credentials: Credentials,
    pub(super) consistency: Consistency,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
}

/// How new what a client reads has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Whatever the node has that is asked: what was read or written a moment ago, by way of another node, may be
    /// missing.
    Eventual,
    /// At least as new as all that this client and its clones were answered before, by whichever node: a session reads
    /// its own writes and never goes back.
    #[default]
    Session,
    /// As new as all that anybody was answered before the read began. A quorum is asked each time.
    Linearizable,
}

/// How the key is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    ApiKey,
    Bearer,
}

/// An address that a client cannot use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is no address of a node: {why}")]
pub struct InvalidAddress {
    pub address: String,
    pub why: &'static str,
}

impl ClientConfig {
    /// Addresses of nodes, like `http://10.0.0.1:7400` or `10.0.0.1:7400`; at least one. Any of a cluster will do; with
    /// all of them the client lives on while nodes are down.
    pub fn new<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> Result<ClientConfig, InvalidAddress> {
        let mut parsed: Vec<String> = Vec::new();
        for address in addresses {
            let base = base_url(address.as_ref())?;
            if !parsed.contains(&base) {
                parsed.push(base);
            }
        }
        if parsed.is_empty() {
            return Err(InvalidAddress { address: String::new(), why: "give one or more" });
        }
        Ok(ClientConfig {
            addresses: parsed,
            key: None,
            credentials: Credentials::ApiKey,
            consistency: Consistency::default(),
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
        })
    }

    /// The API key.
    pub fn with_key(self, key: impl Into<String>) -> ClientConfig {
        ClientConfig { key: Some(key.into()), ..self }
    }

    /// Sends the key as `Authorization: Bearer`. A follower that may choose then passes writes on, instead of sending
    /// the client to the leader.
    pub fn as_bearer(self) -> ClientConfig {
        ClientConfig { credentials: Credentials::Bearer, ..self }
    }

    /// How new what is read has to be: [`Consistency::Session`] where nobody says otherwise.
    pub fn with_consistency(self, consistency: Consistency) -> ClientConfig {
        ClientConfig { consistency, ..self }
    }

    /// How long one operation may take, with all its tries; a page of a list is one. 10 s where nobody says otherwise.
    pub fn with_timeout(self, timeout: Duration) -> ClientConfig {
        ClientConfig { timeout, ..self }
    }

    /// The base URLs.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map(|_| "(secret)");
        f.debug_struct("ClientConfig").field("addresses", &self.addresses).field("key", &key).finish_non_exhaustive()
    }
}

/// `http://host:port`, without a slash at its end.
fn base_url(address: &str) -> Result<String, InvalidAddress> {
    let invalid = |why| InvalidAddress { address: address.to_owned(), why };
    let rest = match address.split_once("://") {
        Some(("http", rest)) => rest,
        Some(("https", _)) => {
            return Err(invalid("this client speaks http; before a TLS proxy, give the node's own address"));
        }
        Some(_) => return Err(invalid("it must begin with http://")),
        None => address,
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#', '@']) {
        return Err(invalid("it must end after the port: no path, no user"));
    }
    let parsed: http::uri::Authority =
        authority.parse().map_err(|_| invalid("it must be like http://10.0.0.1:7400"))?;
    // Where the scheme is not said, only the port tells an address from a word.
    if parsed.host().is_empty()
        || (parsed.port_u16().is_none() && (parsed.port().is_some() || !address.contains("://")))
    {
        return Err(invalid("it must be like http://10.0.0.1:7400"));
    }
    Ok(format!("http://{authority}"))
}

/// The base and the path of an absolute URL, as a redirect has it.
pub(super) fn split_url(url: &str) -> Option<(String, String)> {
    let rest = url.strip_prefix("http://")?;
    let at = rest.find('/')?;
    let base = base_url(&url[..url.len() - rest.len() + at]).ok()?;
    Some((base, rest[at..].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        for (address, base) in [
            ("http://10.0.0.1:7400", "http://10.0.0.1:7400"),
            ("http://10.0.0.1:7400/", "http://10.0.0.1:7400"),
            ("10.0.0.1:7400", "http://10.0.0.1:7400"),
            ("localhost:7400", "http://localhost:7400"),
            ("http://config.internal", "http://config.internal"),
            ("[::1]:7400", "http://[::1]:7400"),
        ] {
            assert_eq!(base_url(address).as_deref(), Ok(base), "{address}");
        }
        for bad in [
            "",
            "confman",
            "http://",
            "https://a:7400",
            "ftp://a:1",
            "http://a:7400/api",
            "u@a:1",
            "a:x",
            "a:99999",
            "a b:1",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
        assert!(ClientConfig::new(Vec::<String>::new()).is_err());
        assert_eq!(ClientConfig::new(["a:1", "http://a:1/"]).map(|config| config.addresses.len()), Ok(1));
    }

    #[test]
    fn a_redirect_is_a_base_and_a_path() {
        let split = |url| split_url(url);
        let expected = ("http://a:1".to_owned(), "/api/v1/config/x/-/y?hop=1".to_owned());
        assert_eq!(split("http://a:1/api/v1/config/x/-/y?hop=1"), Some(expected));
        for bad in ["", "/api/v1", "http://a:1", "https://a:1/x", "http:///x"] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        let config = ClientConfig::new(["a:1"]).expect("an address").with_key("cm_secret");
        assert!(!format!("{config:?}").contains("cm_secret"));
    }
}
