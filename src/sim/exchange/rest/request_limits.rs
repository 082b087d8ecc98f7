//! How many requests a client may send.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::model::MonoNanos;

/// When each client's requests of the last window came, by path.
#[derive(Debug, Default)]
pub(super) struct RequestLimits(HashMap<(String, String), VecDeque<MonoNanos>>);

/// The most clients and paths that are remembered: another one begins from nothing.
const MOST: usize = 4_096;

impl RequestLimits {
    /// Counts a request to a path; false where it is one too many.
    pub(super) fn admit(&mut self, client: &str, path: &str, now: MonoNanos) -> bool {
        let (most, per) = limit(path);
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let window = self.0.entry((client.to_owned(), path.to_owned())).or_default();
        while window.front().is_some_and(|at| now.since(*at) >= per) {
            window.pop_front();
        }
        let admitted = window.len() < most;
        if admitted {
            window.push_back(now);
        }
        admitted
    }
}

/// Source: `docs/PROTOCOL.md` 11.
fn limit(path: &str) -> (usize, Duration) {
    let (most, secs) = match path.rsplit_once("/v5/").map_or("", |(_, path)| path) {
        "market/trades" => (100, 2),
        "market/books" | "market/candles" => (40, 2),
        "market/books-full" | "public/time" => (10, 2),
        "system/status" => (1, 5),
        "public/market-data-history" => (2, 5),
        _ => (20, 2),
    };
    (most, Duration::from_secs(secs))
}
