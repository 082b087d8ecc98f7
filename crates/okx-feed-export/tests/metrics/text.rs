//! The text of the metrics, of clients that reach no exchange: names, labels, bounds.

use std::collections::BTreeSet;

use okx_feed::{Client, Dialect};
use okx_feed_export::metrics::{Metrics, MetricsOptions};
use okx_feed_export::{Feeds, NamedFeed};

/// A client of so many books that has nobody to connect to.
fn client(books: usize) -> Client {
    let books = (0..books).map(|n| format!("books5:A{n}-USDT").parse().unwrap());
    Client::builder(Dialect::V5)
        .url("ws://127.0.0.1:1/ws/v5/public")
        .subscriptions(books)
        .spawn()
        .unwrap()
}

fn text(client: &Client, options: MetricsOptions) -> String {
    Metrics::new(Feeds::one(client.reader()), options).text()
}

/// The names and labels of all series.
fn series(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[test]
fn the_number_of_series_does_not_grow_with_the_instruments() {
    let (few, many) = (client(1), client(90));
    let count = |client: &Client| series(&text(client, MetricsOptions::default())).len();
    assert_eq!(count(&few), count(&many));
    assert!(!text(&many, MetricsOptions::default()).contains("inst_id"));
    let connecting =
        "okx_feed_subscriptions{feed=\"main\",channel=\"books5\",state=\"connecting\"}";
    let all = text(&many, MetricsOptions::default());
    let line = all.lines().find(|line| line.starts_with(connecting)).unwrap();
    assert_eq!(line.rsplit(' ').next().unwrap().parse(), Ok(90.0), "{line}");
}

#[test]
fn metrics_by_instrument_are_bounded_and_say_what_is_left_out() {
    let client = client(5);
    let mut options = MetricsOptions::default();
    options.by_instrument = true;
    options.max_instruments = 3;
    let all = text(&client, options);
    let live = series(&all).into_iter().filter(|one| one.starts_with("okx_feed_subscription_live"));
    assert_eq!(live.count(), 3);
    let left = all.lines().find(|line| line.starts_with("okx_feed_subscriptions_not_listed{"));
    assert_eq!(left.unwrap().rsplit(' ').next().unwrap().parse(), Ok(2.0));
}

#[test]
fn every_feed_has_its_label_in_one_family() {
    let clients = [client(1), client(2)];
    let names = ["one", "two \"quoted\"\n"];
    let named =
        clients.iter().zip(names).map(|(client, name)| NamedFeed::new(name, client.reader()));
    let metrics = Metrics::new(Feeds::new(named.collect()), MetricsOptions::default());
    let text = metrics.text();
    let families: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    let distinct: BTreeSet<_> = families.iter().collect();
    assert_eq!(distinct.len(), families.len());
    for line in ["okx_feed_frames_total{feed=\"one\"} 0", "feed=\"two \\\"quoted\\\"\\n\"} 0"] {
        assert!(text.contains(line), "{line}");
    }
}
