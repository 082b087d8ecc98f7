//! The scanner's face: what goes in, what comes out, and which instruction set does it.

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
use super::cursor::Cursor;
use super::engine::{Engine, Portable};
#[cfg(target_arch = "x86_64")]
use super::inst_id::SHORT_WINDOW;
use super::{v3, v5};
use crate::book::DepthAction;
use crate::model::{Channel, Dialect, Market, Side, Trade, UnixNanos};
use crate::wire::scratch::Scratch;

/// The readable bytes that must follow a text, so that wide loads need no check of their own.
pub const PADDING: usize = 64;

/// The bytes at the end of a text that are copied where the rest is read in place: more than what
/// follows a book's levels.
pub(super) const END_LEN: usize = 128;

/// From this length on a v5 text that is declined where it lies is so for its content, in bytes. A
/// shorter one may end too early for loads of fixed length; then it is copied and tried again.
const IN_PLACE_LEN: usize = 320;

/// The bytes at either end of a text of which some are its instrument's id.
#[cfg(target_arch = "x86_64")]
const ID_WITHIN: usize = 192;

/// Room for the end of a text, with its padding.
#[derive(Debug)]
#[repr(align(64))]
pub struct TextEnd([u8; END_LEN + PADDING]);

impl Default for TextEnd {
    fn default() -> Self {
        Self([0; END_LEN + PADDING])
    }
}

/// A message's text with at least [`PADDING`] bytes of any value behind it.
#[derive(Clone, Copy, Debug)]
pub struct PaddedText<'t> {
    buf: &'t [u8],
    /// The padded copy of the end, where the text itself has no padding.
    end: Option<&'t [u8; END_LEN + PADDING]>,
    // INVARIANT: at least `PADDING`, at most the length of the buffer or of the end.
    padding: usize,
}

impl<'t> PaddedText<'t> {
    /// The text in the first `len` bytes of `buf`; `None` where fewer than [`PADDING`] bytes follow.
    #[inline]
    #[must_use]
    pub const fn new(buf: &'t [u8], len: usize) -> Option<Self> {
        match buf.len().checked_sub(len) {
            Some(padding) if padding >= PADDING => Some(Self { buf, end: None, padding }),
            _ => None,
        }
    }

    /// A v5 text that is read where it lies, but for its end; `None` where it is shorter than
    /// that.
    #[inline]
    #[must_use]
    pub fn in_place(text: &'t [u8], end: &'t mut TextEnd) -> Option<Self> {
        let TextEnd(end) = end;
        *end.first_chunk_mut::<END_LEN>()? = *text.last_chunk()?;
        Some(Self { buf: text, end: Some(end), padding: PADDING })
    }

    /// Whether what is declined here is tried again with padding.
    pub(crate) const fn is_tried_again(self) -> bool {
        self.end.is_some() && self.buf.len() < IN_PLACE_LEN
    }

    /// Moves a cursor over the text to the padded copy of its end, if there is one and it is not there
    /// yet; `None` where more is left than that holds. To be called before what is read with loads
    /// that may be longer than what is left of the text.
    #[inline(always)]
    pub(super) fn to_end(self, cursor: &mut Cursor<'t>) -> Option<()> {
        if let Some(end) = self.end
            && self.is_over_buf(*cursor)
        {
            let from = END_LEN.checked_sub(cursor.rest().len())?;
            *cursor = Cursor::new(end.get(from..)?);
        }
        Some(())
    }

    /// As [`PaddedText::to_end`], where the padded copy holds all that is left; else nothing happens.
    #[inline(always)]
    pub(super) fn to_end_if_near(self, cursor: &mut Cursor<'t>) {
        let _ = self.to_end(cursor);
    }

    /// Whether a cursor stands behind the text, and behind nothing else.
    #[inline(always)]
    pub(super) fn is_read(self, cursor: Cursor<'t>) -> bool {
        let is_in_place = self.end.is_some() && self.is_over_buf(cursor);
        cursor.rest().len() == if is_in_place { 0 } else { self.padding }
    }

