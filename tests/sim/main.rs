//! The embedded exchange: what it sends, its limits and its faults.

mod captures;
mod exchange;
mod faults;
mod server;
