//! A small HTTP server on a thread of its own.

mod listener;
mod server;

pub use server::HttpServer;
