//! The command line: one file a command. Only here is anything printed.

mod args;
mod decode;
mod depth_books;
mod error;
mod event_json;
mod lines;
mod output;
mod run;

pub use run::run;
