//! Bytes to events: the hot path. No I/O, no clock, no state between frames but buffers.

pub(crate) mod scan;
