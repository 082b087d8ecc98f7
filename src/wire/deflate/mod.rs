//! Raw DEFLATE (RFC 1951) decoding of small single-block frames.

mod bits;
mod body;
mod code_lengths;
mod decoder;
mod entry;
mod output;
mod prefix_code;
mod refusal;

pub use decoder::{Inflated, MAX_INPUT, SmallInflate};
pub use output::{MAX_OUTPUT, OUTPUT_SPACE, SLACK};
pub use refusal::{Invalid, Refusal, Unsupported};
