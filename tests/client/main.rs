//! The client over real sockets, against the embedded exchange.
#![cfg(feature = "client")]

mod alloc;
mod basics;
#[cfg(feature = "sim")]
mod config;
mod direct;
mod events;
mod handle;
mod health;
mod interface;
mod lines;
mod numbers;
mod order;
#[cfg(feature = "sim")]
mod over;
mod reach;
mod reader;
mod records;
mod requests;
mod texts;
mod tls;
mod worst;

use okx_feed_testkit::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
