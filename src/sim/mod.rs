//! The embedded exchange: speaks v3 and v5 to any client, from a seed.

mod book;
mod listing;
mod market;
mod order_flow;
mod rng;

pub use book::SimBook;
pub use listing::{Listing, ListingError};
pub use market::{InstIndex, MarketConfig, Print, SimMarket};
