//! Cache warm-up has no visible effect.
#![cfg(feature = "sim")]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use okx_feed::sim::{ExchangeConfig, Limits, Outbound, PushIntervals, record};
use okx_feed::{Dialect, Event, FeedHandler, Frame, Subscription, UnixNanos};

/// Frames of each subscription in turn, every seventh cut in half and every eleventh unknown.
fn frames(subscriptions: &[Subscription]) -> Vec<Outbound> {
    let config = ExchangeConfig {
        intervals: PushIntervals::EVERY_CHANGE,
        limits: Limits { idle: None, ..Limits::default() },
        ..ExchangeConfig::default()
    };
    let mut all: Vec<_> =
        subscriptions.iter().map(|of| record(&config, of, 150).into_iter()).collect();
    let mut frames = Vec::new();
    while let Some(turn) = all.iter_mut().map(Iterator::next).collect::<Option<Vec<_>>>() {
        for frame in turn {
            let is_hit = |every| frames.len() % every == every - 1;
            let frame = match frame {
                Outbound::Text(text) if is_hit(7) => {
                    Outbound::Text(text.as_str()[..text.len() / 2].into())
                }
                Outbound::Binary(body) if is_hit(7) => {
                    Outbound::Binary(body.slice(..body.len() / 2))
                }
                Outbound::Text(_) if is_hit(11) => Outbound::Text(r#"{"event":"later"}"#.into()),
                frame => frame,
            };
            frames.push(frame);
        }
    }
    frames
}

/// The whole visible state of a feed.
fn seen(feed: &mut FeedHandler, subscriptions: &[Subscription]) -> String {
    let mut seen = format!("{:?} {:?}", feed.stats(), feed.lag());
    for subscription in subscriptions {
        let trades = feed.trade_reader(subscription);
        let trades = trades.map(|reader| (reader.next(), reader.state(), reader.last()));
        let deep = feed.depth_reader(subscription).map(|reader| reader.snapshot());
        let slot = feed.slots().get(subscription).unwrap();
        let slot = (slot.state(), slot.ts_event(), slot.ts_recv());
        let ring = feed.trades(subscription).map(|ring| ring.iter().copied().collect::<Vec<_>>());
        let depth = feed.depth(subscription).map(|book| (book.view().top5(), book.sync()));
        let book = feed.book_reader(subscription).map(|reader| reader.snapshot());
        seen += &format!("\n{slot:?} {book:?} {trades:?} {ring:?} {depth:?} {deep:?}");
    }
    seen
}

fn warm_ups_change_nothing(dialect: Dialect, channels: &[&str]) {
    let subscriptions: Vec<Subscription> = channels.iter().map(|c| c.parse().unwrap()).collect();
    let (mut plain, mut warmed) = (FeedHandler::new(dialect), FeedHandler::new(dialect));
    for feed in [&mut plain, &mut warmed] {
        feed.set_age_limit(Some(std::time::Duration::from_secs(5)));
    }
    for subscription in &subscriptions {
        plain.subscribe(*subscription).unwrap();
        warmed.subscribe(*subscription).unwrap();
    }
    assert!(!warmed.warm_caches(&mut |_: &Event<'_>| {}));
    warmed.set_warmup(true);
    assert!(!warmed.warm_caches(&mut |_: &Event<'_>| {}), "no frame was kept yet");
    let (mut events, mut events_warmed) = (Vec::new(), Vec::new());
    let mut played = 0;
    for (n, frame) in frames(&subscriptions).iter().enumerate() {
        let frame = match frame {
            Outbound::Text(text) => Frame::Text(text.as_bytes()),
            Outbound::Binary(body) => Frame::Binary(body),
            other => unreachable!("no fault was asked for: {other:?}"),
        };
        let ts_recv = UnixNanos(1 + n as u64);
        let result = plain.on_frame(frame, ts_recv, &mut |event: &Event<'_>| {
            events.push(format!("{event:?}"));
        });
        let sink = &mut |event: &Event<'_>| events_warmed.push(format!("{event:?}"));
        assert_eq!(warmed.on_frame(frame, ts_recv, sink), result);
        for _ in 0..n % 6 {
            played += u32::from(warmed.warm_caches(sink));
        }
        assert_eq!(events, events_warmed, "frame {n}");
        events.clear();
        events_warmed.clear();
        assert_eq!(seen(&mut warmed, &subscriptions), seen(&mut plain, &subscriptions));
    }
    assert!(played > 500, "{played}");
    assert!(plain.stats().malformed() > 20 && plain.stats().books > 100, "{:?}", plain.stats());
    warmed.set_warmup(false);
    assert!(!warmed.warm_caches(&mut |_: &Event<'_>| {}));
}

#[test]
fn warm_ups_of_v5_change_nothing() {
    let channels = ["books5:BTC-USDT", "trades:BTC-USDT", "bbo-tbt:ETH-USDT", "books:BTC-USDT"];
    warm_ups_change_nothing(Dialect::V5, &channels);
}

#[test]
fn warm_ups_of_v3_change_nothing() {
    let channels = ["spot/depth5:BTC-USDT", "spot/trade:BTC-USDT", "spot/depth_l2_tbt:BTC-USDT"];
    warm_ups_change_nothing(Dialect::V3, &channels);
}
