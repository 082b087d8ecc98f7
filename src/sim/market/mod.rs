//! The made-up market: instruments, their books and trades, moved by a seed and a virtual clock.
//!
//! ```text
//! sim_market -> order_flow -> book -> listing
//!      \-> past -> print ---------------^
//! ```

mod book;
mod listing;
mod order_flow;
mod past;
mod print;
mod rng;
mod sim_market;

pub use book::SimBook;
pub use listing::{Listing, ListingError, ListingState};
pub use print::Print;
pub use sim_market::{InstIndex, MarketConfig, SimMarket};

pub(crate) use book::{Resting, SimSide};
pub(crate) use past::SingleFill;
pub(crate) use rng::Rng;
pub(crate) use sim_market::NumberedBook;
