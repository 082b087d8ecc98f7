//! Frames to books: the whole hot path behind one call.

use std::time::Duration;

use super::age::Ages;
use super::numbers::SubscriptionNumbers;
use super::slot::{DepthOptions, RING_LEN};
use super::slots::Slots;
use super::stale::StaleLimits;
use super::stats::Stats;
use super::warmup::{CacheWarmer, ShadowState, WarmupTarget};
use crate::book::{Book5, DepthBook};
use crate::event::{Event, EventSink, Malformed};
use crate::model::{
    BookState, Channel, Dialect, DownReason, Subscription, SubscriptionError, TradeRing, UnixNanos,
};
use crate::publish::{BookReader, DepthReader, TradeOptions, TradeReader};
use crate::wire::{DecodeError, DecodeLimits, Decoded, Decoder, Frame, PrefetchHint};

/// Decodes the frames of one connection and keeps the books and trades that they tell of.
///
/// Sans-IO: the caller brings frames and times. [`FeedHandler::on_frame`] allocates nothing in
/// steady state, does not lock, log, wait or read a clock.
///
/// # Example
/// ```
/// use okx_feed::{Dialect, Event, FeedHandler, Frame, Subscription, UnixNanos};
///
/// let books: Subscription = "bbo-tbt:BTC-USDT".parse()?;
/// let mut feed = FeedHandler::new(Dialect::V5);
/// feed.subscribe(books)?;
/// let text = br#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["31774.7",
///     "0.14","0","3"]],"bids":[["31774.6","0.33","0","3"]],"ts":"1654032991947"}]}"#;
/// feed.on_frame(Frame::Text(text), UnixNanos(1), &mut |_: &Event<'_>| {})?;
/// assert_eq!(feed.book(&books).unwrap().spread().unwrap().to_string(), "0.1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FeedHandler {
    decoder: Decoder,
    slots: Slots,
    depth: DepthOptions,
    trades: TradeOptions,
    stats: Stats,
    /// `None` where nothing is rehearsed, and while something is.
    cache_warmer: Option<Box<CacheWarmer>>,
}

/// Where the decoder's events go: to the slots, then to the sink.
struct Applying<'h, S> {
    slots: &'h mut Slots,
    stats: &'h mut Stats,
    sink: &'h mut S,
    /// What is changed instead of slots and sink, in a rehearsal.
    shadow: Option<&'h mut ShadowState>,
}

impl<S: EventSink> EventSink for Applying<'_, S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        let Self { slots, stats, sink, shadow } = self;
        let sink = &mut SuppressibleSink { sink: *sink, is_suppressed: shadow.is_some() };
        slots.apply_to(shadow.as_deref_mut(), event, stats, sink);
    }
}

/// A sink that may be told nothing. One type for both, so that a rehearsal runs the very code that it
/// is to bring near.
struct SuppressibleSink<'s, S> {
    sink: &'s mut S,
    is_suppressed: bool,
}

impl<S: EventSink> EventSink for SuppressibleSink<'_, S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        if !self.is_suppressed {
            self.sink.on_event(event);
        }
    }
}

impl<S: EventSink> PrefetchHint for Applying<'_, S> {
    #[inline]
    fn prefetch(&mut self, channel: Channel, inst_id: &str) {
        self.slots.fetch(channel, inst_id);
    }
}

