//! The engine, and the proof that the processor can run it.
#![expect(unsafe_code, reason = "calls of functions that need AVX2 or valid UTF-8")]

use super::{ids, level, numbers};
use crate::model::{BOOK5_LEVELS, Channel, Decimal, Dialect, Level, UnixNanos};
use crate::wire::scan::cursor::Cursor;
use crate::wire::scan::engine::Engine;
use crate::wire::scan::inst_id::Id;
use crate::wire::scan::scanner::{PaddedText, Scanned, scan_with};
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
        ahead: &mut impl FnMut(Channel, &str),
    ) -> Option<Scanned<'t>> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { scan(self, dialect, text, ts_recv, scratch, ahead) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn scan<'t>(
    engine: Avx2,
    dialect: Dialect,
    text: PaddedText<'t>,
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    ahead: &mut impl FnMut(Channel, &str),
) -> Option<Scanned<'t>> {
    scan_with(engine, dialect, text, ts_recv, scratch, ahead)
}

impl Engine for Avx2 {
    #[inline(always)]
    fn side(self, cursor: &mut Cursor<'_>, places: &mut [Level; BOOK5_LEVELS]) -> Option<u8> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { level::side(cursor, places) }
    }

    #[inline(always)]
    fn depth_side(
        self,
        cursor: &mut Cursor<'_>,
        places: &mut [Level; MAX_DEPTH_LEVELS],
    ) -> Option<usize> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { level::depth_side(cursor, places) }
    }

    #[inline(always)]
    fn px_sz<const N: usize>(
        self,
        cursor: &mut Cursor<'_>,
        between: &[u8; N],
    ) -> Option<(Decimal, Decimal)> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { numbers::px_sz(cursor, between) }
    }

    #[inline(always)]
    fn integer(self, cursor: &mut Cursor<'_>) -> Option<u64> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { numbers::integer(cursor) }
    }

    #[inline(always)]
    fn millis(self, cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { numbers::millis(cursor) }
    }

    #[inline(always)]
    fn id<'t>(self, cursor: &mut Cursor<'t>) -> Option<Id<'t>> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { ids::id(cursor) }
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
        unsafe { ids::same_id(cursor, id) }
    }
}
