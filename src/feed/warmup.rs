//! Playing the last frames over while nothing comes, so that the hot path is in cache when the next one does.

use super::slot::Slot;
use super::stats::Stats;
use crate::model::{ChannelKind, Subscription};
use crate::wire::Frame;

/// How many of the last frames of a kind are kept.
const KEPT: usize = 2;

/// The longest frame that is kept, in bytes: twice a five-level book.
const KEPT_LEN: usize = 1024;

/// The longest text of a frame that is kept, in bytes: a body of a few bytes can hold a long one.
const KEPT_TEXT_LEN: usize = 4096;

/// The last frames of a connection, and what they are played to.
#[derive(Debug)]
pub(super) struct CacheWarmer {
    books: KeptFrames,
    trades: KeptFrames,
    /// Which is played next: books and trades in turn.
    turn: usize,
    shadow: ShadowState,
    /// What it counts, which nobody reads either.
    stats: Stats,
}

/// What a frame is played to.
pub(super) type WarmupTarget<'r> = (&'r mut ShadowState, &'r mut Stats);

/// The last frames of one kind.
#[derive(Debug)]
struct KeptFrames {
    frames: [KeptFrame; KEPT],
    /// The one that goes when another is kept.
    oldest: usize,
}

/// A frame's own copy; empty where there is none yet.
#[derive(Debug)]
struct KeptFrame {
    bytes: Vec<u8>,
    is_text: bool,
}

/// What a rehearsal changes in the place of slots: nobody reads it. It has nothing for deep books.
#[derive(Debug, Default)]
pub(super) struct ShadowState {
    /// `None` where no five-level book was subscribed.
    book: Option<Slot>,
    /// `None` where no trades were subscribed.
    trades: Option<Slot>,
}

impl CacheWarmer {
    /// Makes one of no frame. All memory for frames is allocated here.
    pub(super) fn new() -> Self {
        Self {
            books: KeptFrames::new(),
            trades: KeptFrames::new(),
            turn: 0,
            shadow: ShadowState::default(),
            stats: Stats::default(),
        }
    }

    /// Makes a stand-in of what a subscription will bring, if it is the first of its kind.
    pub(super) fn shadow_of(&mut self, subscription: Subscription) {
        let place = match subscription.channel().kind() {
            ChannelKind::Book5 => &mut self.shadow.book,
            ChannelKind::Trades => &mut self.shadow.trades,
            ChannelKind::Depth => return,
        };
        place.get_or_insert_with(|| Slot::shadow(subscription));
    }

    /// Keeps a copy of a frame that told of a five-level book or of a trade, if neither it nor its
    /// text is too long for that.
    #[inline]
    pub(super) fn keep(&mut self, frame: Frame<'_>, text_len: usize, (book, trade): (bool, bool)) {
        if frame.len() <= KEPT_LEN && text_len <= KEPT_TEXT_LEN {
            if book {
                self.books.keep(frame);
            } else if trade {
                self.trades.keep(frame);
            }
        }
    }

    /// The frame whose turn it is, and what it is played to; `None` where none was kept yet.
    pub(super) fn take_turn(&mut self) -> Option<(Frame<'_>, WarmupTarget<'_>)> {
        let Self { books, trades, turn, shadow, stats } = self;
        for _ in 0..2 * KEPT {
            let of = if turn.is_multiple_of(2) { &*books } else { &*trades };
            let frame = of.frame(*turn / 2);
            *turn = (*turn + 1) % (2 * KEPT);
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

    /// The frame in a place; `None` where there is none yet.
    fn frame(&self, at: usize) -> Option<Frame<'_>> {
        let kept = self.frames.get(at).filter(|kept| !kept.bytes.is_empty())?;
        Some(match kept.is_text {
            true => Frame::Text(&kept.bytes),
            false => Frame::Binary(&kept.bytes),
        })
    }
}

impl ShadowState {
    /// The slot to be changed: the real one, or in a rehearsal what stands in for it, to which
    /// nothing has come but what stands right before this, by its number `before`; the real one is only
    /// brought near then.
    #[inline]
    pub(super) fn target_slot<'s>(
        shadow: Option<&'s mut Self>,
        real: &'s mut Slot,
        before: i64,
    ) -> Option<&'s mut Slot> {
        let Some(Self { book, trades }) = shadow else { return Some(real) };
        real.fetch_next();
        let shadow = match real.subscription().channel().kind() {
            ChannelKind::Book5 => book,
            ChannelKind::Trades => trades,
            ChannelKind::Depth => return None,
        };
        let shadow = shadow.as_mut()?;
        shadow.begin_anew(before);
        Some(shadow)
    }
}

#[cfg(test)]
mod tests {
    use crate::event::Event;
    use crate::feed::FeedHandler;
    use crate::model::{Dialect, Subscription, UnixNanos};
    use crate::wire::Frame;

    const BOOK: &str = r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"instId":"BTC-USDT","ts":"1654032991947"}]}"#;
    const TRADE: &str = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"1","px":"2","sz":"1","side":"buy","ts":"1654032991947"}]}"#;

    #[test]
    fn what_is_played_goes_the_whole_way_each_time() {
        let books: Subscription = "books5:BTC-USDT".parse().unwrap();
        let mut feed = FeedHandler::new(Dialect::V5);
        feed.subscribe(books).unwrap();
        // One that was there before and one that comes later: both have a stand-in.
        feed.set_warmup(true);
        feed.subscribe("trades:BTC-USDT".parse().unwrap()).unwrap();
        let sink = &mut |_: &Event<'_>| {};
        let later = BOOK.replace("1654032991947", "1654032991948");
        // Replies, which are not kept, drive nothing out.
        for text in [BOOK, TRADE, &later, TRADE, "pong", "pong", "pong", "pong"] {
            feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(1), sink).unwrap();
        }
        assert!((0..100).all(|_| feed.warm_caches(sink)));
        let book = feed.book(&books).unwrap();
        let cache_warmer = feed.cache_warmer_mut().unwrap();
        let stats = &cache_warmer.stats;
        assert_eq!((stats.frames, stats.scanned, stats.books, stats.trades), (100, 100, 50, 50));
        // The earlier book after the later one is no clock that runs back: each one is published.
        assert_eq!((stats.backwards, stats.unsubscribed, stats.malformed()), (0, 0, 0));
        let shadow = cache_warmer.shadow.book.as_mut().unwrap();
        let view = shadow.book_reader().unwrap().snapshot();
        assert_eq!(
            (view.version, view.book.asks(), view.book.bids()),
            (50, book.asks(), book.bids())
        );
        let trades = cache_warmer.shadow.trades.as_ref().unwrap();
        // It has one trade again and again, in one place of the ring, which goes the way of a trade that
        // just follows the one before.
        assert_eq!(trades.trades().unwrap().next(), 1);
        assert_eq!((stats.repeated_trades, stats.missed_trades), (0, 0));
    }

    #[test]
    fn what_is_too_long_is_not_kept_and_nothing_is_played_in_its_place() {
        let mut feed = FeedHandler::new(Dialect::V3);
        feed.set_warmup(true);
        let sink = &mut |_: &Event<'_>| {};
        let short = r#"{"table":"spot/trade","data":[{"instrument_id":"BTC-USDT","price":"2","side":"buy","size":"1","timestamp":"2019-05-14T02:03:04.567Z","trade_id":"1"}]}"#;
        let long = format!("{short}{}", " ".repeat(super::KEPT_LEN));
        feed.on_frame(Frame::Text(long.as_bytes()), UnixNanos(1), sink).unwrap();
        // Short as a body and long as a text.
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
