//! Books with increments as text, in both dialects.
//!
//! Shapes: v3 of 2020 to 2022, v5 of 2026. Source:
//! `docs/PROTOCOL.md` 6.1 and 8.

use std::fmt::Write;

use crate::model::{Channel, Dialect, Market, UnixNanos};
use crate::sim::market::Listing;

/// One level as a channel shows it. One without lots is a level that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShownLevel {
    /// The price in ticks, negated on the bid side: a smaller key is a better price on either.
    pub(crate) key: i64,
    pub(crate) lots: i64,
    /// The lots of orders other than RPI, which only `books-rpi` shows.
    pub(crate) plain: i64,
    pub(crate) orders: u32,
}

/// One message of a book with increments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DepthMessage<'a> {
    pub(crate) channel: Channel,
    pub(crate) listing: &'a Listing,
    pub(crate) snapshot: bool,
    pub(crate) asks: &'a [ShownLevel],
    pub(crate) bids: &'a [ShownLevel],
    pub(crate) ts: UnixNanos,
    pub(crate) checksum: i32,
    pub(crate) seq: i64,
    pub(crate) prev_seq: i64,
}

impl DepthMessage<'_> {
    /// The message in its channel's dialect.
    pub(crate) fn text(&self) -> String {
        let mut out = String::with_capacity(192 + 40 * (self.asks.len() + self.bids.len()));
        match self.channel.dialect() {
            Dialect::V3 => self.write_v3(&mut out),
            Dialect::V5 => self.write_v5(&mut out),
        }
        out
    }

    // Writing to a `String` can't fail, here and below.
    fn write_v3(&self, out: &mut String) {
        let Self { channel, listing, checksum, .. } = self;
        let action = if self.snapshot { "partial" } else { "update" };
        let (market, inst_id) = (listing.market(), listing.inst_id());
        let _ = write!(out, r#"{{"table":"{market}/{channel}","action":"{action}","#);
        let _ = write!(out, r#""data":[{{"instrument_id":"{inst_id}","#);
        self.write_sides(out);
        let ts = self.ts.iso_ms();
        let _ = write!(out, r#","timestamp":"{ts}","checksum":{checksum}}}]}}"#);
    }

    fn write_v5(&self, out: &mut String) {
        let Self { channel, listing, checksum, seq, prev_seq, .. } = self;
        let action = if self.snapshot { "snapshot" } else { "update" };
        let (inst_id, key) =
            (listing.inst_id(), if listing.is_spread() { "sprdId" } else { "instId" });
        let _ = write!(out, r#"{{"arg":{{"channel":"{channel}","{key}":"{inst_id}"}},"#);
        let _ = write!(out, r#""action":"{action}","data":[{{"#);
        self.write_sides(out);
        let _ = write!(out, r#","ts":"{}","#, self.ts.as_millis());
        if !matches!(channel, Channel::BooksElp | Channel::BooksRpi) {
            let _ = write!(out, r#""checksum":{checksum},"#);
        }
        let _ = write!(out, r#""seqId":{seq},"prevSeqId":{prev_seq}}}]}}"#);
    }

    fn write_sides(&self, out: &mut String) {
        for (name, rows, sign) in [("asks", self.asks, 1), ("bids", self.bids, -1)] {
            let comma = if name == "asks" { "" } else { "," };
            let _ = write!(out, r#"{comma}"{name}":["#);
            for (n, row) in rows.iter().enumerate() {
                out.push_str(if n == 0 { "[" } else { ",[" });
                let (px, sz) = (self.listing.px(sign * row.key), self.listing.sz(row.lots));
                let _ = write!(out, r#""{px}","{sz}","#);
                match self.channel {
                    // Spot has no liquidations; only its tick-by-tick book says so.
                    Channel::Depth if self.listing.market() == Market::Spot => {}
                    Channel::SprdBooksL2Tbt => {}
                    Channel::BooksRpi => {
                        let _ = write!(out, r#""{}","#, self.listing.sz(row.plain));
                    }
                    _ => out.push_str(r#""0","#),
                }
                let _ = write!(out, r#""{}"]"#, row.orders);
            }
            out.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(channel: Channel, market: Market, snapshot: bool) -> String {
        let numbers = ["0.1", "0.01", "84093.5", "8"];
        let listing = Listing::new("A-B", market, numbers).unwrap();
        let asks = [
            ShownLevel { key: 840_935, lots: 62_343, plain: 60_000, orders: 68 },
            ShownLevel { key: 841_000, lots: 0, plain: 0, orders: 0 },
        ];
        let message = DepthMessage {
            channel,
            listing: &listing,
            snapshot,
            asks: &asks,
            bids: &[],
            ts: UnixNanos(1_790_439_596_500_000_000),
            checksum: -1_855_196_187,
            seq: 342_177_338_613,
            prev_seq: 342_177_338_529,
        };
        message.text()
    }

    #[test]
    fn v3_has_three_elements_in_spot_depth_only() {
        assert_eq!(
            text(Channel::Depth, Market::Spot, true),
            concat!(
                r#"{"table":"spot/depth","action":"partial","data":[{"instrument_id":"A-B","#,
                r#""asks":[["84093.5","623.43","68"],["84100","0","0"]],"bids":[],"#,
                r#""timestamp":"2026-09-26T16:19:56.500Z","checksum":-1855196187}]}"#
            )
        );
        for (channel, market) in
            [(Channel::Depth, Market::Swap), (Channel::DepthL2Tbt, Market::Spot)]
        {
            let text = text(channel, market, false);
            assert!(text.contains(r#"[["84093.5","623.43","0","68"],["84100","0","0","0"]]"#));
            assert!(text.contains(r#""action":"update""#), "{text}");
        }
    }

    #[test]
    fn v5_has_four_elements_and_rpi_books_show_the_other_orders() {
        assert_eq!(
            text(Channel::Books, Market::Swap, false),
            concat!(
                r#"{"arg":{"channel":"books","instId":"A-B"},"action":"update","data":[{"#,
                r#""asks":[["84093.5","623.43","0","68"],["84100","0","0","0"]],"bids":[],"#,
                r#""ts":"1790439596500","checksum":-1855196187,"#,
                r#""seqId":342177338613,"prevSeqId":342177338529}]}"#
            )
        );
        let rpi = text(Channel::BooksRpi, Market::Swap, true);
        assert!(rpi.contains(r#""action":"snapshot""#) && !rpi.contains("checksum"), "{rpi}");
        assert!(rpi.contains(r#"[["84093.5","623.43","600","68"],["84100","0","0","0"]]"#));
    }
}
