//! Random snapshots and updates, faults among them, against a book of two maps.
//!
//! The cases are the same in each run; a failure prints the seed of its case.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails where its numbers are not what it takes them for"
)]

use okx_feed::book::{
    BookSide, BookSync, Checksum, DepthAction, DesyncCause, FaultPolicy, LevelChange, Sequence,
    Sweep, TopDiff, Verify,
};
use okx_feed::{Channel, Decimal, DepthBook, DepthUpdate, Level, Price, Side};
use okx_feed_testkit::depth_oracle::{Oracle, Rng, message, topic};

/// Messages in all, over all books.
const CASES: u64 = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
const MESSAGES_PER_BOOK: u64 = 50;

/// How the messages of one book are drawn.
struct Plan {
    capacity: usize,
    /// Prices are drawn from so many ticks.
    ticks: u64,
    /// The most levels of a snapshot's side.
    deepest: u64,
    numbered: bool,
    v3: bool,
    fault_policy: FaultPolicy,
}

impl Plan {
    fn draw(rng: &mut Rng) -> Self {
        let capacity = [1, 2, 5, 30, 60, 512][rng.below(6) as usize];
        let v3 = rng.one_in(3);
        Self {
            capacity,
            ticks: 1 + rng.below(4 * capacity as u64),
            deepest: 1 + rng.below(2 * capacity as u64),
            numbered: !v3 && rng.one_in(2),
            v3,
            fault_policy: if rng.one_in(2) {
                FaultPolicy::ApplyAnyway
            } else {
                FaultPolicy::Reject
            },
        }
    }

    fn price(&self, rng: &mut Rng) -> Price {
        // Near the best, half of the time; with zeros at its end, sometimes.
        let ticks = if rng.one_in(2) { self.ticks } else { 1 + self.ticks / 8 };
        let mantissa = i64::try_from(rng.below(ticks)).unwrap() - 3;
        match rng.below(6) {
            0 => Decimal::new(mantissa * 10, 3),
            1 => Decimal::new(mantissa * 10_000, 6),
            2 if mantissa % 100 == 0 => Decimal::new(mantissa / 100, 0),
            _ => Decimal::new(mantissa, 2),
        }
        .unwrap()
    }

    fn size(rng: &mut Rng) -> Decimal {
        if rng.one_in(3) {
            return Decimal::new(0, u8::try_from(rng.below(3)).unwrap()).unwrap();
        }
        let mantissa = 1 + i64::try_from(rng.below(1_000_000)).unwrap();
        Decimal::new(mantissa, u8::try_from(rng.below(9)).unwrap()).unwrap()
    }

    /// Levels in any order, prices twice now and then.
    fn levels(&self, rng: &mut Rng, most: u64) -> Vec<Level> {
        let count = rng.below(most + 1);
        let level = |rng: &mut Rng| {
            let (px, sz) = (self.price(rng), Self::size(rng));
            Level::new(px, sz, u32::try_from(rng.below(9)).unwrap())
        };
        (0..count).map(|_| level(rng)).collect()
    }
}

/// The fault of a message, by construction.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    None,
    Gap,
    Checksum,
    NegativeSize,
}

/// The expected book after the messages so far.
struct Model {
    plan: Plan,
    oracle: Oracle,
    sync: BookSync,
    /// The number of the last message.
    last_seq: i64,
}

impl Model {
    fn break_by(&mut self, fault: DesyncCause) {
        if self.sync == BookSync::Live {
            self.sync = BookSync::Broken(fault);
        }
    }

    /// A side that was cut and then lost most of its levels.
    fn starved(&self) -> bool {
        let least = 25.min(self.plan.capacity / 2).max(1);
        let short = |side: &okx_feed_testkit::depth_oracle::OracleSide| {
            side.limit.is_some() && side.levels.len() < least
        };
        short(&self.oracle.asks) || short(&self.oracle.bids)
    }

    /// Whether the checksum can be known of a book that may be cut.
    fn checksum_is_known(&self) -> bool {
        let known = |side: &okx_feed_testkit::depth_oracle::OracleSide| {
            side.limit.is_none() || side.levels.len() >= 25
        };
        known(&self.oracle.asks) && known(&self.oracle.bids)
    }

