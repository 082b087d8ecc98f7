//! Programs in C and in Python that read a segment.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the header and of the module.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shared-memory")
}

/// Compiles a C program; `None`, with a message, where there is no compiler.
pub(super) fn c(source: &Path, program: &Path) -> Option<Command> {
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"]).arg(folder());
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
