//! Trades of up to three lines that are lost, stand still and come back, against what there was.

use std::collections::{HashMap, HashSet};

use okx_feed::BookState;

use crate::arbiter::{Rig, trade};

/// What the exchange does beside trading.
#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    /// It sets its clock back.
    clock: bool,
    /// It sends neighbouring trades out of order.
    swap: bool,
    /// How often, of 1,500 looks, a line is lost.
    losses: u32,
}

const STEP_MS: u64 = 50;

/// The exchange: all trades that there were, by id and time, in the order in which it sends them.
struct Exchange {
    kind: Kind,
    stream: Vec<(u64, u64)>,
    id: u64,
    clock_ms: u64,
    set_back_at: u64,
}

impl Exchange {
    fn trade(&mut self, random: &mut fastrand::Rng, now_ms: u64) {
        if self.kind.clock && now_ms >= self.set_back_at + 40_000 && random.u32(..150) == 0 {
            self.set_back_at = now_ms;
            self.clock_ms -= random.u64(1_100..40_000);
        }
        for _ in 0..random.u32(1..3) {
            self.id += random.u64(1..3);
            self.stream.push((self.id, self.clock_ms + random.u64(0..3)));
        }
        let len = self.stream.len();
        if self.kind.swap && len > 2 && random.u32(..20) == 0 {
            self.stream.swap(len - 1, len - 2);
        }
    }
}

/// A line: what it brings next, and until when it is lost or stands still.
#[derive(Clone, Copy, Default)]
struct Line {
    next: usize,
    lost_until: Option<u64>,
    still_until: u64,
}

impl Line {
    /// Whether it brings anything now.
    fn brings(
        &mut self,
        number: usize,
        rig: &mut Rig,
        random: &mut fastrand::Rng,
        (now_ms, newest, losses): (u64, usize, u32),
    ) -> bool {
        if self.lost_until.is_some_and(|until| until > now_ms) {
            return false;
        }
        if self.lost_until.take().is_some() {
            // A new connection begins with the last trade, and may stand still at once.
            self.next = newest;
            rig.state(number, BookState::AwaitingSnapshot);
            self.still_until = now_ms + u64::from(random.bool()) * random.u64(500..29_000);
        }
        if self.still_until <= now_ms && random.u32(..1_500) < losses {
            self.lost_until = Some(now_ms + random.u64(50..5_000));
            rig.state(number, BookState::Connecting);
            return false;
        }
        if self.still_until <= now_ms && random.u32(..1_500) == 0 {
            self.still_until = now_ms + random.u64(500..29_000);
        }
        self.still_until <= now_ms
    }
}

/// Two minutes; how many trades were told more than once, and how many that a line brought were not.
fn run(seed: u64, kind: Kind) -> (usize, usize) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut lines = vec![Line::default(); random.usize(1..=3)];
    let mut rig = Rig::new(lines.len(), &["trades"]);
    let (stream, id, clock_ms) = (Vec::new(), 1_000, 100_000_000);
    let mut exchange = Exchange { kind, stream, id, clock_ms, set_back_at: 0 };
    let (mut told, mut brought) = (HashMap::new(), HashSet::new());
    let rate = [1, 3, 10][random.usize(..3)];
    for now_ms in (0..120_000 / STEP_MS).map(|step| step * STEP_MS) {
        exchange.clock_ms += STEP_MS;
        rig.now += STEP_MS * 1_000_000;
        if random.u32(..10) < rate {
            exchange.trade(&mut random, now_ms);
        }
        let Some(newest) = exchange.stream.len().checked_sub(1) else { continue };
        for (number, line) in lines.iter_mut().enumerate() {
            if !line.brings(number, &mut rig, &mut random, (now_ms, newest, kind.losses)) {
                continue;
            }
            for key @ (id, ts) in &exchange.stream[line.next..] {
                let text = trade(*id);
                let text = text.replace(&format!(r#""ts":"{id}""#), &format!(r#""ts":"{ts}""#));
                let of = rig.bring(number, &text);
                brought.insert(*key);
                *told.entry(*key).or_insert(0_u32) +=
                    u32::from(of.contains(&format!("trades {id}")));
            }
            line.next = exchange.stream.len();
        }
    }
    let doubled = told.values().filter(|times| **times > 1).count();
    let missed = brought.iter().filter(|key| told.get(*key).is_none_or(|times| *times == 0));
    (doubled, missed.count())
}

#[test]
fn each_trade_is_told_once_whatever_becomes_of_the_lines() {
    let (clock, swap) = (true, true);
    for kind in [
        Kind { losses: 1, ..Kind::default() },
        Kind { losses: 10, ..Kind::default() },
        Kind { losses: 1, swap, ..Kind::default() },
        Kind { losses: 1, swap, clock },
    ] {
        for seed in 0..8 {
            assert_eq!(run(seed, kind), (0, 0), "seed {seed} of {kind:?}");
        }
    }
}
