//! Recording, captures and replay.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "the helpers of a test may fail as the test does"
)]

mod alloc;
mod damage;
mod ends;
#[cfg(all(feature = "client", feature = "sim"))]
mod example;
mod files;
#[cfg(all(feature = "client", feature = "sim"))]
mod live;
mod missing_files;
mod order;
mod recorder;
mod replay;
mod scratch_dir;

use okx_feed_testkit::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
