//! The rate limit of attempts to connect to a host.

use std::collections::VecDeque;

use super::config::ConnectRateLimit;
use crate::model::MonoNanos;

/// Keeps the attempts to connect to one host within its rate limit.
///
/// Sans-IO: the owner shares one limiter between all sessions with the host, and asks it before
/// each attempt. It keeps the times of the last attempts, so that no time window has more of them
/// than allowed.
#[derive(Clone, Debug, Default)]
pub struct ConnectRateLimiter {
    attempts: VecDeque<MonoNanos>,
    /// Until when the host asked for no attempt.
    held: MonoNanos,
}

impl ConnectRateLimiter {
    /// A limiter without attempts so far.
    #[must_use]
    pub const fn new() -> Self {
        Self { attempts: VecDeque::new(), held: MonoNanos::ZERO }
    }

    /// Allows no attempt before `until`: the host has said when to come back.
    pub fn hold(&mut self, until: MonoNanos) {
        self.held = self.held.max(until);
    }

    /// Whether an attempt is allowed at `now`. Does not count one.
    ///
    /// # Errors
    /// When the next is allowed.
    pub fn check(&self, limit: ConnectRateLimit, now: MonoNanos) -> Result<(), MonoNanos> {
        let allowed = limit.attempts.max(1);
        let oldest = self.attempts.len().checked_sub(allowed).and_then(|at| self.attempts.get(at));
        let free = oldest.map_or(self.held, |at| self.held.max(*at + limit.per));
        if free > now { Err(free) } else { Ok(()) }
    }

    /// Counts an attempt at `now`. Time must not run backwards.
    ///
    /// # Errors
    /// When the next is allowed, where there were too many or the host has said when to come back.
    pub fn try_acquire(
        &mut self,
        limit: ConnectRateLimit,
        now: MonoNanos,
    ) -> Result<(), MonoNanos> {
        self.check(limit, now)?;
        let allowed = limit.attempts.max(1);
        self.attempts.push_back(now);
        // Sessions may have different limits: enough attempts are kept for the largest.
        while self.attempts.len() > allowed.max(MEMORY) {
            self.attempts.pop_front();
        }
        Ok(())
    }
}

/// How many attempts are kept at least.
const MEMORY: usize = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_time_window_has_more_attempts_than_allowed() {
        let at = |ms| MonoNanos::ZERO + Duration::from_millis(ms);
        let limit = ConnectRateLimit { attempts: 3, per: Duration::from_secs(1) };
        let mut gate = ConnectRateLimiter::new();
        for ms in [0, 400, 900] {
            assert_eq!(gate.try_acquire(limit, at(ms)), Ok(()));
        }
        assert_eq!(gate.try_acquire(limit, at(950)), Err(at(1000)));
        assert_eq!(gate.try_acquire(limit, at(1000)), Ok(()));
        assert_eq!(gate.try_acquire(limit, at(1001)), Err(at(1400)));
        let one = ConnectRateLimit { attempts: 1, ..limit };
        assert_eq!(gate.try_acquire(one, at(1500)), Err(at(2000)));
    }
    #[test]
    fn a_requested_pause_holds_for_all_sessions() {
        let at = |secs| MonoNanos::ZERO + Duration::from_secs(secs);
        let limit = ConnectRateLimit { attempts: 3, per: Duration::from_secs(1) };
        let mut gate = ConnectRateLimiter::new();
        assert_eq!(gate.try_acquire(limit, at(1)), Ok(()));
        gate.hold(at(20));
        gate.hold(at(10));
        assert_eq!(gate.check(limit, at(2)), Err(at(20)));
        assert_eq!(gate.try_acquire(limit, at(19)), Err(at(20)));
        assert_eq!(gate.check(limit, at(20)), Ok(()));
        for _ in 0..3 {
            assert_eq!(gate.try_acquire(limit, at(20)), Ok(()));
        }
        assert_eq!(gate.try_acquire(limit, at(20)), Err(at(21)));
    }
}
