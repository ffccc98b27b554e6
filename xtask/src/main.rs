//! Checks what only this project cares about.
//!
//! `cargo run -p xtask -- tidy` holds code and documents to each other; it needs no network and no build
//! of the house. `cargo run -p xtask -- licences` reads the licences of all dependencies.

#![expect(clippy::print_stdout, reason = "a command's findings are its output")]

mod finding;
mod licences;
mod metadata;
mod source;
mod tidy;

use std::{path::Path, process::ExitCode};

use anyhow::bail;

const USAGE: &str = "usage: cargo run -p xtask -- <tidy | licences>";

fn main() -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the repository");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = match arguments.as_slice() {
        [command] => command.as_str(),
        _ => bail!(USAGE),
    };
    let findings = match command {
        "tidy" => tidy::findings(root)?,
        "licences" => licences::findings(root)?,
        _ => bail!(USAGE),
    };
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{command}: nothing to do");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{command}: {} to put right", findings.len());
    Ok(ExitCode::FAILURE)
}
