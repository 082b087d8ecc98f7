//! Bytes to events: the hot path. No I/O, no clock, no state between frames but buffers.

mod arg;
mod decoder;
pub(crate) mod deflate;
mod error;
mod frame;
mod head;
pub(crate) mod inflate;
mod item;
mod json;
mod level;
mod limits;
mod long_numbers;
mod prefetch_hint;
mod record;
mod request;
mod request_op;
mod sbe;
pub(crate) mod scan;
mod scan_sink;
pub(crate) mod scratch;
mod unread;
mod v3;
mod v5;

pub use decoder::{Decoded, Decoder, TextPath};
pub use error::{DecodeError, DecodeErrorKind};
pub use frame::Frame;
pub(crate) use head::MessageHead;
pub use inflate::InflatePath;
pub use limits::DecodeLimits;
pub(crate) use prefetch_hint::PrefetchHint;
pub use request::{PING, request_text};
pub(crate) use request::{argument_len, sbe_request_text};
pub use request_op::RequestOp;
#[cfg(feature = "client")]
pub(crate) use request_op::quoted;
pub use unread::{OptionalField, UnreadCounts};
