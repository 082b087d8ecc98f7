//! `okx-feed bench --socket`: from a socket to the book, by both transports of the client.

mod command;
mod instructions;
mod plot;
mod report;
mod run;

pub(super) use command::{SocketArgs, run};
pub(super) use instructions::{STAGES, run_stage};
