//! HTTP as a plain client sees it: no redirect is followed and no status is an error unless the test says so.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

/// A client with connections of its own.
pub struct Http(Agent);

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// No answer. Whether the request reached the node is all that matters then.
#[derive(Clone)]
pub enum Failed {
    /// No connection: surely nothing was sent.
    NotSent(String),
    /// Anything later: it may have taken effect.
    Unknown(String),
}

impl Http {
    pub fn new() -> Http {
        Http::with_patience(Duration::from_secs(15))
    }

    /// A client that waits so long for an answer.
    pub fn with_patience(patience: Duration) -> Http {
        let config = Agent::config_builder()
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .build();
        Http(config.new_agent())
    }

    pub fn get(&self, url: &str, key: Option<&str>) -> Result<Answer, Failed> {
        self.send("GET", url, &key_header(key), None)
    }

    pub fn put(&self, url: &str, key: Option<&str>, body: &str) -> Result<Answer, Failed> {
        self.send("PUT", url, &key_header(key), Some(body))
    }

    pub fn delete(&self, url: &str, key: Option<&str>) -> Result<Answer, Failed> {
        self.send("DELETE", url, &key_header(key), None)
    }

    pub fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Answer, Failed> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match body {
            Some(body) => {
                let request = request.header("Content-Type", "application/json").body(body).expect("a request");
                self.0.run(request)
            }
            None => self.0.run(request.body(()).expect("a request")),
        };
        let mut answer = answer.map_err(failed)?;
        let header = |name: &ureq::http::HeaderName, value: &ureq::http::HeaderValue| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let headers = answer.headers().iter().map(|(name, value)| header(name, value)).collect();
        let body = answer.body_mut().with_config().limit(64 << 20).read_to_string().map_err(failed)?;
        Ok(Answer { status: answer.status().as_u16(), headers, body })
    }
}

fn key_header(key: Option<&str>) -> Vec<(&str, &str)> {
    key.into_iter().map(|key| ("X-API-Key", key)).collect()
}

fn failed(error: ureq::Error) -> Failed {
    match &error {
        ureq::Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused => Failed::NotSent(error.to_string()),
        ureq::Error::ConnectionFailed => Failed::NotSent(error.to_string()),
        _ => Failed::Unknown(error.to_string()),
    }
}

impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::NotSent(why) => write!(f, "not sent: {why}"),
            Failed::Unknown(why) => write!(f, "sent perhaps, and then: {why}"),
        }
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// The last part of a problem's type.
    pub fn slug(&self) -> String {
        assert_eq!(self.header("content-type").split(';').next(), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        let kind = problem["type"].as_str().expect("a problem has a type");
        kind.rsplit('/').next().expect("a type has a last part").to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn value(&self) -> Option<String> {
        self.json()["value"].as_str().map(str::to_owned)
    }
}
