//! Frames to books: the whole hot path behind one call.

mod sink;
mod state;

use std::sync::Arc;
use std::time::Duration;

use self::sink::SlotSink;
use super::age::AgeChange;
use super::numbers::SubscriptionNumbers;
use super::slot::DepthOptions;
use super::slots::Slots;
use super::stale::StaleLimits;
use super::stats::Stats;
use super::warmup::{CacheWarmer, WarmupTarget};
use crate::book::Attribution;
use crate::event::{Event, EventSink, Malformed};
use crate::model::{
    BookState, Dialect, DownReason, InstrumentCodes, Subscription, SubscriptionError, UnixNanos,
};
use crate::publish::TradeOptions;
use crate::wire::{DecodeError, DecodeLimits, Decoded, Decoder, Frame};

/// Decodes the frames of one connection and maintains its books and trades.
///
/// Sans-IO: the caller passes frames and times. [`FeedHandler::on_frame`] does not allocate in
/// steady state, lock, log, wait or read a clock.
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
    /// `None` if cache warm-up is off, and while a warm-up frame runs.
    cache_warmer: Option<Box<CacheWarmer>>,
}

impl FeedHandler {
    /// Makes a handler with no subscription and the default limits.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self::with_limits(dialect, DecodeLimits::default())
    }

    /// Makes a handler with the given decode limits.
    ///
    /// # Panics
    /// If a limit exceeds the largest possible allocation.
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

    /// Decodes the binary frames of a v5 connection as SBE; see [`Decoder::set_sbe`]. Order books
    /// of later subscriptions keep their updates until a REST snapshot arrives, which is a
    /// frame too: the body of the answer of `GET /api/v5/market/books-sbe`.
    pub fn set_sbe(&mut self, codes: Arc<InstrumentCodes>) {
        self.slots.begin_numbered();
        self.decoder.set_sbe(codes);
    }

    /// Sets the age limit of books. The age is `ts_recv` less `ts_event`; the limit applies to the
    /// excess over the smallest age of the last 30 to 60 minutes.
    ///
    /// - A book over the limit was queued on its way. Its subscription is [`BookState::Stale`]
    ///   until a book within the limit arrives.
    /// - `None`, the default, is no limit.
    /// - A first push and a repeated book are exempt.
    pub fn set_age_limit(&mut self, limit: Option<Duration>) {
        self.slots.ages.set_limit(limit);
    }

    /// The excess of the last book's age at receipt over the smallest age of the last 30 to 60
    /// minutes.
    #[must_use]
    pub const fn lag(&self) -> Duration {
        self.slots.ages.lag()
    }

    /// Changes the ages of books, for the watchdog, which detects clock steps.
    pub(crate) fn change_ages(&mut self, change: AgeChange) {
        self.slots.ages.change(change);
    }

    /// Sets the options for the order books of later subscriptions.
    pub const fn set_depth_options(&mut self, options: DepthOptions) {
        self.depth = options;
    }

    /// Sets the options for the trades of later subscriptions.
    pub const fn set_trade_options(&mut self, options: TradeOptions) {
        self.trades = options;
    }

    pub(super) const fn trade_options(&self) -> TradeOptions {
        self.trades
    }

    /// Sets the source of the numbers of later subscriptions. Handlers that share it give a
    /// subscription the same number.
    pub fn set_numbers(&mut self, numbers: SubscriptionNumbers) {
        self.slots.set_numbers(numbers);
    }

    /// Adds a slot for a subscription. Does nothing if there is one.
    ///
    /// Sends no request to the exchange; see [`Session`](crate::session::Session).
    ///
    /// # Errors
    /// [`SubscriptionError::OtherDialect`] if the channel is not of the connection's dialect.
    pub fn subscribe(&mut self, subscription: Subscription) -> Result<(), SubscriptionError> {
        if subscription.dialect() != self.dialect() {
            let name = subscription.to_string();
            return Err(SubscriptionError::OtherDialect(name, self.dialect()));
        }
        let slot = self.slots.insert(subscription, self.depth, self.trades);
        if self.decoder.is_sbe() {
            slot.keep_updates();
        }
        if let Some(cache_warmer) = &mut self.cache_warmer {
            cache_warmer.add_shadow(subscription);
        }
        Ok(())
    }

    /// Removes a subscription and its data; readers see [`DownReason::Unsubscribed`]. Returns false
    /// if there was none.
    pub fn unsubscribe(
        &mut self,
        subscription: &Subscription,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) -> bool {
        self.set_state(subscription, BookState::Down(DownReason::Unsubscribed), ts_recv, sink);
        self.slots.remove(subscription)
    }

    /// Processes one frame: decodes it, applies its events to the books, and emits each event after
    /// the state change that it causes.
    ///
    /// `ts_recv` is the receive time of the frame. It must not run backwards.
    ///
    /// # Errors
    /// [`DecodeError`] if the frame is malformed. The frame is counted and emitted as
    /// [`Event::Malformed`]. Subscriptions that may have lost a message are invalidated:
    ///
    /// - An order book is not live until its next snapshot.
    /// - A book that every message replaces is stale until its next message.
    /// - Trades skip a number.
    ///
    /// Which subscriptions are invalidated depends on the readable start of the frame:
    ///
    /// - Channel and instrument known: that subscription.
    /// - Only market and channel known (v3 names the instrument last): all of that market and
    ///   channel.
    /// - Nothing known: all whose next message would not show the loss, by the number before its
    ///   own or by a dense trade id.
    #[inline]
    pub fn on_frame(
        &mut self,
        frame: Frame<'_>,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) -> Result<Decoded, DecodeError> {
        let before = (self.stats.books, self.stats.trades);
        let result = self.process_frame(frame, ts_recv, sink, None);
        if let (Some(cache_warmer), Ok(decoded)) = (&mut self.cache_warmer, &result) {
            if self.stats.books > before.0 {
                cache_warmer.keep_book(frame, decoded.text_len);
            } else if self.stats.trades > before.1 {
                cache_warmer.keep_trade(frame, decoded.text_len);
            }
        }
        result
    }

    /// The text of a frame that [`FeedHandler::on_frame`] has just processed: inflated, where the
    /// frame is compressed. Empty where it could not be inflated, and of an SBE frame.
    #[inline]
    #[must_use]
    pub fn text_of<'t>(&'t self, frame: Frame<'t>) -> &'t [u8] {
        match frame {
            Frame::Text(text) => text,
            Frame::Binary(_) => self.decoder.last_text(),
        }
    }

    /// Enables or disables cache warm-up ([`FeedHandler::warm_caches`]). Disabled by default.
    ///
    /// While enabled, each frame with a five-level book or a trade is copied after its events are
    /// emitted.
    pub fn set_warmup(&mut self, on: bool) {
        self.cache_warmer = on.then(|| {
            let mut cache_warmer = Box::new(CacheWarmer::new());
            self.slots.iter().for_each(|slot| cache_warmer.add_shadow(*slot.subscription()));
            cache_warmer
        });
    }

    /// Re-runs a recent frame to keep the decode path's code and data in cache.
    ///
    /// Intended for a busy-polling thread while no frame is available. The result is discarded: no
    /// book, trade, state or counter changes, and `sink` is not called. `sink` must have the type
    /// that [`FeedHandler::on_frame`] is given, because each sink type has its own monomorphised
    /// code.
    ///
    /// Alternates between the last two frames of five-level books and the last two of trades, of at
    /// most 1 KiB on the wire and 4 KiB of text. Does not warm order books or the sink's own code.
    /// Takes about as long as a frame. Does not allocate.
    ///
    /// Returns `false` if no frame has been retained yet.
    pub fn warm_caches(&mut self, sink: &mut impl EventSink) -> bool {
        let Some(mut cache_warmer) = self.cache_warmer.take() else { return false };
        let next = cache_warmer.next_frame();
        let has_frame = next.is_some();
        if let Some((frame, target)) = next {
            // A retained frame was decoded without an error when it was received.
            let _ = self.process_frame(frame, UnixNanos::UNKNOWN, sink, Some(target));
        }
        self.cache_warmer = Some(cache_warmer);
        has_frame
    }

    /// Processes a frame against slots and sink, or against a warm-up target. Never inlined, so
    /// that cache warm-up runs the same code as a received frame.
    #[inline(never)]
    fn process_frame(
        &mut self,
        frame: Frame<'_>,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
        warmup: Option<WarmupTarget<'_>>,
    ) -> Result<Decoded, DecodeError> {
        let Self { decoder, slots, stats, .. } = self;
        let (shadow, stats) = match warmup {
            Some((shadow, stats)) => (Some(shadow), stats),
            None => (None, stats),
        };
        let is_warmup = shadow.is_some();
        stats.frame(frame.len());
        let slot_sink = &mut SlotSink { slots, stats, sink, shadow };
        let result = decoder.decode_with_hint(frame, ts_recv, slot_sink);
        stats.result(&result, decoder.last_unread());
        // A warm-up frame loses no message, even if it is malformed.
        if let (Err(DecodeError { kind, offset }), false) = (result, is_warmup) {
            let head = decoder.last_head(kind);
            slots.message_lost(head, ts_recv, stats, sink);
            let subscription = head.and_then(|head| head.subscription());
            let kind = kind.name();
            let malformed = Malformed { kind, offset, subscription, ts_recv };
            sink.on_event(&Event::Malformed(malformed));
        }
        result
    }

    /// Invalidates what may have lost messages with frames that are missing, any number of them, as
    /// in a gap of a recording.
    ///
    /// - A book that every message replaces is stale until its next message.
    /// - An order book or trades whose numbers do not show a loss are invalidated as by a malformed
    ///   frame ([`FeedHandler::on_frame`]); the others show it by their next message.
    pub fn frames_lost(&mut self, ts_recv: UnixNanos, sink: &mut impl EventSink) {
        let Self { slots, stats, .. } = self;
        for slot in slots.iter_mut() {
            slot.message_lost(Attribution::Possible, ts_recv, stats, sink);
        }
    }

    /// Sets the state of one subscription. A change is published and emitted.
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

    /// Clears an order book that is to be joined with a REST snapshot, because its next
    /// updates do not follow those before: it was subscribed again. Unless it is connecting or
    /// down, it awaits a snapshot then. Returns the state; `None` if there is no such book.
    pub fn begin_chain(
        &mut self,
        subscription: &Subscription,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) -> Option<BookState> {
        self.slots.get_mut(subscription)?.begin_chain(ts_recv, sink)
    }

    /// Sets the state of every subscription that is not down, as after a lost connection.
    ///
    /// [`BookState::Connecting`] also resets the ages of books, because a clock may be set before
    /// the next connection.
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

    /// Resets the history of every subscription, so that a recording can be replayed from its
    /// start. Without the reset, its books are older than the current ones and its trades are
    /// repeated.
    ///
    /// All states become [`BookState::Connecting`]. Published data stays readable until new data
    /// arrives.
    pub fn forget(&mut self, ts_recv: UnixNanos, sink: &mut impl EventSink) {
        self.slots.iter_mut().for_each(|slot| slot.forget(ts_recv, sink));
    }

    /// Marks live subscriptions as stale if they are silent for longer than their channel's limit.
    pub fn mark_stale(&mut self, limits: &StaleLimits, now: UnixNanos, sink: &mut impl EventSink) {
        for slot in self.slots.iter_mut() {
            let limit = limits.of(slot.subscription().channel()).unwrap_or(Duration::MAX);
            let silent = now.since(slot.ts_recv()).is_some_and(|silence| silence >= limit);
            if silent && slot.state().is_live() {
                slot.set_state(BookState::Stale, now, sink);
            }
        }
    }

    /// Sets the counters back to what they were, after a frame was run twice.
    #[cfg(feature = "capture")]
    pub(crate) const fn set_stats(&mut self, stats: Stats) {
        self.stats = stats;
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
}
