//! Programs in C and in Python that read a segment.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder of the header and of the module.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shared-memory")
}

/// Compiles a C program; `None`, with a message, where there is no compiler.
pub(super) fn c(source: &Path, program: &Path) -> Option<Command> {
    compiled(source, program, &["-O2"])
}

/// As [`c`], with the sanitizers where the compiler has them.
pub(super) fn c_sanitized(source: &Path, program: &Path) -> Option<Command> {
    let sanitized = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"];
    let mut probe = Command::new("cc");
    probe.args(sanitized).args(["-x", "c", "-o"]).arg(program).arg("-").stdin(Stdio::piped());
    let is_there = probe.stderr(Stdio::null()).spawn().is_ok_and(|mut child| {
        use std::io::Write;
        let written = child.stdin.take().map(|mut to| to.write_all(b"int main(void){return 0;}"));
        matches!(written, Some(Ok(()))) && child.wait().is_ok_and(|status| status.success())
    });
    if !is_there {
        println!("SKIPPED: the sanitizers of {}: the compiler has none", source.display());
    }
    compiled(source, program, if is_there { &sanitized } else { &["-O1"] })
}

fn compiled(source: &Path, program: &Path, flags: &[&str]) -> Option<Command> {
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"]).arg(folder());
    cc.args(flags);
    match cc.arg("-o").arg(program).arg(source).output() {
        Ok(done) => {
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            Some(Command::new(program))
        }
        Err(error) => {
            println!("SKIPPED: {}: no C compiler: {error}", source.display());
            None
        }
    }
}

/// A Python program; `None`, with a message, where there is no Python.
pub(super) fn python(script: &Path) -> Option<Command> {
    if let Err(error) = Command::new("python3").arg("--version").output() {
        println!("SKIPPED: {}: no Python: {error}", script.display());
        return None;
    }
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).env("PYTHONPATH", folder());
    Some(command)
}
