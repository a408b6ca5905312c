//! SIGTERM and SIGINT: "please end". SIGHUP: "read your configuration again", or the terminal was closed.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::sync::mpsc;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that say something to a process, caught from the moment this is made.
pub(super) struct Signals {
    ending: [(&'static str, Signal); 2],
    hangup: Signal,
    /// A closed terminal sends SIGHUP. Who has none, or was started by `nohup`, is not meant by it.
    ends_with_terminal: bool,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end; the name of the signal.
    End(&'static str),
    Reload,
}

impl Signals {
    /// Must be called inside a tokio runtime.
    pub fn catch() -> io::Result<Signals> {
        // Asked first: from here on it is caught.
        let ends_with_terminal = has_terminal() && !hangup_is_ignored();
        Ok(Signals {
            ending: [("SIGTERM", signal(SignalKind::terminate())?), ("SIGINT", signal(SignalKind::interrupt())?)],
            hangup: signal(SignalKind::hangup())?,
            ends_with_terminal,
        })
    }

    /// What the next signal asks for.
    pub async fn next(&mut self) -> Asked {
        poll_fn(|cx| {
            for (name, signal) in &mut self.ending {
                if signal.poll_recv(cx).is_ready() {
                    return Poll::Ready(Asked::End(name));
                }
            }
            if self.hangup.poll_recv(cx).is_ready() {
                let closed = self.ends_with_terminal && !has_terminal();
                return Poll::Ready(if closed { Asked::End("SIGHUP") } else { Asked::Reload });
            }
            Poll::Pending
        })
        .await
    }

    /// The name of the next signal that asks to end.
    pub async fn next_end(&mut self) -> &'static str {
        loop {
            if let Asked::End(name) = self.next().await {
                return name;
            }
        }
    }
}

fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

fn hangup_is_ignored() -> bool {
    // SAFETY: sigaction(2) with no new action only fills `now`, which is plain data and valid as zeros.
    let (asked, now) = unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut now), now)
    };
    asked == 0 && now.sa_sigaction == libc::SIG_IGN
}

/// For code without a runtime and without a configuration to read: each signal asks to end, and is a message.
pub(super) fn on_thread() -> io::Result<mpsc::Receiver<&'static str>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::catch() })?;
    let (sender, receiver) = mpsc::channel();
    let listen = move || {
        let mut next = || match runtime.block_on(signals.next()) {
            Asked::End(name) => name,
            Asked::Reload => "SIGHUP",
        };
        // Ends when nobody wants to know any more.
        while sender.send(next()).is_ok() {}
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    Ok(receiver)
}
