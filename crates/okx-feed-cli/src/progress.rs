//! The progress of a long run and its remaining time, on standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::error::say;
use okx_feed::MonoNanos;
use okx_feed::transport::Clock;

/// How long a run prints nothing: most are over by then.
const QUIET: Duration = Duration::from_secs(1);

/// How often the line on a terminal is rewritten, and how often a line is written elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// Reports the progress of a run on standard error: on a terminal in one line that is rewritten,
/// elsewhere in one line every five seconds. A run that is over within a second prints nothing.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    clock: Clock,
    on_terminal: bool,
    /// When the next line is due.
    due: MonoNanos,
    /// Whether there is a line on the terminal to write over.
    is_shown: bool,
}

impl Progress {
    /// Starts a run of this name.
    pub(crate) fn start(what: &'static str) -> Self {
        let on_terminal = io::stderr().is_terminal();
        let first = if on_terminal { QUIET } else { ELSEWHERE };
        let due = MonoNanos::ZERO + first;
        Self { what, clock: Clock::start(), on_terminal, due, is_shown: false }
    }

    /// Reports the share that is done. `note` is only formatted if a line is due.
    pub(crate) fn at<T: fmt::Display>(&mut self, done: Share, note: impl FnOnce() -> T) {
        let now = self.clock.mono();
        if now < self.due {
            return;
        }
        self.due = now + if self.on_terminal { ON_TERMINAL } else { ELSEWHERE };
        let elapsed = now.since(MonoNanos::ZERO);
        let text = format!("okx-feed {}: {}{}", self.what, note(), done.estimate(elapsed));
        if self.on_terminal {
            self.is_shown = true;
            // If standard error is closed, the progress is lost.
            let _ = write!(io::stderr().lock(), "\r\x1b[K{text}");
        } else {
            say(format_args!("{text}"));
        }
    }
}

impl Drop for Progress {
    /// Clears the line on the terminal, so that the next text begins at its start.
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// Clears a line of progress that another thread may have left on the terminal.
pub(crate) fn clear_progress() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
}

/// The part that is done of a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) done: u64,
    /// 0 if it is not known.
    pub(crate) of: u64,
}

impl Share {
    /// The part that is done and the remaining time at this speed, as the end of a sentence. Empty
    /// if nothing is known.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn estimate(self, elapsed: Duration) -> String {
        let Self { done, of } = self;
        if done == 0 || done > of {
            return String::new();
        }
        let share = done as f64 / of as f64;
        let left = elapsed.as_secs_f64() * (1.0 - share) / share;
        format!(", {:.0} %, about {} to go", (share * 100.0).floor(), Rough(left))
    }
}

/// Seconds, rounded as an estimate.
struct Rough(f64);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            secs if secs < 99.5 => write!(f, "{secs:.0} s"),
            secs if secs < 5_970.0 => write!(f, "{:.0} min", secs / 60.0),
            secs => write!(f, "{:.1} h", secs / 3600.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_estimated_by_what_is_done() {
        let estimate = |done, of, secs| Share { done, of }.estimate(Duration::from_secs(secs));
        assert_eq!(estimate(1, 4, 10), ", 25 %, about 30 s to go");
        assert_eq!(estimate(999, 1_000, 999), ", 99 %, about 1 s to go");
        assert_eq!(estimate(1, 100, 60), ", 1 %, about 99 min to go");
        assert_eq!(estimate(1, 1_000, 60), ", 0 %, about 16.6 h to go");
        assert_eq!(estimate(4, 4, 10), ", 100 %, about 0 s to go");
        assert_eq!((estimate(0, 4, 10), estimate(5, 0, 10)), (String::new(), String::new()));
    }
}
