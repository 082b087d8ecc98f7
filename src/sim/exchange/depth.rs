//! Books with increments: what a channel's subscribers have, and what brings them up to date.

use std::fmt::Write;

use super::body::Body;
use super::depth_text::{DepthMessage, ShownLevel};
use super::sbe::{BookMessage, Instrument};
use crate::model::{Channel, UnixNanos};
use crate::sim::market::{Listing, NumberedBook, Resting, SimBook, SimSide};

/// The levels a side over which the exchange's checksum goes.
const CHECKSUM_LEVELS: usize = 25;

/// The most books between two pushes that the next increment leads from.
const MAX_SHOWN: usize = 64;

/// The asks and the bids of a channel, best first.
pub(crate) type Sides = [Vec<ShownLevel>; 2];

/// Memory that all deep topics share.
#[derive(Debug, Default)]
pub(crate) struct DepthScratch {
    book: Sides,
    change: Sides,
    text: String,
}

/// The book that all subscribers of one channel have. Later subscribers get it too, so that the
/// next increment fits all.
#[derive(Debug)]
pub(crate) struct DepthTopic {
    channel: Channel,
    sent: Sides,
    /// The books since the last push that were shown elsewhere.
    shown: Vec<Sides>,
    seq: i64,
    ts: UnixNanos,
    /// `None` where the channel sends 0 or no checksum at all.
    checksum: Option<i32>,
    /// SBE: the instrument's code, and what its exponents are and are to be.
    sbe: Option<SbeState>,
}

/// A book in SBE.
#[derive(Clone, Copy, Debug)]
struct SbeState {
    code: i64,
    /// Decimals of prices beyond those of the tick.
    more_decimals: u8,
    /// Those that were announced by the market.
    wanted: u8,
}

impl DepthTopic {
    /// Starts with the book as it is, whose number is `seq`.
    pub(crate) fn new(
        channel: Channel,
        NumberedBook { listing, book, seq }: NumberedBook<'_>,
        ts: UnixNanos,
        checksums: bool,
    ) -> Self {
        let sent = shown(channel, book);
        let checksum = checksums.then(|| checksum(listing, &sent, &mut String::new()));
        Self { channel, sent, shown: Vec::new(), seq, ts, checksum, sbe: None }
    }

    /// The same in SBE.
    pub(crate) fn with_code(mut self, code: i64, more_decimals: u8) -> Self {
        self.sbe = Some(SbeState { code, more_decimals, wanted: more_decimals });
        self
    }

    /// Changes the decimals of prices with the next update.
    pub(crate) const fn change_decimals(&mut self, more_decimals: u8) {
        if let Some(sbe) = &mut self.sbe {
            sbe.wanted = more_decimals;
        }
    }

    /// The announcement of other exponents: a link of the chain, for which a number must be free
    /// between the last update and the next.
    pub(crate) fn exponent_update(
        &mut self,
        NumberedBook { listing, seq, .. }: NumberedBook<'_>,
        ts: UnixNanos,
    ) -> Option<Body> {
        let SbeState { code, more_decimals, wanted } = self.sbe?;
        if more_decimals == wanted || seq <= self.seq + 1 {
            return None;
        }
        self.sbe = Some(SbeState { code, more_decimals: wanted, wanted });
        let prev_seq = std::mem::replace(&mut self.seq, seq - 1);
        let message = BookMessage { ts, seq: self.seq, prev_seq, asks: &[], bids: &[] };
        let of = Instrument { code, listing, more_decimals: wanted };
        Some(Body::Sbe(of.exponent_update(&message)))
    }

    /// The snapshot of what all subscribers have.
    ///
    /// `None` in SBE, whose path sends none.
    pub(crate) fn snapshot(&self, listing: &Listing) -> Option<Body> {
        let [asks, bids] = &self.sent;
        let message =
            DepthMessage { snapshot: true, prev_seq: -1, ..self.message(listing, asks, bids) };
        self.sbe.is_none().then(|| Body::Text(message.text()))
    }

    /// A message in the encoding of the topic.
    fn body(sbe: Option<SbeState>, message: &DepthMessage<'_>) -> Body {
        let Some(SbeState { code, more_decimals, .. }) = sbe else {
            return Body::Text(message.text());
        };
        let &DepthMessage { listing, ts, seq, prev_seq, asks, bids, .. } = message;
        let book = BookMessage { ts, seq, prev_seq, asks, bids };
        Body::Sbe(Instrument { code, listing, more_decimals }.update(&book))
    }

