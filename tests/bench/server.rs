//! Servers as processes of their own, on loopback, with a temporary database.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::cost;
use crate::webhook::CLIENT_SECRET;

/// The first argument by which this program starts itself as a server.
pub const CHILD: &str = "serve";
/// The program that ships, as this build made it.
pub const TOUCHLINE: &str = env!("CARGO_BIN_EXE_touchline");
/// A server that is not ready after that is a failure.
const READY_MS: u64 = 20_000;
/// Between two looks at whether it is ready.
const LOOK_MS: u64 = 2;

/// A folder with a configuration file, and the address in it.
pub struct Home {
    folder: TempDir,
    /// Where the server will listen.
    pub address: SocketAddr,
    /// The configuration.
    pub file: PathBuf,
}

impl Home {
    /// With one HubSpot connection; `more` is added at the end.
    pub fn new(top: &str, of_hubspot: &str, more: &str) -> anyhow::Result<Home> {
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let file = folder.path().join("touchline.toml");
        let text = format!(
            "listen = \"{address}\"\npublic_url = \"http://{address}\"\n\
             database = \"sqlite:{path}/touchline.db\"\nkey_file = \"{path}/touchline.key\"\n{top}\n\
             [log]\nlevel = \"error\"\n\
             [connections.hubspot]\nconnector = \"hubspot\"\n\
             client_secret = \"{CLIENT_SECRET}\"\naccess_token = \"fake-access-token\"\n{of_hubspot}\n{more}\n",
            path = folder.path().display(),
        );
        std::fs::write(&file, text)?;
        Ok(Home { folder, address, file })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A running server; ends when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the shipped program with this configuration.
    pub fn shipped(home: &Home) -> anyhow::Result<Server> {
        Self::start(TOUCHLINE.as_ref(), &["serve", "--config", &home.file.to_string_lossy()], home)
    }

    /// Starts this program as a server of a `kind` of its own.
    pub fn of_this_program(kind: &str, home: &Home) -> anyhow::Result<Server> {
        let program = std::env::current_exe()?;
        Self::start(&program, &[CHILD, kind, &home.file.to_string_lossy()], home)
    }

    fn start(program: &Path, arguments: &[&str], home: &Home) -> anyhow::Result<Server> {
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .stdout(Stdio::null())
            .current_dir(home.path())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Server { child, address: home.address })
    }

    /// Waits until it accepts connections.
    pub fn wait(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while std::net::TcpStream::connect(self.address).is_err() {
            anyhow::ensure!(self.child.try_wait()?.is_none(), "the server ended at once");
            let waited = begun.elapsed();
            anyhow::ensure!(
                waited < Duration::from_millis(READY_MS),
                "the server does not listen on {} after {waited:?}",
                self.address
            );
            std::thread::sleep(Duration::from_millis(LOOK_MS));
        }
        Ok(())
    }

    /// Processor time it has taken so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cost::of_process(self.child.id())
    }

    /// Its memory in RAM, in MiB.
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        cost::resident_mib(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about either.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
