//! The vendors' own client libraries against our fakes and our verifiers: a fake
//! that only our own code has met proves nothing. Likewise the language server of
//! editors against our schema. `make test` installs them first
//! (`tests/contract/install`).

#![expect(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

mod editor;
mod hubspot;
mod slack;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The top of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An example program of a workspace crate, as `cargo test --workspace` builds it.
fn example(name: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let path = exe.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built: run `make test`", path.display());
    path
}

/// The Python of a vendor's packages.
fn python(vendor: &str) -> PathBuf {
    installed(root().join("target/contract").join(vendor).join("bin/python"))
}

/// A Node script of a vendor, with its packages beside it.
fn script(vendor: &str, name: &str) -> PathBuf {
    let folder = root().join("tests/contract").join(vendor).join("node");
    installed(folder.join("node_modules"));
    folder.join(name)
}

fn installed(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: run `make test`, which installs it", path.display());
    path
}

/// A child that ends with the test.
struct Running {
    child: Child,
    /// Its first line on standard output.
    first_line: String,
    rest: BufReader<std::process::ChildStdout>,
}

impl Running {
    /// Starts a program and waits for its first line.
    fn start(command: &mut Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut rest = BufReader::new(child.stdout.take().unwrap());
        let mut first_line = String::new();
        rest.read_line(&mut first_line).unwrap();
        assert!(!first_line.is_empty(), "{command:?} ended without a word");
        Running { child, first_line, rest }
    }

    /// The next line it prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.rest.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end; answers what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out
}

/// Runs a program that reads `input`; answers what it printed.
fn ask(command: &mut Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
    out.trim().to_owned()
}
