//! Bytes to events: every form of message, damaged ones, limits, and the fast paths against slow
//! ones.

mod bounds;
mod channel_table;
mod corpus;
mod data;
mod decimal;
mod deflate;
mod differential;
mod fast_vs_general;
mod forms_of_messages;
mod names;
mod readme_table;
mod records;
mod sbe;
mod scan_alloc;
mod times;

use okx_feed_testkit::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
