//! A decoder as one writes it first: a cursor over the frame, each field checked by itself, levels
//! in a vector, and the same book behind it.

use okx_feed::book::DepthAction;
use okx_feed::{
    Book5, Channel, Decimal, DepthBook, DepthUpdate, Level, Side, Topic, Trade, UnixNanos,
};

/// The state that the frames build.
pub(crate) struct Plain {
    book: DepthBook,
    best: Option<Book5>,
    trade: Option<Trade>,
    asks: Vec<Level>,
    bids: Vec<Level>,
}

struct Cursor<'f>(&'f [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_le_bytes)
    }

    fn i8(&mut self) -> Option<i8> {
        self.take().map(i8::from_le_bytes)
    }
}

fn decimal(mantissa: i64, exponent: i8) -> Option<Decimal> {
    Decimal::new(mantissa, u8::try_from(-i16::from(exponent)).ok()?).ok()
}

impl Plain {
    pub(crate) fn new(start: &[Vec<u8>]) -> Self {
        let mut plain = Self {
            book: DepthBook::new(),
            best: None,
            trade: None,
            asks: Vec::with_capacity(1024),
            bids: Vec::with_capacity(1024),
        };
        plain.book.keep_updates();
        start.iter().for_each(|frame| plain.take(frame));
        plain
    }

    pub(crate) fn take(&mut self, frame: &[u8]) {
        self.read(frame).unwrap();
    }

    fn read(&mut self, frame: &[u8]) -> Option<()> {
        let mut cursor = Cursor(frame);
        let (_block, template) = (cursor.u16()?, cursor.u16()?);
        let (_schema, _version) = (cursor.u16()?, cursor.u16()?);
        let (_code, micros) = (cursor.i64()?, cursor.i64()?);
        let ts = UnixNanos(u64::try_from(micros).ok()?.checked_mul(1000)?);
        if template != 1006 {
            cursor.i64()?;
        }
        let seq = cursor.i64()?;
        match template {
            1000 => {
                let mantissas = [cursor.i64()?, cursor.i64()?, cursor.i64()?, cursor.i64()?];
                let orders = [cursor.i32()?, cursor.i32()?];
                let (px, sz) = (cursor.i8()?, cursor.i8()?);
                let level = |at: usize, orders| {
                    let px = decimal(mantissas[at], px)?;
                    let sz = decimal(mantissas[at + 1], sz)?;
                    Some(Level::new(px, sz, u32::try_from(orders).ok()?))
                };
                let mut book = Book5::new(&[level(0, orders[0])?], &[level(2, orders[1])?]);
                (book.ts_event, book.ts_recv, book.seq) = (ts, UnixNanos(1), seq);
                self.best = Some(book);
            }
            1005 => {
                let (px, sz, id) = (cursor.i64()?, cursor.i64()?, cursor.i64()?);
                let count = cursor.take().map(i16::from_le_bytes)?;
                let side = if cursor.i8()? == 0 { Side::Sell } else { Side::Buy };
                let (px_exponent, sz_exponent) = (cursor.i8()?, cursor.i8()?);
                let (px, sz) = (decimal(px, px_exponent)?, decimal(sz, sz_exponent)?);
                let mut trade = Trade::new(side, px, sz);
                (trade.ts_event, trade.ts_recv, trade.seq) = (ts, UnixNanos(1), seq);
                trade.trade_id = u64::try_from(id).ok()?;
                trade.count = u32::try_from(count).ok()?;
                trade.source = u8::try_from(cursor.i8()?).ok()?;
                self.trade = Some(trade);
            }
            _ => {
                let is_snapshot = template == 1006;
                let prev_seq = if is_snapshot { DepthUpdate::NO_SEQ } else { cursor.i64()? };
                let (px, sz) = (cursor.i8()?, cursor.i8()?);
                for side in [&mut self.asks, &mut self.bids] {
                    side.clear();
                    let (_len, count) = (cursor.u16()?, cursor.u16()?);
                    for _ in 0..count {
                        let px = decimal(cursor.i64()?, px)?;
                        let sz = decimal(cursor.i64()?, sz)?;
                        side.push(Level::new(px, sz, u32::try_from(cursor.i32()?).ok()?));
                    }
                }
                let action =
                    if is_snapshot { DepthAction::RestSnapshot } else { DepthAction::Update };
                let _ = self.book.apply(&DepthUpdate {
                    topic: Topic::v5(Channel::BooksL2Tbt, "BTC-USDT-SWAP"),
                    action,
                    ts_event: ts,
                    ts_recv: UnixNanos(1),
                    seq,
                    prev_seq,
                    checksum: None,
                    asks: &self.asks,
                    bids: &self.bids,
                    non_rpi: None,
                });
            }
        }
        Some(())
    }

    /// The levels of the order book, the trade, and the book of the best levels, as far as
    /// the subscription has them.
    pub(crate) fn made(&self, subscription: &str) -> Made {
        let is_book = subscription.starts_with("books");
        let depth = self.book.live().filter(|_| is_book);
        let best = if is_book { depth.map(|view| view.top5()) } else { self.best };
        (depth.map(|view| (view.asks().to_vec(), view.bids().to_vec())), self.trade, best)
    }
}

pub(crate) type Made = (Option<(Vec<Level>, Vec<Level>)>, Option<Trade>, Option<Book5>);