    /// Draws a message, applies it to the model and the book, and compares.
    fn step(&mut self, rng: &mut Rng, book: &mut DepthBook, context: &str) {
        let snapshot = rng.one_in(16);
        let action = if snapshot { DepthAction::Snapshot } else { DepthAction::Update };
        let few = if rng.one_in(8) { 30 } else { 3 };
        let most = if snapshot { self.plan.deepest } else { few };
        let mut asks = self.plan.levels(rng, most);
        let bids = self.plan.levels(rng, most);
        let flaw = match rng.below(40) {
            0 if self.plan.numbered && !snapshot => Flaw::Gap,
            1 => Flaw::Checksum,
            2 if !asks.is_empty() => Flaw::NegativeSize,
            _ => Flaw::None,
        };
        if flaw == Flaw::NegativeSize {
            let at = rng.below(asks.len() as u64) as usize;
            asks[at] = Level::new(asks[at].px(), Decimal::from(-1), 0);
        }
        let no_levels = asks.is_empty() && bids.is_empty();
        let (seq, prev_seq, sequence) = self.numbers(rng, action, flaw, no_levels);
        let mut update = DepthUpdate {
            topic: topic(if self.plan.v3 { Channel::DepthL2Tbt } else { Channel::Books }),
            seq,
            prev_seq,
            ..message(action, &asks, &bids)
        };
        let follows = snapshot || self.sync != BookSync::NoSnapshot;
        let applied = follows && self.accepts(&update, flaw);
        let mut checksum = Checksum::None;
        if applied {
            self.oracle.apply(action, &asks, &bids);
            (update.checksum, checksum) = self.checksum(rng, flaw);
        }
        let got = book.apply(&update);
        assert_eq!(got.applied, applied, "applied, {context}");
        assert_eq!(got.sync, self.sync, "sync, {context}");
        let sequence = if follows { sequence } else { Sequence::None };
        assert_eq!(got.sequence, sequence, "sequence, {context}");
        assert_eq!(got.checksum, checksum, "checksum, {context}");
        if applied {
            assert_eq!(got.missing, self.oracle.missing, "missing, {context}");
            assert_eq!(
                got.out_of_capacity, self.oracle.out_of_capacity,
                "out_of_capacity, {context}"
            );
        }
        let cut = self.oracle.asks.limit.is_some() || self.oracle.bids.limit.is_some();
        assert_eq!(got.truncated, cut, "truncated, {context}");
        assert_eq!(book.sync(), self.sync, "{context}");
        assert_eq!(book.live().is_some(), self.sync == BookSync::Live, "{context}");
        self.oracle.assert_same(&book.view(), context);
    }

    /// Whether the book accepts a message that follows a snapshot or is one. A violation breaks the
    /// book.
    fn accepts(&mut self, update: &DepthUpdate<'_>, flaw: Flaw) -> bool {
        self.last_seq = update.seq;
        match flaw {
            Flaw::NegativeSize => {
                self.break_by(DesyncCause::NegativeSize);
                let is_first = self.sync == BookSync::NoSnapshot;
                if is_first && update.action == DepthAction::Snapshot {
                    self.sync = BookSync::Broken(DesyncCause::NegativeSize);
                }
                return false;
            }
            Flaw::Gap => self.break_by(DesyncCause::Gap),
            Flaw::None | Flaw::Checksum => {}
        }
        if update.action == DepthAction::Snapshot {
            self.sync = BookSync::Live;
        }
        self.sync == BookSync::Live || self.plan.fault_policy == FaultPolicy::ApplyAnyway
    }

    /// The checksum to send with a message that was applied, and the expected check result.
    fn checksum(&mut self, rng: &mut Rng, flaw: Flaw) -> (Option<i32>, Checksum) {
        if self.starved() {
            self.break_by(DesyncCause::Truncated);
        }
        let right = self.oracle.checksum();
        let sent = match (flaw, self.plan.v3) {
            (Flaw::Checksum, _) => right ^ (1 << rng.below(31)),
            (_, false) if rng.one_in(10) => 0,
            _ => right,
        };
        let empty = self.oracle.asks.levels.is_empty() && self.oracle.bids.levels.is_empty();
        let compared = self.checksum_is_known() && (sent != 0 || self.plan.v3 || empty);
        let checksum = match (compared, sent == right) {
            (false, _) => Checksum::None,
            (true, true) => Checksum::Ok,
            (true, false) => Checksum::Mismatch,
        };
        if checksum == Checksum::Mismatch {
            self.break_by(DesyncCause::Checksum);
        }
        (Some(sent), checksum)
    }

