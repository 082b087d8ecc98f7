//! One channel of one instrument that somebody has subscribed.

use super::body::Body;
use super::connection::ConnectionId;
use super::depth::{DepthScratch, DepthTopic};
use super::record_topic::RecordTopic;
use super::sbe::{Instrument, code_of};
use super::{v3, v5};
use crate::book::Book5;
use crate::model::{Channel, ChannelKind, Dialect, MonoNanos, UnixNanos};
use crate::sim::market::{InstIndex, SimMarket};

/// Which topic: a channel of an instrument, in SBE or in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopicKey {
    pub(crate) inst: InstIndex,
    pub(crate) channel: Channel,
    pub(crate) is_sbe: bool,
}

/// The subscribers of a channel of an instrument, and the book that they have.
#[derive(Debug)]
pub(crate) struct TopicState {
    pub(crate) channel: Channel,
    /// The instrument's code, if its subscribers have SBE.
    pub(crate) code: Option<i64>,
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

impl TopicState {
    /// A topic without subscribers; `None` for an instrument that is not listed.
    pub(crate) fn new(
        market: &SimMarket,
        key: TopicKey,
        now: MonoNanos,
        v5_checksums: bool,
    ) -> Option<Self> {
        let TopicKey { inst, channel, is_sbe } = key;
        let code = is_sbe.then(|| code_of(inst));
        let sent = match channel.kind() {
            ChannelKind::Trades => SentBook::Trades,
            ChannelKind::Book5 => SentBook::Top(None),
            ChannelKind::Depth => {
                let checksums = channel.dialect() == Dialect::V3 || v5_checksums;
                let book = market.numbered(inst)?;
                let topic = DepthTopic::new(channel, book, market.stamp(now), checksums);
                SentBook::Depth(match code {
                    Some(code) => topic.with_code(code, 0),
                    None => topic,
                })
            }
            ChannelKind::Latest(_) | ChannelKind::Stream(_) | ChannelKind::Raw => {
                SentBook::Record(RecordTopic::new(channel))
            }
        };
        let heartbeat_at = MonoNanos(u64::MAX);
        Some(Self {
            channel,
            code,
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
    ) -> Option<Body> {
        match &mut self.sent {
            SentBook::Trades => None,
            SentBook::Top(sent) => {
                let book = top(market, inst, self.channel)?;
                // Earlier subscribers may have an older book: the next push goes to all of them.
                let alone = self.subscribers.len() == 1;
                let same = sent.is_some_and(|sent| same_levels(&sent, &book));
                *sent = (alone || same).then_some(book);
                top_body(market, inst, (self.channel, self.code), &book, ts)
            }
            SentBook::Depth(depth) => depth.snapshot(market.listing(inst)?),
            SentBook::Record(record) => record.current(market, inst, ts).map(Body::Text),
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
    ) -> Option<Body> {
        match &mut self.sent {
            SentBook::Trades => None,
            SentBook::Top(sent) => {
                let book = top(market, inst, self.channel)?;
                if sent.is_some_and(|sent| same_levels(&sent, &book)) {
                    return None;
                }
                *sent = Some(book);
                top_body(market, inst, (self.channel, self.code), &book, ts)
            }
            SentBook::Depth(depth) => depth.update(market.numbered(inst)?, ts, scratch),
            SentBook::Record(record) => record.change(market, inst, ts).map(Body::Text),
        }
    }

    /// The announcement of other exponents, before a change.
    pub(crate) fn exponent_update(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        ts: UnixNanos,
    ) -> Option<Body> {
        match &mut self.sent {
            SentBook::Depth(depth) => depth.exponent_update(market.numbered(inst)?, ts),
            SentBook::Trades | SentBook::Top(_) | SentBook::Record(_) => None,
        }
    }

    /// Changes the decimals of prices in SBE.
    pub(crate) const fn change_decimals(&mut self, more_decimals: u8) {
        if let SentBook::Depth(depth) = &mut self.sent {
            depth.change_decimals(more_decimals);
        }
    }

    /// The heartbeat of a book that has not changed: the book once more where the channel sends it
    /// whole.
    pub(crate) fn heartbeat(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        ts: UnixNanos,
    ) -> Option<Body> {
        match &mut self.sent {
            SentBook::Trades => None,
            SentBook::Top(sent) => {
                let book = (*sent).or_else(|| top(market, inst, self.channel))?;
                top_body(market, inst, (self.channel, self.code), &book, ts)
            }
            SentBook::Depth(depth) => Some(depth.heartbeat(market.listing(inst)?, ts)),
            SentBook::Record(record) => record.current(market, inst, ts).map(Body::Text),
        }
    }
}

/// What a channel that sends its book whole shows of it.
fn top(market: &SimMarket, inst: InstIndex, channel: Channel) -> Option<Book5> {
    let is_best = matches!(channel, Channel::BboTbt | Channel::SprdBboTbt);
    market.top(inst, if is_best { 1 } else { 5 })
}

fn top_body(
    market: &SimMarket,
    inst: InstIndex,
    (channel, code): (Channel, Option<i64>),
    book: &Book5,
    ts: UnixNanos,
) -> Option<Body> {
    let listing = market.listing(inst)?;
    let (asks, bids) = (book.asks(), book.bids());
    if let Some(code) = code {
        let instrument = Instrument { code, listing, more_decimals: 0 };
        return Some(Body::Sbe(instrument.bbo(book, ts)));
    }
    Some(Body::Text(match channel.dialect() {
        Dialect::V3 => v3::book5(listing, asks, bids, ts),
        Dialect::V5 => v5::book5(channel, listing, [asks, bids], ts, book.seq),
    }))
}

fn same_levels(a: &Book5, b: &Book5) -> bool {
    a.asks() == b.asks() && a.bids() == b.bids()
}
