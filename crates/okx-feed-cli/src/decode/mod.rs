//! `okx-feed decode`: the events of a capture as JSON.

mod command;
mod depth_books;
mod printer;
mod tally;
mod trade_ids;

pub(super) use command::{DecodeArgs, run};
