//! What a request costs on its way through a gateway: a provider that is never the limit, and a client that
//! times gateways against it in alternating blocks.
//!
//! ```text
//! load --plan PLAN   one block of each target in turn, over and over --> JSON
//!   |-- direct -----------------------------> mock
//!   |-- llmnet, nginx, TensorZero, ... -----> mock      the same question, the same answer
//! settled URL FILE   whether each receipt that came with an answer is proven on the ledger
//! ```
//!
//! `benches/speed.py` starts all of them, writes the plans and keeps what comes of it. Everything speaks HTTP/1.1
//! over raw sockets: what is measured here is a few hundred microseconds, of which clients take more than that.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should stop"
)]
#![expect(clippy::print_stdout, reason = "it prints what it measures")]
#![expect(
    clippy::print_stderr,
    reason = "it says why it cannot go on, and how far it is"
)]

mod answer;
mod http;
mod load;
mod mock;
mod plan;
mod process;
mod settled;
mod statistics;

use std::process::ExitCode;

const USAGE: &str = "speed mock [--delay-us N] [--tokens N]
speed load PLAN.json
speed settled URL FILE

Run by benches/speed.py (`just speed`), which needs all of them at once.";

fn main() -> ExitCode {
    // Cargo adds --bench of its own.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let done = match words.as_slice() {
        ["mock", options @ ..] => match mock::Manner::read(options) {
            Some(manner) => runtime.block_on(mock::serve(manner)),
            None => Err(USAGE.to_owned()),
        },
        ["load", plan] => runtime.block_on(load::run(plan)),
        ["settled", url, file] => runtime.block_on(settled::check(url, file)),
        _ => {
            // Also how `cargo bench --workspace` passes by.
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
