//! What a node says about itself over HTTP. Needs no key, changes nothing.

use std::time::Duration;

use ureq::Agent;

/// Asks nodes on this machine: who does not answer at once is not there.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct Probe(Agent);

impl Probe {
    pub fn new() -> Probe {
        let config = Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build();
        Probe(config.new_agent())
    }

    /// The base URL of the leader, where the node at `url` is ready and knows one.
    pub fn leader(&self, url: &str) -> Option<String> {
        let body = self.get(&format!("{url}/health/ready"))?;
        let answer: serde_json::Value = serde_json::from_str(&body).ok()?;
        answer["leader"].as_str().map(str::to_owned)
    }

    /// Whether the process at `url` serves.
    pub fn is_healthy(&self, url: &str) -> bool {
        self.get(&format!("{url}/health")).is_some()
    }

    /// The body of a good answer.
    fn get(&self, url: &str) -> Option<String> {
        self.0.get(url).call().ok()?.body_mut().read_to_string().ok()
    }
}
