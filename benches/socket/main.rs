//! From a socket to the book, over `ws://` and `wss://`: both transports of this crate, and rivals.
//!
//! `cargo bench --features direct,internals,sim --bench socket -- [WORD ...]` runs the cases whose
//! names hold every word, as `wss 2000`. Each line is one run.
//!
//! A server on a thread of its own sends frames of the embedded exchange and notes when each was
//! written. Latency is from there to the return of the sink: the kernel's loopback is in it. In
//! `burst` the sender writes 64 frames at once as fast as the client reads, which share records of
//! TLS as those of a busy server do; elsewhere each frame has a record and a write of its own.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench reads a clock and prints"
)]

mod ours;
mod rivals;
mod run;

use std::sync::Arc;
use std::time::Duration;

use okx_feed::Dialect;
use okx_feed_testkit::alloc::CountingAllocator;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use run::{Case, Tls};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() {
    let words: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let tls = certificate();
    println!(
        "{:<22} {:<28} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>7}",
        "case",
        "client",
        "messages/s",
        "p50",
        "p99",
        "p99.9",
        "kernel50",
        "kernel99",
        "cpu ns",
        "allocs"
    );
    for dialect in [Dialect::V5, Dialect::V3] {
        for scheme in ["wss", "ws"] {
            for pace in ["burst", "2000/s", "80/s"] {
                let (count, burst, every) = match pace {
                    "burst" => (300_000, 64, Duration::ZERO),
                    "2000/s" => (10_000, 1, Duration::from_micros(500)),
                    _ => (500, 1, Duration::from_micros(12_500)),
                };
                let tls = (scheme == "wss").then(|| Arc::clone(&tls));
                let case = Case { dialect, tls, count, burst, every };
                let name =
                    format!("{} {scheme} {pace}", if dialect == Dialect::V5 { "v5" } else { "v3" });
                for (client, run) in CLIENTS {
                    let full = format!("{name} {client}");
                    if words.iter().all(|word| full.contains(word.as_str())) {
                        println!("{name:<22} {client:<28} {}", run(&case));
                    }
                }
            }
        }
    }
}

type Client = fn(&Case) -> run::Outcome;

const CLIENTS: [(&str, Client); 4] = [
    ("okx-feed direct", ours::direct),
    ("okx-feed tokio", ours::tokio),
    ("tungstenite + sonic-rs", rivals::tungstenite),
    ("fastwebsockets + sonic-rs", rivals::fastwebsockets),
];

/// A certificate for `localhost`, and its issuer in a file.
fn certificate() -> Arc<Tls> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let (chain, key) = (certificate.pem(), key.serialize_pem());
    let server = okx_feed::sim::server_config(chain.as_bytes(), key.as_bytes()).unwrap();
    let ca_file = std::env::temp_dir().join(format!("okx-feed-socket-{}.pem", std::process::id()));
    std::fs::write(&ca_file, issuer.pem()).unwrap();
    Arc::new(Tls { server, ca_file })
}
