//! `confman status`: the cluster at a glance.

use super::Failure;
use super::output::{self, Cell, Screen, Tone, plain};
use super::reach::{Format, Reach};
use crate::wire::{Alarm, AlarmKind, Cluster, ClusterNode};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    reach: Reach,
}

const EXAMPLES: &str = "\
The cluster as one node sees it now: role, term, applied revision, log entries behind, version and address of each
node; then alarms, which need a person.

Examples:
  confman status
  confman status --address http://10.0.0.2:7400
  confman status --output json

Exit codes: 0 a node answered, 2 usage, 3 refused, 4 unavailable.";

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let format = arguments.reach.format()?;
    let cluster = arguments.reach.run(async |client| Ok(client.cluster().await?))?;
    match format {
        Format::Json => output::print_json(&cluster),
        Format::Text => output::print(&describe(&cluster, Screen::stdout())),
    }
}

fn describe(cluster: &Cluster, screen: Screen) -> String {
    let mut text = String::new();
    if screen.is_terminal() {
        text += &format!("cluster {}, as node {} sees it\n\n", cluster.cluster, cluster.node);
    }
    let rows: Vec<_> = cluster.nodes.iter().map(row).collect();
    text += &screen.table(&["NODE", "ROLE", "TERM", "APPLIED", "BEHIND", "VERSION", "ADDRESS"], &rows);
    for Alarm { kind, nodes, detail } in &cluster.alarms {
        let kind = match kind {
            AlarmKind::StateHashMismatch => "state-hash-mismatch",
            AlarmKind::StateDamaged => "state-damaged",
            AlarmKind::ApiKeysDiffer => "api-keys-differ",
            AlarmKind::ClocksDiffer => "clocks-differ",
            AlarmKind::NotAMember => "not-a-member",
        };
        let nodes: Vec<String> = nodes.iter().map(u64::to_string).collect();
        text += &screen.paint(&format!("alarm: {kind}, nodes {}: {detail}", nodes.join(", ")), Tone::Bad);
        text.push('\n');
    }
    text
}

fn row(node: &ClusterNode) -> Vec<Cell> {
    let number = plain(node.node.to_string());
    let Some(group) = node.groups.first().filter(|_| node.reachable) else {
        let nothing = || plain("-");
        let missing = ("unreachable".to_owned(), Tone::Bad);
        return vec![number, missing, nothing(), nothing(), nothing(), nothing(), plain(&node.url)];
    };
    let role_tone = if group.role == "leader" { Tone::Good } else { Tone::Plain };
    let state = if group.caught_up { "" } else { ", catching up" };
    vec![
        number,
        (format!("{}{state}", group.role), role_tone),
        plain(group.term.to_string()),
        plain(group.applied.clone().unwrap_or_else(|| "-".to_owned())),
        plain(group.lag.to_string()),
        plain(node.version.clone().unwrap_or_else(|| "-".to_owned())),
        plain(&node.url),
    ]
}
