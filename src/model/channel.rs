//! Channels: one table of all that differs between them.

use std::fmt;
use std::time::Duration;

use super::bar::Bar;
use super::channel_kind::ChannelKind::{self, Book5, Depth, Latest, Stream, Trades};
use super::channel_kind::{ChannelKey, ChannelPath, FirstPush};
use super::dialect::{Dialect, Market};
use super::record::RecordKind;

/// A row of the table.
struct Info {
    name: &'static str,
    dialect: Dialect,
    path: ChannelPath,
    key: ChannelKey,
    kind: ChannelKind,
    /// The longest silence in seconds; 0 if the channel may be silent for any time.
    silence: u64,
    first: FirstPush,
}

/// How many bars there are.
const BARS: usize = Bar::ALL.len();

/// The same, to count indices with.
const BAR_COUNT: u8 = Bar::Month3Utc as u8 + 1;

const _: () = assert!(BAR_COUNT as usize == BARS);

/// Each row: the variant, its name on the wire; dialect, path, what the exchange keys it by, the
/// state that it feeds; the longest silence in seconds (0: any), what follows an acknowledgement.
macro_rules! channels {
    ($($(#[$doc:meta])* $channel:ident $name:literal $dialect:ident $path:ident $key:ident
        $kind:expr, $silence:literal $first:ident;)*) => {
        /// A channel that this crate decodes. Messages of other channels are skipped and counted by
        /// name.
        ///
        /// Source: `docs/PROTOCOL.md` 5.1. The name `instruments` exists in both dialects,
        /// every other name in one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Channel {
            $($(#[$doc])* $channel,)*
            /// v5 `candle<bar>`, such as `candle1m`: a candle of trades, at most every second.
            Candle(Bar),
            /// v5 `mark-price-candle<bar>`.
            MarkPriceCandle(Bar),
            /// v5 `index-candle<bar>`, of an index such as `BTC-USDT`.
            IndexCandle(Bar),
            /// v5 `sprd-candle<bar>`, of a spread.
            SprdCandle(Bar),
            /// v3 `candle60s` to `candle604800s`; for bars that v3 has.
            CandleSeconds(Bar),
        }

        /// The channels without a bar, in declaration order.
        const PLAIN: [Channel; [$($name),*].len()] = [$(Channel::$channel),*];

        /// The indices of the channels without a bar.
        #[repr(u8)]
        enum ChannelIndex { $($channel,)* Bars }

        impl Channel {
            /// The index of a channel: below [`Channel::COUNT`].
            #[inline(always)]
            pub(crate) const fn index(self) -> u8 {
                match self {
                    $(Self::$channel => ChannelIndex::$channel as u8,)*
                    Self::Candle(bar) => candle_index(0, bar),
                    Self::MarkPriceCandle(bar) => candle_index(1, bar),
                    Self::IndexCandle(bar) => candle_index(2, bar),
                    Self::SprdCandle(bar) => candle_index(3, bar),
                    Self::CandleSeconds(bar) => candle_index(4, bar),
                }
            }

            /// The channel of a wire name in a dialect; `None` if this crate does not decode it.
            #[inline]
            #[must_use]
            pub fn from_name(dialect: Dialect, name: &[u8]) -> Option<Self> {
                let channel = match (dialect, std::str::from_utf8(name).ok()?) {
                    $((Dialect::$dialect, $name) => Self::$channel,)*
                    _ => Self::candle_from_name(name)?,
                };
                (channel.dialect() == dialect).then_some(channel)
            }

            const fn info(self) -> Info {
                match self {
                    $(Self::$channel => Info {
                        name: $name,
                        dialect: Dialect::$dialect,
                        path: ChannelPath::$path,
                        key: ChannelKey::$key,
                        kind: $kind,
                        silence: $silence,
                        first: FirstPush::$first,
                    },)*
                    Self::Candle(bar) => candle(bar.candle(), ChannelKey::InstId),
                    Self::MarkPriceCandle(bar) => {
                        candle(bar.mark_price_candle(), ChannelKey::InstId)
                    }
                    Self::IndexCandle(bar) => candle(bar.index_candle(), ChannelKey::InstId),
                    Self::SprdCandle(bar) => candle(bar.sprd_candle(), ChannelKey::SprdId),
                    Self::CandleSeconds(bar) => Info {
                        dialect: Dialect::V3,
                        path: ChannelPath::V3,
                        // A bar that v3 does not have has no name there, and nobody reads it.
                        ..candle(match bar.candle_seconds() {
                            Some(name) => name,
                            None => "candle",
                        }, ChannelKey::InstId)
                    },
                }
            }
        }
    };
}

channels! {
    /// v3 `depth5`: five levels, replaced by each message.
    Depth5 "depth5" V3 V3 InstId Book5, 60 Value;
    /// v3 `trade`.
    Trade "trade" V3 V3 InstId Trades, 0 LastKnown;
    /// v3 `depth`: up to 400 levels, then updates about every 100 ms.
    Depth "depth" V3 V3 InstId Depth, 60 Value;
    /// v3 `depth_l2_tbt`: up to 400 levels, then updates tick by tick.
    DepthL2Tbt "depth_l2_tbt" V3 V3 InstId Depth, 60 Value;
    /// v5 `books5`: five levels, replaced by each message, every 100 ms.
    Books5 "books5" V5 Public InstId Book5, 65 Value;
    /// v5 `bbo-tbt`: the best level of each side, replaced by each message, every 10 ms.
    BboTbt "bbo-tbt" V5 Public InstId Book5, 65 Value;
    /// v5 `trades`: one message per taker order, price and source.
    Trades "trades" V5 Public InstId Trades, 0 LastKnown;
    /// v5 `trades-all`: one message per fill.
    TradesAll "trades-all" V5 Business InstId Trades, 0 LastKnown;
    /// v5 `books`: 400 levels, then updates every 100 ms.
    Books "books" V5 Public InstId Depth, 65 Value;
    /// v5 `books-l2-tbt`: 400 levels, then updates every 10 ms.
    BooksL2Tbt "books-l2-tbt" V5 Public InstId Depth, 65 Value;
    /// v5 `books50-l2-tbt`: 50 levels, then updates every 10 ms.
    Books50L2Tbt "books50-l2-tbt" V5 Public InstId Depth, 65 Value;
    /// v5 `books-rpi`: 400 levels, then updates; the third element of a level is the part of its
    /// size without RPI orders.
    BooksRpi "books-rpi" V5 Public InstId Depth, 65 Value;
    /// v5 `books-elp`: 400 levels of ELP orders, then increments.
    BooksElp "books-elp" V5 Public InstId Depth, 65 Value;
    /// v5 `tickers`: last price, best prices and 24 h figures, at most every 100 ms.
    Tickers "tickers" V5 Public InstId Latest(RecordKind::Ticker), 0 Value;
    /// v5 `mark-price`: every 200 ms when changed, else every 10 s.
    MarkPrice "mark-price" V5 Public InstId Latest(RecordKind::MarkPrice), 25 Value;
    /// v5 `index-tickers`, of an index such as `BTC-USDT`: every 100 ms when changed, else every
    /// minute.
    IndexTickers "index-tickers" V5 Public InstId Latest(RecordKind::IndexTicker), 125 Value;
    /// v5 `funding-rate`, of a perpetual: every 30 to 90 s.
    FundingRate "funding-rate" V5 Public InstId Latest(RecordKind::FundingRate), 190 Value;
    /// v5 `open-interest`: every 3 s when changed.
    OpenInterest "open-interest" V5 Public InstId Latest(RecordKind::OpenInterest), 0 Value;
    /// v5 `price-limit`: every 200 ms when changed.
    PriceLimit "price-limit" V5 Public InstId Latest(RecordKind::PriceLimit), 0 Value;
    /// v5 `estimated-price` of delivery, exercise or settlement: in the last hour before it.
    EstimatedPrice "estimated-price" V5 Public TypeAndFamily Stream(RecordKind::EstimatedPrice), 0 Nothing;
    /// v5 `liquidation-orders` of a type of instrument; not in time order, not complete.
    LiquidationOrders "liquidation-orders" V5 Public InstType Stream(RecordKind::Liquidation), 0 Nothing;
    /// v5 `opt-summary`: all options of a family in one message.
    OptSummary "opt-summary" V5 Public InstFamily Stream(RecordKind::OptionSummary), 0 Value;
    /// v5 `option-trades` of a family.
    OptionTrades "option-trades" V5 Public OptionFamily Stream(RecordKind::OptionTrade), 0 Nothing;
    /// v5 `status`: maintenance of the exchange.
    Status "status" V5 Public Nothing Stream(RecordKind::Status), 0 Nothing;
    /// v5 `instruments` of a type: those that change.
    Instruments "instruments" V5 Public InstType Stream(RecordKind::Instrument), 0 Nothing;
    /// v5 `event-contract-markets`, of type `EVENTS`: those that change.
    EventContractMarkets "event-contract-markets" V5 Public InstType Stream(RecordKind::EventContract), 0 Nothing;
    /// v5 `call-auction-details`: about every second of an auction.
    CallAuctionDetails "call-auction-details" V5 Public InstId Latest(RecordKind::CallAuction), 0 Nothing;
    /// v5 `adl-warning`: every second while positions are or may be reduced.
    AdlWarning "adl-warning" V5 Public TypeAndFamily Stream(RecordKind::AdlWarning), 0 Nothing;
    /// v5 `block-tickers`: on each block trade, else every five minutes.
    BlockTickers "block-tickers" V5 Business InstId Latest(RecordKind::BlockTicker), 620 Value;
    /// v5 `public-block-trades`: one leg a message, 15 minutes after execution.
    PublicBlockTrades "public-block-trades" V5 Business InstId Stream(RecordKind::BlockTrade), 0 Nothing;
    /// v5 `public-struc-block-trades`: all legs in one message, 15 minutes after execution.
    PublicStrucBlockTrades "public-struc-block-trades" V5 Business Nothing Stream(RecordKind::BlockLeg), 0 Nothing;
    /// v5 `sprd-bbo-tbt` of a spread: the best level of each side.
    SprdBboTbt "sprd-bbo-tbt" V5 Business SprdId Book5, 0 Value;
    /// v5 `sprd-books5` of a spread: five levels.
    SprdBooks5 "sprd-books5" V5 Business SprdId Book5, 0 Value;
    /// v5 `sprd-books-l2-tbt` of a spread: a snapshot, then updates.
    SprdBooksL2Tbt "sprd-books-l2-tbt" V5 Business SprdId Depth, 0 Value;
    /// v5 `sprd-public-trades` of a spread; their ids have gaps.
    SprdPublicTrades "sprd-public-trades" V5 Business SprdId Trades, 0 Nothing;
    /// v5 `sprd-tickers` of a spread.
    SprdTickers "sprd-tickers" V5 Business SprdId Latest(RecordKind::Ticker), 0 Value;
    /// Any other channel of the public path, as text: `raw:books-elp-all:BTC-USDT`.
    Raw "raw" V5 Public Raw ChannelKind::Raw, 0 Nothing;
    /// Any other channel of the business path, as text.
    RawBusiness "raw-business" V5 Business Raw ChannelKind::Raw, 0 Nothing;
    /// v3 `ticker`; of the market `index`, a [`RecordKind::IndexTicker`].
    Ticker "ticker" V3 V3 InstId Latest(RecordKind::Ticker), 0 Value;
    /// v3 `mark_price`: every 200 ms when changed, else every 10 s.
    MarkPriceV3 "mark_price" V3 V3 InstId Latest(RecordKind::MarkPrice), 25 Value;
    /// v3 `price_range`: every 5 s.
    PriceRange "price_range" V3 V3 InstId Latest(RecordKind::PriceLimit), 0 Value;
    /// v3 `funding_rate`: every minute.
    FundingRateV3 "funding_rate" V3 V3 InstId Latest(RecordKind::FundingRate), 130 Value;
    /// v3 `estimated_price`: in the last hour before delivery.
    EstimatedPriceV3 "estimated_price" V3 V3 InstId Stream(RecordKind::EstimatedPrice), 0 Nothing;
    /// v3 `futures/instruments`, all in one message, and `option/instruments` of an underlying.
    InstrumentsV3 "instruments" V3 V3 Underlying Stream(RecordKind::Instrument), 0 Nothing;
    /// v3 `option/summary` of an underlying: one option a message.
    OptionSummaryV3 "summary" V3 V3 Underlying Stream(RecordKind::OptionDetail), 0 Value;
}

#[inline(always)]
const fn candle_index(family: u8, bar: Bar) -> u8 {
    ChannelIndex::Bars as u8 + family * BAR_COUNT + bar as u8
}

/// The row of a v5 candle.
const fn candle(name: &'static str, key: ChannelKey) -> Info {
    Info {
        name,
        dialect: Dialect::V5,
        path: ChannelPath::Business,
        key,
        kind: Latest(RecordKind::Candle),
        silence: 0,
        first: FirstPush::Value,
    }
}

impl Channel {
    /// How many channels there are, each bar of a candle counted.
    pub const COUNT: usize = PLAIN.len() + 4 * BARS + V3_BARS.len();

    /// More than the largest [`Channel::index`].
    pub(crate) const INDICES: usize = PLAIN.len() + 5 * BARS;

    /// All channels, in declaration order.
    pub const ALL: [Self; Self::COUNT] = all();

    /// The channel's name on the wire (in v3, the part after the slash).
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    #[cold]
    fn candle_from_name(name: &[u8]) -> Option<Self> {
        if let Some(seconds) = V3_BARS
            .into_iter()
            .map(Self::CandleSeconds)
            .find(|channel| channel.name().as_bytes() == name)
        {
            return Some(seconds);
        }
        type Family = (&'static [u8], fn(Bar) -> Channel);
        let families: [Family; 4] = [
            (b"candle", Self::Candle),
            (b"mark-price-candle", Self::MarkPriceCandle),
            (b"index-candle", Self::IndexCandle),
            (b"sprd-candle", Self::SprdCandle),
        ];
        families.into_iter().find_map(|(family, channel)| {
            Some(channel(Bar::from_name(name.strip_prefix(family)?)?))
        })
    }

    /// The dialect that has this channel.
    #[inline]
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        self.info().dialect
    }

    /// The path of the exchange's URL that serves this channel.
    #[must_use]
    pub const fn path(self) -> ChannelPath {
        self.info().path
    }

    /// Whether the path of SBE serves this channel too.
    ///
    /// Source: `docs/PROTOCOL.md` 12.
    #[must_use]
    pub const fn has_sbe(self) -> bool {
        matches!(self, Self::Trades | Self::BboTbt | Self::BooksL2Tbt)
    }

    /// What the exchange keys this channel by.
    #[must_use]
    pub const fn key(self) -> ChannelKey {
        self.info().key
    }

    /// What the exchange keys this channel by in a market of v3: `futures/instruments` has no key.
    #[must_use]
    pub const fn key_in(self, market: Option<Market>) -> ChannelKey {
        match (self, market) {
            (Self::InstrumentsV3, Some(Market::Futures)) => ChannelKey::Nothing,
            _ => self.key(),
        }
    }

    /// The kind of state that this channel feeds.
    #[inline]
    #[must_use]
    pub const fn kind(self) -> ChannelKind {
        self.info().kind
    }

    /// The longest silence of a live channel; `None` if it may be silent for any time.
    #[must_use]
    pub const fn max_silence(self) -> Option<Duration> {
        match self.info().silence {
            0 => None,
            seconds => Some(Duration::from_secs(seconds)),
        }
    }

    /// What the exchange sends right after the acknowledgement of a subscription.
    #[must_use]
    pub const fn first_push(self) -> FirstPush {
        self.info().first
    }

    /// Whether the third element of its levels is the part of the size without RPI orders.
    #[inline]
    #[must_use]
    pub const fn has_non_rpi(self) -> bool {
        matches!(self, Self::BooksRpi)
    }

    /// Whether its updates can be joined with the order book of `GET /api/v5/market/books`, which
    /// has the same numbers and at least the same levels. Source: `docs/PROTOCOL.md` 11.5.
    #[must_use]
    pub const fn has_rest_snapshot(self) -> bool {
        matches!(self, Self::Books | Self::BooksL2Tbt)
    }

    /// Whether its trade ids have no gaps, so that they show missing trades: v5's, but not those of
    /// spreads.
    #[inline]
    #[must_use]
    pub const fn has_dense_trade_ids(self) -> bool {
        matches!(self, Self::Trades | Self::TradesAll)
    }
}

/// The bars that v3 has.
const V3_BARS: [Bar; 12] = [
    Bar::M1,
    Bar::M3,
    Bar::M5,
    Bar::M15,
    Bar::M30,
    Bar::H1,
    Bar::H2,
    Bar::H4,
    Bar::H6,
    Bar::H12,
    Bar::D1,
    Bar::W1,
];

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const fn all() -> [Channel; Channel::COUNT] {
    let mut all = [Channel::Depth5; Channel::COUNT];
    let mut at = 0;
    while at < PLAIN.len() {
        all[at] = PLAIN[at];
        at += 1;
    }
    let mut nth = 0;
    while nth < BARS {
        let bar = Bar::ALL[nth];
        all[at + nth] = Channel::Candle(bar);
        all[at + BARS + nth] = Channel::MarkPriceCandle(bar);
        all[at + 2 * BARS + nth] = Channel::IndexCandle(bar);
        all[at + 3 * BARS + nth] = Channel::SprdCandle(bar);
        nth += 1;
    }
    let mut nth = 0;
    while nth < V3_BARS.len() {
        all[at + 4 * BARS + nth] = Channel::CandleSeconds(V3_BARS[nth]);
        nth += 1;
    }
    all
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_in_its_own_dialect_only() {
        let mut indices = std::collections::BTreeSet::new();
        for channel in Channel::ALL {
            let name = channel.name().as_bytes();
            assert_eq!(Channel::from_name(channel.dialect(), name), Some(channel));
            let other = if channel.dialect() == Dialect::V3 { Dialect::V5 } else { Dialect::V3 };
            let namesake = Channel::from_name(other, name).map(Channel::name);
            assert_eq!(namesake, (name == b"instruments").then_some("instruments"));
            assert!(usize::from(channel.index()) < Channel::INDICES);
            assert!(indices.insert(channel.index()), "{channel}");
        }
        for name in ["candle", "candle7m", "candle1mutc", "index-candle", "xcandle1m", "candle61s"]
        {
            assert_eq!(Channel::from_name(Dialect::V5, name.as_bytes()), None, "{name}");
            assert_eq!(Channel::from_name(Dialect::V3, name.as_bytes()), None, "{name}");
        }
        for market in Market::ALL {
            assert_eq!(Market::from_name(market.name().as_bytes()), Some(market));
        }
    }
}
