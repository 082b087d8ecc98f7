//! Subscriptions: their numbers, and their end in an arbiter.

use okx_feed::{
    Arbiter, BookState, Dialect, DownReason, Event, FeedHandler, Frame, SubscriptionId, UnixNanos,
};

use super::handler::{book, sub, trade};

#[test]
fn an_arbiter_reports_the_end_of_a_subscription() {
    let mut arbiter = Arbiter::new(2);
    let (given_up, kept) = (sub("books5:BTC-USDT"), sub("books5:ETH-USDT"));
    arbiter.subscribe(given_up);
    arbiter.subscribe(kept);
    let reader = arbiter.readers(&given_up).book.unwrap();
    let mut reported = Vec::new();
    arbiter.unsubscribe(&given_up, UnixNanos(9), &mut |event: &Event<'_>| {
        if let Event::State(change) = event {
            reported.push((change.to, event.ts_recv()));
        }
    });
    let down = BookState::Down(DownReason::Unsubscribed);
    assert_eq!(reported, [(down, UnixNanos(9))]);
    assert_eq!(reader.snapshot().state, down);
    assert_eq!(arbiter.state(&given_up), None);
    assert_eq!(arbiter.state(&kept), Some(BookState::Connecting));
}

#[test]
fn an_arbiter_drops_events_of_ended_subscriptions() {
    let given_up = sub("trades:A");
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(given_up).unwrap();
    let mut arbiter = Arbiter::new(2);
    arbiter.subscribe(given_up);
    arbiter.unsubscribe(&given_up, UnixNanos(1), &mut |_: &Event<'_>| {});
    // The message was in flight; the line does not know of it yet.
    let mut seen = 0;
    let mut count = |_: &Event<'_>| seen += 1;
    let pass = &mut |event: &Event<'_>| arbiter.on_event(0, event, &mut count);
    handler.on_frame(Frame::Text(trade("A", 1).as_bytes()), UnixNanos(2), pass).unwrap();
    assert_eq!(seen, 0);
    // It is subscribed again before the line has ended it: that is not the new subscription's end.
    arbiter.subscribe(given_up);
    handler.unsubscribe(&given_up, UnixNanos(3), &mut |event: &Event<'_>| {
        arbiter.on_event(0, event, &mut |_: &Event<'_>| {});
    });
    assert_eq!(arbiter.state(&given_up), Some(BookState::Connecting));
}

#[test]
fn every_event_has_the_number_of_its_subscription() {
    let (books, trades) = (sub("books5:BTC-USDT"), sub("trades:BTC-USDT"));
    let mut feed = FeedHandler::new(Dialect::V5);
    feed.subscribe(sub("bbo-tbt:BTC-USDT")).unwrap();
    feed.subscribe(books).unwrap();
    // An ended subscription keeps its number, and has it again after a new subscribe.
    let ended = sub("bbo-tbt:BTC-USDT");
    feed.unsubscribe(&ended, UnixNanos(1), &mut |_: &Event<'_>| {});
    feed.subscribe(trades).unwrap();
    feed.subscribe(sub("books:BTC-USDT")).unwrap();
    let ids = [1, 2, 3].map(SubscriptionId::new);
    let known =
        [books, trades, sub("books:BTC-USDT")].map(|of| feed.slots().get(&of).unwrap().id());
    assert_eq!(known, ids);
    feed.subscribe(ended).unwrap();
    assert_eq!(feed.slots().get(&ended).unwrap().id(), SubscriptionId::new(0));
    let trade = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"7","px":"2","sz":"1","side":"buy","ts":"5"}]}"#;
    let next = trade.replace(r#""7""#, r#""8""#);
    let deep = r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["2","1","0","1"]],"bids":[],"ts":"5","checksum":0,"seqId":5,"prevSeqId":-1}]}"#;
    let other = book("books5", "ETH-USDT", "2", 6);
    let mut seen = Vec::new();
    for text in [&book("books5", "BTC-USDT", "2", 5), trade, &next, deep, &other] {
        let mut sink = |event: &Event<'_>| seen.push(event.subscription_id());
        feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(1), &mut sink).unwrap();
    }
    let [book, trade, deep] = ids;
    // The state, then the event; the second trade changes no state.
    assert_eq!(seen, [book, book, trade, trade, trade, deep, deep, SubscriptionId::NONE]);
}
