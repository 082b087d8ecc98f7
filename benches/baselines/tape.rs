//! simd-json's tape, walked once from front to back: the fastest general way that we know.

use okx_feed::internals::PADDING;
use okx_feed::{Book5, Decimal, DepthUpdate, Dialect, Level, Side, Trade};
use simd_json::value::tape::Node;
use simd_json::{Buffers, StaticNode, Tape};

use super::{Levels, Read, TS_RECV, make_book, time};

/// simd-json's tape and buffers, reused.
pub(crate) struct Tapes {
    tape: Option<Tape<'static>>,
    buffers: Buffers,
}

impl Default for Tapes {
    fn default() -> Self {
        Self { tape: Some(Tape::null()), buffers: Buffers::new(4096) }
    }
}

impl Tapes {
    /// Only fills the tape: the least cost of every parser with a tape.
    ///
    /// The text is unescaped in place; the bytes after the first `len` are padding.
    pub(crate) fn fill_only(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        let mut tape = self.tape.take()?.reset();
        simd_json::fill_tape_padded(buf, len, &mut self.buffers, &mut tape).ok()?;
        let nodes = tape.0.len();
        self.tape = Some(tape.reset());
        Some(nodes)
    }

    /// Fills the tape and walks it once from front to back, matching keys.
    pub(crate) fn walk(
        &mut self,
        dialect: Dialect,
        buf: &mut [u8],
        len: usize,
        book: &mut Book5,
    ) -> Read {
        assert!(buf.len() >= len + PADDING);
        let mut tape = self.tape.take().unwrap_or_else(Tape::null).reset();
        simd_json::fill_tape_padded(buf, len, &mut self.buffers, &mut tape).ok()?;
        let read = Walk { nodes: tape.0.iter(), dialect }.message(book);
        self.tape = Some(tape.reset());
        read
    }
}

struct Walk<'a> {
    nodes: std::slice::Iter<'a, Node<'a>>,
    dialect: Dialect,
}

impl<'a> Walk<'a> {
    fn object(&mut self) -> Option<usize> {
        match self.nodes.next()? {
            Node::Object { len, .. } => Some(*len),
            _ => None,
        }
    }

    fn array(&mut self) -> Option<usize> {
        match self.nodes.next()? {
            Node::Array { len, .. } => Some(*len),
            _ => None,
        }
    }

    fn string(&mut self) -> Option<&'a str> {
        match self.nodes.next()? {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    fn decimal(&mut self) -> Option<Decimal> {
        Decimal::parse(self.string()?.as_bytes()).ok()
    }

    fn integer(&mut self) -> Option<i64> {
        match self.nodes.next()? {
            Node::Static(StaticNode::I64(number)) => Some(*number),
            Node::Static(StaticNode::U64(number)) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    fn skip(&mut self) -> Option<()> {
        match self.nodes.next()? {
            Node::Object { count, .. } | Node::Array { count, .. } if *count > 0 => {
                self.nodes.nth(count - 1).map(|_| ())
            }
            _ => Some(()),
        }
    }

    fn message(&mut self, book: &mut Book5) -> Read {
        let (mut is_book, mut id, mut read) = (false, None, None);
        for _ in 0..self.object()? {
            match self.string()? {
                "table" => is_book = self.string()?.split_once('/')?.1 == "depth5",
                "arg" => {
                    for _ in 0..self.object()? {
                        match self.string()? {
                            "channel" => is_book = matches!(self.string()?, "books5" | "bbo-tbt"),
                            "instId" => id = Some(self.string()?),
                            _ => self.skip()?,
                        }
                    }
                }
                "data" => {
                    for _ in 0..self.array()? {
                        read = if is_book { self.book(id, book) } else { self.trade(id) };
                    }
                }
                _ => self.skip()?,
            }
        }
        read
    }

    fn levels(&mut self) -> Option<Levels> {
        let mut levels = Levels::EMPTY;
        for _ in 0..self.array()? {
            let elements = self.array()?;
            let (px, sz) = (self.decimal()?, self.decimal()?);
            if elements == 4 {
                self.decimal()?;
            }
            levels.push(Level::new(px, sz, self.string()?.parse().ok()?))?;
        }
        Some(levels)
    }

    fn book(&mut self, arg_id: Option<&str>, book: &mut Book5) -> Read {
        let (mut asks, mut bids) = (None, None);
        let (mut id, mut ts, mut seq) = (arg_id, None, DepthUpdate::NO_SEQ);
        for _ in 0..self.object()? {
            match self.string()? {
                "asks" => asks = Some(self.levels()?),
                "bids" => bids = Some(self.levels()?),
                "instId" | "instrument_id" => {
                    let own = self.string()?;
                    if arg_id.is_some_and(|arg| arg != own) {
                        return None;
                    }
                    id = Some(own);
                }
                "ts" | "timestamp" => ts = Some(time(self.dialect, self.string()?)?),
                "seqId" => seq = self.integer()?,
                _ => self.skip()?,
            }
        }
        make_book(&asks?, &bids?, ts?, seq, book)?;
        Some((id?.len(), None))
    }

    fn trade(&mut self, arg_id: Option<&str>) -> Read {
        let (mut px, mut sz, mut side) = (None, None, None);
        let (mut id, mut ts, mut trade_id) = (arg_id, None, None);
        let (mut seq, mut count, mut source) = (DepthUpdate::NO_SEQ, 1, 0);
        for _ in 0..self.object()? {
            match self.string()? {
                "instId" | "instrument_id" => {
                    let own = self.string()?;
                    if arg_id.is_some_and(|arg| arg != own) {
                        return None;
                    }
                    id = Some(own);
                }
                "tradeId" | "trade_id" => trade_id = Some(self.string()?.parse().ok()?),
                "px" | "price" => px = Some(self.decimal()?),
                "sz" | "size" | "qty" => sz = Some(self.decimal()?),
                "side" => side = Some(Side::from_name(self.string()?.as_bytes())?),
                "ts" | "timestamp" => ts = Some(time(self.dialect, self.string()?)?),
                "count" => count = self.string()?.parse().ok()?,
                "source" => source = self.string()?.parse().ok()?,
                "seqId" => seq = self.integer()?,
                _ => self.skip()?,
            }
        }
        let mut trade = Trade::new(side?, px?, sz?);
        (trade.ts_event, trade.ts_recv, trade.trade_id) = (ts?, TS_RECV, trade_id?);
        (trade.seq, trade.count, trade.source) = (seq, count, source);
        Some((id?.len(), Some(trade)))
    }
}
