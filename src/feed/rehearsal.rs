//! Playing the last frames over while nothing comes, so that the road is near when the next one does.

use super::slot::{DepthOptions, Slot};
use super::stats::Stats;
use crate::model::{ChannelKind, Subscription};
use crate::wire::Frame;

/// How many of the last frames are kept: enough for books and trades to be among them.
const KEPT: usize = 4;

/// The longest frame that is kept, in bytes: twice a five-level book.
const KEPT_LEN: usize = 1024;

/// The last frames of a connection, and what they are played to.
#[derive(Debug)]
pub(super) struct Rehearsal {
    frames: [KeptFrame; KEPT],
    /// The one that goes when another is kept.
    oldest: usize,
    /// The one that is played next.
    turn: usize,
    stand_in: StandIn,
    /// What it counts, which nobody reads either.
    stats: Stats,
}

/// What a frame is played to.
pub(super) type Played<'r> = (&'r mut StandIn, &'r mut Stats);

/// A frame's own copy; empty where there is none yet.
#[derive(Debug)]
struct KeptFrame {
    bytes: Vec<u8>,
    is_text: bool,
}

/// What a rehearsal changes in the place of slots: nobody reads it. It has nothing for deep books.
#[derive(Debug, Default)]
pub(super) struct StandIn {
    /// `None` where no five-level book was subscribed.
    book: Option<Slot>,
    /// `None` where no trades were subscribed.
    trades: Option<Slot>,
}

impl Rehearsal {
    /// Makes one of no frame. All of its memory is allocated here.
    pub(super) fn new() -> Self {
        let frame = || KeptFrame { bytes: Vec::with_capacity(KEPT_LEN), is_text: false };
        let frames = std::array::from_fn(|_| frame());
        Self { frames, oldest: 0, turn: 0, stand_in: StandIn::default(), stats: Stats::default() }
    }

    /// Makes a stand-in of what a subscription will bring, if it is the first of its kind.
    pub(super) fn stand_in_for(&mut self, subscription: Subscription) {
        let place = match subscription.channel().kind() {
            ChannelKind::Book5 => &mut self.stand_in.book,
            ChannelKind::Trades => &mut self.stand_in.trades,
            ChannelKind::Depth => return,
        };
        place.get_or_insert_with(|| {
            let mut slot = Slot::new(subscription, DepthOptions::default());
            // From the first reader on trades are published, and so they are in a rehearsal.
            let _ = slot.trade_reader();
            slot
        });
    }

    /// Keeps a copy of a frame that can be read, if it is not too long for that.
    #[inline]
    pub(super) fn keep(&mut self, frame: Frame<'_>) {
        let (Frame::Text(bytes) | Frame::Binary(bytes)) = frame;
        if bytes.len() > KEPT_LEN {
            return;
        }
        if let Some(kept) = self.frames.get_mut(self.oldest) {
            kept.bytes.clear();
            kept.bytes.extend_from_slice(bytes);
            kept.is_text = matches!(frame, Frame::Text(_));
        }
        self.oldest = (self.oldest + 1) % KEPT;
    }

    /// The frame whose turn it is, and what it is played to; `None` where that was not kept yet.
    pub(super) fn next(&mut self) -> Option<(Frame<'_>, Played<'_>)> {
        let kept = self.frames.get(self.turn)?;
        self.turn = (self.turn + 1) % KEPT;
        let frame = match kept.is_text {
            true => Frame::Text(&kept.bytes),
            false => Frame::Binary(&kept.bytes),
        };
        (!frame.is_empty()).then_some((frame, (&mut self.stand_in, &mut self.stats)))
    }
}

impl StandIn {
    /// The slot that is changed: the one given, or in a rehearsal what stands in for it, to which
    /// nothing has come; the one given is only brought near then.
    #[inline]
    pub(super) fn of<'s>(
        stand_in: Option<&'s mut Self>,
        slot: &'s mut Slot,
    ) -> Option<&'s mut Slot> {
        let Some(Self { book, trades }) = stand_in else { return Some(slot) };
        slot.fetch_next();
        let stand_in = match slot.subscription().channel().kind() {
            ChannelKind::Book5 => book,
            ChannelKind::Trades => trades,
            ChannelKind::Depth => return None,
        };
        let stand_in = stand_in.as_mut()?;
        stand_in.forget();
        Some(stand_in)
    }
}

#[cfg(test)]
mod tests {
    use crate::feed::FeedHandler;
    use crate::model::{Dialect, Event, Subscription, UnixNanos};
    use crate::wire::Frame;

    const BOOK: &str = r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"instId":"BTC-USDT","ts":"1654032991947"}]}"#;
    const TRADE: &str = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"1","px":"2","sz":"1","side":"buy","ts":"1654032991947"}]}"#;

    #[test]
    fn what_is_played_goes_the_whole_way_each_time() {
        let books: Subscription = "books5:BTC-USDT".parse().unwrap();
        let mut feed = FeedHandler::new(Dialect::V5);
        feed.subscribe(books);
        feed.subscribe("trades:BTC-USDT".parse().unwrap());
        feed.set_rehearsing(true);
        let sink = &mut |_: &Event<'_>| {};
        for text in [BOOK, TRADE, BOOK, TRADE] {
            feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(1), sink).unwrap();
        }
        assert!((0..100).all(|_| feed.rehearse(sink)));
        let book = feed.book(&books).unwrap();
        let rehearsal = feed.rehearsal_mut().unwrap();
        let stats = &rehearsal.stats;
        assert_eq!((stats.frames, stats.scanned, stats.books, stats.trades), (100, 100, 50, 50));
        // Playing a book again and again is no clock that runs back, and each one is published.
        assert_eq!((stats.backwards, stats.unsubscribed, stats.malformed()), (0, 0, 0));
        let stand_in = rehearsal.stand_in.book.as_mut().unwrap();
        let view = stand_in.book_reader().unwrap().view();
        assert_eq!(
            (view.version, view.book.asks(), view.book.bids()),
            (50, book.asks(), book.bids())
        );
        let trades = rehearsal.stand_in.trades.as_ref().unwrap();
        assert_eq!(trades.trades().unwrap().next(), 50);
    }

    #[test]
    fn a_frame_that_is_too_long_is_not_kept_and_none_is_played_in_its_place() {
        let mut feed = FeedHandler::new(Dialect::V5);
        feed.set_rehearsing(true);
        let sink = &mut |_: &Event<'_>| {};
        let spaces = " ".repeat(super::KEPT_LEN);
        feed.on_frame(Frame::Text(format!("{BOOK}{spaces}").as_bytes()), UnixNanos(1), sink)
            .unwrap();
        assert!(!feed.rehearse(sink));
        feed.on_frame(Frame::Text(BOOK.as_bytes()), UnixNanos(2), sink).unwrap();
        assert!((0..super::KEPT).any(|_| feed.rehearse(sink)));
    }
}
