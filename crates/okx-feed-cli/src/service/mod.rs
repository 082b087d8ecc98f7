//! `okx-feed run`: the feeds of a configuration file, for as long as the program runs.

mod access;
mod args;
mod checked;
mod command;
mod config;
mod feed;
mod log;
mod reload;
mod signals;
mod supervision;

pub(crate) use args::ServiceArgs;
pub(crate) use command::run;