impl FeedHandler {
    /// Makes a handler with no subscription and the default limits.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self::with_limits(dialect, DecodeLimits::default())
    }

    /// Makes a handler with limits of one's own.
    ///
    /// # Panics
    /// Where a limit is longer than memory can be.
    #[must_use]
    pub fn with_limits(dialect: Dialect, limits: DecodeLimits) -> Self {
        Self {
            decoder: Decoder::with_limits(dialect, limits),
            slots: Slots::default(),
            depth: DepthOptions::default(),
            trades: TradeOptions::default(),
            stats: Stats::default(),
            cache_warmer: None,
        }
    }

    /// Sets by how much a book may be older when it is received (`ts_recv` less `ts_event`) than the
    /// youngest was; one that exceeds it has waited on its way, and its subscription is stale until
    /// one comes that does not. `None`, the default, is no limit. A first push and a book that is
    /// sent again may be as old as they like.
    pub fn set_age_limit(&mut self, limit: Option<Duration>) {
        self.slots.ages.set_limit(limit);
    }

    /// By how much the last book was older when it was received than the youngest was.
    #[must_use]
    pub const fn lag(&self) -> Duration {
        self.slots.ages.lag()
    }

    /// The ages of books, for who sees clocks being set.
    pub(super) const fn ages_mut(&mut self) -> &mut Ages {
        &mut self.slots.ages
    }

    /// Sets how the deep books of later subscriptions are kept.
    pub const fn set_depth_options(&mut self, options: DepthOptions) {
        self.depth = options;
    }

    /// Sets how the trades of later subscriptions are kept.
    pub const fn set_trade_options(&mut self, options: TradeOptions) {
        self.trades = options;
    }

    pub(super) const fn trade_options(&self) -> TradeOptions {
        self.trades
    }

    /// Sets from where later subscriptions get their numbers, so that several handlers agree on them.
    pub fn set_numbers(&mut self, numbers: SubscriptionNumbers) {
        self.slots.set_numbers(numbers);
    }

    /// Makes a place for what a subscription will bring. Does nothing where there is one.
    ///
    /// This tells the handler what to keep; asking the exchange is the caller's part (see
    /// [`Session`](crate::session::Session)).
    ///
    /// # Errors
    /// [`SubscriptionError::OtherDialect`] where the channel is of the other dialect than the
    /// connection, which could never bring it.
    pub fn subscribe(&mut self, subscription: Subscription) -> Result<(), SubscriptionError> {
        if subscription.dialect() != self.dialect() {
            let name = subscription.to_string();
            return Err(SubscriptionError::OtherDialect(name, self.dialect()));
        }
        self.slots.insert(subscription, self.depth, self.trades);
        if let Some(cache_warmer) = &mut self.cache_warmer {
            cache_warmer.shadow_of(subscription);
        }
        Ok(())
    }

    /// Forgets a subscription and what it brought; readers see [`DownReason::Unsubscribed`]. False
    /// where there was none.
    pub fn unsubscribe(
        &mut self,
        subscription: &Subscription,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) -> bool {
        self.set_state(subscription, BookState::Down(DownReason::Unsubscribed), ts_recv, sink);
        self.slots.remove(subscription)
    }

    /// Takes one frame: decodes it, applies its events to the books, and gives each event to the
    /// sink after the state that it changed.
    ///
    /// `ts_recv` is when the frame was received; it must not run backwards.
    ///
    /// # Errors
    /// [`DecodeError`] where the frame is malformed: it is counted, told to the sink as
    /// [`Event::Malformed`], and changed nothing, except that what may have lost a message shows it. A
    /// deep book is no longer live until its next snapshot, a book that is sent whole is stale until
    /// its next message, and trades leave a number out. That is the subscription whose message it was;
    /// where v3 does not say the instrument, all of the same market and channel; where the frame does
    /// not say whose it was, all that have no numbers to show it.
    #[inline]
    pub fn on_frame(
        &mut self,
        frame: Frame<'_>,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) -> Result<Decoded, DecodeError> {
        let told = (self.stats.books, self.stats.trades);
        let result = self.take(frame, ts_recv, sink, None);
        if let (Some(cache_warmer), Ok(decoded)) = (&mut self.cache_warmer, &result) {
            let told = (self.stats.books > told.0, self.stats.trades > told.1);
            cache_warmer.keep(frame, decoded.text_len, told);
        }
        result
    }

    /// Has [`FeedHandler::warm_caches`] do something, or not, as at first. Each five-level book and trade
    /// then costs a copy of its frame, behind its events.
    pub fn set_warmup(&mut self, on: bool) {
        self.cache_warmer = on.then(|| {
            let mut cache_warmer = Box::new(CacheWarmer::new());
            self.slots.iter().for_each(|slot| cache_warmer.shadow_of(*slot.subscription()));
            cache_warmer
        });
    }

    /// Plays a frame over, so that code and data of the hot path are in the nearest caches when the next
    /// one comes. Takes as long as a frame; false where none was kept yet.
    ///
    /// For a thread that waits for frames without sleeping. It plays in turn the last two frames of a
    /// five-level book and the last two of a trade, of at most 1 KiB and 4 KiB of text. No book,
    /// trade, state or counter changes, and the sink is told nothing. It must be of the type that
    /// [`FeedHandler::on_frame`] is given: for another type there is other code. What the sink does
    /// and what deep books need does not come near. Allocates nothing.
    pub fn warm_caches(&mut self, sink: &mut impl EventSink) -> bool {
        let Some(mut cache_warmer) = self.cache_warmer.take() else { return false };
        let turn = cache_warmer.take_turn();
        let plays = turn.is_some();
        if let Some((frame, played)) = turn {
            // It could be read when it came.
            let _ = self.take(frame, UnixNanos::UNKNOWN, sink, Some(played));
        }
        self.cache_warmer = Some(cache_warmer);
        plays
    }

    /// Takes a frame, to slots and sink or to what it is only played to. Never inlined: what is
    /// played has to run the same code as what comes.
    #[inline(never)]
    fn take(
        &mut self,
        frame: Frame<'_>,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
        played: Option<WarmupTarget<'_>>,
    ) -> Result<Decoded, DecodeError> {
        let Self { decoder, slots, stats, .. } = self;
        let (shadow, stats) = match played {
            Some((shadow, stats)) => (Some(shadow), stats),
            None => (None, stats),
        };
        let is_played = shadow.is_some();
        stats.frame(frame.len());
        let applying = &mut Applying { slots, stats, sink, shadow };
        let result = decoder.decode_with_hint(frame, ts_recv, applying);
        stats.result(&result, decoder.last_unread());
        // What is played could be read before; but were it not so, nothing was lost with it.
        if let (Err(DecodeError { kind, offset }), false) = (result, is_played) {
            let head = decoder.last_head(kind);
            slots.message_lost(head, ts_recv, stats, sink);
            let subscription = head.and_then(|head| head.subscription());
            let kind = kind.name();
            let malformed = Malformed { kind, offset, subscription, ts_recv };
            sink.on_event(&Event::Malformed(malformed));
        }
        result
    }

    /// Changes the state of one subscription and tells readers and sink, if it is another.
    pub fn set_state(
        &mut self,
        subscription: &Subscription,
        state: BookState,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) {
        if let Some(slot) = self.slots.get_mut(subscription) {
            slot.set_state(state, ts_recv, sink);
        }
    }

    /// Changes the state of every subscription that is not down, as when the connection is lost. With
    /// [`BookState::Connecting`] the ages of books are measured from the start too, since a clock may
    /// have been set before the next connection.
    pub fn set_all_states(
        &mut self,
        state: BookState,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) {
        if state == BookState::Connecting {
            self.slots.ages.forget();
        }
        for slot in self.slots.iter_mut() {
            if !matches!(slot.state(), BookState::Down(_)) {
                slot.set_state(state, ts_recv, sink);
            }
        }
    }

    /// Has every subscription begin as if nothing had ever come, so that a recording can be played from
    /// its beginning: else its books are older than what is there, and its trades were told before.
    /// States are [`BookState::Connecting`]; what was published stays readable until something comes.
    pub fn forget(&mut self, ts_recv: UnixNanos, sink: &mut impl EventSink) {
        self.slots.iter_mut().for_each(|slot| slot.forget(ts_recv, sink));
    }

    /// Marks as stale what is live and has been silent for longer than its channel may be.
    pub fn mark_stale(&mut self, limits: &StaleLimits, now: UnixNanos, sink: &mut impl EventSink) {
        for slot in self.slots.iter_mut() {
            let limit = limits.of(slot.subscription().channel()).unwrap_or(Duration::MAX);
            let silent = now.since(slot.ts_recv()).is_some_and(|silence| silence >= limit);
            if silent && slot.state().is_live() {
                slot.set_state(BookState::Stale, now, sink);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn cache_warmer_mut(&mut self) -> Option<&mut CacheWarmer> {
        self.cache_warmer.as_deref_mut()
    }

    pub(super) const fn numbers(&self) -> &SubscriptionNumbers {
        self.slots.numbers()
    }

    pub(super) const fn slots_mut(&mut self) -> &mut Slots {
        &mut self.slots
    }

    /// The decoder, for benchmarks that switch its fast paths.
    #[doc(hidden)]
    pub const fn decoder_mut(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// The dialect of the connection.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.decoder.dialect()
    }

    /// The five best levels that a subscription brought last, whichever its channel; `None` where it
    /// is not subscribed or brings no book. Whether they can be believed says the slot's state.
    #[must_use]
    pub fn book(&self, subscription: &Subscription) -> Option<Book5> {
        self.slots.get(subscription)?.book()
    }

    /// The deep book of a subscription; `None` where it is not subscribed or brings none. That it is
    /// stale or down says the slot's state, not the book.
    #[must_use]
    pub fn depth(&self, subscription: &Subscription) -> Option<&DepthBook> {
        self.slots.get(subscription)?.depth()
    }

    /// The last trades of a subscription; `None` where it is not subscribed or brings none.
    #[must_use]
    pub fn trades(&self, subscription: &Subscription) -> Option<&TradeRing<RING_LEN>> {
        self.slots.get(subscription)?.trades()
    }

    /// A reader of a subscription's book for another thread.
    pub fn book_reader(&mut self, subscription: &Subscription) -> Option<BookReader> {
        self.slots.get_mut(subscription)?.book_reader()
    }

    /// A reader of the best levels of a subscription's deep book for another thread.
    pub fn depth_reader(&mut self, subscription: &Subscription) -> Option<DepthReader> {
        self.slots.get_mut(subscription)?.depth_reader()
    }

    /// A reader of a subscription's trades for another thread.
    pub fn trade_reader(&mut self, subscription: &Subscription) -> Option<TradeReader> {
        self.slots.get_mut(subscription)?.trade_reader()
    }

    /// All subscriptions and what they brought.
    #[must_use]
    pub const fn slots(&self) -> &Slots {
        &self.slots
    }

    /// The counters so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }
}
