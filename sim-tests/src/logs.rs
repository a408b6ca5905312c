//! The nodes' own log lines, as events of the trace: what a node says of itself, at the moment it says it.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::world;

/// Records the nodes' log lines from level info up. Those of `printed` and above, openraft's included, are also
/// printed. Once per process.
pub fn record_logs(printed: Option<LevelFilter>) {
    let into_trace = IntoTrace { printed: printed.unwrap_or(LevelFilter::OFF) };
    // Set already only where somebody else records them.
    let _ = tracing::subscriber::set_global_default(into_trace);
}

/// Takes events and no spans: a node enters one at every poll of every task, and the trace says whose an event is.
struct IntoTrace {
    printed: LevelFilter,
}

fn is_recorded(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO && metadata.target().starts_with("confman")
}

impl IntoTrace {
    fn is_wanted(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && (is_recorded(metadata) || *metadata.level() <= self.printed)
    }
}

impl Subscriber for IntoTrace {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.is_wanted(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.is_wanted(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.printed.max(LevelFilter::INFO))
    }

    fn event(&self, event: &Event<'_>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            _ => "info",
        };
        let mut line = Line::default();
        event.record(&mut line);
        let what = format!("{}{}", line.message, line.fields);
        let metadata = event.metadata();
        if *metadata.level() <= self.printed {
            let who = world::current_node().map_or_else(String::new, |(node, number)| format!("node {node}.{number} "));
            eprintln!("{who}{} {}: {what}", metadata.level(), metadata.target());
        }
        if is_recorded(metadata) {
            world::log_for_current_node(level, &what);
        }
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        // No span is enabled, so this is never asked for; any id will do.
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
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
