//! Bytes to events: the hot path. No I/O, no clock, no state between frames but buffers.

mod decoder;
pub(crate) mod deflate;
mod error;
mod head;
pub(crate) mod inflate;
mod item;
mod json;
mod level;
mod long_numbers;
mod prefetch_hint;
mod request;
pub(crate) mod scan;
pub(crate) mod scratch;
mod unread;
mod v3;
mod v5;

pub use decoder::{DecodeLimits, Decoded, Decoder, Frame, TextPath};
pub use error::{DecodeError, DecodeErrorKind};
pub(crate) use head::MessageHead;
pub use inflate::InflatePath;
pub(crate) use prefetch_hint::PrefetchHint;
#[cfg(feature = "client")]
pub(crate) use request::quoted;
pub use request::{PING, RequestOp, argument_len, request_text};
pub use unread::{OptionalField, UnreadCounts};
