//! Which writers run, and until when all that they had was read.
//!
//! A heartbeat comes beside the data and has the time of the writer's clock. A watermark has such a
//! time too, and comes behind all data that the writer had then. The time between the two clocks is
//! that of the fastest heartbeat: with it, a watermark is a time of this clock.

use std::collections::HashMap;
use std::time::Duration;

use okx_feed::MonoNanos;

/// How many heartbeats may fail to come.
const MISSING: u32 = 3;

/// The shortest silence of a writer that counts.
const SHORTEST: Duration = Duration::from_millis(1_500);

/// A heartbeat.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Beat<'p> {
    pub(super) writer: &'p str,
    pub(super) session: u64,
    pub(super) interval_ms: u64,
    /// The time of the writer's clock.
    pub(super) uptime_ns: u64,
    /// Topics of which the server has refused messages since the event of this number.
    #[serde(borrow, default)]
    pub(super) refused: HashMap<&'p str, u64>,
}

/// For how long the fastest heartbeat counts at least: clocks drift apart.
const FASTEST: Duration = Duration::from_secs(60);

/// How much this clock is before a writer's, in nanoseconds, with the delay of the fastest
/// heartbeat.
#[derive(Clone, Copy, Debug)]
struct Offset {
    /// Of the heartbeats since a time, and of those of the minute before it.
    since: MonoNanos,
    fastest: i128,
    before: i128,
}

impl Offset {
    const fn nanos(now: MonoNanos, uptime: u64) -> i128 {
        now.0 as i128 - uptime as i128
    }

    const fn first(now: MonoNanos, uptime: u64) -> Self {
        let fastest = Self::nanos(now, uptime);
        Self { since: now, fastest, before: fastest }
    }

    fn note(&mut self, now: MonoNanos, uptime: u64) {
        let nanos = Self::nanos(now, uptime);
        if now.since(self.since) > FASTEST {
            *self = Self { since: now, fastest: nanos, before: self.fastest };
        }
        self.fastest = self.fastest.min(nanos);
    }

    /// How long ago a time of the writer's clock was, in nanoseconds.
    fn age(&self, now: MonoNanos, uptime: u64) -> i128 {
        Self::nanos(now, uptime) - self.fastest.min(self.before)
    }
}

/// A writer, by a number that no other one has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WriterId(u64);

/// A writer and the session of its last heartbeat.
#[derive(Clone, Debug)]
struct Writer {
    id: WriterId,
    name: String,
    session: u64,
    /// When that came, and for how long it is good.
    at: Option<MonoNanos>,
    good_for: Duration,
    /// Whether that named topics with refused messages.
    has_refused: bool,
    /// Of the session.
    offset: Offset,
    /// The session and the time of the last watermark.
    read: Option<(u64, u64)>,
}

/// What a heartbeat says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat {
    pub(super) session: u64,
    pub(super) interval: Duration,
    /// The time of the writer's clock, in nanoseconds.
    pub(super) uptime: u64,
}

impl Writer {
    fn runs(&self, session: u64, now: MonoNanos) -> bool {
        let is_heard = self.at.is_some_and(|at| now.since(at) <= self.good_for);
        let read = self.read.filter(|(of, _)| *of == session && self.session == session);
        let longest = self.good_for.as_nanos().cast_signed();
        is_heard && read.is_some_and(|(_, until)| self.offset.age(now, until) <= longest)
    }
}

/// All writers that were heard of.
#[derive(Debug, Default)]
pub(super) struct Writers {
    all: Vec<Writer>,
    /// How many there were.
    made: u64,
}

/// The most writers. Of more, the one that was silent for longest is forgotten.
pub(super) const MOST: usize = 256;

impl Writers {
    /// The writer of a name.
    pub(super) fn id(&mut self, name: &str) -> WriterId {
        if let Some(known) = self.all.iter().find(|writer| writer.name == name) {
            return known.id;
        }
        if self.all.len() >= MOST
            && let Some(silent) = (0..MOST).min_by_key(|at| self.all.get(*at).map(|of| of.at))
        {
            self.all.swap_remove(silent);
        }
        let id = WriterId(self.made);
        self.made += 1;
        let (name, session, at, good_for) = (name.to_owned(), 0, None, Duration::ZERO);
        let (offset, read, has_refused) = (Offset::first(MonoNanos::ZERO, 0), None, false);
        self.all.push(Writer { id, name, session, at, good_for, offset, read, has_refused });
        id
    }

    /// Whether a writer is not forgotten.
    pub(super) fn knows(&self, id: WriterId) -> bool {
        self.all.iter().any(|writer| writer.id == id)
    }

