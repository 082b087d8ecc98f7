//! Shared memory: what other processes read is what the feed published, or they see that it is not
//! live.
#![cfg(unix)]
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by it, waits for real processes, and says what it skips"
)]

#[cfg(all(feature = "client", feature = "sim"))]
mod agree;
mod foreign;
mod languages;
mod memory;
mod mirror;
mod owner;
mod processes;
mod untrusted;
mod writers;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use okx_feed_testkit::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The file of a segment that no other test uses, removed when it is dropped.
struct Name(PathBuf);

impl Name {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("okx-feed-test-{}-{nth}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Name {
    /// The file that the segment's writer locks.
    fn lock(&self) -> PathBuf {
        self.beside("lock")
    }

    /// The name of a file that belongs to the segment.
    fn beside(&self, what: &str) -> PathBuf {
        let name = self.0.file_name().unwrap().to_str().unwrap();
        self.0.with_file_name(format!("{name}.segment-{what}"))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_file(self.lock());
    }
}

/// A small segment.
fn small() -> okx_feed::publish::shm::ShmOptions {
    okx_feed::publish::shm::ShmOptions {
        subscriptions: 8,
        bytes: 1 << 20,
        ring_len: 16,
        ..Default::default()
    }
}
