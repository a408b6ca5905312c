//! SIGTERM, SIGINT and SIGHUP (the terminal was closed): "please end".

use std::future::poll_fn;
use std::io;
use std::sync::mpsc;
use std::task::{Context, Poll};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask a process to end, caught from the moment this is made.
pub(super) struct StopSignals([(&'static str, Signal); 3]);

impl StopSignals {
    /// Must be called inside a tokio runtime.
    pub fn catch() -> io::Result<StopSignals> {
        Ok(StopSignals([
            ("SIGTERM", signal(SignalKind::terminate())?),
            ("SIGINT", signal(SignalKind::interrupt())?),
            ("SIGHUP", signal(SignalKind::hangup())?),
        ]))
    }

    /// The name of the next signal.
    pub async fn next(&mut self) -> &'static str {
        let came = |(name, signal): &mut (&'static str, Signal), cx: &mut Context<'_>| {
            signal.poll_recv(cx).is_ready().then_some(*name)
        };
        poll_fn(|cx| match self.0.iter_mut().find_map(|one| came(one, cx)) {
            Some(name) => Poll::Ready(name),
            None => Poll::Pending,
        })
        .await
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
