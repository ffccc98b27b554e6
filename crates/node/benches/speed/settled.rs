//! Whether receipts are on the ledger: each must have the proof that a settlement of a final block holds it.

use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::net::TcpStream;

use crate::http::Connection;

/// How long the last of them may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks for every receipt whose id stands in the file, by lines.
pub(crate) async fn check(url: &str, file: &str) -> Result<(), String> {
    let ids = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let address = url
        .strip_prefix("http://")
        .unwrap_or(url)
        .trim_end_matches('/');
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| format!("{address}: {error}"))?;
    let mut connection = Connection::new(stream)?;
    let deadline = Instant::now() + PATIENCE;
    let (mut total, mut late) = (0_u64, 0_u64);
    for id in ids.lines() {
        total += 1;
        while !settled(&mut connection, address, id).await? {
            if Instant::now() > deadline {
                late += 1;
                break;
            }
        }
    }
    println!(r#"{{"receipts":{total},"settled":{}}}"#, total - late);
    if late > 0 || total == 0 {
        return Err(format!("{late} of {total} receipts are not settled"));
    }
    Ok(())
}

async fn settled(connection: &mut Connection, address: &str, id: &str) -> Result<bool, String> {
    let request = format!("GET /v1/receipts/{id}?wait_ms=5000 HTTP/1.1\r\nhost: {address}\r\n\r\n");
    connection.write(request.as_bytes()).await?;
    let head = connection.head().await?.ok_or("the gateway hung up")?;
    connection.body(&head, |_| {}).await?;
    if head.status() != Some(200) {
        return Err(format!("receipt {id}: {}", head.line()));
    }
    Ok(head.header("x-llmnet-receipt-state") == Some("final"))
}