    /// Notes that a book was shown elsewhere, such that the next increment leads from it too.
    pub(crate) fn note_shown(&mut self, book: &SimBook) {
        let mut shown = Sides::default();
        window(self.channel, book, &mut shown);
        if self.shown.len() < MAX_SHOWN && shown != self.sent {
            self.shown.push(shown);
        }
    }

    /// The increment that leads to the book as it is; `None` where the channel shows no change.
    pub(crate) fn update(
        &mut self,
        NumberedBook { listing, book, seq }: NumberedBook<'_>,
        ts: UnixNanos,
        scratch: &mut DepthScratch,
    ) -> Option<Body> {
        window(self.channel, book, &mut scratch.book);
        for ((old, new), change) in self.sent.iter().zip(&scratch.book).zip(&mut scratch.change) {
            change.clear();
            diff(old, new, change);
        }
        for shown in std::mem::take(&mut self.shown) {
            for ((old, new), change) in shown.iter().zip(&scratch.book).zip(&mut scratch.change) {
                diff(old, new, change);
                // Rows of the same price are the same: all are the new book's.
                change.sort_by_key(|row| row.key);
                change.dedup_by_key(|row| row.key);
            }
        }
        if scratch.change.iter().all(Vec::is_empty) {
            return None;
        }
        std::mem::swap(&mut self.sent, &mut scratch.book);
        let prev_seq = std::mem::replace(&mut self.seq, seq);
        self.ts = ts;
        self.checksum = self.checksum.map(|_| checksum(listing, &self.sent, &mut scratch.text));
        let [asks, bids] = &scratch.change;
        let message = DepthMessage { prev_seq, ..self.message(listing, asks, bids) };
        Some(Self::body(self.sbe, &message))
    }

    /// The increment of a book that has not changed.
    pub(crate) fn heartbeat(&mut self, listing: &Listing, ts: UnixNanos) -> Body {
        self.ts = ts;
        Self::body(self.sbe, &self.message(listing, &[], &[]))
    }

    fn message<'a>(
        &self,
        listing: &'a Listing,
        asks: &'a [ShownLevel],
        bids: &'a [ShownLevel],
    ) -> DepthMessage<'a> {
        DepthMessage {
            channel: self.channel,
            listing,
            snapshot: false,
            asks,
            bids,
            ts: self.ts,
            checksum: self.checksum.unwrap_or_default(),
            seq: self.seq,
            prev_seq: self.seq,
        }
    }
}

/// The levels a side that a channel shows: none where it is no order book.
const fn levels(channel: Channel) -> usize {
    match channel {
        Channel::Books50L2Tbt => 50,
        Channel::Depth
        | Channel::DepthL2Tbt
        | Channel::Books
        | Channel::BooksL2Tbt
        | Channel::BooksRpi
        | Channel::BooksElp
        | Channel::SprdBooksL2Tbt => 400,
        _ => 0,
    }
}

/// What the channel shows of the book.
pub(crate) fn shown(channel: Channel, book: &SimBook) -> Sides {
    let mut sides = Sides::default();
    window(channel, book, &mut sides);
    sides
}

/// Writes what the channel shows of the book.
fn window(channel: Channel, book: &SimBook, out: &mut Sides) {
    let [asks, bids] = out;
    for (side, out) in [(&book.asks, asks), (&book.bids, bids)] {
        out.clear();
        out.extend(rows(channel, side).take(levels(channel)));
    }
}

fn rows(channel: Channel, side: &SimSide) -> impl Iterator<Item = ShownLevel> {
    side.resting().filter_map(move |resting| shown_level(channel, resting))
}

/// What a channel shows of a price; `None` where it shows nothing.
fn shown_level(channel: Channel, resting: &Resting) -> Option<ShownLevel> {
    let Resting { key, lots, orders } = *resting;
    let rpi = rpi_lots(resting);
    match channel {
        Channel::BooksElp if rpi == 0 => None,
        Channel::BooksElp => Some(ShownLevel { key, lots: rpi, plain: 0, orders: 1 }),
        Channel::BooksRpi => {
            let orders = orders.saturating_add(u32::from(rpi > 0));
            Some(ShownLevel { key, lots: lots.saturating_add(rpi), plain: lots, orders })
        }
        Channel::Depth
        | Channel::DepthL2Tbt
        | Channel::Books
        | Channel::BooksL2Tbt
        | Channel::Books50L2Tbt
        | Channel::SprdBooksL2Tbt => Some(ShownLevel { key, lots, plain: 0, orders }),
        _ => None,
    }
}

