//! The exported functions, one file a kind of handle.

pub mod capture;
pub mod client;
pub mod decoder;
pub mod events;
pub mod feed;
pub mod numbers;
pub mod options;
pub mod reader;
pub mod replay;
pub mod version;
