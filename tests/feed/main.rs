//! The handler: events to state and readers, without an allocation.

mod alloc;
mod counters;
mod handler;
mod order;
mod readers;
mod records;
mod sbe;
mod subscriptions;
mod warmup;

use okx_feed_testkit::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
