//! A page in a browser that shows the feeds as they run.
//!
//! One page, embedded in the program, without a request to anywhere else. It gets server-sent
//! events; what it shows is read on the server's own thread.

mod access;
mod assets;
mod loss;
mod sampler;
mod server;
mod stream;
mod target;
mod view;

pub use access::{Token, TokenError};
pub use server::{WebError, serve};
