//! The engine of plain integer code.

use super::cursor::Cursor;
use super::engine::Engine;
use super::inst_id::{self, Id};
use super::scanned::Target;
use super::text::PaddedText;
use super::{digits, level, time, v5};
use crate::book::BOOK5_LEVELS;
use crate::model::{Decimal, Level, UnixNanos};
use crate::wire::scratch::{MAX_DEPTH_LEVELS, Scratch};

/// Plain integer code for any processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Engine for Portable {
    #[inline(never)]
    fn read_v5_depth<'t>(
        self,
        text: PaddedText<'t>,
        cursor: Cursor<'t>,
        scratch: &mut Scratch,
        target: &mut impl Target<'t>,
    ) -> Option<()> {
        v5::read_depth(self, text, cursor, scratch, target)
    }

    #[inline(always)]
    fn side(self, cursor: &mut Cursor<'_>, places: &mut [Level; BOOK5_LEVELS]) -> Option<u8> {
        u8::try_from(level::side(cursor, places)?).ok()
    }

    #[inline(always)]
    fn depth_side(
        self,
        cursor: &mut Cursor<'_>,
        places: &mut [Level; MAX_DEPTH_LEVELS],
    ) -> Option<usize> {
        level::side(cursor, places)
    }

    #[inline(always)]
    fn px_sz<const N: usize>(
        self,
        cursor: &mut Cursor<'_>,
        between: &[u8; N],
    ) -> Option<(Decimal, Decimal)> {
        let px = digits::decimal(cursor)?;
        cursor.expect(between)?;
        Some((px, digits::decimal(cursor)?))
    }

    #[inline(always)]
    fn integer(self, cursor: &mut Cursor<'_>) -> Option<u64> {
        digits::integer(cursor)
    }

    #[inline(always)]
    fn millis(self, cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
        time::millis(cursor)
    }

    #[inline(always)]
    fn id<'t>(self, cursor: &mut Cursor<'t>) -> Option<Id<'t>> {
        inst_id::id(cursor)
    }

    #[inline(always)]
    fn text<'t>(self, id: &Id<'t>) -> Option<&'t str> {
        std::str::from_utf8(id.bytes()?).ok()
    }

    #[inline(always)]
    fn same_id(self, cursor: &mut Cursor<'_>, id: &Id<'_>) -> Option<()> {
        inst_id::same_id(cursor, id)
    }
}
