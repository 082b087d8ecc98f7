//! SBE frames: the decoder against a plain one, and a feed handler that must stay consistent.

use std::cell::RefCell;
use std::sync::Arc;

use okx_feed::model::InstrumentCodes;
use okx_feed::{BookState, Decoder, Dialect, Event, FeedHandler, Frame, Subscription, UnixNanos};

use crate::observed;
use crate::sbe_reference::{IDS, read};

thread_local! {
    static DECODER: RefCell<Decoder> = RefCell::new({
        let mut decoder = Decoder::new(Dialect::V5);
        decoder.set_sbe(codes());
        decoder
    });
    static FEED: RefCell<(FeedHandler, Subscription)> = RefCell::new({
        let book: Subscription = "books-l2-tbt:BTC-USDT-SWAP".parse().unwrap();
        let mut feed = FeedHandler::new(Dialect::V5);
        feed.set_sbe(codes());
        feed.subscribe(book).unwrap();
        (feed, book)
    });
}

/// The codes of the reference.
pub fn codes() -> Arc<InstrumentCodes> {
    Arc::new(IDS.iter().map(|(code, id)| (*code, id.parse().unwrap())).collect())
}

/// A binary frame: the events are those of the reference, and the feed handler's book is live
/// exactly if its state says so.
pub fn sbe(bytes: &[u8]) {
    let decoded = DECODER.with_borrow_mut(|decoder| {
        let decoded = observed::decode(decoder, Frame::Binary(bytes));
        if let Err(error) = &decoded {
            assert!(error.offset as usize <= bytes.len(), "{error}");
            let _ = decoder.last_subscription(error.kind);
        }
        decoded.ok().map(|(events, _)| events)
    });
    assert_eq!(decoded, read(bytes), "{bytes:02x?}");
    FEED.with_borrow_mut(|(feed, book)| {
        let mut sink = |_: &Event<'_>| {};
        feed.forget(UnixNanos(1), &mut sink);
        // Half of it is mostly malformed, or holds fewer messages.
        for len in [bytes.len() / 2, bytes.len(), bytes.len()] {
            let _ = feed.on_frame(Frame::Binary(&bytes[..len]), UnixNanos(2), &mut sink);
            let is_live = feed.slots().get(book).unwrap().state() == BookState::Live;
            assert_eq!(feed.depth(book).unwrap().live().is_some(), is_live);
        }
    });
}
