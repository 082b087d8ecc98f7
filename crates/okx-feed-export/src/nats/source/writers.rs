//! Which writers run, by their heartbeats.

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
    /// Topics of which the server has refused messages since the event of this number.
    #[serde(borrow, default)]
    pub(super) refused: HashMap<&'p str, u64>,
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
        let has_refused = false;
        self.all.push(Writer { id, name, session, at, good_for, has_refused });
        id
    }

    /// Whether a writer is not forgotten.
    pub(super) fn knows(&self, id: WriterId) -> bool {
        self.all.iter().any(|writer| writer.id == id)
    }

    /// Notes a heartbeat.
    pub(super) fn beat(&mut self, id: WriterId, session: u64, interval: Duration, now: MonoNanos) {
        if let Some(writer) = self.all.iter_mut().find(|writer| writer.id == id) {
            let good_for = SHORTEST.max(interval.saturating_mul(MISSING));
            (writer.session, writer.at, writer.good_for) = (session, Some(now), good_for);
        }
    }

    /// Notes whether a heartbeat names topics with refused messages. Gives what the one before did.
    pub(super) fn note_refused(&mut self, id: WriterId, has_refused: bool) -> bool {
        let writer = self.all.iter_mut().find(|writer| writer.id == id);
        writer.is_some_and(|writer| std::mem::replace(&mut writer.has_refused, has_refused))
    }

    /// Whether a session of a writer runs.
    pub(super) fn runs(&self, id: WriterId, session: u64, now: MonoNanos) -> bool {
        self.all.iter().find(|writer| writer.id == id).is_some_and(|writer| {
            let age = writer.at.map(|at| now.since(at));
            writer.session == session && age.is_some_and(|age| age <= writer.good_for)
        })
    }

    /// Forgets all heartbeats: the connection was lost.
    pub(super) fn forget(&mut self) {
        self.all.iter_mut().for_each(|writer| writer.at = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_writers_the_silent_ones_are_forgotten() {
        let (mut writers, mut now) = (Writers::default(), MonoNanos(1));
        let interval = Duration::from_millis(500);
        let running = ["A", "B"].map(|name| writers.id(name));
        for number in 0..5 * MOST {
            now = now + Duration::from_millis(1);
            running.into_iter().for_each(|id| writers.beat(id, 7, interval, now));
            let other = writers.id(&format!("other-{number}"));
            if number % 2 == 0 {
                writers.beat(other, 8, interval, now);
            }
            assert!(running.into_iter().all(|id| writers.runs(id, 7, now)));
            assert!(!writers.runs(other, 7, now) && !running.contains(&other));
        }
        assert_eq!((["A", "B"].map(|name| writers.id(name)), writers.all.len()), (running, MOST));
    }
}
