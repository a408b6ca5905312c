//! `confman cluster`: who belongs to the cluster, and who leads it.

use std::time::Duration;

use clap::Subcommand;

use super::Failure;
use super::output;
use super::reach::{Format, Reach};
use super::status;
use crate::client::Client;
use crate::wire::{AddMemberRequest, MemberChanged, ReplaceMemberRequest};

/// A change asks nodes, writes two entries and may wait for a node to catch up: nodes take 20 s at most.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often a node that is catching up is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  confman cluster status
  confman cluster add 4 --peer 10.0.0.4:7500 --url http://10.0.0.4:7400
  confman cluster replace 3 4 --peer 10.0.0.3:7500 --url http://10.0.0.3:7400
  confman cluster remove 3
  confman cluster transfer 2

All but status take an admin's key. Any node takes them; the leader carries them out, one at a time.
Exit codes: 0 done, 2 usage, 3 refused, 4 unavailable (nothing was done), 5 it is not known whether it was done.";

#[derive(Subcommand)]
enum Command {
    /// Show the nodes of the cluster and how they are.
    Status(status::Arguments),
    /// Add a node that runs with an empty data directory; it votes once it has caught up.
    Add {
        #[command(flatten)]
        new: NewNode,
        /// Leave it a learner, which receives everything and has no vote.
        #[arg(long)]
        learner: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Give a learner its vote.
    Promote {
        /// The learner's id.
        node: u64,
        #[command(flatten)]
        change: Change,
    },
    /// Remove a node. A leader hands over first.
    Remove {
        /// The node's id.
        node: u64,
        #[command(flatten)]
        change: Change,
    },
    /// Put a new node, which runs with an empty data directory, in the place of another.
    Replace {
        /// The id of the node that goes.
        old: u64,
        #[command(flatten)]
        new: NewNode,
        #[command(flatten)]
        change: Change,
    },
    /// Hand the leadership to a node.
    Transfer {
        /// The id of the node that shall lead.
        node: u64,
        #[command(flatten)]
        reach: Reach,
    },
}

#[derive(clap::Args)]
struct NewNode {
    /// The new node's id, which was never used in this cluster.
    id: u64,
    /// Where other nodes reach it.
    #[arg(long, value_name = "HOST:PORT")]
    peer: String,
    /// Where clients reach it.
    #[arg(long, value_name = "URL")]
    url: String,
}

#[derive(clap::Args)]
struct Change {
    /// Do also what leaves fewer voters answering than make a majority.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Status(arguments) => status::run(&arguments),
        Command::Add { new: NewNode { id, peer, url }, learner, change: Change { force, reach } } => {
            let new = AddMemberRequest { id, peer, url, promote: !learner };
            let done = if learner { format!("node {id} is a learner") } else { format!("node {id} votes") };
            came_in(&reach, id, &done, async |client| Ok(client.add_member(&new, force).await?))
        }
        Command::Replace { old, new: NewNode { id, peer, url }, change: Change { force, reach } } => {
            let new = ReplaceMemberRequest { id, peer, url };
            let done = format!("node {id} has taken the place of node {old}: stop node {old}");
            came_in(&reach, id, &done, async |client| Ok(client.replace_member(old, &new, force).await?))
        }
        Command::Promote { node, change: Change { force, reach } } => {
            let done = format!("node {node} votes");
            came_in(&reach, node, &done, async |client| Ok(client.promote_member(node, force).await?))
        }
        Command::Remove { node, change: Change { force, reach } } => {
            let format = reach.format()?;
            reach.run_within(TIMEOUT, async |client| Ok(client.remove_member(node, force).await?))?;
            match format {
                Format::Json => output::print_json(&serde_json::json!({ "id": node })),
                Format::Text => output::print(&format!("node {node} was removed: stop it\n")),
            }
        }
        Command::Transfer { node, reach } => {
            let format = reach.format()?;
            let leader = reach.run_within(TIMEOUT, async |client| Ok(client.transfer_leader(node).await?))?;
            match format {
                Format::Json => output::print_json(&leader),
                Format::Text => output::print(&format!("node {node} leads\n")),
            }
        }
    }
}

/// Has a node come in, and waits until it votes where it is still catching up.
fn came_in(
    reach: &Reach,
    node: u64,
    done: &str,
    ask: impl AsyncFnOnce(&Client) -> Result<MemberChanged, Failure>,
) -> Result<(), Failure> {
    let format = reach.format()?;
    let changed = reach.run_within(TIMEOUT, async |client| {
        let mut changed = ask(&client).await?;
        if changed.pending {
            eprintln!("node {node} is a learner and is catching up; the leader goes on even if this command ends");
        }
        while changed.pending {
            tokio::time::sleep(LOOK_EVERY).await;
            let members = client.members().await?;
            let Some(member) = members.items.iter().find(|member| member.id == node) else {
                return Err(Failure { exit_code: 3, ..Failure::failed(format!("node {node} was removed meanwhile")) });
            };
            changed.pending = !member.voter || members.changing;
        }
        Ok(changed)
    })?;
    match format {
        Format::Json => output::print_json(&changed),
        Format::Text => output::print(&format!("{done}\n")),
    }
}
