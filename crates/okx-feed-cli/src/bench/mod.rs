//! `okx-feed bench`: the hot path from frame to book, each frame timed alone; and the way from a
//! socket.

mod clock;
mod command;
mod curve;
mod export;
mod frames;
mod instructions;
mod measure;
mod measured;
mod outlier_filter;
mod plot;
#[cfg(unix)]
mod records;
mod report;
mod socket;
mod steps;
mod svg;

pub(super) use command::{BenchArgs, run};
