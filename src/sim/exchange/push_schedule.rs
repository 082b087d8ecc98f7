//! When books are pushed: a time grid for each channel, and heartbeats for books that do not
//! change.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::model::{Channel, ChannelKind, Dialect, MonoNanos, UnixNanos};
use crate::sim::market::{InstIndex, SimMarket};

/// How often the channels push what has changed. Zero pushes at every change.
///
/// Pushes fall on multiples of the interval in wall-clock time, as on the real exchange.
#[derive(Clone, Copy, Debug)]
pub struct PushIntervals {
    /// v5 `bbo-tbt`; the exchange's is 10 ms.
    pub bbo_tbt: Duration,
    /// v3 `depth5` and v5 `books5`; the exchange's is 100 ms.
    pub book5: Duration,
    /// v3 `depth` and v5 `books`, `books-elp` and `books-rpi`; the exchange's is 100 ms.
    pub books: Duration,
    /// v5 `books-l2-tbt` and `books50-l2-tbt`; the exchange's is 10 ms.
    pub books_tbt: Duration,
    /// v3 `depth_l2_tbt`; the exchange's was about 20 ms.
    pub depth_tbt: Duration,
    /// The silence after which a v3 book with increments has a heartbeat; the exchange's was about
    /// 20 s. Zero turns it off.
    pub heartbeat_v3: Duration,
    /// The silence after which a v5 book has a heartbeat: an increment without changes, or the book
    /// once more where the channel sends it whole; the exchange's is about 60 s. Zero turns it off.
    pub heartbeat_v5: Duration,
}

impl Default for PushIntervals {
    /// The intervals of the real exchange.
    fn default() -> Self {
        Self {
            bbo_tbt: Duration::from_millis(10),
            book5: Duration::from_millis(100),
            books: Duration::from_millis(100),
            books_tbt: Duration::from_millis(10),
            depth_tbt: Duration::from_millis(20),
            ..Self::EVERY_CHANGE
        }
    }
}

impl PushIntervals {
    /// No waiting: every change is pushed at once. Heartbeats come as on the real exchange.
    pub const EVERY_CHANGE: Self = Self {
        bbo_tbt: Duration::ZERO,
        book5: Duration::ZERO,
        books: Duration::ZERO,
        books_tbt: Duration::ZERO,
        depth_tbt: Duration::ZERO,
        heartbeat_v3: Duration::from_secs(20),
        heartbeat_v5: Duration::from_secs(60),
    };

    /// The grid of a channel; trades have none.
    const fn grid(&self, channel: Channel) -> Duration {
        match channel {
            Channel::BboTbt => self.bbo_tbt,
            Channel::BooksL2Tbt | Channel::Books50L2Tbt => self.books_tbt,
            Channel::DepthL2Tbt => self.depth_tbt,
            _ => match channel.kind() {
                ChannelKind::Depth => self.books,
                ChannelKind::Book5 | ChannelKind::Trades | ChannelKind::Raw => self.book5,
                ChannelKind::Latest(_) | ChannelKind::Stream(_) => self.record_grid(channel),
            },
        }
    }

    /// The grid of a channel of records; none where books of five levels have none. Source:
    /// `docs/PROTOCOL.md` 5.1.
    const fn record_grid(&self, channel: Channel) -> Duration {
        if self.book5.is_zero() {
            return Duration::ZERO;
        }
        match channel {
            Channel::LiquidationOrders
            | Channel::OptionTrades
            | Channel::PublicBlockTrades
            | Channel::PublicStrucBlockTrades => Duration::ZERO,
            Channel::MarkPrice
            | Channel::MarkPriceV3
            | Channel::PriceLimit
            | Channel::EstimatedPrice
            | Channel::EstimatedPriceV3 => Duration::from_millis(200),
            Channel::OpenInterest => Duration::from_secs(3),
            Channel::PriceRange => Duration::from_secs(5),
            Channel::FundingRate | Channel::FundingRateV3 => Duration::from_secs(30),
            Channel::CandleSeconds(_) => Duration::from_millis(500),
            Channel::Candle(_)
            | Channel::MarkPriceCandle(_)
            | Channel::IndexCandle(_)
            | Channel::SprdCandle(_)
            | Channel::OptSummary
            | Channel::OptionSummaryV3
            | Channel::AdlWarning
            | Channel::CallAuctionDetails
            | Channel::EventContractMarkets
            | Channel::BlockTickers => Duration::from_secs(1),
            _ => Duration::from_millis(100),
        }
    }

