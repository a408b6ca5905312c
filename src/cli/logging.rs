//! Log lines on stderr: readable where that is a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::Failure;

/// What is logged where nobody says otherwise. What openraft tells below `error` is for its developers: a warning for
/// each heartbeat that a dead follower misses, twenty a second.
const DEFAULT: &str = "info,openraft=error,fjall=warn,lsm_tree=warn";

#[derive(clap::Args)]
pub(super) struct LogArguments {
    /// What to log: a level (error, warn, info, debug, trace), or levels by module, like `info,confman::raft=debug`.
    #[arg(long, env = "CONFMAN_LOG", value_name = "FILTER")]
    log: Option<String>,
}

/// Starts logging. To be called once.
pub(super) fn start(arguments: &LogArguments) -> Result<(), Failure> {
    let filter = filter(arguments.log.as_deref())?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.compact().init();
    } else {
        // The message and its fields at the top of each line, as log collectors expect them.
        builder.json().flatten_event(true).with_span_list(false).init();
    }
    Ok(())
}

fn filter(log: Option<&str>) -> Result<EnvFilter, Failure> {
    let text = match log {
        None | Some("") => DEFAULT.to_owned(),
        // A level alone is about our own lines; the libraries' stay as they are.
        Some(level) if level.parse::<tracing::Level>().is_ok() => DEFAULT.replacen("info", level, 1),
        Some(filter) => filter.to_owned(),
    };
    EnvFilter::try_new(&text).map_err(|error| {
        Failure::refused(format!("the log filter {text:?} cannot be read: {error}"))
            .advise("Use a level (error, warn, info, debug, trace) or levels by module, like info,confman::raft=debug")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_a_filter_is_taken_and_nonsense_refused() {
        assert_eq!(filter(None).expect("the default is a filter").max_level_hint(), Some(tracing::Level::INFO.into()));
        assert_eq!(filter(Some("debug")).expect("a level").max_level_hint(), Some(tracing::Level::DEBUG.into()));
        assert!(filter(Some("warn,confman::raft=trace")).is_ok());
        assert!(filter(Some("confman=loud")).is_err());
    }
}
