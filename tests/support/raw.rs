//! HTTP/1.1 by hand, byte by byte: what no well-behaved client would send, and exactly what comes back.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// One connection.
pub struct Raw {
    stream: TcpStream,
    /// What came and was not read yet.
    unread: Vec<u8>,
}

/// One answer, as it was sent.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Raw {
    /// Connects to a node by its URL.
    pub fn connect(url: &str) -> Raw {
        Raw::try_connect(url).unwrap_or_else(|error| panic!("{url} takes no connection: {error}"))
    }

    pub fn try_connect(url: &str) -> io::Result<Raw> {
        let address = url.trim_start_matches("http://");
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Raw { stream, unread: Vec::new() })
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends no more; still reads.
    pub fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }

    /// Another handle of the same connection, to send while this one reads.
    pub fn another_handle(&self) -> Raw {
        Raw { stream: self.stream.try_clone().expect("an open connection"), unread: Vec::new() }
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        let now = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: setsockopt(2) reads this one struct.
        unsafe {
            let length = size_of::<libc::linger>() as libc::socklen_t;
            libc::setsockopt(
                self.stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const now).cast(),
                length,
            );
        }
    }

    /// The next answer; `None` where the connection ended before it began. `of_head`: it is one to HEAD.
    pub fn answer(&mut self, of_head: bool) -> io::Result<Option<RawAnswer>> {
        let head = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                let head = self.unread.drain(..end + 4).collect::<Vec<u8>>();
                break String::from_utf8(head).expect("heads are ASCII");
            }
            if !self.more()? {
                assert!(self.unread.is_empty(), "cut off: {:?}", String::from_utf8_lossy(&self.unread));
                return Ok(None);
            }
        };
        let mut lines = head.split("\r\n");
        let status_line = lines.next().expect("a status line");
        let (status, reason) = status_line.split_once(' ').expect("a version").1.split_once(' ').expect("a reason");
        let headers: Vec<(String, String)> = lines
            .filter(|line| !line.is_empty())
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let status = status.parse().expect("a status");
        let mut answer = RawAnswer { status, reason: reason.to_owned(), headers, body: Vec::new() };
        if of_head || matches!(status, 100..=199 | 204 | 304) {
            return Ok(Some(answer));
        }
        answer.body = if answer.header("transfer-encoding") == Some("chunked") {
            self.chunks()?
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().expect("a length");
            self.bytes(length)?
        } else {
            while self.more()? {}
            std::mem::take(&mut self.unread)
        };
        Ok(Some(answer))
    }

    /// Whether the other side has closed, with nothing left to read.
    pub fn is_closed(&mut self) -> bool {
        match self.more() {
            Ok(more) => !more,
            // A reset is an end too.
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }

    fn more(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 16 << 10];
        let read = self.stream.read(&mut bytes)?;
        self.unread.extend_from_slice(&bytes[..read]);
        Ok(read > 0)
    }

    fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            if !self.more()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.unread.drain(..count).collect())
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                match find(&self.unread, b"\r\n") {
                    Some(end) => break end,
                    None if self.more()? => {}
                    None => return Err(io::ErrorKind::UnexpectedEof.into()),
                }
            };
            let line = String::from_utf8(self.bytes(end + 2)?).expect("a chunk's length is ASCII");
            let length = usize::from_str_radix(line.trim(), 16).expect("a chunk's length");
            body.extend(self.bytes(length)?);
            self.bytes(2)?;
            if length == 0 {
                return Ok(body);
            }
        }
    }
}

impl RawAnswer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut of_name = self.headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
        let first = of_name.next();
        assert!(of_name.next().is_none() || name.eq_ignore_ascii_case("vary"), "{name} comes twice: {self:?}");
        first.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// The last part of a problem's type; the problem is whole.
    #[track_caller]
    pub fn slug(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert_eq!(problem["requestId"].as_str(), self.header("x-request-id"), "{problem}");
        for member in ["type", "title", "detail", "instance"] {
            assert!(problem[member].is_string(), "{member} is missing: {problem}");
        }
        let kind = problem["type"].as_str().expect("a type");
        kind.strip_prefix("https://confman/errors/").expect("a type of ours").to_owned()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
