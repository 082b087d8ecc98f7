//! Order books by example, at random against a book of two maps, and over recorded traffic.

mod against_maps;
mod as_serde;
mod captures;
mod order_book;
mod random;
mod splice;

use okx_feed_testkit::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
