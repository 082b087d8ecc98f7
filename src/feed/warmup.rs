//! Cache warm-up: re-runs recent frames while idle, to keep the hot path in cache.

use super::slot::Slot;
use super::stats::Stats;
use crate::model::{ChannelKind, Subscription};
use crate::wire::Frame;

/// The number of recent frames of each kind that are retained.
const KEPT: usize = 2;

/// The longest retained frame, in bytes: twice a five-level book.
const KEPT_LEN: usize = 1024;

/// The longest text of a retained frame, in bytes. A short compressed body can hold a long text.
const KEPT_TEXT_LEN: usize = 4096;

/// The recent frames of a connection, and the shadow state that they are re-run against.
#[derive(Debug)]
pub(super) struct CacheWarmer {
    books: KeptFrames,
    trades: KeptFrames,
    /// The next frame to re-run: books and trades alternate.
    next: usize,
    shadow: ShadowState,
    /// The counters of re-run frames, which are discarded.
    stats: Stats,
}

/// The state that a re-run frame changes.
pub(super) type WarmupTarget<'r> = (&'r mut ShadowState, &'r mut Stats);

/// The recent frames of one kind.
#[derive(Debug)]
struct KeptFrames {
    frames: [KeptFrame; KEPT],
    /// The frame that the next one replaces.
    oldest: usize,
}

/// A copy of a frame; empty if there is none yet.
#[derive(Debug)]
struct KeptFrame {
    bytes: Vec<u8>,
    is_text: bool,
}

/// The state that cache warm-up changes instead of the slots. Has no order books. Never read.
#[derive(Debug, Default)]
pub(super) struct ShadowState {
    /// `None` if no five-level book is subscribed.
    book: Option<Slot>,
    /// `None` if no trades are subscribed.
    trades: Option<Slot>,
}

#[inline]
const fn is_short(frame: Frame<'_>, text_len: usize) -> bool {
    frame.len() <= KEPT_LEN && text_len <= KEPT_TEXT_LEN
}

impl CacheWarmer {
    /// Makes a cache warmer without frames. Allocates all memory for frames.
    pub(super) fn new() -> Self {
        Self {
            books: KeptFrames::new(),
            trades: KeptFrames::new(),
            next: 0,
            shadow: ShadowState::default(),
            stats: Stats::default(),
        }
    }

    /// Adds a shadow slot for a subscription, if it is the first of its kind.
    pub(super) fn add_shadow(&mut self, subscription: Subscription) {
        let shadow = match subscription.channel().kind() {
            ChannelKind::Book5 => &mut self.shadow.book,
            ChannelKind::Trades => &mut self.shadow.trades,
            ChannelKind::Depth
            | ChannelKind::Latest(_)
            | ChannelKind::Stream(_)
            | ChannelKind::Raw => return,
        };
        shadow.get_or_insert_with(|| Slot::shadow(subscription));
    }

    /// Copies a frame with a five-level book, if the frame and its text are within the length
    /// limits.
    #[inline]
    pub(super) fn keep_book(&mut self, frame: Frame<'_>, text_len: usize) {
        if is_short(frame, text_len) {
            self.books.keep(frame);
        }
    }

    /// Copies a frame with a trade, if the frame and its text are within the length limits.
    #[inline]
    pub(super) fn keep_trade(&mut self, frame: Frame<'_>, text_len: usize) {
        if is_short(frame, text_len) {
            self.trades.keep(frame);
        }
    }

    /// The next frame to re-run and its target; `None` if no frame has been retained yet.
    pub(super) fn next_frame(&mut self) -> Option<(Frame<'_>, WarmupTarget<'_>)> {
        let Self { books, trades, next, shadow, stats } = self;
        for _ in 0..2 * KEPT {
            let of = if next.is_multiple_of(2) { &*books } else { &*trades };
            let frame = of.frame(*next / 2);
            *next = (*next + 1) % (2 * KEPT);
            if let Some(frame) = frame {
                return Some((frame, (shadow, stats)));
            }
        }
        None
    }
}

impl KeptFrames {
    fn new() -> Self {
        let frame = || KeptFrame { bytes: Vec::with_capacity(KEPT_LEN), is_text: false };
        Self { frames: std::array::from_fn(|_| frame()), oldest: 0 }
    }

    #[inline]
    fn keep(&mut self, frame: Frame<'_>) {
        let (Frame::Text(bytes) | Frame::Binary(bytes)) = frame;
        if let Some(kept) = self.frames.get_mut(self.oldest) {
            kept.bytes.clear();
            kept.bytes.extend_from_slice(bytes);
            kept.is_text = matches!(frame, Frame::Text(_));
        }
        self.oldest = (self.oldest + 1) % KEPT;
    }

    /// The frame at an index; `None` if there is none yet.
    fn frame(&self, at: usize) -> Option<Frame<'_>> {
        let kept = self.frames.get(at).filter(|kept| !kept.bytes.is_empty())?;
        Some(match kept.is_text {
            true => Frame::Text(&kept.bytes),
            false => Frame::Binary(&kept.bytes),
        })
    }
}

