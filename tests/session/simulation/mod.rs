//! Proves that session and feed recover from every fault: thousands of seeded runs of mixed faults
//! against the embedded exchange, with a virtual clock and no socket; and each integrity fault by
//! name on each order-book channel, with the book verified after every message.
//!
//! `SESSION_SIM_RUNS=10000 cargo test --release --test session simulation` makes many runs, and
//! `SEED=1234 cargo test --test session -- --nocapture every_run` repeats one and prints its
//! events. The seeds that fail are printed.
#![cfg(feature = "sim")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by it"
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the tally and the seed are to be seen"
)]
#![allow(clippy::missing_panics_doc, reason = "so do its helpers")]

mod client;
mod history;
mod host;
mod integrity;
mod lines;
mod mirror;
mod rules;
mod tally;
mod world;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tally::Tally;
use world::World;

/// The most failing seeds, after which the runs end.
const FAILURES: usize = 20;

fn runs() -> u64 {
    let set = std::env::var("SESSION_SIM_RUNS").ok().and_then(|runs| runs.parse().ok());
    set.unwrap_or(if cfg!(debug_assertions) { 100 } else { 2_000 })
}

/// One run.
///
/// # Errors
/// The violation.
fn run(world: fn(u64) -> World, seed: u64) -> Result<Tally, String> {
    let words = |panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
    };
    let run = catch_unwind(AssertUnwindSafe(|| world(seed).run()));
    run.map_err(|panic| words(panic).unwrap_or_default())
}

/// All runs, or the one of `SEED`, which is traced: then `None`.
fn run_all(world: fn(u64) -> World) -> Option<Tally> {
    if let Some(seed) = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        println!("{:#?}", world(seed).traced().run());
        return None;
    }
    let (next, total) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let failed: Mutex<Vec<u64>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= runs() || failed.lock().unwrap().len() >= FAILURES {
                        return;
                    }
                    match run(world, seed) {
                        Ok(tally) => total.lock().unwrap().add(&tally),
                        Err(words) => {
                            let first = words.lines().next().unwrap_or_default();
                            eprintln!("SEED={seed} fails: {first}");
                            failed.lock().unwrap().push(seed);
                        }
                    }
                }
            });
        }
    });
    let (total, failed) = (total.into_inner().unwrap(), failed.into_inner().unwrap());
    assert!(failed.is_empty(), "these seeds fail: {failed:?}");
    println!("{} runs: {total:#?}", runs());
    Some(total)
}

#[test]
fn every_run_ends_with_the_exchanges_own_books() {
    let Some(total) = run_all(World::new) else { return };
    // The runs are not vacuous: every kind of fault has happened.
    assert!(total.losses > runs() && total.resyncs > 0 && total.refused > 0 && total.late_acks > 0);
    assert!(total.gaps > 0 && total.mismatches > 0 && total.malformed > 0 && total.postponed > 0);
}

#[test]
fn every_sbe_run_ends_with_the_exchanges_own_books() {
    let Some(total) = run_all(World::sbe) else { return };
    assert!(total.losses > runs() && total.resyncs > 0 && total.refused > 0 && total.late_acks > 0);
    assert!(total.gaps > 0 && total.malformed > 0 && total.postponed > 0);
    assert!(total.snapshots > runs() && total.failed_snapshots > 0 && total.exponents > 0);
}
