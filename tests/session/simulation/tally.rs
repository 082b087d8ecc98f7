//! The counters of the runs.

/// The counters of some runs.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) faults: u64,
    pub(crate) restarts: u64,
    pub(crate) attempts: u64,
    pub(crate) refused: u64,
    pub(crate) postponed: u64,
    pub(crate) losses: u64,
    pub(crate) resyncs: u64,
    pub(crate) late_acks: u64,
    pub(crate) late_snapshots: u64,
    pub(crate) silences: u64,
    pub(crate) retries: u64,
    pub(crate) probes: u64,
    pub(crate) jumps: u64,
    pub(crate) stops: u64,
    pub(crate) gaps: u64,
    pub(crate) mismatches: u64,
    pub(crate) malformed: u64,
    pub(crate) live_checks: u64,
    pub(crate) snapshots: u64,
    pub(crate) failed_snapshots: u64,
    pub(crate) exponents: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.faults += other.faults;
        self.restarts += other.restarts;
        self.attempts += other.attempts;
        self.refused += other.refused;
        self.postponed += other.postponed;
        self.losses += other.losses;
        self.resyncs += other.resyncs;
        self.late_acks += other.late_acks;
        self.late_snapshots += other.late_snapshots;
        self.silences += other.silences;
        self.retries += other.retries;
        self.probes += other.probes;
        self.jumps += other.jumps;
        self.stops += other.stops;
        self.gaps += other.gaps;
        self.mismatches += other.mismatches;
        self.malformed += other.malformed;
        self.live_checks += other.live_checks;
        self.snapshots += other.snapshots;
        self.failed_snapshots += other.failed_snapshots;
        self.exponents += other.exponents;
    }
}
