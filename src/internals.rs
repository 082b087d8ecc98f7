//! What benchmarks, fuzz targets and differential tests need. No part of the public interface.

pub use crate::wire::deflate::{
    Inflated, Invalid, MAX_INPUT, MAX_OUTPUT, OUTPUT_SPACE, Refusal, SLACK, SmallInflate,
    Unsupported,
};
pub use crate::wire::inflate::Inflater;
pub use crate::wire::scan::{PADDING, PaddedText, Scanned, Scanner, TextEnd};
pub use crate::wire::scratch::{DepthLevels, Scratch};

#[cfg(all(feature = "direct", unix))]
pub use crate::transport::direct::{
    FrameError, FrameReader, Inbound, InboundError, Incoming, KeySchedule, MAX_CONTROL_LEN, Opened,
    Outgoing, RECORD_HEAD, RecordError, Records, TrafficKey, write_frame,
};
