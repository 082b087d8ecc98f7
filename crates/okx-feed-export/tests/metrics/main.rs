//! Metrics and the page of running clients, over HTTP.
#![cfg(all(feature = "metrics", feature = "nats", feature = "web"))]
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test fail as the test does"
)]

mod alloc;
mod http;
mod ops_files;
mod page;
mod running;
mod text;

#[global_allocator]
static ALLOCATOR: okx_feed_testkit::alloc::CountingAllocator =
    okx_feed_testkit::alloc::CountingAllocator;
