use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::own_answer::{OwnAnswer, TOO_MANY_CONNECTIONS};

/// How long a refused client may take to send its request and to read the answer.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// How long a client that was answered may go on sending what nobody reads.
const LINGER_TIME: Duration = Duration::from_secs(5);

/// Tells a client that there is no room for it, and closes the connection.
pub(super) async fn refuse(mut stream: TcpStream) {
    // A refusal that does not get through is no loss: the connection is closed either way.
    let _ = tokio::time::timeout(REFUSAL_TIME, async {
        let mut ignored = [0; 4096];
        // Closing with unread bytes would reset the connection, and the client might never see the answer.
        if stream.read(&mut ignored).await? == 0 {
            return Ok(());
        }
        say_and_close(stream, &TOO_MANY_CONNECTIONS).await
    })
    .await;
}

/// Answers a client whose request cannot be read, and closes the connection.
pub(super) async fn reject(stream: TcpStream, answer: &OwnAnswer) {
    let _ = tokio::time::timeout(REFUSAL_TIME, say_and_close(stream, answer)).await;
}

/// Lets a client that was answered, and told that no more comes, send the rest of its request into nothing.
pub(super) async fn linger(mut stream: TcpStream) {
    let _ = tokio::time::timeout(LINGER_TIME, drain(&mut stream)).await;
}

async fn say_and_close(mut stream: TcpStream, answer: &OwnAnswer) -> std::io::Result<()> {
    stream.write_all(&answer.bytes()).await?;
    stream.shutdown().await?;
    drain(&mut stream).await
}

/// Reads until the client closes too. Closing with unread bytes would reset the connection, and the client might never
/// see the answer.
async fn drain(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut ignored = vec![0; 16 << 10];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
