//! The engine, and the proof that the processor can run it.
#![expect(unsafe_code, reason = "calls of functions that need AVX-512")]

use super::tail::DepthTail;
use super::{five, short, side};
use crate::book::{BOOK5_LEVELS, Book5};
use crate::model::{Decimal, Level, UnixNanos};
use crate::wire::scan::avx2::Avx2;
use crate::wire::scan::cursor::Cursor;
use crate::wire::scan::engine::Engine;
use crate::wire::scan::inst_id::Id;
use crate::wire::scan::scanned::Target;
use crate::wire::scan::text::PaddedText;
use crate::wire::scan::v5;
use crate::wire::scratch::{MAX_DEPTH_LEVELS, Scratch};

/// Proof that the processor has AVX-512 F, BW, DQ, VL, VBMI and VBMI2, LZCNT and POPCNT, beside
/// what [`Avx2`] needs.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire::scan) struct Avx512 {
    // INVARIANT: only `detect` makes one.
    avx2: Avx2,
}

impl Avx512 {
    pub(in crate::wire::scan) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vbmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        Avx2::detect().filter(|_| has).map(|avx2| Self { avx2 })
    }

    /// [`five::book`].
    #[inline(always)]
    pub(super) fn book5(self, text: &[u8], id: &Id<'_>, book: &mut Book5) -> Option<bool> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { five::book(text, id, book) }
    }

    /// [`short::update`].
    #[inline(always)]
    pub(super) fn short_update(self, text: &[u8], scratch: &mut Scratch) -> Option<DepthTail> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { short::update(text, scratch) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline(never)]
fn read_v5_depth<'t>(
    engine: Avx512,
    text: PaddedText<'t>,
    cursor: Cursor<'t>,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> Option<()> {
    v5::read_depth(engine, text, cursor, scratch, target)
}

impl Engine for Avx512 {
    #[inline(always)]
    fn read_v5_depth<'t>(
        self,
        text: PaddedText<'t>,
        cursor: Cursor<'t>,
        scratch: &mut Scratch,
        target: &mut impl Target<'t>,
    ) -> Option<()> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { read_v5_depth(self, text, cursor, scratch, target) }
    }

    #[inline(always)]
    fn side(self, cursor: &mut Cursor<'_>, places: &mut [Level; BOOK5_LEVELS]) -> Option<u8> {
        // SAFETY: `self` proves that the processor has the features.
        let (bytes, len) = unsafe { side::side(cursor.rest(), places) };
        if bytes == 0 {
            return None;
        }
        cursor.advance(bytes)?;
        u8::try_from(len).ok()
    }

    #[inline(always)]
    fn depth_side(
        self,
        cursor: &mut Cursor<'_>,
        places: &mut [Level; MAX_DEPTH_LEVELS],
    ) -> Option<usize> {
        // SAFETY: `self` proves that the processor has the features.
        let (bytes, len) = unsafe { side::depth_side(cursor.rest(), places) };
        if bytes == 0 {
            return None;
        }
        cursor.advance(bytes)?;
        Some(len)
    }

    #[inline(always)]
    fn px_sz<const N: usize>(
        self,
        cursor: &mut Cursor<'_>,
        between: &[u8; N],
    ) -> Option<(Decimal, Decimal)> {
        self.avx2.px_sz(cursor, between)
    }

    #[inline(always)]
    fn integer(self, cursor: &mut Cursor<'_>) -> Option<u64> {
        self.avx2.integer(cursor)
    }

    #[inline(always)]
    fn millis(self, cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
        self.avx2.millis(cursor)
    }

    #[inline(always)]
    fn id<'t>(self, cursor: &mut Cursor<'t>) -> Option<Id<'t>> {
        self.avx2.id(cursor)
    }

    #[inline(always)]
    fn text<'t>(self, id: &Id<'t>) -> Option<&'t str> {
        self.avx2.text(id)
    }

    #[inline(always)]
    fn same_id(self, cursor: &mut Cursor<'_>, id: &Id<'_>) -> Option<()> {
        self.avx2.same_id(cursor, id)
    }
}
