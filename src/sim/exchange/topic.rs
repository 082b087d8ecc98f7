//! One channel of one instrument that somebody has subscribed.

use super::connection::ConnectionId;
use super::depth::{DepthScratch, DepthTopic};
use super::record_topic::RecordTopic;
use super::{v3, v5};
use crate::book::Book5;
use crate::model::{Channel, ChannelKind, Dialect, MonoNanos, UnixNanos};
use crate::sim::market::{InstIndex, SimMarket};

/// The subscribers of a channel of an instrument, and the book that they have.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) channel: Channel,
    pub(crate) subscribers: Vec<ConnectionId>,
    /// Whether the book waits for its push.
    pub(crate) waits: bool,
    pub(crate) last_push: MonoNanos,
    /// When the next heartbeat is due.
    pub(crate) heartbeat_at: MonoNanos,
    sent: SentBook,
}

/// What the subscribers of a topic have.
#[derive(Debug)]
enum SentBook {
    Trades,
    /// A book that is sent whole; `None` where subscribers may have different ones.
    Top(Option<Book5>),
    Depth(DepthTopic),
    Record(RecordTopic),
}

impl Topic {
    /// A topic without subscribers; `None` for an instrument that is not listed.
    pub(crate) fn new(
        market: &SimMarket,
        inst: InstIndex,
        channel: Channel,
        now: MonoNanos,
        v5_checksums: bool,
    ) -> Option<Self> {
        let sent = match channel.kind() {
            ChannelKind::Trades => SentBook::Trades,
            ChannelKind::Book5 => SentBook::Top(None),
            ChannelKind::Depth => {
                let checksums = channel.dialect() == Dialect::V3 || v5_checksums;
                let book = market.numbered(inst)?;
                SentBook::Depth(DepthTopic::new(channel, book, market.stamp(now), checksums))
            }
            ChannelKind::Raw => return None,
            ChannelKind::Latest(_) | ChannelKind::Stream(_) => {
                SentBook::Record(RecordTopic::new(channel))
            }
        };
        let heartbeat_at = MonoNanos(u64::MAX);
        Some(Self {
            channel,
            subscribers: vec![],
            waits: false,
            last_push: now,
            heartbeat_at,
            sent,
        })
    }

    /// The book that follows the acknowledgement of a subscription.
    pub(crate) fn initial_snapshot(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        ts: UnixNanos,
    ) -> Option<String> {
        match &mut self.sent {
            SentBook::Trades => None,
            SentBook::Top(sent) => {
                let book = top(market, inst, self.channel)?;
                // Earlier subscribers may have an older book: the next push goes to all of them.
                let alone = self.subscribers.len() == 1;
                let same = sent.is_some_and(|sent| same_levels(&sent, &book));
                *sent = (alone || same).then_some(book);
                top_text(market, inst, self.channel, &book, ts)
            }
            SentBook::Depth(depth) => Some(depth.snapshot(market.listing(inst)?)),
            SentBook::Record(record) => record.current(market, inst, ts),
        }
    }

    /// Notes that the book as it is was shown elsewhere.
    pub(crate) fn note_shown(&mut self, market: &SimMarket, inst: InstIndex) {
        if let (SentBook::Depth(depth), Some(book)) = (&mut self.sent, market.book(inst)) {
            depth.note_shown(book);
        }
    }

    /// What brings the subscribers up to date; `None` where they are.
    pub(crate) fn change(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        ts: UnixNanos,
        scratch: &mut DepthScratch,
    ) -> Option<String> {
        match &mut self.sent {
            SentBook::Trades => None,
            SentBook::Top(sent) => {
                let book = top(market, inst, self.channel)?;
                if sent.is_some_and(|sent| same_levels(&sent, &book)) {
                    return None;
                }
                *sent = Some(book);
                top_text(market, inst, self.channel, &book, ts)
            }
            SentBook::Depth(depth) => depth.update(market.numbered(inst)?, ts, scratch),
            SentBook::Record(record) => record.change(market, inst, ts),
        }
    }

    /// The heartbeat of a book that has not changed: the book once more where the channel sends it
    /// whole.
    pub(crate) fn heartbeat(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        ts: UnixNanos,
    ) -> Option<String> {
        match &mut self.sent {
            SentBook::Trades => None,
            SentBook::Top(sent) => {
                let book = (*sent).or_else(|| top(market, inst, self.channel))?;
                top_text(market, inst, self.channel, &book, ts)
            }
            SentBook::Depth(depth) => Some(depth.heartbeat(market.listing(inst)?, ts)),
            SentBook::Record(record) => record.current(market, inst, ts),
        }
    }
}

/// What a channel that sends its book whole shows of it.
fn top(market: &SimMarket, inst: InstIndex, channel: Channel) -> Option<Book5> {
    market.top(inst, if channel == Channel::BboTbt { 1 } else { 5 })
}

fn top_text(
    market: &SimMarket,
    inst: InstIndex,
    channel: Channel,
    book: &Book5,
    ts: UnixNanos,
) -> Option<String> {
    let listing = market.listing(inst)?;
    let (asks, bids) = (book.asks(), book.bids());
    Some(match channel.dialect() {
        Dialect::V3 => v3::book5(listing, asks, bids, ts),
        Dialect::V5 => v5::book5(channel, listing, [asks, bids], ts, book.seq),
    })
}

fn same_levels(a: &Book5, b: &Book5) -> bool {
    a.asks() == b.asks() && a.bids() == b.bids()
}
