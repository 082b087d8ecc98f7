//! The counters of a client where any thread reads them: the threads of connections copy them there
//! off the hot path and wait for nobody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::latency::Latencies;
use super::stats::{ClientStats, ConnectionStats};
use crate::feed::{LineStats, Recovery};

/// How long a reader pauses while the feed's thread copies, which takes less.
const PAUSE: Duration = Duration::from_micros(20);

/// A copy of a value that a feed's thread renews and others read.
///
/// Neither side waits in the operating system: the writer leaves a copy as it is while somebody
/// reads it, and a reader asks again, so that a release never has anybody to wake.
#[derive(Debug, Default)]
struct Copied<T>(Mutex<T>);

impl<T> Copied<T> {
    fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn read<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        loop {
            if let Some(guard) = self.try_lock() {
                return f(&guard);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// The counters and the latencies of one connection that runs.
#[derive(Clone, Debug)]
pub(super) struct PublishedConnection {
    stats: Arc<Copied<ConnectionStats>>,
    latency: Latencies,
}

impl PublishedConnection {
    fn new(stats: ConnectionStats) -> Self {
        Self { stats: Arc::new(Copied(Mutex::new(stats))), latency: Latencies::new() }
    }

    /// Where the connection's thread records its latencies.
    pub(super) const fn latency(&self) -> &Latencies {
        &self.latency
    }

    /// Has `write` renew the counters, unless somebody reads them just now.
    #[inline]
    pub(super) fn publish(&self, write: impl FnOnce(&mut ConnectionStats)) {
        if let Some(mut stats) = self.stats.try_lock() {
            write(&mut stats);
        }
    }
}

/// What changes slowly and is larger.
#[derive(Debug, Default)]
struct Slow {
    /// By group, of those with several lines.
    lines: Vec<Vec<LineStats>>,
    recovery: Recovery,
}

/// Which connections run, and the sums of those that have ended.
#[derive(Debug)]
struct Connections {
    running: Vec<PublishedConnection>,
    ended: ClientStats,
}

/// The counters of a client, for any thread. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct StatsBoard {
    connections: Arc<Mutex<Connections>>,
    slow: Arc<Copied<Slow>>,
}

impl StatsBoard {
    pub(super) fn new() -> Self {
        let ended = ClientStats::new(Recovery::default(), &Latencies::new());
        Self {
            connections: Arc::new(Mutex::new(Connections { running: Vec::new(), ended })),
            slow: Arc::default(),
        }
    }

    /// Adds a connection, with its counters as they are now.
    pub(super) fn open(&self, stats: ConnectionStats) -> PublishedConnection {
        let published = PublishedConnection::new(stats);
        self.connections().running.push(published.clone());
        published
    }

    /// Removes a connection that has ended with these counters, which stay in the sums.
    pub(super) fn close(&self, connection: &PublishedConnection, last: &ConnectionStats) {
        let mut connections = self.connections();
        connections.running.retain(|other| !Arc::ptr_eq(&other.stats, &connection.stats));
        connections.ended.add(last);
        connections.ended.add_latencies(&connection.latency);
    }

    /// Copies the counters of the lines of a group, unless somebody reads them just now. Allocates
    /// where a line is new.
    pub(super) fn publish_lines(&self, group: usize, lines: &[LineStats]) {
        let Some(mut slow) = self.slow.try_lock() else { return };
        if slow.lines.len() <= group {
            slow.lines.resize_with(group + 1, Vec::new);
        }
        let Some(to) = slow.lines.get_mut(group) else { return };
        to.iter_mut().zip(lines).for_each(|(to, from)| to.copy_from(from));
        to.extend(lines.iter().skip(to.len()).cloned());
    }

    /// Copies how long books were not live, where there is something new and nobody reads it just
    /// now. Allocates nothing.
    pub(super) fn publish_recovery(&self, recovery: &Recovery) {
        if let Some(mut slow) = self.slow.try_lock() {
            slow.recovery.copy_times_from(recovery);
        }
    }

    /// The counters of the connections that have ended, and the latencies of all.
    pub(super) fn sums(&self, recovery: Recovery) -> ClientStats {
        let (mut sums, running) = self.state();
        running.iter().for_each(|connection| sums.add_latencies(&connection.latency));
        ClientStats { recovery, ..sums }
    }

    /// What has ended, and what runs.
    fn state(&self) -> (ClientStats, Vec<PublishedConnection>) {
        let connections = self.connections();
        (connections.ended.clone(), connections.running.clone())
    }

    /// All counters as they were published last, and the latencies as they are now.
    pub(super) fn read(&self) -> ClientStats {
        let (mut stats, running) = self.state();
        for connection in running {
            stats.add_running(connection.stats.read(Clone::clone));
            stats.add_latencies(&connection.latency);
        }
        self.slow.read(|slow| {
            slow.lines.iter().for_each(|lines| stats.add_lines(lines));
            stats.recovery.copy_times_from(&slow.recovery);
        });
        stats
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::connection_id::ConnectionId;

    fn stats(line: usize, frames: u64) -> ConnectionStats {
        let mut stats = ConnectionStats::new(ConnectionId { group: 0, line });
        stats.feed.frames = frames;
        stats.connects = 1;
        stats.connected = true;
        stats
    }

    #[test]
    fn no_sum_falls_when_a_connection_ends() {
        let board = StatsBoard::new();
        let [a, b] = [board.open(stats(0, 0)), board.open(stats(1, 0))];
        a.publish(|to| to.feed.frames = 5);
        b.publish(|to| to.feed.frames = 7);
        a.latency().from_read.record(900);
        let read = board.read();
        assert_eq!((read.feed.frames, read.connects, read.connections.len()), (12, 2, 2));
        assert_eq!((read.latency.len(), read.kernel_latency.len()), (1, 0));
        assert!(read.connected);
        board.close(&a, &stats(0, 6));
        let read = board.read();
        assert_eq!((read.feed.frames, read.connects, read.connections.len()), (13, 2, 1));
        assert_eq!(read.latency.len(), 1);
        assert_eq!(read.connections[0].line, 1);
    }

    #[test]
    fn the_writer_leaves_alone_what_is_read_and_the_reader_sees_the_next_copy() {
        let published = PublishedConnection::new(stats(0, 1));
        published.stats.read(|_| published.publish(|to| to.feed.frames = 2));
        assert_eq!(published.stats.read(|stats| stats.feed.frames), 1);
        published.publish(|to| to.feed.frames = 3);
        assert_eq!(published.stats.read(|stats| stats.feed.frames), 3);
    }

    #[test]
    fn lines_and_recoveries_are_copied_as_they_stand() {
        let board = StatsBoard::new();
        let mut line = LineStats::new();
        (line.accepted, line.duplicates, line.self_duplicates) = (3, 5, 6);
        (line.outdated, line.held) = (7, 8);
        line.lag_us.saturating_record(40);
        board.publish_lines(1, &[line.clone()]);
        line.accepted = 4;
        line.lag_us.saturating_record(50);
        board.publish_lines(1, &[line.clone(), LineStats::new()]);
        let mut recovery = Recovery::default();
        recovery.any_us.saturating_record(9);
        board.publish_recovery(&recovery);
        let read = board.read();
        let of = &read.lines[0];
        assert_eq!((read.lines.len(), of.accepted, of.duplicates), (2, 4, 5));
        assert_eq!((of.self_duplicates, of.outdated, of.held), (6, 7, 8));
        assert_eq!((read.lines[0].lag_us.len(), read.recovery.any_us.len()), (2, 1));
    }
}
