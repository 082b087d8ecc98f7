//! The scanner: which instruction set reads a message.

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use super::inst_id::SHORT_WINDOW;
use super::message::scan_with;
use super::portable::Portable;
use super::scanned::{Scanned, Target};
use super::text::{PaddedText, TextEnd};
use crate::model::{Channel, Dialect, UnixNanos};
use crate::wire::scratch::Scratch;

/// The bytes at either end of a text of which some are its instrument's id.
#[cfg(target_arch = "x86_64")]
const ID_WITHIN: usize = 192;

/// A scanner with the best instruction set that the processor has.
#[derive(Clone, Copy, Debug)]
pub struct Scanner {
    #[cfg(target_arch = "x86_64")]
    avx2: Option<Avx2>,
    /// Of v5's books alone: no level of v3's spot markets has the shape that this reads.
    #[cfg(target_arch = "x86_64")]
    avx512: Option<Avx512>,
}

impl Scanner {
    /// Makes a scanner. Asks the processor once what it can do.
    #[must_use]
    pub fn new() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            avx2: Avx2::detect(),
            #[cfg(target_arch = "x86_64")]
            avx512: Avx512::detect(),
        }
    }

    /// Makes a scanner that uses AVX2 where there is one, but not AVX-512.
    #[must_use]
    pub fn without_avx512() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            avx512: None,
            ..Self::new()
        }
    }

    /// Makes a scanner that uses no SIMD.
    #[must_use]
    pub const fn portable() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            avx2: None,
            #[cfg(target_arch = "x86_64")]
            avx512: None,
        }
    }

    /// Whether AVX2 is used.
    #[must_use]
    pub const fn is_avx2(&self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.avx2.is_some();
        #[cfg(not(target_arch = "x86_64"))]
        return false;
    }

    /// Reads a message of a book or a trade, if it has the usual shape.
    ///
    /// `None` says nothing about the text, only that the general parser has to decide. The book or
    /// the levels in `scratch` are whole after [`Scanned::Book`] or [`Scanned::Depth`]; after
    /// `None` they are of no use. Allocates nothing; the work is bounded by the text's length and
    /// by the levels that a side of the channel can have.
    #[inline]
    pub fn scan<'t>(
        &self,
        dialect: Dialect,
        text: PaddedText<'t>,
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
    ) -> Option<Scanned<'t>> {
        struct Keep<'t>(Option<Scanned<'t>>);

        impl<'t> Target<'t> for Keep<'t> {
            fn prefetch(&mut self, _: Channel, _: &str) {}

            #[inline(always)]
            fn take(&mut self, scanned: Scanned<'t>, _: &Scratch) {
                self.0 = Some(scanned);
            }
        }

        let mut keep = Keep(None);
        self.scan_to(dialect, text, ts_recv, scratch, &mut keep);
        keep.0
    }

    /// As [`Scanner::scan`], for a target that takes what was read where it was read: true where
    /// there was something.
    #[inline]
    pub(crate) fn scan_to<'t>(
        &self,
        dialect: Dialect,
        text: PaddedText<'t>,
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
        target: &mut impl Target<'t>,
    ) -> bool {
        #[cfg(target_arch = "x86_64")]
        if let (Some(avx512), Dialect::V5) = (self.avx512, dialect)
            && avx512.scan_whole(text.bytes(), ts_recv, scratch, target)
        {
            return true;
        }
        self.scan_parts(dialect, text, ts_recv, scratch, target)
    }

    /// As [`Scanner::scan_to`], of a v5 text where it lies. `None`: try it on a copy.
    #[inline]
    pub(crate) fn scan_in_place<'t>(
        &self,
        text: &'t [u8],
        end: &'t mut TextEnd,
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
        target: &mut impl Target<'t>,
    ) -> Option<bool> {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx512) = self.avx512
            && avx512.scan_whole(text, ts_recv, scratch, target)
        {
            return Some(true);
        }
        let text = PaddedText::in_place(text, end)?;
        let is_read = self.scan_parts(Dialect::V5, text, ts_recv, scratch, target);
        (is_read || !text.is_tried_again()).then_some(is_read)
    }

    /// Reads a message part by part, each with what reads it best.
    #[inline]
    fn scan_parts<'t>(
        &self,
        dialect: Dialect,
        text: PaddedText<'t>,
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
        target: &mut impl Target<'t>,
    ) -> bool {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = self.avx2 {
            let is_read = match (self.avx512, dialect) {
                (Some(avx512), Dialect::V5) => avx512.scan(dialect, text, ts_recv, scratch, target),
                _ => avx2.scan(dialect, text, ts_recv, scratch, target),
            };
            if is_read || text.is_tried_again() || !has_long_id(dialect, text) {
                return is_read;
            }
        }
        scan_portable(dialect, text, ts_recv, scratch, target)
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a text that was declined names an instrument by an id that is too long for wide loads.
#[cfg(target_arch = "x86_64")]
#[cold]
#[inline(never)]
fn has_long_id(dialect: Dialect, text: PaddedText<'_>) -> bool {
    let key: &[u8] = match dialect {
        Dialect::V3 => b"\"instrument_id\":\"",
        Dialect::V5 => b"\"instId\":\"",
    };
    let text = text.bytes();
    let is_long = |part: &[u8]| {
        let at = part.windows(key.len()).position(|window| window == key);
        let id = at.and_then(|at| part.get(at + key.len()..at + key.len() + SHORT_WINDOW));
        id.is_some_and(|id| !id.contains(&b'"'))
    };
    // It stands before the levels or behind them.
    let (start, end) = (text.len().min(ID_WITHIN), text.len().saturating_sub(ID_WITHIN));
    is_long(text.get(..start).unwrap_or_default()) || is_long(text.get(end..).unwrap_or_default())
}

#[inline(never)]
fn scan_portable<'t>(
    dialect: Dialect,
    text: PaddedText<'t>,
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> bool {
    scan_with(Portable, dialect, text, ts_recv, scratch, target).is_some()
}
