//! The nodes' own log lines, as events of the trace: what a node says of itself, at the moment it says it.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, filter};

use crate::world;

/// Records the nodes' log lines from level info up. With `show` they are also printed, those that `RUST_LOG` chooses.
/// Once per process.
pub fn record_logs(show: bool) {
    let ours = filter::Targets::new().with_target("confman", Level::INFO);
    let printed =
        show.then(|| tracing_subscriber::fmt::layer().with_ansi(false).with_filter(EnvFilter::from_default_env()));
    tracing_subscriber::registry().with(IntoTrace.with_filter(ours)).with(printed).init();
}

struct IntoTrace;

impl<S: Subscriber> Layer<S> for IntoTrace {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG | Level::TRACE => return,
        };
        let mut line = Line::default();
        event.record(&mut line);
        world::log_for_current_node(level, &format!("{}{}", line.message, line.fields));
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
