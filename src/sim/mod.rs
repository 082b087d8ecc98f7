//! The embedded exchange: speaks v3 and v5 to any client, from a seed.
//!
//! ```text
//! server, socket  ->  exchange  ->  publisher  ->  connection, v3, v5  ->  market  ->  order flow
//! ```
//!
//! Only `server` and `socket` do I/O, and only `server` reads a clock. None of it shares code with
//! the decoder of this crate.

mod book;
mod connection;
mod deflate;
mod exchange;
mod listing;
mod market;
mod order_flow;
mod publisher;
mod record;
mod request;
mod rng;
mod server;
mod socket;
mod thread;
mod v3;
mod v5;

pub use book::SimBook;
pub use connection::{ConnectionId, Endpoint, Limits, Outbound};
pub use exchange::{Exchange, ExchangeConfig};
pub use listing::{Listing, ListingError};
pub use market::{InstIndex, MarketConfig, Print, SimMarket};
pub use publisher::PushIntervals;
pub use record::record;
pub use server::{Server, ServerHandle};
pub use thread::ServerThread;
