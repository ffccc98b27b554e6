//! Runs the roles; sole reader of flags, files and environment.

use std::process::ExitCode;

fn main() -> ExitCode {
    llmnet::cli::run()
}
