//! `okx-feed bench`: the hot path from frame to book, each frame timed alone.

mod clock;
mod command;
mod curve;
mod export;
mod frames;
mod instructions;
mod measure;
mod outlier_filter;
mod plot;
mod report;
mod svg;

pub(super) use command::{BenchArgs, run};
