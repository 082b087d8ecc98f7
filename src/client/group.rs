//! The connections of a group: what each is told, what it tells, and which relieves another.

use std::sync::mpsc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::handle::Readers;
use super::shared::Place;
use super::stats::ConnectionStats;
use crate::model::{ChannelPath, MonoNanos, Subscription};

/// What the director asks of one connection.
pub(super) enum LineCommand {
    Subscribe(Subscription, Option<mpsc::Sender<Readers>>),
    Unsubscribe(Subscription),
    Stats(oneshot::Sender<ConnectionStats>),
    Latency(oneshot::Sender<Histogram<u64>>),
    /// Another has relieved it: end soon, but not before what is on the way has come.
    Retire,
    Stop,
}

/// What a connection tells the director.
pub(super) enum Notice {
    /// The exchange will soon close it.
    Announced(Place),
    /// The same, a while ago.
    AnnouncedBefore(Place),
    /// It was to relieve another, and everything that it wants has come.
    Well(Place),
    /// The exchange closed it since so many subscriptions are too many for one connection.
    TooMany(Place, usize),
}

/// The shortest and the longest pause between handovers of one group, after the first. The longest is
/// less than the half minute that an announcement comes ahead at least.
const HANDOVER_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// How often connections of a group may be replaced by announcement: at once the first time, then at
/// pauses that double, as an exchange may announce an upgrade on each connection; at once again after
/// four times the longest pause without one.
#[derive(Debug, Default)]
pub(super) struct HandoverPace {
    last: Option<MonoNanos>,
    pause: Duration,
}

impl HandoverPace {
    /// Takes a handover at `now`.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub(super) fn take(&mut self, now: MonoNanos) -> Result<(), Duration> {
        let (shortest, longest) = HANDOVER_PAUSE;
        let passed = self.last.map_or(Duration::MAX, |last| now.since(last));
        if passed < self.pause {
            return Err(self.pause - passed);
        }
        if passed >= longest * 4 {
            self.pause = Duration::ZERO;
        }
        self.pause = (self.pause * 2).clamp(shortest, longest);
        self.last = Some(now);
        Ok(())
    }
}

/// One connection that runs.
pub(super) struct Line {
    pub(super) commands: UnboundedSender<LineCommand>,
    /// The place of the line that ends when this one has everything.
    pub(super) relieves: Option<usize>,
    /// Whether another has relieved it, so that it is about to end.
    pub(super) retiring: bool,
}

impl Line {
    /// Its counters; `None` where it has just ended.
    pub(super) async fn stats(&self) -> Option<ConnectionStats> {
        let (sender, receiver) = oneshot::channel();
        self.send(LineCommand::Stats(sender));
        receiver.await.ok()
    }

    /// Its histogram of latencies; `None` where it has just ended.
    pub(super) async fn latency(&self) -> Option<Histogram<u64>> {
        let (sender, receiver) = oneshot::channel();
        self.send(LineCommand::Latency(sender));
        receiver.await.ok()
    }

    /// Asks something of it. One that has ended is gone for a reason, and needs nothing more.
    pub(super) fn send(&self, command: LineCommand) {
        let _ = self.commands.send(command);
    }
}

/// The connections with the same subscriptions.
pub(super) struct Group {
    /// The path that serves them; `None` where one URL serves all.
    pub(super) path: Option<ChannelPath>,
    pub(super) subscriptions: Vec<Subscription>,
    /// By place; `None` where a line was relieved.
    pub(super) places: Vec<Option<Line>>,
    pub(super) handovers: HandoverPace,
}

impl Group {
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.places.iter().flatten()
    }

    /// Puts a line at its place.
    pub(super) fn put(&mut self, at: usize, line: Line) {
        if self.places.len() <= at {
            self.places.resize_with(at + 1, || None);
        }
        if let Some(place) = self.places.get_mut(at) {
            *place = Some(line);
        }
    }

    /// The first place that nobody has.
    pub(super) fn free(&self) -> usize {
        self.places.iter().position(Option::is_none).unwrap_or(self.places.len())
    }

    /// Whether the line at this place is to relieve another that has not ended yet.
    pub(super) fn is_successor(&self, at: usize) -> bool {
        let line = self.places.get(at).and_then(Option::as_ref);
        line.is_some_and(|line| line.relieves.is_some())
    }

    /// Whether the line at this place may be given a successor. One that is a successor itself, or
    /// has one, or is about to end, may not: an exchange that announces an upgrade on every
    /// connection must not be answered with ever more of them.
    pub(super) fn may_be_relieved(&self, at: usize) -> bool {
        let line = self.places.get(at).and_then(Option::as_ref);
        line.is_some_and(|line| line.relieves.is_none() && !line.retiring)
            && !self.lines().any(|other| other.relieves == Some(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handovers_that_are_announced_again_and_again_are_paced() {
        let mut pace = HandoverPace::default();
        let mut taken = Vec::new();
        for second in 0..600 {
            if pace.take(MonoNanos::ZERO + Duration::from_secs(second)).is_ok() {
                taken.push(second);
            }
        }
        assert_eq!(taken[..8], [0, 1, 3, 7, 15, 30, 45, 60]);
        let later = MonoNanos::ZERO + Duration::from_secs(10_000);
        assert_eq!(pace.take(later), Ok(()));
        assert_eq!(pace.take(later), Err(Duration::from_secs(1)));
    }
}
