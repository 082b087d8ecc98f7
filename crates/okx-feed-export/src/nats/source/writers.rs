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

/// A writer by its place in [`Writers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WriterId(usize);

/// A writer and the session of its last heartbeat.
#[derive(Clone, Debug)]
struct Writer {
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
}

/// The most writers; more are taken for one that is silent.
const MOST: usize = 256;

impl Writers {
    /// The writer of a name.
    pub(super) fn id(&mut self, name: &str) -> WriterId {
        let known = self.all.iter().position(|writer| writer.name == name);
        WriterId(known.unwrap_or_else(|| {
            if self.all.len() < MOST {
                let (session, at, good_for, has_refused) = (0, None, Duration::ZERO, false);
                let name = name.to_owned();
                self.all.push(Writer { name, session, at, good_for, has_refused });
            }
            self.all.len() - 1
        }))
    }

    /// Notes a heartbeat.
    pub(super) fn beat(&mut self, id: WriterId, session: u64, interval: Duration, now: MonoNanos) {
        if let Some(writer) = self.all.get_mut(id.0) {
            let good_for = SHORTEST.max(interval.saturating_mul(MISSING));
            (writer.session, writer.at, writer.good_for) = (session, Some(now), good_for);
        }
    }

    /// Notes whether a heartbeat names topics with refused messages. Gives what the one before did.
    pub(super) fn note_refused(&mut self, id: WriterId, has_refused: bool) -> bool {
        let writer = self.all.get_mut(id.0);
        writer.is_some_and(|writer| std::mem::replace(&mut writer.has_refused, has_refused))
    }

    /// Whether a session of a writer runs.
    pub(super) fn runs(&self, id: WriterId, session: u64, now: MonoNanos) -> bool {
        self.all.get(id.0).is_some_and(|writer| {
            let age = writer.at.map(|at| now.since(at));
            writer.session == session && age.is_some_and(|age| age <= writer.good_for)
        })
    }

    /// Forgets all heartbeats: the connection was lost.
    pub(super) fn forget(&mut self) {
        self.all.iter_mut().for_each(|writer| writer.at = None);
    }
}
