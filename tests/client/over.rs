//! The same tests over each transport: this program runs itself again for the direct one.
#![cfg_attr(
    all(feature = "direct", unix),
    expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")
)]
#![expect(clippy::panic, reason = "the helpers of a test fail as the test does")]

#[cfg(all(feature = "direct", unix))]
use std::process::Command;

use okx_feed::client::{ClientConfig, TransportKind};
use okx_feed::{Client, ClientBuilder, Dialect};

/// Names the transport of a run: none for tokio's.
const VARIABLE: &str = "OKX_FEED_TEST_TRANSPORT";

pub(crate) fn builder(dialect: Dialect) -> ClientBuilder {
    Client::builder(dialect).configure(transport)
}

pub(crate) fn v5(inst_id: &str) -> ClientBuilder {
    Client::v5(inst_id).configure(transport)
}

/// Whether this run is over the direct transport.
pub(crate) fn is_direct() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Sets the transport of this run.
fn transport(config: &mut ClientConfig) {
    match std::env::var(VARIABLE).as_deref() {
        #[cfg(all(feature = "direct", unix))]
        Ok("direct") => config.transport = TransportKind::Direct,
        #[cfg(all(feature = "direct", unix))]
        Ok("tokio-busy") => (config.transport, config.busy_poll) = (TransportKind::Tokio, true),
        #[cfg(all(feature = "direct", unix))]
        Ok("busy") => (config.transport, config.busy_poll) = (TransportKind::Direct, true),
        #[cfg(all(feature = "direct", unix))]
        Ok("threads") => {
            config.transport = TransportKind::Direct;
            config.thread.per_connection = true;
        }
        Ok(other) => panic!("no transport {other}"),
        Err(_) => config.transport = TransportKind::Tokio,
    }
}

/// Runs tests of this program over a transport: those that are named, or all but those of this
/// file, and not those to be skipped.
#[cfg(all(feature = "direct", unix))]
fn run(transport: &str, only: &[&str], skip: &[&str]) {
    let program = std::env::current_exe().unwrap();
    let run = Command::new(program)
        .args(only)
        .args(["--skip", "over::", "--test-threads", "2"])
        .args(skip.iter().flat_map(|name| ["--skip", name]))
        .env(VARIABLE, transport)
        .output()
        .unwrap();
    let (output, errors) =
        (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{output}\n{errors}");
    assert!(!output.contains("running 0 tests"), "{output}");
}

#[cfg(all(feature = "direct", unix))]
#[test]
fn all_tests_pass_over_the_direct_transport() {
    run("direct", &[], &[]);
}

/// Not those that need several busy clients in time, or forty connections of one: they would need
/// as many cores, and fail over tokio as well where it busy-polls.
#[cfg(all(feature = "direct", unix))]
#[test]
fn tests_of_one_client_pass_over_the_direct_transport_that_busy_polls() {
    run("busy", &[], &["lines::", "order::"]);
}

/// Of the others a client has one connection, which is on one thread either way. Not that of the
/// order of connections: the acknowledgements of forty threads overtake one another on two cores.
#[cfg(all(feature = "direct", unix))]
#[test]
fn tests_of_several_connections_pass_with_a_thread_each() {
    let several = ["lines::", "handle::", "events::", "requests::"];
    run("threads", &[several.as_slice(), &["basics::a_sink_that_panics"]].concat(), &[]);
}
