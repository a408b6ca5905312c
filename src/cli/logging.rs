//! Log lines on stderr: readable where that is a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::config::LOG_DEFAULT;

/// What is logged can be changed while it is logged.
pub(super) struct Logging(Box<dyn Fn(EnvFilter) -> Result<(), String> + Send>);

/// Starts logging. To be called once.
pub(super) fn start(log: &str) -> Result<Logging, Failure> {
    let filter = filter(log)?;
    // A line that cannot be written (a full disk, a reader that went away) is lost. To say so on the same stderr, as is
    // the default, would panic, in whatever task was logging.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    if std::io::stderr().is_terminal() {
        let builder = builder.compact().with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Ok(Logging(Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string()))))
    } else {
        // The message and its fields at the top of each line, as log collectors expect them.
        let builder = builder.json().flatten_event(true).with_span_list(false).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Ok(Logging(Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string()))))
    }
}

impl Logging {
    /// From now on this is logged.
    pub fn change(&self, log: &str) -> Result<(), Failure> {
        (self.0)(filter(log)?).map_err(|error| Failure::failed(format!("the log level cannot be changed: {error}")))
    }
}

fn filter(log: &str) -> Result<EnvFilter, Failure> {
    // A level alone is about our own lines; the libraries' stay as they are.
    let text = match log.parse::<tracing::Level>() {
        Ok(_) => LOG_DEFAULT.replacen("info", log, 1),
        Err(_) => log.to_owned(),
    };
    let cannot = |error| Failure::refused(format!("the log filter {text:?} cannot be read: {error}"));
    EnvFilter::try_new(&text).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_a_filter_is_taken_and_nonsense_refused() {
        let hint = |log| filter(log).expect("a filter").max_level_hint();
        assert_eq!(hint(LOG_DEFAULT), Some(tracing::Level::INFO.into()));
        assert_eq!(hint("debug"), Some(tracing::Level::DEBUG.into()));
        assert!(filter("warn,confman::raft=trace").is_ok());
        assert!(filter("confman=loud").is_err());
    }
}
