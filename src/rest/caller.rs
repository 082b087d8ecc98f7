//! One request at a time, within the limits and repeated where it failed in a way that passes.

use std::time::Duration;

use super::error::RestError;
use super::limits::RequestLimits;
use super::reply::{Reply, ReplyKind, classify};
use super::request::Request;
use super::retry::RetryConfig;
use crate::model::MonoNanos;

/// What a [`Caller`] wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: there is no request.
    Idle,
    /// Come back at this time.
    Wait(MonoNanos),
    /// Send the request of [`Caller::request`], then report to [`Caller::on_reply`].
    Send,
}

/// What a [`Caller`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallerStats {
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that failed and were sent again.
    pub retries: u64,
    /// Those of them that were one too many for the exchange.
    pub limited: u64,
}

/// Sends one request at a time: within the limits, and again where it failed in a way that passes.
///
/// Sans-IO: the owner sends, and passes in replies and times. Times must not run backwards.
#[derive(Debug)]
pub struct Caller {
    limits: RequestLimits,
    retry: RetryConfig,
    rng: fastrand::Rng,
    pending: Option<Pending>,
    stats: CallerStats,
    /// Until when the exchange asked for no request.
    held: MonoNanos,
}

#[derive(Debug)]
struct Pending {
    request: Request,
    not_before: MonoNanos,
    tries: u32,
    failed_since: Option<MonoNanos>,
    why: Option<String>,
}

impl Caller {
    /// A caller without a request. The seed is that of the jitter of its pauses.
    #[must_use]
    pub fn new(retry: RetryConfig, seed: u64) -> Self {
        Self {
            limits: RequestLimits::default(),
            retry,
            rng: fastrand::Rng::with_seed(seed),
            pending: None,
            stats: CallerStats::default(),
            held: MonoNanos::ZERO,
        }
    }

    /// Begins with a request, in the place of any other, not before a time.
    pub fn start(&mut self, request: Request, not_before: MonoNanos) {
        let pending = Pending { request, not_before, tries: 0, failed_since: None, why: None };
        self.pending = Some(pending);
    }

    /// The request that is to be sent, or was.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        self.pending.as_ref().map(|pending| &pending.request)
    }

    /// What the request failed with last; `None` where it has not failed.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.pending.as_ref().and_then(|pending| pending.why.as_deref())
    }

    /// What is to be done at `now`.
    #[must_use]
    pub fn poll(&self, now: MonoNanos) -> Step {
        let Some(pending) = &self.pending else { return Step::Idle };
        let free = self.limits.free_at(pending.request.endpoint());
        let at = free.max(pending.not_before).max(self.held);
        if at > now { Step::Wait(at) } else { Step::Send }
    }

    /// Processes the reply to the request, or why there is none. Returns the rows or the error that
    /// ends the request, and `None` where it is to be sent again.
    pub fn on_reply(
        &mut self,
        reply: Result<&Reply, &str>,
        now: MonoNanos,
    ) -> Option<Result<String, RestError>> {
        let pending = self.pending.as_mut()?;
        self.limits.note(pending.request.endpoint(), now);
        self.stats.sent += 1;
        pending.tries += 1;
        let verdict = match reply {
            Ok(reply) => classify(&pending.request, reply),
            Err(why) => {
                ReplyKind::Again { why: why.to_owned(), limited: false, pause: Duration::ZERO }
            }
        };
        match verdict {
            ReplyKind::Rows(rows) => {
                self.pending = None;
                Some(Ok(rows))
            }
            ReplyKind::Refused(error) => {
                self.pending = None;
                Some(Err(error))
            }
            ReplyKind::Again { why, limited, pause } => self.on_failure(why, limited, pause, now),
        }
    }

    fn on_failure(
        &mut self,
        why: String,
        limited: bool,
        pause: Duration,
        now: MonoNanos,
    ) -> Option<Result<String, RestError>> {
        let pending = self.pending.as_mut()?;
        self.stats.retries += 1;
        self.stats.limited += u64::from(limited);
        let after = now.since(*pending.failed_since.get_or_insert(now));
        if after >= self.retry.give_up_after {
            let (target, tries) = (pending.request.target().to_owned(), pending.tries);
            self.pending = None;
            return Some(Err(RestError::GaveUp { target, tries, after, why }));
        }
        tracing::debug!(target = pending.request.target(), %why, "a request is sent again");
        pending.not_before = now + self.retry.pause(pending.tries, pause, &mut self.rng);
        if limited {
            // Other endpoints are counted on their own, but a flood is answered for all.
            self.held = self.held.max(now + pause);
        }
        pending.why = Some(why);
        None
    }

    /// What it has done.
    #[must_use]
    pub const fn stats(&self) -> &CallerStats {
        &self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, code: &str) -> Reply {
        let body = format!(r#"{{"code":"{code}","msg":"","data":[]}}"#).into_bytes();
        Reply { status, retry_after: None, body }
    }

    #[test]
    fn a_failure_that_passes_is_repeated_at_growing_pauses_and_not_for_ever() {
        let mut caller = Caller::new(RetryConfig::default(), 7);
        let mut now = MonoNanos::ZERO;
        assert_eq!(caller.poll(now), Step::Idle);
        caller.start(Request::time(), now);
        let mut pauses = Vec::new();
        let error = loop {
            match caller.poll(now) {
                Step::Wait(at) => {
                    pauses.push(at.since(now));
                    now = at;
                }
                Step::Send => match caller.on_reply(Err("connection refused"), now) {
                    None => {}
                    Some(result) => break result.unwrap_err(),
                },
                Step::Idle => panic!("it has forgotten its request"),
            }
        };
        assert!(matches!(error, RestError::GaveUp { tries: 10..30, .. }), "{error}");
        assert!(now.0 >= 300_000_000_000 && now.0 < 340_000_000_000);
        assert!(pauses[0] <= Duration::from_millis(250));
        assert!(pauses.iter().rev().take(5).all(|pause| pause.as_secs() >= 15));
        assert_eq!(caller.poll(now), Step::Idle);
    }

    #[test]
    fn one_request_too_many_waits_as_long_as_the_exchange_asks() {
        let mut caller = Caller::new(RetryConfig::default(), 7);
        let now = MonoNanos::ZERO;
        caller.start(Request::time(), now);
        let limited = Reply { retry_after: Some(Duration::from_secs(9)), ..reply(429, "50011") };
        assert_eq!(caller.failure(), None);
        assert!(caller.on_reply(Ok(&limited), now).is_none());
        assert!(caller.failure().is_some_and(|why| why.contains("50011")));
        assert_eq!(caller.poll(now), Step::Wait(now + Duration::from_secs(9)));
        // It holds for every endpoint.
        caller.start(Request::status(), now);
        assert_eq!(caller.poll(now), Step::Wait(now + Duration::from_secs(9)));
        let later = now + Duration::from_secs(9);
        assert_eq!(caller.poll(later), Step::Send);
        let rows = caller.on_reply(Ok(&reply(200, "0")), later);
        assert_eq!(rows.unwrap().unwrap(), "[]");
        assert_eq!((caller.stats().sent, caller.stats().limited), (2, 1));
    }

    #[test]
    fn a_refusal_is_not_repeated() {
        let mut caller = Caller::new(RetryConfig::default(), 7);
        caller.start(Request::time(), MonoNanos::ZERO);
        let result = caller.on_reply(Ok(&reply(200, "51001")), MonoNanos::ZERO);
        assert!(matches!(result, Some(Err(RestError::Refused { code: 51_001, .. }))));
        assert_eq!(caller.poll(MonoNanos::ZERO), Step::Idle);
    }
}
