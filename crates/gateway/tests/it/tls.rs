//! TLS. Chain and key in `tls/` are made for these tests, by `openssl req -x509`, for the name `localhost`.

use std::{sync::Arc, time::Duration};

use llmnet_gateway::{Tls, TlsError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use crate::client::{PATIENCE, Reply, Server, body, config, post, until};

const CHAIN: &[u8] = include_bytes!("tls/chain.pem");
const KEY: &[u8] = include_bytes!("tls/key.pem");

async fn server() -> Server {
    Server::secured(Tls::new(CHAIN, KEY).unwrap(), config()).await
}

/// A client that trusts the tests' certificate and nothing else.
async fn connect(
    server: &Server,
    name: &'static str,
) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(CHAIN).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).unwrap();
    let stream = server.connect().await;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test]
async fn questions_are_answered_and_streamed_where_nobody_listens_in() {
    let server = server().await;
    for (fields, expected) in [("", "\"receipt_id\""), (r#","stream":true"#, "[DONE]")] {
        let mut stream = connect(&server, "localhost").await.unwrap();
        let request = post(body("aspirin?", fields).as_bytes(), "connection: close\r\n");
        stream.write_all(&request).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let reply = Reply::parse(&bytes);
        assert_eq!(reply.status, 200);
        assert!(reply.body.contains(expected), "{}", reply.body);
    }
    // Whoever looks for another finds that it is not here.
    assert!(connect(&server, "example.org").await.is_err());
}

#[tokio::test]
async fn hanging_up_cancels_here_too() {
    let server = server().await;
    let mut stream = connect(&server, "localhost").await.unwrap();
    let request = post(body("never", "").as_bytes(), "");
    stream.write_all(&request).await.unwrap();
    until(&server.script.asked, 1).await;
    drop(stream);
    until(&server.script.cancelled, 1).await;
}

#[tokio::test]
async fn who_speaks_no_tls_or_nothing_is_let_go() {
    let mut config = config();
    config.header_timeout = Duration::from_millis(150);
    let server = Server::secured(Tls::new(CHAIN, KEY).unwrap(), config).await;
    for said in [
        &b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n"[..],
        b"",
        b"\x16\x03\x01",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(said).await.unwrap();
        let mut bytes = Vec::new();
        let reading = stream.read_to_end(&mut bytes);
        let ended = tokio::time::timeout(PATIENCE, reading).await;
        assert!(ended.is_ok(), "{said:?}");
        assert!(!bytes.starts_with(b"HTTP"), "{said:?}");
    }
}

#[test]
fn what_is_no_certificate_or_not_its_key_is_refused() {
    let other = Tls::new(KEY, KEY);
    assert_eq!(other.unwrap_err(), TlsError::Chain);
    assert_eq!(Tls::new(b"", KEY).unwrap_err(), TlsError::Chain);
    assert_eq!(Tls::new(CHAIN, CHAIN).unwrap_err(), TlsError::Key);
    let short: Vec<u8> = CHAIN[..200].to_vec();
    assert!(Tls::new(&short, KEY).is_err());
    // Nothing of the key is in what is said of it.
    let shown = format!("{:?}", Tls::new(CHAIN, KEY).unwrap());
    assert_eq!(shown, "Tls { .. }");
}
