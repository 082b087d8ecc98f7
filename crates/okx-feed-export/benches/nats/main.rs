//! The exporter and the source beside plain NATS with the same payload, in one run, against a real
//! `nats-server` (`OKX_FEED_NATS_SERVER` or `PATH`).
//!
//! `cargo bench -p okx-feed-export --features nats --bench nats`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark: it prints, measures with a clock, and ends where anything fails"
)]

mod latency;
mod raw;
mod setup;
mod source;
mod throughput;

use latency::latencies;
use setup::ServerProcess;
use source::{newcomer, source};
use throughput::throughput;

fn main() {
    let Some(server) = ServerProcess::start() else {
        eprintln!("SKIPPED: there is no nats-server in PATH or OKX_FEED_NATS_SERVER");
        return;
    };
    // One part alone, by its name.
    let wanted = std::env::args().nth(1).filter(|word| !word.starts_with('-'));
    let is_wanted = |part: &str| wanted.as_ref().is_none_or(|wanted| wanted == part);
    for stream in [false, true] {
        if is_wanted("latency") {
            latencies(&server.url, stream);
        }
    }
    for stream in [false, true] {
        if is_wanted("throughput") {
            throughput(&server, stream);
        }
    }
    for stream in [false, true] {
        if is_wanted("source") {
            source(&server, stream);
        }
    }
    if is_wanted("newcomer") {
        newcomer(&server.url);
    }
}
