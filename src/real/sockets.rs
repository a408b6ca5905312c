use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};

use super::OpenError;

/// How long an accept loop waits after an error that another try will only repeat, like running out of files.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on `address`, like `127.0.0.1:7400` (port 0: any free one). `setting` is the setting's name, for errors.
///
/// `backlog`: how many connections the kernel may keep for us until we accept them.
pub async fn listen(setting: &'static str, address: &str, backlog: u32) -> Result<TcpListener, OpenError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => OpenError::PortTaken { setting, address: address.to_owned() },
        _ => OpenError::Listen { setting, address: address.to_owned(), source },
    };
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    for found in lookup_host(address).await.map_err(failed)? {
        match listen_on(found, backlog) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

fn listen_on(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted node must not wait for its old connections' TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

/// Whether accepting failed for one connection alone: the next one may be fine at once.
pub(super) fn one_connection_failed(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Sends small writes at once, and notices a peer that is gone without a word: after `quiet` of silence it is asked
/// every `quiet` / 3, and given up after three times.
pub(super) fn tune(stream: &TcpStream, quiet: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(quiet).with_interval(quiet / 3).with_retries(3);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    // Keep-alive says nothing while data waits to be acknowledged; this does.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(quiet * 2))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_setting() {
        let first = listen("peer.listen", "127.0.0.1:0", 8).await.unwrap();
        let address = first.local_addr().unwrap().to_string();
        let text = listen("peer.listen", &address, 8).await.unwrap_err().to_string();
        assert!(text.contains(&address) && text.contains("peer.listen"), "{text}");
        let text = listen("http.listen", "no port", 8).await.unwrap_err().to_string();
        assert!(text.contains("http.listen"), "{text}");
    }
}
