//! A running client and everything that is displayed of it.

use std::collections::VecDeque;
use std::time::Duration;

use super::error::CliError;
use super::format::per_sec;
use super::ladder::Ladder;
use okx_feed::publish::RecordRingReader;
use okx_feed::transport::Clock;
use okx_feed::{
    BookReader, BookState, Client, ClientStats, Decimal, DepthReader, DownReason, MonoNanos,
    RecordReader, Subscription, TradeReader,
};

/// How often the counters are fetched; each time the histogram is copied by the client's thread.
pub(crate) const STATS_EVERY: Duration = Duration::from_millis(250);

/// The most middles that are kept: no window is wider.
const MAX_MIDS: usize = 512;

/// The time over which the rate is taken.
const RATE_OVER: Duration = Duration::from_secs(1);

/// A client, its readers and its counters as they were fetched last.
pub(crate) struct Monitor {
    client: Client,
    channels: Vec<Watched>,
    /// Whether channels join and leave by a selection.
    follows: bool,
    clock: Clock,
    stats: ClientStats,
    /// Time and frames of the last fetches, oldest first.
    samples: Vec<(MonoNanos, u64)>,
    mids: Mids,
}

/// The middle of one book at the last fetches.
#[derive(Default)]
struct Mids {
    /// The channel that it is of.
    of: Option<usize>,
    /// Oldest first; `None` if the book was not live.
    last: VecDeque<Option<Decimal>>,
}

/// A subscription and its reader.
pub(crate) struct Watched {
    pub(crate) subscription: Subscription,
    pub(crate) reader: Reader,
}

impl Watched {
    /// A subscription of a client; `None` if it has no reader.
    fn new(client: &Client, subscription: &Subscription) -> Option<Self> {
        // An order book has a reader of its best five as well.
        let deep = client.depth_reader(subscription).map(Reader::Deep);
        let book = || client.book_reader(subscription).map(Reader::Book);
        let trades = || client.trade_reader(subscription).map(Reader::Trades);
        let record = || client.record_reader(subscription).map(Reader::Record);
        let records = || client.record_ring_reader(subscription).map(Reader::Records);
        let reader = deep.or_else(book).or_else(trades).or_else(record).or_else(records)?;
        Some(Self { subscription: *subscription, reader })
    }
}

/// The reader of a subscription.
pub(crate) enum Reader {
    Book(BookReader),
    Deep(DepthReader),
    Trades(TradeReader),
    Record(RecordReader),
    Records(RecordRingReader),
}

impl Reader {
    /// The best levels of the book, at most `levels` a side; `None` for a channel without a
    /// book.
    pub(crate) fn ladder(&self, levels: usize) -> Option<Ladder> {
        match self {
            Self::Book(reader) => Some(Ladder::of_book(reader, levels)),
            Self::Deep(reader) => Some(Ladder::of_depth(reader, levels)),
            Self::Trades(_) | Self::Record(_) | Self::Records(_) => None,
        }
    }
}

impl Monitor {
    /// Monitors a client, with its channels in the order given, and where it `follows` a selection
    /// those that join.
    ///
    /// # Errors
    /// If the client has stopped.
    pub(crate) fn new(
        client: Client,
        subscriptions: &[Subscription],
        follows: bool,
    ) -> Result<Self, CliError> {
        // What was asked for has a reader.
        let watched = subscriptions.iter().filter_map(|of| Watched::new(&client, of));
        let channels = watched.collect();
        let stats = client.stats()?;
        let (samples, mids) = (Vec::new(), Mids::default());
        Ok(Self { client, channels, follows, clock: Clock::start(), stats, samples, mids })
    }

    /// Adds the channels that have joined, in the order of their names, and removes those that have
    /// left.
    fn follow(&mut self) {
        let Self { client, channels, .. } = self;
        let mut current = client.subscriptions();
        let before = channels.len();
        channels.retain(|watched| current.contains(&watched.subscription));
        let has_left = channels.len() < before;
        current.retain(|of| !channels.iter().any(|watched| watched.subscription == *of));
        current.sort_unstable();
        channels.extend(current.iter().filter_map(|of| Watched::new(client, of)));
        if has_left {
            // Its channel may be another one now.
            self.mids = Mids::default();
        }
    }

    /// Fetches the counters, if the last ones are old.
    ///
    /// # Errors
    /// If the client has stopped.
    pub(crate) fn refresh(&mut self) -> Result<(), CliError> {
        let now = self.clock.mono();
        if self.samples.last().is_none_or(|(last, _)| now.since(*last) >= STATS_EVERY) {
            self.fetch()?;
            if self.follows {
                self.follow();
            }
            self.note_mid();
            self.samples.push((now, self.stats.feed.frames));
            let old = |second: &(MonoNanos, u64)| now.since(second.0) >= RATE_OVER;
            while self.samples.len() > 2 && self.samples.get(1).is_some_and(old) {
                self.samples.remove(0);
            }
        }
        Ok(())
    }

    fn note_mid(&mut self) {
        let watched = self.mids.of.and_then(|at| self.channels.get(at));
        let Some(ladder) = watched.and_then(|watched| watched.reader.ladder(1)) else { return };
        if self.mids.last.len() == MAX_MIDS {
            self.mids.last.pop_front();
        }
        self.mids.last.push_back(ladder.top().mid().filter(|_| ladder.state.is_live()));
    }

    /// Keeps the middle of the book of this channel from now on.
    pub(crate) fn keep_mids_of(&mut self, channel: Option<usize>) {
        if self.mids.of != channel {
            self.mids = Mids { of: channel, last: VecDeque::new() };
        }
    }

    /// The middles that were kept, oldest first; `None` if the book was not live.
    pub(crate) fn mids(&self) -> impl Iterator<Item = Option<Decimal>> {
        self.mids.last.iter().copied()
    }

    /// Fetches the counters.
    ///
    /// # Errors
    /// If the client has stopped.
    pub(crate) fn fetch(&mut self) -> Result<&ClientStats, CliError> {
        self.stats = self.client.stats()?;
        Ok(&self.stats)
    }

    /// The counters as they were fetched last.
    pub(crate) const fn stats(&self) -> &ClientStats {
        &self.stats
    }

    /// How many connections are open, and how many there are to be.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let health = self.client.health();
        (health.open, health.connections)
    }

    /// The frames a second, of about the last second.
    pub(crate) fn frames_per_sec(&self) -> u64 {
        let (Some((from, before)), Some((to, after))) = (self.samples.first(), self.samples.last())
        else {
            return 0;
        };
        per_sec(after.saturating_sub(*before), to.since(*from))
    }

    /// The channels in the order in which they were asked for.
    pub(crate) fn channels(&self) -> &[Watched] {
        &self.channels
    }

    /// Whether the exchange refuses every channel now.
    pub(crate) fn all_refused(&self) -> bool {
        let refused = Some(BookState::Down(DownReason::Rejected));
        self.channels.iter().all(|watched| self.client.state(&watched.subscription) == refused)
    }

    /// The time since the client was started.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.mono().since(MonoNanos::ZERO)
    }

    /// Stops the client properly.
    pub(crate) fn stop(self) {
        self.client.stop();
    }
}
