//! `okx-feed demo`: the whole path on one machine, from a socket to a ladder and its latencies.

mod command;
mod own_pace;
mod report;

pub(super) use command::{DemoArgs, run};
