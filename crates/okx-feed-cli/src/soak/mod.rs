//! `okx-feed soak`: the client against the embedded exchange while everything goes wrong.

mod args;
mod book_checker;
mod client_under_test;
mod clock_steps;
mod command;
mod faults;
mod memory;
mod report;

pub(crate) use args::SoakArgs;
pub(crate) use command::run;
