//! The program as a process: what it prints, its exit codes, its memory.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as the test does"
)]

#[cfg(unix)]
mod bench;
mod channels;
mod decode;
#[cfg(unix)]
mod decode_books;
#[cfg(unix)]
mod decode_trades;
#[cfg(unix)]
mod demo;
mod export;
#[cfg(unix)]
mod history;
#[cfg(unix)]
mod instruments;
#[cfg(unix)]
mod json;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod record;
#[cfg(unix)]
mod record_faults;
#[cfg(unix)]
mod records;
#[cfg(unix)]
mod replay;
#[cfg(unix)]
mod sbe;
#[cfg(unix)]
mod serve_capture;
#[cfg(unix)]
mod service;
#[cfg(unix)]
mod shell;
#[cfg(unix)]
mod soak;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod watch;