    /// The numbers of the next message, and their expected check result.
    fn numbers(
        &self,
        rng: &mut Rng,
        action: DepthAction,
        flaw: Flaw,
        no_levels: bool,
    ) -> (i64, i64, Sequence) {
        if !self.plan.numbered {
            return (DepthUpdate::NO_SEQ, DepthUpdate::NO_SEQ, Sequence::None);
        }
        let step = 1 + rng.below(50) as i64;
        if action == DepthAction::Snapshot {
            // Never outdated, which is for another test.
            return (self.last_seq.max(1_000) + step, -1, Sequence::Ok);
        }
        let last = self.last_seq;
        if flaw == Flaw::Gap {
            return (last.wrapping_add(2 * step), last.wrapping_add(step), Sequence::Gap);
        }
        match rng.below(20) {
            0 => (last.wrapping_sub(step), last, Sequence::Reset),
            1 if no_levels => (last, last, Sequence::Heartbeat),
            _ => (last.wrapping_add(step), last, Sequence::Ok),
        }
    }
}

#[test]
fn random_messages_give_the_book_of_two_maps() {
    let mut live = 0u64;
    for seed in 0..CASES / MESSAGES_PER_BOOK {
        let mut rng = Rng(seed);
        let plan = Plan::draw(&mut rng);
        let mut book = DepthBook::with_capacity(plan.capacity);
        book.set_fault_policy(plan.fault_policy);
        let oracle = Oracle::new(plan.capacity);
        let mut model = Model { plan, oracle, sync: BookSync::NoSnapshot, last_seq: 500 };
        for n in 0..MESSAGES_PER_BOOK {
            let context = format!("seed {seed}, message {n}");
            model.step(&mut rng, &mut book, &context);
            live += u64::from(model.sync == BookSync::Live);
        }
    }
    println!("{CASES} messages, the book live after {live}");
    assert!(live > CASES / 4, "the cases should test live books: {live} of {CASES}");
}

#[test]
fn a_cut_book_is_the_exchange_s_book_up_to_its_limit() {
    for seed in 0..CASES / 500 {
        let mut rng = Rng(seed);
        let plan = Plan::draw(&mut rng);
        let mut book = DepthBook::with_capacity(plan.capacity);
        book.set_fault_policy(FaultPolicy::ApplyAnyway);
        let mut whole = Oracle::new(usize::MAX);
        for n in 0..50 {
            let snapshot = n == 0;
            let action = if snapshot { DepthAction::Snapshot } else { DepthAction::Update };
            let most = if snapshot { plan.deepest } else { 3 };
            let (asks, bids) = (plan.levels(&mut rng, most), plan.levels(&mut rng, most));
            let _ = book.apply(&message(action, &asks, &bids));
            whole.apply(action, &asks, &bids);
            let view = book.view();
            let mut asks = whole.asks();
            asks.retain(|level| view.ask_limit().is_none_or(|limit| level.px() < limit));
            let mut bids = whole.bids();
            bids.retain(|level| view.bid_limit().is_none_or(|limit| level.px() > limit));
            assert_eq!(view.asks(), asks, "seed {seed}, message {n}");
            assert_eq!(view.bids(), bids, "seed {seed}, message {n}");
        }
    }
}

