use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::clock::SystemClock;
use super::entropy::SystemEntropy;
use super::sockets::tune;
use crate::host::{BoxFuture, ClientHost, Connection, SendError, Transport};

/// A page is at most 4 MiB of values, a value at most 1 MiB; escapes may take six times that.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Silence after which a node's machine is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(10);

/// What a client needs, on this machine. Its operations must run on a tokio runtime with net and time.
pub fn client_host() -> io::Result<ClientHost> {
    Ok(ClientHost {
        transport: Arc::new(HttpTransport),
        clock: Arc::new(SystemClock::start()),
        entropy: Arc::new(SystemEntropy::draw()?),
    })
}

/// HTTP/1.1 over TCP, by hyper.
pub struct HttpTransport;

impl Transport for HttpTransport {
    fn connect(&self, base: &str) -> BoxFuture<'_, Result<Box<dyn Connection>, String>> {
        let authority = base.strip_prefix("http://").unwrap_or(base).to_owned();
        Box::pin(async move {
            let text = |error: &dyn std::fmt::Display| error.to_string();
            let host = HeaderValue::from_str(&authority).map_err(|error| text(&error))?;
            let has_port = authority.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
            let address = if has_port { authority } else { format!("{authority}:80") };
            let stream = TcpStream::connect(&address).await.map_err(|error| text(&error))?;
            tune(&stream, QUIET).map_err(|error| text(&error))?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| text(&error))?;
            // Ends when the connection does, or the sender is gone. Who waits for an answer is told by the sender.
            tokio::spawn(async move { drop(connection.await) });
            Ok(Box::new(HttpConnection { sender, host }) as Box<dyn Connection>)
        })
    }
}

struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

impl Connection for HttpConnection {
    fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    fn send(&mut self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        let mut request = request.map(Full::new);
        request.headers_mut().insert(HOST, self.host.clone());
        Box::pin(async move {
            self.sender.ready().await.map_err(|error| SendError::NotSent(told(&error)))?;
            let answer = self.sender.try_send_request(request).await.map_err(|error| match error.message() {
                // It comes back only where none of it was written.
                Some(_) => SendError::NotSent(told(error.error())),
                None => SendError::Broken(told(error.error())),
            })?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| SendError::Broken(format!("the answer broke off: {error}")))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        })
    }
}

/// hyper's errors say what happened, and their sources why.
fn told(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
