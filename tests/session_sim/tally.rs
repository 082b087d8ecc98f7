//! What goes wrong in the runs, and what comes of it.

pub(crate) const RULES: [&str; 28] = [
    "drop",
    "rst",
    "halfopen",
    "stall:for=1s",
    "stall:for=9s",
    "trickle",
    "fragment",
    "badframe",
    "corrupt",
    "corrupt:p=0.3,times=5",
    "truncate",
    "giant:bytes=70000",
    "bomb:bytes=70000",
    "noack:times=3",
    "ignore:times=2",
    "ignore:times=4",
    "error:times=2",
    "close:code=4004",
    "close:code=4005",
    "notice:after=3s",
    "snapshot",
    "gap",
    "gap:each=3,times=2",
    "repeat:times=3",
    "reorder",
    "checksum",
    "checksum:each=2,times=2",
    "reorder:times=3",
];

/// What happened in some runs.
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
    pub(crate) gaps: u64,
    pub(crate) mismatches: u64,
    pub(crate) malformed: u64,
    pub(crate) live_looks: u64,
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
        self.gaps += other.gaps;
        self.mismatches += other.mismatches;
        self.malformed += other.malformed;
        self.live_looks += other.live_looks;
    }
}