    /// The heartbeat of a channel; `None` where it has none.
    fn heartbeat(&self, channel: Channel) -> Option<Duration> {
        let silence = match (channel.dialect(), channel.kind()) {
            (_, ChannelKind::Trades | ChannelKind::Stream(_) | ChannelKind::Raw)
            | (Dialect::V3, ChannelKind::Book5) => return None,
            (Dialect::V3, ChannelKind::Depth) => self.heartbeat_v3,
            (Dialect::V5, ChannelKind::Book5 | ChannelKind::Depth) => self.heartbeat_v5,
            (_, ChannelKind::Latest(_)) => match channel {
                Channel::MarkPrice | Channel::MarkPriceV3 => Duration::from_secs(10),
                Channel::IndexTickers => Duration::from_secs(60),
                Channel::FundingRate | Channel::FundingRateV3 => Duration::from_secs(60),
                _ => return None,
            },
        };
        (!silence.is_zero()).then_some(silence)
    }
}

/// The order in which the channels of one instrument are pushed. Source: the documented order of
/// 2024, `docs/PROTOCOL.md` 5.1; v3's is not known.
const ORDER: [Channel; 13] = [
    Channel::Trade,
    Channel::Trades,
    Channel::TradesAll,
    Channel::BboTbt,
    Channel::DepthL2Tbt,
    Channel::BooksL2Tbt,
    Channel::Books50L2Tbt,
    Channel::Depth,
    Channel::Books,
    Channel::BooksElp,
    Channel::BooksRpi,
    Channel::Depth5,
    Channel::Books5,
];

/// The position of a channel in the order in which the channels of one instrument are pushed: books
/// and trades first, then records.
pub(crate) fn rank(channel: Channel) -> usize {
    let of_record = || ORDER.len() + usize::from(channel.index());
    ORDER.iter().position(|other| *other == channel).unwrap_or_else(of_record)
}

/// The books of one channel that wait for the next multiple of its interval.
#[derive(Debug)]
struct ChannelSchedule {
    interval: u64,
    due: MonoNanos,
    waiting: Vec<InstIndex>,
}

impl ChannelSchedule {
    fn new(intervals: &PushIntervals, channel: Channel) -> Self {
        Self {
            interval: u64::try_from(intervals.grid(channel).as_nanos()).unwrap_or(u64::MAX),
            due: MonoNanos(u64::MAX),
            waiting: Vec::new(),
        }
    }
}

/// Which books wait for their push, and which for their heartbeat.
#[derive(Debug)]
pub(crate) struct PushSchedule {
    intervals: PushIntervals,
    /// One for each channel, in the order in which they are pushed; of records, in the order in
    /// which they were subscribed.
    grids: Vec<(Channel, ChannelSchedule)>,
    heartbeats: BinaryHeap<Reverse<(MonoNanos, InstIndex, Channel)>>,
}

impl PushSchedule {
    pub(crate) fn new(intervals: &PushIntervals) -> Self {
        let grids = ORDER.map(|channel| (channel, ChannelSchedule::new(intervals, channel)));
        Self { intervals: *intervals, grids: grids.into(), heartbeats: BinaryHeap::new() }
    }

    fn schedule_of(&mut self, channel: Channel) -> Option<&mut ChannelSchedule> {
        let known = self.grids.iter().position(|(other, _)| *other == channel);
        let at = known.unwrap_or_else(|| {
            self.grids.push((channel, ChannelSchedule::new(&self.intervals, channel)));
            self.grids.len() - 1
        });
        self.grids.get_mut(at).map(|(_, schedule)| schedule)
    }

