//! A small HTTP server on a thread of its own.

mod connection;
mod limited;
mod server;

pub use server::HttpServer;
