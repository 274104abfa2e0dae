//! Ending quietly when whoever reads our output goes away, as `| head` does.
//!
//! Rust leaves the signal for it ignored, so that printing panics instead. Taking
//! the signal's default back needs `unsafe`; the panic is caught on its way.

use std::io::ErrorKind;
use std::process::ExitCode;

/// What a shell reports of a process that the signal SIGPIPE (13) ended: 128 + 13.
const ENDED_BY_PIPE: u8 = 141;
/// How the panic of `print!`, `println!`, `eprint!` and `eprintln!` begins. Said by the
/// standard library in `std::io::stdio`; a test holds that it still is.
const PRINTING: &str = "failed printing to std";
/// How the system names it. Rust has these words for `EPIPE` on every Unix.
const BROKEN_PIPE: &str = "Broken pipe";

/// From now on a print that nobody reads ends the process without a word; any other
/// panic is told as before.
pub(super) fn end_quietly() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let words = panic.payload_as_str().unwrap_or_default();
        if words.starts_with(PRINTING) && words.contains(BROKEN_PIPE) {
            std::process::exit(i32::from(ENDED_BY_PIPE));
        }
        others(panic);
    }));
}

/// The exit code of a command that failed because nobody reads it, if so.
pub(super) fn exit_code(error: &anyhow::Error) -> Option<ExitCode> {
    let failed = error.downcast_ref::<std::io::Error>()?;
    (failed.kind() == ErrorKind::BrokenPipe).then(|| ExitCode::from(ENDED_BY_PIPE))
}
