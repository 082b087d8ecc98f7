//! The embedded exchange of `demo` and `serve`.

use okx_feed::model::SubscriptionError;
use okx_feed::sim::{Endpoint, ExchangeConfig, Listing, MarketConfig, PushIntervals};
use okx_feed::{Channel, Dialect, Subscription};

/// The levels a side of the books, and of the books if there are many.
const DEPTH: usize = 400;
const DEPTH_OF_MANY: usize = 25;

/// The number of books that are many.
const MANY: usize = 1_000;

/// The most instruments that an argument may ask for.
pub(crate) const MAX_INSTRUMENTS: u64 = 10_000;

/// The instrument that the v3 listings start with: the project's origin.
const V3_FIRST: &str = "BTC-USD-190517";

/// The settings of an exchange: its instruments, its market events a second, and a seed.
pub(crate) fn config(
    listings: Vec<Listing>,
    events_per_sec: u32,
    seed: u64,
    every_change: bool,
) -> ExchangeConfig {
    let depth = if listings.len() > MANY { DEPTH_OF_MANY } else { DEPTH };
    let market = MarketConfig { seed, listings, depth, events_per_sec, ..MarketConfig::default() };
    let intervals =
        if every_change { PushIntervals::EVERY_CHANGE } else { PushIntervals::default() };
    ExchangeConfig { market, intervals, ..ExchangeConfig::default() }
}

/// The instruments, and the spread of the first two kinds of bitcoin if both are among them.
pub(crate) fn with_spread(mut listings: Vec<Listing>) -> Vec<Listing> {
    let legs = ["BTC-USDT", "BTC-USDT-SWAP"];
    let is_listed = |id: &&str| listings.iter().any(|listing| listing.inst_id().as_str() == *id);
    if legs.iter().all(is_listed) {
        listings.extend(Listing::spread(legs));
    }
    listings
}

/// The instruments of a demonstration: the dialect's best known first.
pub(crate) fn demo_listings(dialect: Dialect, count: usize) -> Vec<Listing> {
    let mut listings = Listing::generate(count.max(Listing::defaults().len()));
    if dialect == Dialect::V3 {
        // Stable: all others stay in their order.
        listings.sort_by_key(|listing| listing.inst_id().as_str() != V3_FIRST);
    }
    listings.truncate(count);
    listings
}

/// The endpoint of books and trades.
pub(crate) const fn endpoint(dialect: Dialect) -> Endpoint {
    match dialect {
        Dialect::V3 => Endpoint::V3,
        Dialect::V5 => Endpoint::V5Public,
    }
}

/// The five-level book and the trades of an instrument.
///
/// # Errors
/// None: the channels are of the dialect that they are asked of.
pub(crate) fn channels(
    dialect: Dialect,
    listing: &Listing,
) -> Result<[Subscription; 2], SubscriptionError> {
    let (market, id) = (listing.market(), *listing.inst_id());
    Ok(match dialect {
        Dialect::V3 => [
            Subscription::v3(market, Channel::Depth5, id)?,
            Subscription::v3(market, Channel::Trade, id)?,
        ],
        Dialect::V5 => {
            [Subscription::v5(Channel::Books5, id)?, Subscription::v5(Channel::Trades, id)?]
        }
    })
}
