//! Whether the feeds run, and whether all that is wanted is live.

use okx_feed::client::SubscriptionStatus;
use okx_feed::model::ChannelKind;
use okx_feed::{BookState, ClientReader};
use serde_json::{Value, json};

use crate::feeds::{Feeds, HEARTBEAT_LIMIT};

/// The most subscriptions that are listed as not ready.
const MAX_LISTED: usize = 100;

/// Whether every feed's thread runs, with its figures.
pub(super) fn health(feeds: &Feeds) -> (bool, Value) {
    let mut is_healthy = true;
    let mut list = Vec::new();
    for feed in feeds.iter() {
        let age = feed.reader.heartbeat().age();
        let runs = age < HEARTBEAT_LIMIT && feed.reader.health().connections > 0;
        is_healthy &= runs;
        let age = age.as_secs_f64();
        list.push(json!({ "feed": feed.name, "running": runs, "heartbeat_age_seconds": age }));
    }
    let status = if is_healthy { "ok" } else { "stopped" };
    (is_healthy, json!({ "status": status, "feeds": list }))
}

/// Whether all that is wanted is live, with what is not.
pub(super) fn readiness(feeds: &Feeds) -> (bool, Value) {
    let (mut is_ready, _) = health(feeds);
    let mut list = Vec::new();
    for feed in feeds.iter() {
        let (ready, report) = of_feed(&feed.name, &feed.reader);
        is_ready &= ready;
        list.push(report);
    }
    (is_ready, json!({ "ready": is_ready, "feeds": list }))
}

fn of_feed(name: &str, reader: &ClientReader) -> (bool, Value) {
    // Before what they select: a list that comes in between is waited for.
    let missing_lists = reader.missing_lists();
    let mut all = reader.statuses();
    all.sort_unstable_by_key(|one| one.subscription);
    let waiting: Vec<_> = all.iter().filter(|one| !is_ready(one)).collect();
    let describe = |one: &&SubscriptionStatus| json!({ "subscription": one.subscription.to_string(), "state": one.state.name() });
    let listed: Vec<_> = waiting.iter().take(MAX_LISTED).map(describe).collect();
    let report = json!({
        "feed": name,
        "connections": reader.health().to_string(),
        "missing_instrument_lists": missing_lists,
        "wanted": all.len(),
        "live": all.iter().filter(|one| one.state.is_live()).count(),
        "not_ready": waiting.len(),
        "waiting_for": listed,
    });
    (waiting.is_empty() && !all.is_empty() && missing_lists == 0, report)
}

/// A book is ready when it is live. Trades and records may be silent for hours: they are ready from
/// the acknowledgement on.
fn is_ready(one: &SubscriptionStatus) -> bool {
    let is_book =
        matches!(one.subscription.channel().kind(), ChannelKind::Book5 | ChannelKind::Depth);
    match one.state {
        BookState::Live => true,
        BookState::AwaitingSnapshot => !is_book,
        _ => false,
    }
}
