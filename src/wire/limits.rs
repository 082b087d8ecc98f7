//! Length and count limits of the decoder.

/// The default limit of a frame, in bytes.
pub(crate) const MAX_FRAME_LEN: usize = 1 << 20;

/// The default limit of a compressed body, in bytes.
///
/// Real bodies have at most about 10 KB. A body can consist of the heads of empty blocks, each of
/// which rebuilds the decoding tables, so that one byte of it costs as much as eighty bytes of
/// text. At this limit, the most expensive body takes at most as long as three of the longest
/// texts.
pub(crate) const MAX_BODY_LEN: usize = 32 << 10;

/// The default limit of an inflated text, in bytes.
///
/// Real texts have at most about 30 KB (a 400-level snapshot).
pub(crate) const MAX_INFLATED_LEN: usize = 1 << 20;

/// The decoder's limits, which bound the cost of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The limit of a frame, in bytes; [`DecodeLimits::MAX_FRAME_LEN`] by default.
    pub frame_len: usize,
    /// The limit of a compressed body, in bytes; [`DecodeLimits::MAX_BODY_LEN`] by default.
    pub body_len: usize,
    /// The limit of an inflated text, in bytes; [`DecodeLimits::MAX_INFLATED_LEN`] by default.
    pub inflated_len: usize,
}

impl DecodeLimits {
    /// The default limit of a compressed body, in bytes.
    ///
    /// Real bodies have at most about 10 KB. A body can consist of the heads of empty blocks, each
    /// of which rebuilds the decoding tables, so that one byte of it costs as much as eighty bytes
    /// of text. At this limit, the most expensive body takes at most as long as three of the
    /// longest texts.
    pub const MAX_BODY_LEN: usize = MAX_BODY_LEN;

    /// The default limit of a frame, in bytes.
    pub const MAX_FRAME_LEN: usize = MAX_FRAME_LEN;

    /// The default limit of an inflated text, in bytes.
    ///
    /// Real texts have at most about 30 KB (a 400-level snapshot).
    pub const MAX_INFLATED_LEN: usize = MAX_INFLATED_LEN;

    /// The largest number of items in the `data` of one message.
    ///
    /// All captured messages have one item; the format allows more.
    pub const MAX_ITEMS: usize = super::item::MAX_ITEMS;

    /// The largest nesting depth of arrays and objects.
    ///
    /// Real messages have a depth of five. The parser has its own stack in memory, so that nesting
    /// never uses the thread's stack.
    pub const MAX_JSON_DEPTH: usize = super::json::MAX_JSON_DEPTH;

    /// The largest number of levels in a side of an order-book message.
    ///
    /// The largest recorded snapshot has 452, the largest update 163.
    pub const MAX_DEPTH_LEVELS: usize = super::scratch::MAX_DEPTH_LEVELS;
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { frame_len: MAX_FRAME_LEN, body_len: MAX_BODY_LEN, inflated_len: MAX_INFLATED_LEN }
    }
}
