use crate::host::files::Damage;
use crate::world::{Death, Incarnation, World};

/// Who meets damage of its own disk stops and names the file, or mends it. No node serves on top of damage that it has
/// read: every file that a start depends on is read by a start, so a node that was started after the damage and
/// serves has replaced, repaired or removed what was damaged.
///
/// ARCHITECTURE.md, "Two kinds of storage", rule 5; the fault model is that of "Protocol-Aware Recovery for
/// Consensus-Based Storage" (Alagappan and others, FAST 2018).
pub const NAME: &str = "damage is noticed, and named";

/// Judges the nodes that stopped themselves.
pub fn check_deaths(world: &World) -> Result<(), String> {
    for node in world.nodes() {
        let damages = world.disk(node).damages();
        let silent = |death: &&Death| {
            let after = damages.first().is_some_and(|damage| death.at >= damage.at);
            death.node == node && after && !names(&damages, death) && !death.reason.contains("injected fault")
        };
        if let Some(death) = world.deaths().iter().find(silent) {
            let files: Vec<&str> = damages.iter().map(|damage| damage.path.as_str()).collect();
            let Death { incarnation, reason, .. } = death;
            return Err(format!(
                "node {node} (incarnation {incarnation}) stopped itself and does not name {}: {reason}",
                files.join(" or ")
            ));
        }
    }
    Ok(())
}

/// Judges a process that serves.
pub fn check_serving(world: &World, process: &Incarnation) -> Result<(), String> {
    let overlooked = |damage: &Damage| damage.incarnation < process.number;
    match world.disk(process.node).unmended().into_iter().find(overlooked) {
        None => Ok(()),
        Some(Damage { path, offset, .. }) => {
            let (node, number) = (process.node, process.number);
            Err(format!(
                "node {node} (incarnation {number}) serves, and {path} is as damaged at {offset} as before its start"
            ))
        }
    }
}

/// The nodes that stopped themselves and named the damage: they are to be replaced, and no more started.
pub fn stopped(world: &World) -> Vec<u64> {
    let deaths = world.deaths();
    let has_stopped = |node: &u64| {
        let damages = world.disk(*node).damages();
        deaths.iter().any(|death| death.node == *node && names(&damages, death))
    };
    world.nodes().into_iter().filter(has_stopped).collect()
}

fn names(damages: &[Damage], death: &Death) -> bool {
    damages.iter().any(|damage| death.at >= damage.at && death.reason.contains(&damage.path))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::host::files::{DiskSettings, How};
    use crate::host::net::NetSettings;
    use crate::schedule::Damaged;
    use crate::seed::stream;
    use crate::trace::Trace;
    use crate::world::Stop;

    async fn damaged() -> Arc<World> {
        let world = World::new(1, Trace::default(), &[1, 2, 3], DiskSettings::default(), NetSettings::default());
        let (process, host) = world.boot(2);
        let file = host.files.create("identity").await.unwrap();
        file.write_at(0, Bytes::from_static(b"whose it is")).await.unwrap();
        let how = How::FlippedBit;
        world.disk(2).damage(Damaged::Identity, how, process.number, &mut stream(1, "damage")).unwrap();
        assert_ne!(file.read_at(0, 100).await.unwrap(), "whose it is");
        check_serving(&world, &process).unwrap();
        world.stop(2, Stop::Crash);
        world
    }

    #[test]
    fn who_serves_on_damage_is_seen_and_who_mends_it_is_not() {
        madsim::runtime::Runtime::new().block_on(async {
            let world = damaged().await;
            let (process, host) = world.boot(2);
            assert!(check_serving(&world, &process).unwrap_err().contains("identity"));
            host.files.open("identity").await.unwrap().write_at(0, Bytes::from_static(b"whose it is")).await.unwrap();
            check_serving(&world, &process).unwrap();
        });
    }

    #[test]
    fn who_stops_names_the_file() {
        madsim::runtime::Runtime::new().block_on(async {
            let world = damaged().await;
            let (_process, host) = world.boot(2);
            host.fatal("the file \"identity\" is damaged");
            check_deaths(&world).unwrap();
            assert_eq!(stopped(&world), [2]);
            let world = damaged().await;
            let (_process, host) = world.boot(2);
            host.fatal("something is wrong");
            assert!(check_deaths(&world).unwrap_err().contains("does not name identity"));
            assert!(stopped(&world).is_empty());
        });
    }
}
