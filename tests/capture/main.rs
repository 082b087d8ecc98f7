//! Recording, captures and replay.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod alloc;
mod files;
#[cfg(all(feature = "client", feature = "sim"))]
mod live;
mod recorder;
mod replay;
mod scratch_dir;

use okx_feed_testkit::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
