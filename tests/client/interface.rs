//! The crate's interface as a program uses it. Half of the test is that it compiles. Everything is
//! imported by a glob.
#![cfg(feature = "client")]

use okx_feed::model::SubscriptionError;
use okx_feed::*;

/// No name of the crate shadows one of the standard library's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Plain(u32);

fn twice<T: Copy>(value: T) -> (T, T) {
    (value, value)
}

#[test]
fn a_glob_import_hides_no_name_of_the_standard_library() {
    assert_eq!(twice(Plain(3)), (Plain(3), Plain(3)));
    let parsed: Result<u32, std::num::ParseIntError> = "3".parse();
    assert_eq!(parsed.ok(), Some(3));
}

#[test]
fn a_closure_needs_no_type() {
    let mut dearest = Price::default();
    let feed = Client::v5("BTC-USDT").url("ws://127.0.0.1:9/ws/v5/public").on_event(move |event| {
        if let Event::Trade(update) = event {
            dearest = dearest.max(update.trade.px());
            assert!(!dearest.is_zero());
        }
    });
    assert_eq!(feed.spawn().unwrap().subscriptions().len(), 2);
}

/// Counts trades.
#[derive(Debug, Default)]
struct Counting(u64);

impl EventSink for Counting {
    fn on_event(&mut self, event: &Event<'_>) {
        self.0 += u64::from(matches!(event, Event::Trade(_)));
    }
}

#[test]
fn a_sink_may_be_any_type() {
    let feed =
        Client::v5("BTC-USDT").url("ws://127.0.0.1:9/ws/v5/public").sink(Counting::default());
    assert_eq!(feed.spawn().unwrap().subscriptions().len(), 2);
}

#[test]
fn a_handler_refuses_channels_of_another_dialect() {
    let (v3, v5): (Subscription, Subscription) =
        ("futures/depth5:BTC-USD-190517".parse().unwrap(), "books5:BTC-USDT".parse().unwrap());
    for (dialect, own, other) in [(Dialect::V3, v3, v5), (Dialect::V5, v5, v3)] {
        let mut feed = FeedHandler::new(dialect);
        feed.subscribe(own).unwrap();
        let refused = feed.subscribe(other);
        assert_eq!(refused, Err(SubscriptionError::OtherDialect(other.to_string(), dialect)));
        assert!(feed.slots().get(&other).is_none() && feed.slots().get(&own).is_some());
    }
}
