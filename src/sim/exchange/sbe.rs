//! Messages in SBE, written from the schema: schema id 1, version 0, little-endian.
//!
//! Source: `docs/PROTOCOL.md` 12.

use super::depth_text::ShownLevel;
use crate::book::Book5;
use crate::model::{Decimal, Side, UnixNanos};
use crate::sim::market::{InstIndex, Listing, Print};

/// `outTime` is so much later than `tsUs`, in microseconds, as in the captured frame.
const OUT_DELAY_US: u64 = 1_267;

/// The code of an instrument: the exchange's numbers have no order, so neither have these.
pub(crate) fn code_of(inst: InstIndex) -> i64 {
    let number = i64::try_from(inst.number()).unwrap_or_default();
    // Demo codes have sixteen digits.
    if number % 3 == 2 { 2_021_032_622_018_000 + number } else { 10_400 + 7 * number }
}

/// What all messages of an instrument have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instrument<'a> {
    pub(crate) code: i64,
    pub(crate) listing: &'a Listing,
    /// Decimals of prices beyond those of the tick.
    pub(crate) more_decimals: u8,
}

/// The numbers and levels of a book's message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BookMessage<'a> {
    pub(crate) ts: UnixNanos,
    pub(crate) seq: i64,
    pub(crate) prev_seq: i64,
    pub(crate) asks: &'a [ShownLevel],
    pub(crate) bids: &'a [ShownLevel],
}

impl Instrument<'_> {
    /// `BboTbtChannelEvent`. A side without a level is zeros.
    pub(crate) fn bbo(&self, book: &Book5, ts: UnixNanos) -> Vec<u8> {
        let mut out = header(74, 1000);
        self.root(&mut out, ts, true);
        put(&mut out, book.seq);
        let best = [book.best_ask(), book.best_bid()];
        for level in best {
            let px = level.map_or(0, |level| self.mantissa(level.px(), true));
            let sz = level.map_or(0, |level| self.mantissa(level.sz(), false));
            put(&mut out, px);
            put(&mut out, sz);
        }
        for level in best {
            out.extend(level.map_or(0, |level| level.orders()).to_le_bytes());
        }
        self.exponents(&mut out);
        out
    }

    /// `BooksL2TbtChannelEvent`.
    pub(crate) fn update(&self, book: &BookMessage<'_>) -> Vec<u8> {
        let mut out = self.links(1001, book);
        self.groups(&mut out, book);
        out
    }

    /// `BooksL2TbtExponentUpdateEvent`: the numbers and exponents of an update, without groups.
    pub(crate) fn exponent_update(&self, book: &BookMessage<'_>) -> Vec<u8> {
        self.links(1002, book)
    }

    fn links(&self, template: u16, book: &BookMessage<'_>) -> Vec<u8> {
        let mut out = header(42, template);
        self.root(&mut out, book.ts, true);
        put(&mut out, book.seq);
        put(&mut out, book.prev_seq);
        self.exponents(&mut out);
        out
    }

    /// `TradesChannelEvent`.
    pub(crate) fn trade(&self, print: &Print) -> Vec<u8> {
        let mut out = header(62, 1005);
        self.root(&mut out, print.ts, true);
        put(&mut out, print.seq);
        put(&mut out, self.mantissa(self.listing.px(print.ticks), true));
        put(&mut out, self.mantissa(self.listing.sz(print.lots), false));
        out.extend(print.last_id.to_le_bytes());
        out.extend(i16::try_from(print.count).unwrap_or(i16::MAX).to_le_bytes());
        out.push(u8::from(print.side == Side::Buy));
        self.exponents(&mut out);
        out.push(0);
        out
    }

    /// `SnapshotDepthResponseEvent`, which has no `outTime` and no `prevSeqId`.
    pub(crate) fn snapshot(&self, book: &BookMessage<'_>) -> Vec<u8> {
        let mut out = header(26, 1006);
        self.root(&mut out, book.ts, false);
        put(&mut out, book.seq);
        self.exponents(&mut out);
        self.groups(&mut out, book);
        out
    }

    fn root(&self, out: &mut Vec<u8>, ts: UnixNanos, has_out_time: bool) {
        put(out, self.code);
        // Millisecond precision, in microseconds.
        let micros = ts.as_millis() * 1_000;
        out.extend(micros.to_le_bytes());
        if has_out_time {
            out.extend((micros + OUT_DELAY_US).to_le_bytes());
        }
    }

    fn groups(&self, out: &mut Vec<u8>, book: &BookMessage<'_>) {
        for (side, sign) in [(book.asks, 1), (book.bids, -1)] {
            out.extend(20_u16.to_le_bytes());
            out.extend(u16::try_from(side.len()).unwrap_or(u16::MAX).to_le_bytes());
            for row in side {
                put(out, self.mantissa(self.listing.px(sign * row.key), true));
                put(out, self.mantissa(self.listing.sz(row.lots), false));
                out.extend(row.orders.to_le_bytes());
            }
        }
    }

    fn decimals(&self) -> [u8; 2] {
        let [px, sz] = self.listing.decimals();
        [px + self.more_decimals, sz]
    }

    fn exponents(&self, out: &mut Vec<u8>) {
        out.extend(self.decimals().map(u8::wrapping_neg));
    }

    /// The digits of a price or of a size at its exponent. Prices and sizes of a listing are far
    /// from the range's end.
    fn mantissa(&self, number: Decimal, is_px: bool) -> i64 {
        let [px, sz] = self.decimals();
        let scale = if is_px { px } else { sz };
        number.rescale(scale).map(Decimal::mantissa).unwrap_or_default()
    }
}

fn header(block_len: u16, template: u16) -> Vec<u8> {
    [block_len, template, 1, 0].into_iter().flat_map(u16::to_le_bytes).collect()
}

fn put(out: &mut Vec<u8>, number: i64) {
    out.extend(number.to_le_bytes());
}
