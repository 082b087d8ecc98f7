//! Which endpoint a target is, whether the client may ask, and what goes wrong.

use std::time::Duration;

use super::caches::Caches;
use super::query::Query;
use super::reply::RestReply;
use super::request_limits::RequestLimits;
use super::seen::Seen;
use super::{v3, v5};
use crate::model::{MonoNanos, UnixNanos};
use crate::sim::faults::RestFaults;
use crate::sim::market::SimMarket;

/// What the REST interface remembers.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    limits: RequestLimits,
    caches: Caches,
    refused: u64,
}

/// What an answer is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RestContext<'m> {
    pub(crate) market: &'m SimMarket,
    pub(crate) now: MonoNanos,
    pub(crate) faults: RestFaults,
    /// Whether clients have limits.
    pub(crate) limited: bool,
}

impl Rest {
    /// Answers a `GET` of a client. `draw` gives a number from 0 to one below its argument. The
    /// second value says whether the answer shows the book as it is now.
    pub(crate) fn answer(
        &mut self,
        client: &str,
        target: &str,
        context: RestContext<'_>,
        draw: &mut dyn FnMut(usize) -> usize,
    ) -> (RestReply, bool) {
        let RestContext { market, now, faults, limited } = context;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let is_v3 = !path.starts_with("/api/v5/");
        let limited = limited && !self.limits.admit(client, path, now);
        if limited || faults.deny.is_some() {
            self.refused += 1;
            return (self.deny(is_v3, faults.deny), false);
        }
        let lag = faults.lag.unwrap_or_default();
        let stamp = market.stamp(now);
        let visible = UnixNanos(stamp.0.saturating_sub(nanos(lag)));
        let seen = Seen { market, now: stamp, visible };
        let is_book = ["/books", "/books-full", "/book", "/depth"];
        let is_book = is_book.iter().any(|end| path.ends_with(end));
        let old = self.caches.old(target, lag, now).filter(|_| is_book && !lag.is_zero());
        let is_old = old.is_some();
        let mut reply = match old {
            Some(body) => RestReply::ok(body.to_owned()),
            None => endpoint(seen, path, &Query::new(query)).unwrap_or_else(|error| error),
        };
        if is_book && !is_old && reply.status == 200 {
            self.caches.keep(target, &reply.body, now);
        }
        for _ in 0..faults.holes {
            remove_row(&mut reply.body, draw);
        }
        reply.cut = faults.short;
        (reply, is_book && !is_old)
    }

    /// Refuses a request. One too many is reported with HTTP 429, every other time with 200.
    fn deny(&self, is_v3: bool, fault: Option<(u16, u16, Option<Duration>)>) -> RestReply {
        let usual = if self.refused.is_multiple_of(2) { 200 } else { 429 };
        let (status, code, retry_after) = fault.unwrap_or((usual, 50_011, None));
        let text = "Too Many Requests";
        let reply = match (is_v3, code) {
            (true, 50_011) => RestReply::v3_error(429, 30_014, text),
            (true, code) => RestReply::v3_error(status, code, text),
            (false, code) => RestReply::v5_error(status, code, text),
        };
        RestReply { retry_after, ..reply }
    }
}

fn endpoint(seen: Seen<'_>, path: &str, query: &Query<'_>) -> Result<RestReply, RestReply> {
    match path.strip_prefix("/api/v5/") {
        Some(path) => v5::endpoint(seen, path, query),
        None => v3::endpoint(seen, path, query),
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Removes one object of the array of trades, by chance; other bodies stay.
fn remove_row(body: &mut String, draw: &mut dyn FnMut(usize) -> usize) {
    let id = if body.contains("tradeId") { "{\"instId\"" } else { "{\"time\"" };
    let starts: Vec<_> = body.match_indices(id).map(|(at, _)| at).collect();
    if starts.len() < 2 {
        return;
    }
    // Not the last row, which has no comma behind it.
    let n = draw(starts.len() - 1);
    if let (Some(from), Some(to)) = (starts.get(n), starts.get(n + 1)) {
        body.replace_range(from..to, "");
    }
}
