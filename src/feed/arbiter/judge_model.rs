//! The judge before a model: lines that are lost, come back and stand still, of an exchange that
//! counts anew and sets its clock back. The model knows each book's true place; the judge does not.

use super::*;

const BASE: u64 = 1_000_000_000_000;
const STEP_MS: u64 = 50;
const RUN_MS: u64 = 120_000;
/// A line that is well must not be passed over for longer.
const IGNORED_MS: u64 = 2_500;

/// What happens to the exchange, and how far apart at least.
#[derive(Clone, Copy)]
struct Turns {
    numbered: bool,
    both: bool,
    apart_ms: u64,
}

/// One line: the book that it brings next, and until when it is lost or stands still.
#[derive(Clone, Copy, Default)]
struct Line {
    position: Position,
    next: usize,
    lost_until: u64,
    still_until: u64,
    well_since: u64,
}

struct Run {
    random: fastrand::Rng,
    turns: Turns,
    judge: Judge,
    lines: Vec<Line>,
    /// All books in their true order.
    stream: Vec<Mark>,
    now: u64,
    clock: u64,
    seq: i64,
    turned: u64,
    /// The place of the book that is shown, and when it came.
    shown: Option<usize>,
    counted_at: u64,
    is_live: bool,
    /// Whether an older book was shown, and a newer one of a line that is well was not for long.
    led_back: bool,
    ignored: bool,
}

impl Run {
    fn new(seed: u64, turns: Turns) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let lines = vec![Line::default(); random.usize(1..=3)];
        Self {
            random,
            turns,
            judge: Judge::new(64),
            lines,
            stream: Vec::new(),
            now: 100,
            clock: 10_000_000,
            seq: 1_000,
            turned: 0,
            shown: None,
            counted_at: 0,
            is_live: false,
            led_back: false,
            ignored: false,
        }
    }

    fn run(mut self) -> (bool, bool) {
        let rate = [1, 3, 10][self.random.usize(..3)];
        while self.now < RUN_MS {
            self.now += STEP_MS;
            self.clock += STEP_MS;
            if self.random.u32(..10) < rate {
                self.exchange();
            }
            for line in 0..self.lines.len() {
                if !self.stream.is_empty() && self.is_up(line) {
                    self.bring(line);
                }
            }
        }
        (self.led_back, self.ignored)
    }

    /// The exchange has a new book, and before it maybe a turn.
    fn exchange(&mut self) {
        let Self { random, turns, .. } = self;
        if self.now >= self.turned + turns.apart_ms && random.u32(..150) == 0 {
            self.turned = self.now;
            let counts_anew = turns.numbered && (turns.both || random.bool());
            if counts_anew {
                self.seq = random.i64(1..50);
            }
            if turns.both || !counts_anew {
                self.clock -= random.u64(1_100..40_000);
            }
        }
        self.seq += random.i64(1..3);
        let (seq, ts) =
            (if turns.numbered { self.seq } else { NO_SEQ }, UnixNanos(self.clock * 1_000_000));
        let key = ts.0.wrapping_mul(31).wrapping_add(seq.cast_unsigned());
        self.stream.push(Mark { seq, ts, key, vetted: true });
    }

    /// Whether a line can bring something now. On a new connection it begins with the newest.
    fn is_up(&mut self, line: usize) -> bool {
        let Self { random, lines, now, .. } = self;
        let (now, of) = (*now, &mut lines[line]);
        if of.lost_until > now {
            return false;
        }
        if of.lost_until != 0 {
            let next = self.stream.len() - 1;
            *of = Line { next, well_since: now, ..Line::default() };
            if random.bool() {
                of.still_until = now + random.u64(500..29_000);
            }
        }
        if of.still_until > now {
            return false;
        }
        if of.still_until != 0 {
            (of.well_since, of.still_until) = (now, 0);
        }
        match random.u32(..1500) {
            0 => {
                of.lost_until = now + random.u64(50..5_000);
                of.position = Position::default();
                self.is_live &= lines.iter().any(|line| line.position.last.is_some());
                false
            }
            1 => {
                of.still_until = now + random.u64(500..29_000);
                false
            }
            _ => true,
        }
    }

    /// A line brings all that has waited for it.
    fn bring(&mut self, line: usize) {
        let at = UnixNanos(BASE + self.now * 1_000_000);
        while self.lines[line].next < self.stream.len() {
            let place = self.lines[line].next;
            self.lines[line].next += 1;
            let mark = self.stream[place];
            let is_alone = self.lines.iter().all(|line| line.position.last.is_none());
            if !self.is_live && is_alone && !self.judge.was_passed_lately(mark, at) {
                self.judge.start_anew();
            }
            let lines = self.lines.iter().map(|l| (l.position, l.position.last.is_some()));
            let others = Others::of(line, lines, self.judge.last().map(|last| last.key));
            let position = &mut self.lines[line].position;
            let counts = self.judge.book(line, position, mark, at, others) == Arbitration::First;
            self.note(line, place, counts);
            if counts {
                self.judge.remember(mark, line, at, false);
            }
        }
    }

    fn note(&mut self, line: usize, place: usize, counts: bool) {
        let since_well = self.now - self.lines[line].well_since;
        if counts {
            self.led_back |= self.shown.is_some_and(|shown| place < shown);
            (self.shown, self.counted_at, self.is_live) = (Some(place), self.now, true);
        } else if self.shown.is_some_and(|shown| place > shown) && place + 1 == self.stream.len() {
            let since = (self.now - self.counted_at).min(since_well);
            self.ignored |= since > IGNORED_MS;
        }
    }
}

/// In how many of 300 runs an older book was shown, and in how many a line that was well was passed
/// over.
fn count(numbered: bool, both: bool, apart_ms: u64) -> (usize, usize) {
    let turns = Turns { numbered, both, apart_ms };
    let runs: Vec<_> = (0..300).map(|seed| Run::new(seed, turns).run()).collect();
    (runs.iter().filter(|run| run.0).count(), runs.iter().filter(|run| run.1).count())
}

#[test]
fn numbers_tell_where_a_line_is_over_one_turn_at_a_time() {
    assert_eq!(count(true, false, 40_000), (0, 0));
}

/// Where turns follow each other within what a line may lag, or nothing but the time tells one, it
/// cannot always be known. It is rare, and this says how rare.
#[test]
fn what_cannot_be_told_is_rare() {
    let within = |(back, ignored): (usize, usize), most: (usize, usize)| {
        assert!(back <= most.0 && ignored <= most.1, "{back} and {ignored} of 300, not {most:?}");
    };
    within(count(true, false, 3_000), (3, 6));
    within(count(true, true, 40_000), (6, 6));
    within(count(false, false, 40_000), (6, 8));
    within(count(false, false, 3_000), (15, 20));
}
