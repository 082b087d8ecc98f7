//! Publishers and sources against a real `nats-server`, which `OKX_FEED_NATS_SERVER` or `PATH` has
//! to have; without one, each test says that it is skipped. `bash .ci/nats` installs it.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::disallowed_methods,
    reason = "the helpers of a test may fail as the test does, and wait for real programs"
)]

mod basics;
mod faults;
mod fleet;
mod hand_feed;
mod heartbeats;
mod log;
mod login;
mod lost_end;
mod newcomer;
mod overlap;
mod refusals;
mod server;
mod unreadable;
mod without_stream;
