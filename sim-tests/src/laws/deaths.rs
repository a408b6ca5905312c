use crate::world::{Death, World};

/// A node stops itself only where the run gave it a reason: an error of its disk.
///
/// ARCHITECTURE.md: a broken truth stops the node. So a node that stopped without a fault met a broken truth.
pub fn check(world: &World) -> Result<(), String> {
    let unprovoked = |death: &&Death| !world.disk(death.node).has_hurt(death.incarnation);
    match world.deaths().iter().find(unprovoked) {
        None => Ok(()),
        Some(Death { node, incarnation, reason, .. }) => {
            Err(format!("node {node} (incarnation {incarnation}) stopped itself, unprovoked: {reason}"))
        }
    }
}

pub const NAME: &str = "no node stops itself unprovoked";
