//! The command line: one file a command. Only here is anything printed.

mod args;
mod decode;
mod demo;
mod duration;
mod error;
mod event_json;
mod exchange;
mod format;
mod interrupt;
mod lines;
mod monitor;
mod output;
mod report;
mod run;
mod screen;
mod theme;
mod view;

pub use run::run;
