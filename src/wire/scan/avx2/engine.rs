//! The engine, and the proof that the processor can run it.
#![expect(unsafe_code, reason = "calls of functions that need AVX2 or valid UTF-8")]

use super::{ids, level, numbers};
use crate::book::BOOK5_LEVELS;
use crate::model::{Decimal, Dialect, Level, UnixNanos};
use crate::wire::scan::cursor::{Cursor, declined};
use crate::wire::scan::engine::Engine;
use crate::wire::scan::inst_id::Id;
use crate::wire::scan::message::scan_with;
use crate::wire::scan::scanned::Target;
use crate::wire::scan::text::PaddedText;
use crate::wire::scan::v5;
use crate::wire::scratch::{MAX_DEPTH_LEVELS, Scratch};

/// Proof that the processor has AVX2, BMI1 and BMI2.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire::scan) struct Avx2 {
    // INVARIANT: only `detect` makes one.
    _proof: (),
}

impl Avx2 {
    pub(in crate::wire::scan) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Self { _proof: () })
    }

    #[inline]
    pub(in crate::wire::scan) fn scan<'t>(
        self,
        dialect: Dialect,
        text: PaddedText<'t>,
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
        target: &mut impl Target<'t>,
    ) -> bool {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { scan(self, dialect, text, ts_recv, scratch, target) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn scan<'t>(
    engine: Avx2,
    dialect: Dialect,
    text: PaddedText<'t>,
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> bool {
    scan_with(engine, dialect, text, ts_recv, scratch, target).is_some()
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline(never)]
fn read_v5_depth<'t>(
    engine: Avx2,
    text: PaddedText<'t>,
    cursor: Cursor<'t>,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> Option<()> {
    v5::read_depth(engine, text, cursor, scratch, target)
}

impl Engine for Avx2 {
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
        let (bytes, len) = unsafe { level::side(cursor.rest(), places) };
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
        let (bytes, len) = unsafe { level::depth_side(cursor.rest(), places) };
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
        // SAFETY: `self` proves that the processor has the features.
        let read = |window| unsafe { numbers::px_sz(window, between) };
        if let Some((px, sz, len)) = cursor.peek().and_then(read) {
            cursor.advance(len)?;
            return Some((px, sz));
        }
        let (behind, numbers) = numbers::any_px_sz(*cursor, between)?;
        *cursor = behind;
        Some(numbers)
    }

    #[inline(always)]
    fn integer(self, cursor: &mut Cursor<'_>) -> Option<u64> {
        // SAFETY: `self` proves that the processor has the features.
        let (integer, len) = unsafe { numbers::integer(cursor.peek()?) };
        if len == 0 {
            let (behind, integer) = numbers::any_integer(*cursor)?;
            *cursor = behind;
            return Some(integer);
        }
        cursor.advance(len)?;
        Some(integer)
    }

    #[inline(always)]
    fn millis(self, cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
        // SAFETY: `self` proves that the processor has the features.
        let Some(nanos) = (unsafe { numbers::millis(cursor.peek()?) }) else {
            return declined();
        };
        cursor.advance(numbers::MILLIS_LEN)?;
        Some(UnixNanos(nanos))
    }

    #[inline(always)]
    fn id<'t>(self, cursor: &mut Cursor<'t>) -> Option<Id<'t>> {
        // SAFETY: `self` proves that the processor has the features.
        let Some(id) = (unsafe { ids::id(cursor.peek()?) }) else { return declined() };
        cursor.advance(id.len() + 1)?;
        Some(id)
    }

    #[inline(always)]
    fn text<'t>(self, id: &Id<'t>) -> Option<&'t str> {
        let text = id.bytes()?;
        // SAFETY: `Id` promises that its bytes are printable ASCII.
        Some(unsafe { std::str::from_utf8_unchecked(text) })
    }

    #[inline(always)]
    fn same_id(self, cursor: &mut Cursor<'_>, id: &Id<'_>) -> Option<()> {
        // SAFETY: `self` proves that the processor has the features.
        if unsafe { ids::is_same(cursor.peek()?, id.short_window()?, id.len()) } {
            return cursor.advance(id.len() + 1);
        }
        declined()
    }
}
