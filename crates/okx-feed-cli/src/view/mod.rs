//! The live view of a running client, and its keys.

mod charts;
mod columns;
mod controls;
mod counters;
mod draw;
mod fit;
mod frame;
mod ladder_panel;
mod layout;
mod live;
mod other_channels;
mod picture;
mod record_panel;
#[cfg(test)]
mod size_tests;
mod tape_panel;
mod theme;

pub(super) use draw::Header;
pub(super) use live::{DRAW_EVERY, LiveView};