    /// Whether a cursor is over the text itself, not over the copy of its end.
    #[inline(always)]
    fn is_over_buf(self, cursor: Cursor<'t>) -> bool {
        cursor.rest().as_ptr_range().end == self.buf.as_ptr_range().end
    }
}

/// A message that the scanner took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned<'t> {
    /// A five-level book, which was written to [`Scratch::book`].
    Book {
        /// The channel.
        channel: Channel,
        /// The market: always there in v3, never in v5.
        market: Option<Market>,
        /// The instrument's id: 1 to 63 bytes of ASCII.
        inst_id: &'t str,
    },
    /// A trade.
    Trade {
        /// The channel.
        channel: Channel,
        /// The market: always there in v3, never in v5.
        market: Option<Market>,
        /// The instrument's id: 1 to 63 bytes of ASCII.
        inst_id: &'t str,
        /// The trade.
        trade: Trade,
    },
    /// A message of a deep book, whose levels were written to [`Scratch::asks`] and
    /// [`Scratch::bids`].
    Depth {
        /// The channel.
        channel: Channel,
        /// The market: always there in v3, never in v5.
        market: Option<Market>,
        /// The instrument's id: 1 to 63 bytes of ASCII.
        inst_id: &'t str,
        /// Snapshot or update.
        action: DepthAction,
        /// When the exchange says that the book was so.
        ts_event: UnixNanos,
        /// v5's `seqId`, [`DepthUpdate::NO_SEQ`](crate::DepthUpdate::NO_SEQ) where it was not sent.
        seq: i64,
        /// v5's `prevSeqId`, [`DepthUpdate::NO_SEQ`](crate::DepthUpdate::NO_SEQ) where it was not sent.
        prev_seq: i64,
        /// The checksum, where it was sent.
        checksum: Option<i32>,
    },
}

/// Where a scanner puts what it has read.
pub(crate) trait Target<'t> {
    /// Hears the subscription of a five-level v5 book before its levels are read; the message may
    /// still be declined.
    fn prefetch(&mut self, channel: Channel, inst_id: &str);

    /// Takes the message; books and levels are in the scratch. Called within the scan itself, so that
    /// what was read need not go through memory.
    fn take(&mut self, scanned: Scanned<'t>, scratch: &Scratch);
}

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
    /// the levels in `scratch` are whole after [`Scanned::Book`] or [`Scanned::Depth`]; after `None`
    /// they are of no use. Allocates nothing; the work is bounded by the text's length and by the
    /// levels that a side of the channel can have.
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

    /// As [`Scanner::scan`], for a target that takes what was read where it was read: true where there
    /// was something.
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
    let text = text.buf.get(..text.buf.len() - text.padding * usize::from(text.end.is_none()));
    let text = text.unwrap_or_default();
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

/// Scans with an engine's instruction set, in whose function this has to be inlined.
#[inline(always)]
pub(super) fn scan_with<'t, E: Engine>(
    engine: E,
    dialect: Dialect,
    text: PaddedText<'t>,
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> Option<()> {
    let mut cursor = Cursor::new(text.buf);
    match dialect {
        Dialect::V3 => {
            text.to_end(&mut cursor)?;
            let scanned = v3::scan(engine, &mut cursor, ts_recv, scratch)?;
            // Wherever a scan may have read padding as text, it did not stop here.
            if !text.is_read(cursor) {
                return None;
            }
            target.take(scanned, scratch);
            Some(())
        }
        Dialect::V5 => v5::scan(engine, text, cursor, ts_recv, scratch, target),
    }
}

/// Reads a trade's side and the quote behind it. There is no branch on which side it is, since
/// nothing predicts that.
#[inline(always)]
pub(super) fn taker_side(cursor: &mut Cursor<'_>) -> Option<Side> {
    let word = cursor.word()?;
    let buy = word & 0xffff_ffff == u64::from(u32::from_le_bytes(*b"buy\""));
    let sell = word & 0xff_ffff_ffff == u64::from_le_bytes(*b"sell\"\0\0\0");
    if !(buy | sell) {
        return None;
    }
    cursor.advance(4 + usize::from(sell))?;
    Some(if sell { Side::Sell } else { Side::Buy })
}
