//! SIGTERM and SIGINT: "please end".

use std::io;
use std::sync::mpsc;

use futures_util::future::{self, Either};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The two signals that ask a process to end, caught from the moment this is made.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Must be called inside a tokio runtime.
    pub fn catch() -> io::Result<StopSignals> {
        Ok(StopSignals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the next signal.
    pub async fn next(&mut self) -> &'static str {
        let (terminate, interrupt) = (self.terminate.recv(), self.interrupt.recv());
        match future::select(std::pin::pin!(terminate), std::pin::pin!(interrupt)).await {
            Either::Left(_) => "SIGTERM",
            Either::Right(_) => "SIGINT",
        }
    }
}

/// For code without a runtime: each signal is a message.
pub(super) fn on_thread() -> io::Result<mpsc::Receiver<&'static str>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { StopSignals::catch() })?;
    let (sender, receiver) = mpsc::channel();
    let listen = move || {
        // Ends when nobody wants to know any more.
        while sender.send(runtime.block_on(signals.next())).is_ok() {}
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    Ok(receiver)
}
