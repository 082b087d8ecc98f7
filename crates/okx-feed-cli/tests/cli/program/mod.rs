//! The real program as a child, with bounded waits. It does not outlive its test.
#![allow(dead_code, reason = "each test file needs a part of it")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a program may take for anything; a loaded machine is slow.
const TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) struct Program {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<BufReader<ChildStderr>>,
}

pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let step = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    while !is_so() {
        assert!(waited < TIMEOUT, "timed out: {what}");
        thread::sleep(step);
        waited += step;
    }
}

/// A program that was started otherwise.
impl From<Child> for Program {
    fn from(child: Child) -> Self {
        Self { child, stdout: None, stderr: None }
    }
}

impl Program {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_with(args, Stdio::null())
    }

    /// Starts the program with something to read.
    pub(crate) fn start_with(args: &[&str], stdin: impl Into<Stdio>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_okx-feed"));
        // The machine's proxy, where it has one, does not know the exchange of a test.
        command.args(args).env("NO_PROXY", "*").env_remove("RUST_LOG").stdin(stdin);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().map(BufReader::new);
        let stderr = child.stderr.take().map(BufReader::new);
        Self { child, stdout, stderr }
    }

    /// The next line of standard output, which is lost to [`Program::finish`].
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    /// The next line of standard error.
    pub(crate) fn error_line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    pub(crate) fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Waits until the program handles the signals that end it. Needs `/proc`.
    pub(crate) fn wait_for_signal_handlers(&self) {
        const HUP: u64 = 1;
        let path = format!("/proc/{}/status", self.child.id());
        let mut waited = Duration::ZERO;
        loop {
            let status = std::fs::read_to_string(&path).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
            if u64::from_str_radix(caught.trim(), 16).unwrap() & HUP != 0 {
                return;
            }
            assert!(waited < TIMEOUT, "the program handles no signal");
            thread::sleep(Duration::from_millis(2));
            waited += Duration::from_millis(2);
        }
    }

    /// Sends what Ctrl-C sends, and waits for the end.
    pub(crate) fn interrupt(self) -> Output {
        self.signal("INT")
    }

    /// Sends a signal by its name, and waits for the end.
    pub(crate) fn signal(self, name: &str) -> Output {
        self.send_signal(name);
        self.finish()
    }

    /// Sends a signal by its name.
    pub(crate) fn send_signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Waits for the end, and gives all that was not read yet.
    pub(crate) fn finish(self) -> Output {
        self.finish_within(0)
    }

    /// As [`Program::finish`], of a program that runs for so many seconds.
    pub(crate) fn finish_within(mut self, seconds: u64) -> Output {
        let stdout = self.stdout.take().map(read_all);
        let stderr = self.stderr.take().map(read_all);
        let step = Duration::from_millis(10);
        let mut waited = Duration::ZERO;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(waited < TIMEOUT + Duration::from_secs(seconds), "the program does not end");
            thread::sleep(step);
            waited += step;
        };
        let rest = |reader: Option<JoinHandle<Vec<u8>>>| {
            reader.map(|reader| reader.join().unwrap()).unwrap_or_default()
        };
        Output { status, stdout: rest(stdout), stderr: rest(stderr) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has mostly ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_all(mut source: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).unwrap();
        bytes
    })
}
