//! The embedded exchange: its messages, its limits and its faults.

mod captures;
mod exchange;
mod faults;
mod server;
