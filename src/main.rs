//! The `okx-feed` program. All of it is in the library's `cli` module.

use std::process::ExitCode;

fn main() -> ExitCode {
    okx_feed::cli::run()
}
