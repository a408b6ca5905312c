use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::raw_answer;

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
        let detail = "this node has as many connections as it may have; try another node, or again in a second";
        let answer =
            raw_answer("503 Service Unavailable", "overloaded", "Too many connections", detail, "retry-after: 1\r\n");
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        while stream.read(&mut ignored).await? > 0 {}
        std::io::Result::Ok(())
    })
    .await;
}
