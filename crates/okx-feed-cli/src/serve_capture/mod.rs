//! `okx-feed serve --replay`: a capture as an exchange.

mod lines;
mod player;
mod requests;
mod server;

pub(super) use player::Playlist;
pub(super) use server::run;
