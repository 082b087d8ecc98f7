//! A terminal that is closed under the program.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::program::Program;

/// A terminal of a window: the window's end, and the program's.
fn terminal() -> (OwnedFd, OwnedFd) {
    let window = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&window).unwrap();
    unlockpt(&window).unwrap();
    let name = ptsname(&window, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    (window, open(&name, flags, Mode::empty()).unwrap())
}

/// Starts the program on a terminal, closes that once something was drawn, with or without the
/// signal that a shell's program gets, and gives the exit code.
fn close_terminal(args: &[&str], signal: bool) -> Option<i32> {
    let (window, program) = terminal();
    let stream = || Stdio::from(program.try_clone().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_okx-feed"));
    command.args(args).env("NO_PROXY", "*").env("TERM", "xterm").env_remove("RUST_LOG");
    let child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
    drop(program);
    drop(command);
    let pid = Pid::from_child(&child);
    let mut window = File::from(window);
    let (mut drawn, mut buf) = (Vec::new(), [0; 4096]);
    // The alternate screen, then a picture.
    while drawn.len() < 200 {
        let len = window.read(&mut buf).unwrap();
        drawn.extend_from_slice(&buf[..len]);
    }
    assert!(drawn.windows(8).any(|bytes| bytes == b"\x1b[?1049h"));
    drop(window);
    if signal {
        // It may have ended already.
        let _ = kill_process(pid, Signal::HUP);
    }
    Program::from(child).finish().status.code()
}

#[test]
fn a_closed_terminal_ends_the_program_properly() {
    let watch = ["watch", "--url", "ws://127.0.0.1:1/", "books5:BTC-USDT"];
    let demo = ["demo", "--duration", "60s"];
    for signal in [false, true] {
        for _ in 0..3 {
            assert_eq!(close_terminal(&watch, signal), Some(0), "watch, signal {signal}");
            assert_eq!(close_terminal(&demo, signal), Some(0), "demo, signal {signal}");
        }
    }
}
