//! The fast path: scanners that know the usual shape of a message and read it in one pass.
//!
//! A scanner takes a text only where every byte is as expected, and then gives exactly what the
//! general parser would. On any deviation it declines, and the general parser decides.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod cursor;
mod depth;
mod digits;
mod engine;
mod inst_id;
mod level;
mod message;
mod portable;
mod record;
mod scanned;
mod scanner;
mod text;
mod time;
mod v3;
mod v5;

#[cfg(test)]
mod tests;

pub use scanned::Scanned;
pub(crate) use scanned::Target;
pub use scanner::Scanner;
pub use text::{PADDING, PaddedText, TextEnd};
