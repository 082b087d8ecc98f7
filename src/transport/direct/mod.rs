//! The direct transport: from the socket to the frame in one buffer, nothing copied or allocated.

#[cfg(test)]
mod autobahn_tests;
mod frames;
mod handshake;
mod inbound;
mod open;
mod reader;
mod record_error;
mod records;
mod socket;
mod upgrading;

pub use frames::{FrameError, FrameReader, Incoming, MAX_CONTROL_LEN, Outgoing, write_frame};
pub use inbound::{Inbound, InboundError};
pub(super) use open::open;
pub use record_error::RecordError;
pub use records::{KeySchedule, Opened, RECORD_HEAD, Records, TrafficKey};
pub(crate) use socket::{DirectOptions, DirectSocket};
