//! `llmnet receipt ID`: a receipt as a file, to keep or to give to somebody.

use std::time::Duration;

use clap::Args;

use super::{Common, Models, code, output::Output, session::Session};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The receipt's id, as the answer names it
    id: String,
    /// Wait up to so many milliseconds for it to be final
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    wait_ms: u64,
}

/// Prints the file itself, with and without `--json`: it is JSON, and its bytes are what is verified.
pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let models = Models {
        no_models: true,
        ..Models::default()
    };
    let session = Session::open(&common.directory(), &models, output).await?;
    let wait = Duration::from_millis(arguments.wait_ms);
    let bytes = session.client.receipt(&arguments.id, wait).await;
    session.close().await?;
    output.bytes(&bytes?)?;
    Ok(code::OK)
}
