//! Serves the tests' scripted node, for clients to be tried against: `scripted 127.0.0.1:4141`.

#[path = "../tests/it/ledger_script.rs"]
#[expect(dead_code, reason = "tests look into it")]
mod ledger_script;
#[path = "../tests/it/script.rs"]
mod script;

use std::{future::pending, sync::Arc};

use llmnet_gateway::{Access, Config, port::Ports, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:4141".to_owned());
    let listener = TcpListener::bind(address).await?;
    let ports = Ports {
        coordinator: Arc::<script::Script>::default(),
        ledger: Arc::<ledger_script::LedgerScript>::default(),
        access: Access::open(),
        embedder: Some(Arc::new(script::Vectors)),
    };
    serve(listener, ports, Config::default(), pending()).await?;
    Ok(())
}
