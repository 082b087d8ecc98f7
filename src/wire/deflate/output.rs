//! The output buffer of inflating.

/// Longest supported text, in bytes. The longest in [`MAX_INPUT`](super::MAX_INPUT) bytes of the
/// 2021 captures is 1,454.
pub const MAX_OUTPUT: usize = 2048;

/// Output bytes past [`MAX_OUTPUT`] that may be overwritten: copies use whole chunks, and the limit
/// is checked once per match.
pub const SLACK: usize = 320;

/// Shortest output slice that is accepted, in bytes.
pub const OUTPUT_SPACE: usize = MAX_OUTPUT + SLACK;

/// The part of the caller's slice that is written to.
pub(super) type Output = [u8; OUTPUT_SPACE];
