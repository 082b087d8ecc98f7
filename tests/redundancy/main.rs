//! Redundant lines: duplicates, lagging lines, failover.

mod arbiter;