/// What RPI orders add to a level. A stand-in: the order flow has no such orders, so every third
/// price has one that grows with the others.
fn rpi_lots(resting: &Resting) -> i64 {
    if resting.key.rem_euclid(3) == 0 { resting.lots / 4 + 1 } else { 0 }
}

/// What turns `old` into `new`, best first; a level that left is a row without lots.
fn diff(old: &[ShownLevel], new: &[ShownLevel], out: &mut Vec<ShownLevel>) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(gone), next) if next.is_none_or(|next| gone.key < next.key) => {
                out.push(ShownLevel { lots: 0, plain: 0, orders: 0, ..**gone });
                old.next();
            }
            (was, _) => {
                let was = was.copied().copied();
                let Some(row) = new.next() else { return };
                if was.is_some_and(|was| was.key == row.key) {
                    old.next();
                }
                if was != Some(*row) {
                    out.push(*row);
                }
            }
        }
    }
}

/// CRC-32 over the best 25 levels a side as they are printed, bid before ask.
///
/// Source: `docs/PROTOCOL.md` 8.2.
fn checksum(listing: &Listing, [asks, bids]: &Sides, text: &mut String) -> i32 {
    text.clear();
    for n in 0..CHECKSUM_LEVELS {
        for (side, sign) in [(bids, -1), (asks, 1)] {
            let Some(row) = side.get(n) else { continue };
            let colon = if text.is_empty() { "" } else { ":" };
            let (px, sz) = (listing.px(sign * row.key), listing.sz(row.lots));
            // Writing to a `String` can't fail.
            let _ = write!(text, "{colon}{px}:{sz}");
        }
    }
    crc32fast::hash(text.as_bytes()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelKind, Market};

    fn row(key: i64, lots: i64) -> ShownLevel {
        ShownLevel { key, lots, plain: 0, orders: u32::from(lots > 0) }
    }

    fn change(old: &[(i64, i64)], new: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let side = |rows: &[(i64, i64)]| rows.iter().map(|r| row(r.0, r.1)).collect::<Vec<_>>();
        let mut out = Vec::new();
        diff(&side(old), &side(new), &mut out);
        out.iter().map(|row| (row.key, row.lots)).collect()
    }

    #[test]
    fn a_change_has_the_levels_that_are_new_gone_or_different() {
        assert_eq!(change(&[], &[]), []);
        assert_eq!(change(&[(1, 5), (2, 6)], &[(1, 5), (2, 6)]), []);
        assert_eq!(change(&[(1, 5), (2, 6)], &[(1, 7), (2, 6)]), [(1, 7)]);
        assert_eq!(change(&[(2, 6)], &[(1, 5), (2, 6), (3, 1)]), [(1, 5), (3, 1)]);
        assert_eq!(change(&[(1, 5), (3, 6)], &[(2, 4)]), [(1, 0), (2, 4), (3, 0)]);
        assert_eq!(change(&[(1, 5)], &[]), [(1, 0)]);
    }

    #[test]
    fn the_checksum_is_that_of_the_documented_text() {
        let numbers = ["0.1", "1", "3366.8", "9"];
        let listing = Listing::new("A-B", Market::Swap, numbers).unwrap();
        let sides = [vec![row(33_668, 9), row(33_680, 8)], vec![row(-33_661, 7)]];
        let text = "3366.1:7:3366.8:9:3368:8";
        let expected = crc32fast::hash(text.as_bytes()).cast_signed();
        assert_eq!(checksum(&listing, &sides, &mut "old".to_owned()), expected);
        assert_eq!(checksum(&listing, &Sides::default(), &mut String::new()), 0);
    }

    #[test]
    fn channels_of_order_books_show_levels_and_no_others_do() {
        let resting = Resting { key: 3, lots: 8, orders: 1 };
        for channel in Channel::ALL {
            let is_depth = channel.kind() == ChannelKind::Depth;
            assert_eq!(levels(channel) > 0, is_depth, "{channel}");
            assert_eq!(shown_level(channel, &resting).is_some(), is_depth, "{channel}");
        }
    }
}