impl ShadowState {
    /// The slot that an event changes: the real slot, or its shadow during cache warm-up.
    ///
    /// The shadow's last sequence number is set to `before`, so that the event directly follows it.
    /// The real slot's memory is only prefetched then.
    #[inline]
    pub(super) fn target_slot<'s>(
        shadow: Option<&'s mut Self>,
        real: &'s mut Slot,
        before: i64,
    ) -> Option<&'s mut Slot> {
        let Some(Self { book, trades }) = shadow else { return Some(real) };
        real.prefetch_next();
        let shadow = match real.subscription().channel().kind() {
            ChannelKind::Book5 => book,
            ChannelKind::Trades => trades,
            ChannelKind::Depth
            | ChannelKind::Latest(_)
            | ChannelKind::Stream(_)
            | ChannelKind::Raw => return None,
        };
        let shadow = shadow.as_mut()?;
        shadow.reset_history(before);
        Some(shadow)
    }
}

#[cfg(test)]
mod tests {
    use crate::event::Event;
    use crate::feed::FeedHandler;
    use crate::model::{Dialect, Subscription, UnixNanos};
    use crate::wire::Frame;

    const BOOK: &str = concat!(
        r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["2","1","0","1"]],"#,
        r#""bids":[["1","1","0","1"]],"instId":"BTC-USDT","ts":"1654032991947"}]}"#
    );
    const TRADE: &str = concat!(
        r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","#,
        r#""tradeId":"1","px":"2","sz":"1","side":"buy","ts":"1654032991947"}]}"#
    );

    #[test]
    fn each_warmup_frame_runs_the_whole_path() {
        let books: Subscription = "books5:BTC-USDT".parse().unwrap();
        let mut feed = FeedHandler::new(Dialect::V5);
        feed.subscribe(books).unwrap();
        // A subscription made before and one made after: both have a shadow slot.
        feed.set_warmup(true);
        feed.subscribe("trades:BTC-USDT".parse().unwrap()).unwrap();
        let sink = &mut |_: &Event<'_>| {};
        let later = BOOK.replace("1654032991947", "1654032991948");
        // Replies are not retained and replace no retained frame.
        for text in [BOOK, TRADE, &later, TRADE, "pong", "pong", "pong", "pong"] {
            feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(1), sink).unwrap();
        }
        assert!((0..100).all(|_| feed.warm_caches(sink)));
        let book = feed.book(&books).unwrap();
        let cache_warmer = feed.cache_warmer_mut().unwrap();
        let stats = &cache_warmer.stats;
        assert_eq!((stats.frames, stats.scanned, stats.books, stats.trades), (100, 100, 50, 50));
        // The earlier book after the later one is not a backward clock: each is published.
        assert_eq!((stats.backwards, stats.unsubscribed, stats.malformed()), (0, 0, 0));
        let shadow = cache_warmer.shadow.book.as_mut().unwrap();
        let view = shadow.book_reader().unwrap().snapshot();
        assert_eq!(
            (view.version, view.value.asks(), view.value.bids()),
            (50, book.asks(), book.bids())
        );
        let trades = cache_warmer.shadow.trades.as_ref().unwrap();
        // The same trade is re-run at one ring index, on the path of a trade that directly follows
        // the last one.
        assert_eq!(trades.trades().unwrap().next(), 1);
        assert_eq!((stats.repeated_trades, stats.missed_trades), (0, 0));
    }

    #[test]
    fn a_frame_that_is_too_long_is_not_retained() {
        let mut feed = FeedHandler::new(Dialect::V3);
        feed.set_warmup(true);
        let sink = &mut |_: &Event<'_>| {};
        let short = concat!(
            r#"{"table":"spot/trade","data":[{"instrument_id":"BTC-USDT","price":"2","#,
            r#""side":"buy","size":"1","timestamp":"2019-05-14T02:03:04.567Z","trade_id":"1"}]}"#
        );
        let long = format!("{short}{}", " ".repeat(super::KEPT_LEN));
        feed.on_frame(Frame::Text(long.as_bytes()), UnixNanos(1), sink).unwrap();
        // A short body with a long text.
        let text = format!("{short}{}", " ".repeat(100_000));
        let mut body = vec![0; 2 * super::KEPT_LEN];
        let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::best());
        let len = compressor.deflate_compress(text.as_bytes(), &mut body).unwrap();
        assert!(len < super::KEPT_LEN);
        feed.on_frame(Frame::Binary(&body[..len]), UnixNanos(2), sink).unwrap();
        assert_eq!(feed.stats().trades, 2);
        assert!(!feed.warm_caches(sink));
        feed.on_frame(Frame::Text(short.as_bytes()), UnixNanos(3), sink).unwrap();
        assert!((0..10).all(|_| feed.warm_caches(sink)));
    }
}