/// The queries, each against its simplest implementation.
#[test]
fn queries_agree_with_simple_implementations() {
    for seed in 0..CASES / 100 {
        let mut rng = Rng(seed);
        let plan = Plan::draw(&mut rng);
        let mut book = DepthBook::with_capacity(plan.capacity);
        let (asks, bids) = (plan.levels(&mut rng, 60), plan.levels(&mut rng, 60));
        let _ = book.apply(&message(DepthAction::Snapshot, &asks, &bids));
        let view = book.view();
        for n in 0..10 {
            let context = format!("seed {seed}, query {n}");
            let px = plan.price(&mut rng);
            for side in [BookSide::Ask, BookSide::Bid] {
                let levels = view.side(side);
                let found = levels.iter().find(|level| level.px() == px);
                assert_eq!(view.level_at(side, px), found, "{context}");
                let (limit, better): (_, fn(Price, Price) -> bool) = match side {
                    BookSide::Ask => (view.ask_limit(), |a, b| a < b),
                    BookSide::Bid => (view.bid_limit(), |a, b| a > b),
                };
                let to_px = levels.iter().filter(|l| l.px() == px || better(l.px(), px));
                let sum = to_px.fold(Decimal::ZERO, |s, l| s.checked_add(l.sz()).unwrap());
                let known = limit.is_none_or(|limit| better(px, limit));
                assert_eq!(view.size_to(side, px), known.then_some(sum), "{context}");
            }
            let levels = rng.below(8) as usize;
            let (top_asks, top_bids) = view.top(levels);
            assert_eq!(top_asks, &view.asks()[..levels.min(view.asks().len())], "{context}");
            assert_eq!(top_bids, &view.bids()[..levels.min(view.bids().len())], "{context}");
            // A side that was cut above so many levels would return too little.
            let cut = view.ask_limit().is_some() && top_asks.len() < levels
                || view.bid_limit().is_some() && top_bids.len() < levels;
            let expected = if cut { None } else { imbalance(top_asks, top_bids) };
            assert_eq!(view.imbalance(levels), expected, "{context}");
            let sz = Plan::size(&mut rng);
            for (taker, levels) in [(Side::Buy, view.asks()), (Side::Sell, view.bids())] {
                sweep_by_hand(view.sweep(taker, sz), levels, sz, &context);
            }
        }
    }
}

fn imbalance(asks: &[Level], bids: &[Level]) -> Option<Decimal> {
    let sum =
        |levels: &[Level]| levels.iter().fold(Decimal::ZERO, |s, l| s.checked_add(l.sz()).unwrap());
    let (asks, bids) = (sum(asks), sum(bids));
    let (difference, total) = (bids.checked_sub(asks).unwrap(), bids.checked_add(asks).unwrap());
    difference.checked_div(total, Sweep::RATIO_SCALE).ok()
}

fn sweep_by_hand(got: Option<Sweep>, levels: &[Level], sz: Decimal, context: &str) {
    if sz.is_zero() || levels.is_empty() {
        assert_eq!(got, None, "{context}");
        return;
    }
    let got = got.unwrap();
    let (mut left, mut worst) = (sz, levels[0].px());
    for level in levels {
        if left.is_zero() {
            break;
        }
        left = left.checked_sub(left.min(level.sz())).unwrap();
        worst = level.px();
    }
    assert_eq!(got.filled, sz.checked_sub(left).unwrap(), "{context}");
    assert_eq!((got.worst_px, got.complete), (worst, left.is_zero()), "{context}");
}

/// The best levels can be rebuilt from the changes of a diff that is queried now and then.
#[test]
fn changes_of_the_best_levels_rebuild_them() {
    const K: usize = 4;
    for seed in 0..CASES / 500 {
        let mut rng = Rng(seed);
        let plan = Plan::draw(&mut rng);
        let mut book = DepthBook::with_capacity(plan.capacity);
        book.set_verify(Verify::Off);
        let mut watch = TopDiff::<K>::new();
        let (mut asks, mut bids): (Vec<Level>, Vec<Level>) = Default::default();
        for n in 0..50 {
            let snapshot = n == 0 || rng.one_in(20);
            let action = if snapshot { DepthAction::Snapshot } else { DepthAction::Update };
            let (a, b) = (plan.levels(&mut rng, 8), plan.levels(&mut rng, 8));
            let _ = book.apply(&message(action, &a, &b));
            if rng.one_in(3) {
                continue;
            }
            let mut changes = Vec::new();
            let count = watch.changes(&book.view(), |change| changes.push(change));
            assert_eq!(count, changes.len());
            for LevelChange { side, before: was, after: now } in changes {
                assert_ne!(was, now, "seed {seed}");
                let levels = if side == BookSide::Ask { &mut asks } else { &mut bids };
                if let Some(was) = was {
                    let at = levels.iter().position(|level| *level == was);
                    levels.remove(at.expect("a level that was there"));
                }
                levels.extend(now);
            }
            asks.sort_by_key(Level::px);
            bids.sort_by_key(|level| std::cmp::Reverse(level.px()));
            let (want_asks, want_bids) = book.view().top(K);
            assert_eq!((asks.as_slice(), bids.as_slice()), (want_asks, want_bids), "seed {seed}");
            assert_eq!(watch.changes(&book.view(), |_| panic!("nothing changed")), 0);
        }
    }
}
