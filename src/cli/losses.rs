//! What is said of a connection that is lost or can't be made: soon, and then ever less often.

use crate::net::ClientStats;

/// Follows the counters of a client and finds what is new.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    losses: u64,
    connects: u64,
    /// Losses since there was a connection.
    in_a_row: u64,
    /// The loss in a row that is told next: the first, second, fourth, eighth …
    tell_at: u64,
}

impl Losses {
    /// What there is to say since the last call, if anything.
    pub(crate) fn news(&mut self, url: &str, stats: &ClientStats) -> Option<String> {
        let lost = stats.losses - self.losses;
        let connected_since = stats.connects > self.connects;
        let first = self.losses == 0 && self.connects == 0 && stats.connects == 0;
        (self.losses, self.connects) = (stats.losses, stats.connects);
        let was_told = self.in_a_row > 0;
        if connected_since {
            (self.in_a_row, self.tell_at) = (0, 0);
        }
        if stats.connected {
            return (connected_since && was_told).then(|| format!("connected to {url} again"));
        }
        self.in_a_row += lost;
        if lost == 0 || self.in_a_row <= self.tell_at {
            return None;
        }
        self.tell_at = self.in_a_row * 2 - 1;
        let why = stats.last_loss.as_deref().unwrap_or("the connection was closed");
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
