//! The `okx-feed` program: one file or folder for each command. Only this package prints.

mod args;
mod bench;
mod catalogue;
mod certificate;
mod channels;
mod completions;
mod config_error;
mod connect_args;
mod decode;
mod demo;
mod disconnect_log;
mod duration;
mod endpoints;
mod error;
mod event_line;
mod event_writer;
mod exchange;
mod export;
mod export_live;
mod format;
mod history;
mod instruments;
mod instruments_file;
mod interrupt;
mod ladder;
mod man;
mod monitor;
mod nats_args;
mod other_dialect;
mod output;
mod pipe;
mod progress;
mod publish;
mod record;
mod replay;
mod replay_outcome;
mod report;
mod run;
mod run_facts;
mod screen;
#[cfg(unix)]
mod segment;
mod serve;
mod serve_capture;
mod service;
mod soak;
mod time_arg;
mod view;
mod watch;

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// The system's allocator with a count, which `bench --socket` reads.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    run::run()
}
