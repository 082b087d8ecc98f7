//! All versions of every book, in order, to find the older of two books.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use okx_feed::sim::SimMarket;
use okx_feed::{Book5, Channel, Dialect, Level, MonoNanos, Subscription};

/// The levels a side that a channel shows of the best five.
pub(crate) fn depth_of(subscription: &Subscription) -> usize {
    if subscription.channel() == Channel::BboTbt { 1 } else { 5 }
}

/// The versions of each instrument's book.
#[derive(Default)]
pub(crate) struct History {
    /// By instrument: when each version began, in milliseconds, and the number that it had.
    versions: Vec<Vec<(u64, Option<i64>)>>,
    /// The versions of a book, as first and last of each run, by instrument, depth and levels.
    runs: HashMap<(usize, usize, u64), Vec<(usize, usize)>>,
}

/// The version that a reader was shown of each subscription: the oldest possible one.
#[derive(Default)]
pub(crate) struct Shown(HashMap<Subscription, usize>);

impl History {
    /// Notes the books that have changed.
    pub(crate) fn record(&mut self, market: &SimMarket, now: MonoNanos) {
        let ms = now.0 / 1_000_000;
        for (at, inst) in market.indices().enumerate() {
            self.versions.resize_with(self.versions.len().max(at + 1), Vec::new);
            let versions = &mut self.versions[at];
            let seq = market.seq(inst);
            if versions.last().is_some_and(|(_, last)| *last == seq) {
                continue;
            }
            versions.push((ms, seq));
            let this = versions.len() - 1;
            let Some(book) = market.book5(inst) else { continue };
            for depth in [1, 5] {
                let runs = self.runs.entry((at, depth, digest(&book, depth))).or_default();
                match runs.last_mut() {
                    Some((_, last)) if *last + 1 == this => *last = this,
                    _ => runs.push((this, this)),
                }
            }
        }
    }

    /// Checks that a live book is one of the exchange's, and no older than the one that was shown
    /// before.
    ///
    /// v3 has no sequence numbers: the order of two books of one millisecond is not known.
    ///
    /// # Errors
    /// The violation.
    pub(crate) fn verify(
        &self,
        market: &SimMarket,
        subscription: &Subscription,
        book: &Book5,
        shown: &mut Shown,
    ) -> Result<(), String> {
        let of = |what: &str| format!("{subscription} is live and {what}: {book:#?}");
        let inst = market.indices().position(|inst| {
            market.listing(inst).is_some_and(|l| l.inst_id() == subscription.inst_id())
        });
        let inst = inst.ok_or_else(|| of("not listed"))?;
        let depth = depth_of(subscription);
        let runs = self.runs.get(&(inst, depth, digest(book, depth)));
        let runs = runs.ok_or_else(|| of("wrong"))?;
        let versions = &self.versions[inst];
        let shown = shown.0.entry(*subscription).or_default();
        let mut bound = *shown;
        while subscription.dialect() == Dialect::V3
            && bound > 0
            && versions[bound - 1].0 == versions[bound].0
        {
            bound -= 1;
        }
        let run = runs.iter().find(|(_, last)| *last >= bound);
        let (first, _) = run.ok_or_else(|| of("older than the one before"))?;
        *shown = bound.max(*first);
        Ok(())
    }
}

/// The differences of two books, besides their times.
fn digest(book: &Book5, depth: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    let side = |levels: &[Level], hasher: &mut DefaultHasher| {
        levels.len().min(depth).hash(hasher);
        for level in levels.iter().take(depth) {
            (level.px(), level.sz(), level.orders()).hash(hasher);
        }
    };
    side(book.asks(), &mut hasher);
    side(book.bids(), &mut hasher);
    hasher.finish()
}
