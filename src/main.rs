//! The `touchline` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    touchline::cli::run()
}