    /// Notes a heartbeat. True if the writer runs with it and did not before, or has begun another
    /// session.
    pub(super) fn beat(&mut self, id: WriterId, beat: Heartbeat, now: MonoNanos) -> bool {
        let Some(writer) = self.all.iter_mut().find(|writer| writer.id == id) else { return false };
        let ran = writer.runs(beat.session, now);
        let is_other = writer.session != beat.session;
        if is_other || writer.at.is_none() {
            writer.offset = Offset::first(now, beat.uptime);
        }
        writer.offset.note(now, beat.uptime);
        let good_for = SHORTEST.max(beat.interval.saturating_mul(MISSING));
        (writer.session, writer.at, writer.good_for) = (beat.session, Some(now), good_for);
        is_other || (!ran && writer.runs(beat.session, now))
    }

    /// Notes whether a heartbeat names topics with refused messages. Gives what the one before did.
    pub(super) fn note_refused(&mut self, id: WriterId, has_refused: bool) -> bool {
        let writer = self.all.iter_mut().find(|writer| writer.id == id);
        writer.is_some_and(|writer| std::mem::replace(&mut writer.has_refused, has_refused))
    }

    /// Notes a watermark: all was read that a session of a writer had at a time of its clock. True
    /// if the writer runs with it, and did not before.
    pub(super) fn read(
        &mut self,
        id: WriterId,
        (session, uptime): (u64, u64),
        now: MonoNanos,
    ) -> bool {
        let Some(writer) = self.all.iter_mut().find(|writer| writer.id == id) else { return false };
        let ran = writer.runs(session, now);
        writer.read = Some((session, uptime));
        !ran && writer.runs(session, now)
    }

    /// Whether a session of a writer runs, and all was read that it had a moment ago.
    pub(super) fn runs(&self, id: WriterId, session: u64, now: MonoNanos) -> bool {
        let writer = self.all.iter().find(|writer| writer.id == id);
        writer.is_some_and(|writer| writer.runs(session, now))
    }

    /// Forgets all heartbeats and watermarks: the connection was lost.
    pub(super) fn forget(&mut self) {
        self.all.iter_mut().for_each(|writer| (writer.at, writer.read) = (None, None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn beat(session: u64, uptime_ms: u64) -> Heartbeat {
        let interval = Duration::from_millis(500);
        Heartbeat { session, interval, uptime: uptime_ms * MS }
    }

    #[test]
    fn of_too_many_writers_the_silent_ones_are_forgotten() {
        let (mut writers, mut now) = (Writers::default(), MonoNanos(1));
        let running = ["A", "B"].map(|name| writers.id(name));
        for number in 0..5 * MOST as u64 {
            now = now + Duration::from_millis(1);
            for id in running {
                writers.beat(id, beat(7, number), now);
                writers.read(id, (7, number * MS), now);
            }
            let other = writers.id(&format!("other-{number}"));
            if number % 2 == 0 {
                writers.beat(other, beat(8, 0), now);
            }
            assert!(running.into_iter().all(|id| writers.runs(id, 7, now)));
            assert!(!writers.runs(other, 7, now) && !running.contains(&other));
        }
        assert_eq!((["A", "B"].map(|name| writers.id(name)), writers.all.len()), (running, MOST));
    }

    #[test]
    fn a_writer_runs_while_what_it_had_a_moment_ago_is_read() {
        let mut writers = Writers::default();
        let id = writers.id("A");
        let at = |ms: u64| MonoNanos((1_000_000 + ms) * MS);
        let mut step = |ms: u64, read: Option<u64>| {
            writers.beat(id, beat(7, ms), at(ms + 3));
            if let Some(until) = read {
                writers.read(id, (7, until * MS), at(ms + 4));
            }
            writers.runs(id, 7, at(ms + 4))
        };
        assert!(!step(0, None), "no watermark has come");
        assert!(step(500, Some(500)) && step(1_000, Some(0)), "a second old");
        assert!(!step(2_000, Some(400)), "heartbeats come in time, and the data do not");
        assert!((3_000..60_000).step_by(500).all(|ms| !step(ms, Some(ms - 1_600))));
        assert!(step(60_000, Some(59_900)) && step(61_000, None) && !step(62_000, None));
        // A delay that heartbeats have too is seen by the fastest of them.
        writers.beat(id, beat(7, 62_500), at(65_000));
        writers.read(id, (7, 62_500 * MS), at(65_000));
        assert!(!writers.runs(id, 7, at(65_000)));
        // The clocks may have drifted apart by then: the delay counts as that of all.
        for ms in (63_000..190_000).step_by(500) {
            writers.beat(id, beat(7, ms), at(ms + 2_500));
            writers.read(id, (7, ms * MS), at(ms + 2_500));
        }
        assert!(writers.runs(id, 7, at(192_500)) && !writers.runs(id, 8, at(192_500)));
        // Another session has another clock.
        writers.read(id, (8, 0), at(192_600));
        assert!(!writers.runs(id, 8, at(192_600)) && !writers.runs(id, 7, at(192_600)));
        assert!(writers.beat(id, beat(8, 0), at(192_600)) && writers.runs(id, 8, at(192_600)));
        writers.beat(id, beat(8, u64::MAX / MS), at(192_700));
        writers.read(id, (8, u64::MAX), at(192_700));
        writers.forget();
        assert!(!writers.runs(id, 8, at(192_700)));
    }
}
