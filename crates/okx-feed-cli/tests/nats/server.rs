//! A `nats-server` on a free port.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A running server with JetStream. Its files are removed with it.
pub(crate) struct TestServer {
    binary: PathBuf,
    dir: PathBuf,
    port: u16,
    args: Vec<String>,
    child: Option<Child>,
}

/// The server's program; `None` if there is none, which is said.
fn binary() -> Option<PathBuf> {
    let named = std::env::var_os("OKX_FEED_NATS_SERVER").map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|dir| dir.join("nats-server"));
    let found = named.into_iter().chain(found).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: there is no nats-server in PATH or OKX_FEED_NATS_SERVER");
    }
    found
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A directory of this test alone.
pub(crate) fn scratch_dir() -> PathBuf {
    let name = format!("okx-feed-nats-{}-{:08x}", std::process::id(), fastrand::u32(..));
    let dir = std::env::temp_dir().join(name);
    fs::create_dir_all(&dir).unwrap();
    dir
}

impl TestServer {
    /// Starts one; `None` if there is no program.
    pub(crate) fn start(args: &[&str]) -> Option<Self> {
        let binary = binary()?;
        let port = free_port();
        let args = args.iter().map(ToString::to_string).collect();
        let mut server = Self { binary, dir: scratch_dir(), port, args, child: None };
        server.run();
        Some(server)
    }

    /// Starts the program, on the same port and files as before.
    pub(crate) fn run(&mut self) {
        let child = Command::new(&self.binary)
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"])
            .arg(&self.dir)
            .args(&self.args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "the server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends the program, with SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Makes the program read its file of options again.
    pub(crate) fn reload(&self) {
        let child = self.child.as_ref().unwrap();
        kill_process(Pid::from_child(child), Signal::HUP).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Takes the port for the next start, and gives the one before.
    pub(crate) fn use_port(&mut self, port: u16) -> u16 {
        std::mem::replace(&mut self.port, port)
    }

    /// The folder of the streams.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