    /// Whether changes of the channel are pushed at once.
    pub(crate) fn at_once(&self, channel: Channel) -> bool {
        self.intervals.grid(channel).is_zero()
    }

    /// Adds a changed book; it must not wait already.
    pub(crate) fn wait(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        channel: Channel,
        now: MonoNanos,
    ) {
        let Some(schedule) = self.schedule_of(channel) else { return };
        schedule.waiting.push(inst);
        if schedule.waiting.len() == 1 {
            schedule.due = next_multiple(market, now, schedule.interval);
        }
    }

    /// When the next push or heartbeat is due; the end of time where nothing waits.
    pub(crate) fn due(&self) -> MonoNanos {
        let heartbeat = self.heartbeats.peek().map_or(MonoNanos(u64::MAX), |Reverse((at, ..))| *at);
        self.grids.iter().map(|(_, schedule)| schedule.due).fold(heartbeat, MonoNanos::min)
    }

    /// The books to push now, channel by channel: each call gives one channel's. The list comes
    /// back with [`PushSchedule::put_back`], so that its memory is used again.
    pub(crate) fn poll_pushes(&mut self, now: MonoNanos) -> Option<(Channel, Vec<InstIndex>)> {
        let mut grids = self.grids.iter_mut();
        let (channel, schedule) = grids.find(|(_, schedule)| schedule.due <= now)?;
        schedule.due = MonoNanos(u64::MAX);
        Some((*channel, std::mem::take(&mut schedule.waiting)))
    }

    pub(crate) fn put_back(&mut self, channel: Channel, mut list: Vec<InstIndex>) {
        list.clear();
        if let Some(schedule) = self.schedule_of(channel).filter(|c| c.waiting.is_empty()) {
            schedule.waiting = list;
        }
    }

    /// Schedules the next heartbeat of a book that was pushed last at `since`, and gives its time;
    /// the end of time where the channel has none.
    pub(crate) fn schedule_heartbeat(
        &mut self,
        inst: InstIndex,
        channel: Channel,
        since: MonoNanos,
    ) -> MonoNanos {
        let Some(silence) = self.intervals.heartbeat(channel) else { return MonoNanos(u64::MAX) };
        let at = since + silence;
        self.heartbeats.push(Reverse((at, inst, channel)));
        at
    }

    /// Whether a book that was pushed last at `since` has been silent for long enough for a
    /// heartbeat.
    pub(crate) fn is_silent(&self, channel: Channel, since: MonoNanos, now: MonoNanos) -> bool {
        self.intervals.heartbeat(channel).is_some_and(|silence| since + silence <= now)
    }

    /// A heartbeat that is due now, with the time for which it was set.
    pub(crate) fn poll_heartbeat(
        &mut self,
        now: MonoNanos,
    ) -> Option<(MonoNanos, InstIndex, Channel)> {
        let due = self.heartbeats.peek().is_some_and(|Reverse((at, ..))| *at <= now);
        if due { self.heartbeats.pop().map(|Reverse(heartbeat)| heartbeat) } else { None }
    }
}

/// The first time not before `now` whose wall-clock time is a multiple of the interval.
fn next_multiple(market: &SimMarket, now: MonoNanos, interval: u64) -> MonoNanos {
    let wall = market.wall(now).0;
    market.mono(UnixNanos(wall.div_ceil(interval).saturating_mul(interval)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_a_rank_and_v5_books_have_the_documented_order() {
        let mut ranks = Channel::ALL.map(rank);
        ranks.sort_unstable();
        assert!(ranks.iter().take(ORDER.len()).enumerate().all(|(n, rank)| n == *rank));
        assert!(ranks.is_sorted_by(|a, b| a < b), "each channel has a rank of its own");
        let documented = [
            Channel::BboTbt,
            Channel::BooksL2Tbt,
            Channel::Books50L2Tbt,
            Channel::Books,
            Channel::BooksElp,
            Channel::BooksRpi,
            Channel::Books5,
        ];
        assert!(documented.map(rank).is_sorted());
    }
}
