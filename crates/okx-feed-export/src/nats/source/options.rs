//! The options of a source.

use okx_feed::DepthBook;
use okx_feed::publish::TradeOptions;

use super::position::Position;
use crate::nats::config::{NatsServer, StreamOptions};

/// Where messages come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// A JetStream stream of this name: nothing is missing and nothing comes twice, also after a
    /// pause. The default.
    Stream(String),
    /// Core NATS: earlier, without the past, and what is sent while there is no connection is lost.
    Core,
}

impl Default for Delivery {
    fn default() -> Self {
        Self::Stream(StreamOptions::NAME.to_owned())
    }
}

/// Where a source begins in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With the last value of each topic.
    #[default]
    Last,
    /// With the trades after this position, a value of
    /// [`NatsSource::position`](super::NatsSource::position), and the last value of all else. An
    /// order book begins with the last whole one, which may be of before the position.
    ///
    /// Where the stream has lost its end meanwhile, or is another one, with the trades of the three
    /// minutes before the position: those that were emitted before come again.
    After(Position),
}

/// The options of a source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceOptions {
    /// The server.
    pub server: NatsServer,
    /// What to read: `md.okx.v5.books5.*`, `md.okx.v5.books.BTC-USDT`, `md.okx.>`.
    pub subjects: Vec<String>,
    /// A stream, or core NATS.
    pub delivery: Delivery,
    /// Where to begin in a stream.
    pub start: Start,
    /// The most topics; messages of more are counted and left out.
    pub max_topics: usize,
    /// The levels a side that an order book has room for.
    pub book_capacity: usize,
    /// How many trades of each topic a reader finds.
    pub trades: usize,
}

impl SourceOptions {
    /// Options with defaults for all else.
    #[must_use]
    pub fn new(server: NatsServer, subjects: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            server,
            subjects: subjects.into_iter().map(Into::into).collect(),
            delivery: Delivery::default(),
            start: Start::default(),
            max_topics: 10_000,
            book_capacity: DepthBook::DEFAULT_CAPACITY,
            trades: TradeOptions::DEFAULT_RING_LEN,
        }
    }
}
