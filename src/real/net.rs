use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::sockets::{ACCEPT_PAUSE, one_connection_failed, tune};
use crate::host::{BoxFuture, Link, LinkReceiver, LinkSender, PeerNet};

/// Links that others opened and that are still open. A cluster of seven needs some twenty; strangers who connect and
/// say nothing fill the rest until the handshake's deadline ends them, and no more files than this.
const INCOMING_MAX: usize = 256;
/// Connections that the kernel keeps until we accept them.
pub(super) const BACKLOG: u32 = 64;
/// Silence after which a peer is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(6);
/// Bytes asked of the kernel at once.
const READ_BYTES: usize = 16 << 10;
/// Frames up to this go out as one copy; longer ones are handed to the kernel where they lie.
const COPY_BYTES_MAX: usize = 16 << 10;
/// Before each frame: its length, big-endian.
const PREFIX_BYTES: usize = 4;

/// [`PeerNet`] on TCP.
pub(super) struct TcpPeers {
    listener: Arc<TcpListener>,
    incoming: Arc<Semaphore>,
}

impl TcpPeers {
    pub fn new(listener: TcpListener) -> TcpPeers {
        TcpPeers { listener: Arc::new(listener), incoming: Arc::new(Semaphore::new(INCOMING_MAX)) }
    }
}

impl PeerNet for TcpPeers {
    fn connect(&self, addr: &str) -> BoxFuture<'static, io::Result<Link>> {
        let addr = addr.to_owned();
        Box::pin(async move { link(TcpStream::connect(&*addr).await?, addr, None) })
    }

    fn accept(&self) -> BoxFuture<'static, io::Result<Link>> {
        let (listener, incoming) = (self.listener.clone(), self.incoming.clone());
        Box::pin(async move {
            let slot = Arc::new(incoming.acquire_owned().await.expect("never closed"));
            let mut told = false;
            loop {
                match listener.accept().await {
                    Ok((stream, remote)) => match link(stream, remote.to_string(), Some(slot.clone())) {
                        Ok(link) => return Ok(link),
                        // It was gone before we looked at it.
                        Err(error) => tracing::debug!(%remote, %error, "a peer's connection failed at once"),
                    },
                    Err(error) if one_connection_failed(&error) => {}
                    Err(error) => {
                        if !std::mem::replace(&mut told, true) {
                            tracing::warn!(%error, "cannot accept connections from peers; trying on");
                        }
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        })
    }
}

type Slot = Option<Arc<OwnedSemaphorePermit>>;

fn link(stream: TcpStream, remote: String, slot: Slot) -> io::Result<Link> {
    tune(&stream, QUIET)?;
    let (read, write) = stream.into_split();
    Ok(Link {
        sender: Box::new(TcpSender { stream: write, torn: false, copy: BytesMut::new(), _slot: slot.clone() }),
        receiver: Box::new(TcpReceiver { stream: read, buffer: BytesMut::new(), _slot: slot }),
        remote,
    })
}

struct TcpSender {
    stream: OwnedWriteHalf,
    /// A send failed or was given up half way: what follows would be read as the rest of that frame.
    torn: bool,
    copy: BytesMut,
    _slot: Slot,
}

impl TcpSender {
    async fn write(&mut self, frames: Vec<Bytes>) -> io::Result<()> {
        let mut prefixes = Vec::with_capacity(frames.len());
        for frame in &frames {
            let len = u32::try_from(frame.len())
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a frame has less than 4 GiB"))?;
            prefixes.push(len.to_be_bytes());
        }
        if std::mem::replace(&mut self.torn, true) {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "an earlier send ended in the middle of a frame"));
        }
        let bytes = frames.iter().map(|frame| PREFIX_BYTES + frame.len()).sum::<usize>();
        if bytes <= COPY_BYTES_MAX {
            self.copy.clear();
            for (prefix, frame) in prefixes.iter().zip(&frames) {
                self.copy.extend_from_slice(prefix);
                self.copy.extend_from_slice(frame);
            }
            self.stream.write_all(&self.copy).await?;
        } else {
            let parts = prefixes.iter().zip(&frames).flat_map(|(prefix, frame)| [&prefix[..], &frame[..]]);
            let mut slices: Vec<IoSlice<'_>> = parts.filter(|part| !part.is_empty()).map(IoSlice::new).collect();
            let mut rest = &mut slices[..];
            while !rest.is_empty() {
                let written = self.stream.write_vectored(rest).await?;
                if written == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                IoSlice::advance_slices(&mut rest, written);
            }
        }
        self.torn = false;
        Ok(())
    }
}

