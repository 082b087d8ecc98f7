//! `okx-feed soak`: the client against the embedded exchange while everything goes wrong.

mod clock;
mod command;
mod faults;
mod memory;
mod report;
mod soaked;
mod witness;

pub(crate) use command::{SoakArgs, run};
