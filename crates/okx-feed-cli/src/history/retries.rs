//! Requests that fail and are sent again, on standard error.

use std::time::Duration;

use crate::error::say;
use okx_feed::MonoNanos;
use okx_feed::rest::RestClient;
use okx_feed::transport::Clock;

/// The pause after the first line; each further line doubles it.
const FIRST: Duration = Duration::from_secs(2);

/// The longest pause. After a longer time without a failure, the pauses begin again at the first.
const CAP: Duration = Duration::from_secs(64);

/// Says why requests fail: the first failure at once, further ones at growing pauses.
pub(crate) fn report(client: &mut RestClient) {
    let clock = Clock::start();
    let mut lines = Lines::default();
    client.on_retry(move |target, why| {
        if lines.is_due(clock.mono()) {
            say(format_args!(
                "okx-feed: {target} failed and is sent again, for up to five minutes: {why}"
            ));
        }
    });
}

/// When a line is due.
#[derive(Debug, Default)]
struct Lines {
    last_failure: Option<MonoNanos>,
    due: MonoNanos,
    pause: Duration,
}

impl Lines {
    fn is_due(&mut self, now: MonoNanos) -> bool {
        let quiet = self.last_failure.is_none_or(|last| now.since(last) > CAP);
        self.last_failure = Some(now);
        if !quiet && now < self.due {
            return false;
        }
        self.pause = if quiet { FIRST } else { (self.pause * 2).min(CAP) };
        self.due = now + self.pause;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_due_at_once_and_others_at_growing_pauses() {
        let mut lines = Lines::default();
        let at = |secs| MonoNanos::ZERO + Duration::from_secs(secs);
        let due: Vec<_> = (0..200).filter(|secs| lines.is_due(at(*secs))).collect();
        assert_eq!(due, [0, 2, 6, 14, 30, 62, 126, 190]);
        assert!(lines.is_due(at(300)) && !lines.is_due(at(301)) && lines.is_due(at(302)));
    }
}