impl LinkSender for TcpSender {
    fn send(&mut self, frames: Vec<Bytes>) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.write(frames))
    }
}

struct TcpReceiver {
    stream: OwnedReadHalf,
    /// Read and not yet handed out; survives a `recv` that is given up.
    buffer: BytesMut,
    _slot: Slot,
}

impl TcpReceiver {
    async fn read(&mut self, bytes_max: usize) -> io::Result<Option<Bytes>> {
        loop {
            let missing = match self.buffer.first_chunk::<PREFIX_BYTES>() {
                None => PREFIX_BYTES - self.buffer.len(),
                Some(prefix) => {
                    let len = u32::from_be_bytes(*prefix) as usize;
                    // Before any room is made for it: a stranger's length costs nothing.
                    if len > bytes_max {
                        let why = format!("a frame of {len} bytes, where at most {bytes_max} are allowed");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
                    }
                    if self.buffer.len() - PREFIX_BYTES >= len {
                        self.buffer.advance(PREFIX_BYTES);
                        return Ok(Some(self.buffer.split_to(len).freeze()));
                    }
                    PREFIX_BYTES + len - self.buffer.len()
                }
            };
            self.buffer.reserve(missing.max(READ_BYTES));
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }
}

impl LinkReceiver for TcpReceiver {
    fn recv(&mut self, bytes_max: usize) -> BoxFuture<'_, io::Result<Option<Bytes>>> {
        Box::pin(self.read(bytes_max))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::sockets::listen;
    use super::*;

    async fn pair() -> (Link, Link, TcpPeers) {
        let listener = listen("peer.listen", "127.0.0.1:0", BACKLOG).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let peers = TcpPeers::new(listener);
        let (out, back) = tokio::join!(peers.connect(&address), peers.accept());
        (out.unwrap(), back.unwrap(), peers)
    }

    #[tokio::test]
    async fn frames_of_all_sizes_arrive_whole_and_in_order_until_the_link_closes() {
        let (mut out, mut back, _peers) = pair().await;
        let sizes = [0, 1, 5, COPY_BYTES_MAX, 0, 1 << 20, 3, READ_BYTES - 4, 70_000, 0];
        let frames: Vec<Bytes> = sizes.iter().enumerate().map(|(at, len)| vec![at as u8; *len].into()).collect();
        let sent = frames.clone();
        let sending = tokio::spawn(async move {
            out.sender.send(sent.clone()).await.unwrap();
            for frame in sent {
                out.sender.send(vec![frame]).await.unwrap();
            }
            out.sender.send(Vec::new()).await.unwrap();
        });
        for frame in frames.iter().chain(&frames) {
            assert_eq!(back.receiver.recv(1 << 20).await.unwrap().as_ref(), Some(frame));
        }
        sending.await.unwrap();
        assert_eq!(back.receiver.recv(1 << 20).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_frame_that_is_too_long_is_refused_before_room_is_made_for_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (out, back) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (mut out, (read, _write)) = (out.unwrap(), back.unwrap().0.into_split());
        let mut receiver = TcpReceiver { stream: read, buffer: BytesMut::new(), _slot: None };
        out.write_all(&[0xFF; PREFIX_BYTES]).await.unwrap();
        let error = receiver.read(1 << 20).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(receiver.buffer.capacity() <= 2 * READ_BYTES, "{}", receiver.buffer.capacity());
    }

    #[tokio::test]
    async fn a_link_cut_within_a_frame_is_an_error_and_no_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (out, back) = tokio::join!(TcpStream::connect(address), listener.accept());
        let mut back = link(back.unwrap().0, String::new(), None).unwrap();
        let mut out = out.unwrap();
        out.write_all(&[0, 0, 0, 9, 1, 2]).await.unwrap();
        drop(out);
        assert_eq!(back.receiver.recv(100).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_send_given_up_half_way_ends_the_link() {
        let (mut out, _back, _peers) = pair().await;
        let big = out.sender.send(vec![vec![0; 64 << 20].into()]);
        assert!(tokio::time::timeout(Duration::from_millis(50), big).await.is_err(), "nobody reads it");
        let error = out.sender.send(vec![Bytes::from_static(b"next")]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
