//! Where a scan begins.
#![expect(unsafe_code, reason = "calls of functions that need AVX-512")]

use super::engine::Avx512;
use super::whole;
use crate::model::{Dialect, UnixNanos};
use crate::wire::scan::message::scan_with;
use crate::wire::scan::scanned::Target;
use crate::wire::scan::text::PaddedText;
use crate::wire::scratch::Scratch;

impl Avx512 {
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

    /// Reads a v5 text where it lies, if it is of those that [`whole`] reads.
    #[inline]
    pub(in crate::wire::scan) fn scan_whole<'t>(
        self,
        text: &'t [u8],
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
        target: &mut impl Target<'t>,
    ) -> bool {
        if !whole::may_be(text) {
            return false;
        }
        // SAFETY: `self` proves that the processor has the features.
        unsafe { scan_whole(self, text, ts_recv, scratch, target) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn scan_whole<'t>(
    engine: Avx512,
    text: &'t [u8],
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> bool {
    whole::scan(engine, text, ts_recv, scratch, target).is_some()
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn scan<'t>(
    engine: Avx512,
    dialect: Dialect,
    text: PaddedText<'t>,
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> bool {
    scan_with(engine, dialect, text, ts_recv, scratch, target).is_some()
}
