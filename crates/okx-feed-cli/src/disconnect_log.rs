//! Messages about a connection that is lost or can't be made, at growing intervals.

use super::format::Printable;
use okx_feed::ClientStats;

/// Compares the counters of a client with those of the last call.
#[derive(Debug, Default)]
pub(crate) struct DisconnectLog {
    losses: u64,
    connects: u64,
    /// Losses since the last connection.
    in_a_row: u64,
    /// The loss in a row that is reported next: the first, second, fourth, eighth …
    report_at: u64,
}

impl DisconnectLog {
    /// The message about the change since the last call, if there is one.
    pub(crate) fn news(&mut self, url: &str, stats: &ClientStats) -> Option<String> {
        let lost = stats.losses - self.losses;
        let had_connection = self.connects > 0;
        let connected_since = stats.connects > self.connects;
        let first = self.losses == 0 && stats.connects == 0;
        (self.losses, self.connects) = (stats.losses, stats.connects);
        let why = Printable(stats.last_loss.as_deref().unwrap_or("the connection was closed"));
        let was_reported = self.in_a_row > 0;
        if connected_since {
            (self.in_a_row, self.report_at) = (0, 0);
        }
        if stats.connected {
            return match (connected_since, was_reported) {
                (true, true) => Some(format!("connected to {url} again")),
                // A handover opens a connection and loses none.
                (true, false) if had_connection && lost > 0 => {
                    Some(format!("the connection to {url} was lost ({why}) and made again"))
                }
                _ => None,
            };
        }
        self.in_a_row += lost;
        if lost == 0 || self.in_a_row <= self.report_at {
            return None;
        }
        self.report_at = self.in_a_row * 2 - 1;
        Some(if first {
            format!(
                "no connection to {url}: {why}; check --url and the network (`okx-feed serve` \
                 starts an exchange on this machine); trying again"
            )
        } else if stats.connects == 0 || self.in_a_row > 1 {
            format!("no connection to {url} after {} attempts: {why}; trying again", self.in_a_row)
        } else {
            format!("the connection to {url} is lost: {why}; connecting again")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use okx_feed::Client;

    /// Counters with so many connects and losses; only a client can make them.
    fn stats(connects: u64, losses: u64, connected: bool) -> ClientStats {
        let client = Client::v5("A-B").url("ws://127.0.0.1:1").spawn().unwrap();
        let mut stats = client.stats().unwrap();
        (stats.connects, stats.losses, stats.connected) = (connects, losses, connected);
        stats.last_loss = Some("WHY".to_owned());
        stats
    }

    #[test]
    fn failures_are_reported_at_growing_intervals() {
        let mut log = DisconnectLog::default();
        let reported: Vec<u64> =
            (0..=20).filter(|n| log.news("U", &stats(0, *n, false)).is_some()).collect();
        assert_eq!(reported, [1, 2, 4, 8, 16]);
        let back = log.news("U", &stats(1, 20, true)).unwrap();
        assert_eq!(back, "connected to U again");
        assert_eq!(log.news("U", &stats(1, 20, true)), None);
    }

    #[test]
    fn a_loss_after_a_connection_resets_the_interval() {
        let mut log = DisconnectLog::default();
        assert_eq!(log.news("U", &stats(1, 0, true)), None);
        let lost = log.news("U", &stats(1, 1, false)).unwrap();
        assert_eq!(lost, "the connection to U is lost: WHY; connecting again");
        assert!(log.news("U", &stats(1, 2, false)).unwrap().contains("after 2 attempts"));
        assert_eq!(log.news("U", &stats(2, 2, true)).unwrap(), "connected to U again");
        // A handover: another connection, and none lost.
        assert_eq!(log.news("U", &stats(3, 2, true)), None);
        let mut log = DisconnectLog { losses: 2, connects: 2, ..DisconnectLog::default() };
        // So short a break that it is seen only after it is over.
        let short = log.news("U", &stats(3, 3, true)).unwrap();
        assert_eq!(short, "the connection to U was lost (WHY) and made again");
    }
}
