//! `sim`: runs simulated disasters from their seeds.

#[cfg(madsim)]
mod child;
#[cfg(madsim)]
mod command;
#[cfg(madsim)]
mod explain;
#[cfg(madsim)]
mod memory;
#[cfg(madsim)]
mod origin;
#[cfg(madsim)]
mod run;
#[cfg(madsim)]
mod schedule;
#[cfg(madsim)]
mod shrink;
#[cfg(madsim)]
mod summary;
#[cfg(madsim)]
mod swarm;
#[cfg(madsim)]
mod twin;

#[cfg(madsim)]
fn main() -> std::process::ExitCode {
    command::main()
}

#[cfg(not(madsim))]
fn main() -> std::process::ExitCode {
    eprintln!("the simulator is built with RUSTFLAGS=\"--cfg madsim\"; `make sim SEED=1` does it");
    std::process::ExitCode::from(2)
}
