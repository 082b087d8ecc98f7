//! What differs between instruction sets: the parts of a message that SIMD reads faster.

use super::cursor::Cursor;
use super::inst_id::Id;
use super::scanned::Target;
use super::text::PaddedText;
use crate::book::BOOK5_LEVELS;
use crate::model::{Decimal, Level, UnixNanos};
use crate::wire::scratch::{MAX_DEPTH_LEVELS, Scratch};

/// The parts of a message, read with one instruction set. All engines take the same texts and give
/// the same values, but that only [`Portable`](super::portable::Portable) takes ids of more than 31
/// bytes.
pub(super) trait Engine: Copy {
    /// Runs [`v5::read_depth`](super::v5::read_depth) in a function of its own that has the
    /// engine's instruction set, so that five-level books and trades do not pay for it.
    fn read_v5_depth<'t>(
        self,
        text: PaddedText<'t>,
        cursor: Cursor<'t>,
        scratch: &mut Scratch,
        target: &mut impl Target<'t>,
    ) -> Option<()>;

    /// Reads a side of a book, `[[…],[…]]`, into `places`: the number of levels, 0 to 5.
    fn side(self, cursor: &mut Cursor<'_>, places: &mut [Level; BOOK5_LEVELS]) -> Option<u8>;

    /// Reads a side of an order book's message into `places`: the number of levels.
    fn depth_side(
        self,
        cursor: &mut Cursor<'_>,
        places: &mut [Level; MAX_DEPTH_LEVELS],
    ) -> Option<usize>;

    /// Reads two decimals with `between` between them.
    fn px_sz<const N: usize>(
        self,
        cursor: &mut Cursor<'_>,
        between: &[u8; N],
    ) -> Option<(Decimal, Decimal)>;

    /// Reads digits without a needless leading zero: an integer below `10^18`.
    fn integer(self, cursor: &mut Cursor<'_>) -> Option<u64>;

    /// Reads v5's milliseconds since the epoch, with 13 digits: from 2001-09-09 to 2286-11-20.
    fn millis(self, cursor: &mut Cursor<'_>) -> Option<UnixNanos>;

    /// Reads an instrument id and the quote behind it.
    fn id<'t>(self, cursor: &mut Cursor<'t>) -> Option<Id<'t>>;

    /// The text of an id; `None` never.
    fn text<'t>(self, id: &Id<'t>) -> Option<&'t str>;

    /// Reads the same id again and the quote behind it.
    fn same_id(self, cursor: &mut Cursor<'_>, id: &Id<'_>) -> Option<()>;
}
