use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::own_answer::{OwnAnswer, TOO_MANY_CONNECTIONS};

/// How long a refused client may take to send its request and to read the answer.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

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

async fn say_and_close(mut stream: TcpStream, answer: &OwnAnswer) -> std::io::Result<()> {
    stream.write_all(&answer.bytes()).await?;
    stream.shutdown().await?;
    // Closing with unread bytes would reset the connection, and the client might never see the answer.
    let mut ignored = [0; 4096];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
