//! What systemd gets to know of a service, where it runs under it.

use std::time::Duration;

/// How often a service looks after its feeds, and at least how often it reports to the watchdog.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// The changes that systemd waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// Everything is started.
    Ready,
    /// The feeds' threads run.
    Alive,
    /// It is about to end.
    Stopping,
}

/// Reports to systemd; nothing happens elsewhere.
#[cfg(target_os = "linux")]
pub(super) fn report(what: Report) {
    use sd_notify::NotifyState;
    let state = match what {
        Report::Ready => NotifyState::Ready,
        Report::Alive => NotifyState::Watchdog,
        Report::Stopping => NotifyState::Stopping,
    };
    // A service manager that does not listen needs no report.
    let _ = sd_notify::notify(&[state]);
}

/// Reports to nobody.
#[cfg(not(target_os = "linux"))]
pub(super) const fn report(_: Report) {}
