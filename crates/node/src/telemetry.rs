//! Logs. Prompts and answers are never logged.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::{
    filter::Targets, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt,
};

/// What is logged where `RUST_LOG` says nothing: what an operator must see. The engine tells at length of
/// what it has dealt with already.
const DEFAULT: &str = "warn,commonware=off";

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// A JSON object a line.
    Json,
}

/// Starts to log to standard error, as `RUST_LOG` says: `info`, or `warn,llmnet=debug`.
///
/// # Errors
/// `RUST_LOG` cannot be understood.
pub fn start(format: LogFormat) -> anyhow::Result<()> {
    let wanted = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| !text.is_empty());
    let filter: Targets = wanted
        .as_deref()
        .unwrap_or(DEFAULT)
        .parse()
        .map_err(|error| anyhow::anyhow!("RUST_LOG is not a list of target=level: {error}"))?;
    let registry = registry().with(filter);
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A second start, as in tests, leaves the first as it is.
    let _ = match format {
        LogFormat::Pretty => registry
            .with(fmt::layer().with_writer(std::io::stderr).with_ansi(colours))
            .try_init(),
        LogFormat::Json => registry
            .with(fmt::layer().json().with_writer(std::io::stderr))
            .try_init(),
    };
    Ok(())
}
