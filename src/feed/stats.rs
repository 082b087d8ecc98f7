//! Counters of a feed.

use arrayvec::ArrayString;

use crate::book::{ApplyOutcome, BookFlags, BookSync, DesyncCause};
use crate::event::{BookUpdate, Control, ControlKind, Event};
use crate::wire::{DecodeError, DecodeErrorKind, Decoded, InflatePath, TextPath, UnreadCounts};

/// The number of channel names that are counted separately when their messages are skipped.
pub(crate) const MAX_SKIPPED_NAMES: usize = 32;

/// The longest channel name that is counted by name, in bytes.
const MAX_NAME_LEN: usize = 31;

/// Counters of one connection, plain and `Copy`: a snapshot is a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Frames received, malformed ones included.
    pub frames: u64,
    /// Payload bytes received, before inflating.
    pub wire_bytes: u64,
    /// Bytes of text after inflating.
    pub text_bytes: u64,
    /// Frames decoded by the fast scanner.
    pub scanned: u64,
    /// Frames decoded by the general parser. Books and trades among them mean that the exchange
    /// writes them in another form than usual.
    pub parsed: u64,
    /// Frames decoded as SBE.
    pub sbe: u64,
    /// Frames inflated by the built-in decoder for small frames.
    pub inflated_small: u64,
    /// Frames inflated by libdeflate.
    pub inflated_general: u64,
    /// Five-level books.
    pub books: u64,
    /// Trades, repeated ones included.
    pub trades: u64,
    /// Snapshots of and changes to order books.
    pub depths: u64,
    /// Records: tickers, mark prices, candles and the like.
    pub records: u64,
    /// Updates of order books that arrived before a snapshot and were not applied.
    pub no_snapshot: u64,
    /// Order books found broken by their sequence numbers.
    pub gaps: u64,
    /// Order books found broken by their checksum.
    pub mismatches: u64,
    /// Order books found broken for another reason: a negative size, a book cut too short, or an
    /// unnumbered book on a connection that had a malformed frame.
    pub broken: u64,
    /// Deletions of prices that an order book does not have. The exchange sends some.
    pub missing_deletes: u64,
    /// Replies and notices.
    pub controls: u64,
    /// The errors among [`Stats::controls`].
    pub control_errors: u64,
    /// The pongs among [`Stats::controls`].
    pub pongs: u64,
    /// Books and trades without a subscription.
    pub unsubscribed: u64,
    /// Five-level books whose best bid is at or above the best ask. Not counted for order books;
    /// check their best five levels.
    pub crossed: u64,
    /// Five-level books with a side that is not strictly sorted. An order book sorts its own
    /// levels.
    pub unsorted: u64,
    /// Five-level books with a level of size 0.
    pub empty_levels: u64,
    /// Events whose exchange time is earlier than that of the subscription's last accepted event: a
    /// backward clock step or an out-of-order message.
    pub backwards: u64,
    /// Messages of channels that are not decoded, by name.
    pub skipped: SkippedNames,
    /// Malformed frames, by kind.
    pub errors: ErrorCounts,
    /// Optional values that could not be read, by field.
    pub unread: UnreadCounts,
    /// Trades that were emitted before and are suppressed, such as the last trade, which the
    /// exchange repeats after each new connection.
    pub repeated_trades: u64,
    /// Missing trades, by the gaps in v5's ids.
    pub missed_trades: u64,
    /// Numbers skipped in trade rings and published rings for messages that could not be read.
    pub lost_trades: u64,
}

impl Stats {
    /// Counts a frame before it is decoded.
    #[inline]
    pub(crate) const fn frame(&mut self, wire_len: usize) {
        self.frames += 1;
        self.wire_bytes += wire_len as u64;
    }

    /// Counts the result of decoding a frame.
    #[inline]
    pub(crate) fn result(&mut self, result: &Result<Decoded, DecodeError>, unread: &UnreadCounts) {
        match result {
            Ok(decoded) => {
                let has_unread = match decoded.parsed {
                    TextPath::General => true,
                    TextPath::Sbe => !unread.is_empty(),
                    TextPath::Bare | TextPath::Scanned => false,
                };
                if has_unread {
                    self.unread.add(unread);
                }
                self.text_bytes += decoded.text_len as u64;
                self.scanned += u64::from(decoded.parsed == TextPath::Scanned);
                self.parsed += u64::from(decoded.parsed == TextPath::General);
                self.sbe += u64::from(decoded.parsed == TextPath::Sbe);
                self.inflated_small += u64::from(decoded.inflated == Some(InflatePath::Small));
                self.inflated_general += u64::from(decoded.inflated == Some(InflatePath::General));
            }
            Err(error) => self.errors.count(error.kind),
        }
    }

    /// Counts an event.
    #[inline]
    pub(crate) fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Book(update) => self.book(update),
            Event::Trade(_) => self.trades += 1,
            Event::Depth(_) => self.depths += 1,
            Event::Record(_) => self.records += 1,
            Event::Control(control) => self.control(control),
            Event::Skipped(skipped) => self.skipped.count(skipped.channel),
            Event::DepthBook(_)
            | Event::Raw(_)
            | Event::State(_)
            | Event::Malformed(_)
            | Event::Gap(_) => {}
        }
    }

    /// Counts a five-level book.
    #[inline]
    pub(crate) fn book(&mut self, update: &BookUpdate<'_>) {
        self.books += 1;
        self.book_flags(update.book.flags());
    }

    /// Counts the outcome of an order-book message; `before` is the book's state before it.
    #[inline]
    pub(crate) fn applied(&mut self, before: BookSync, outcome: &ApplyOutcome) {
        self.missing_deletes += u64::from(outcome.missing);
        match outcome.sync {
            BookSync::Live | BookSync::Unlinked => {}
            BookSync::NoSnapshot => self.no_snapshot += 1,
            // Counts only the message that broke the book, not the messages refused after it.
            BookSync::Broken(_) if outcome.sync == before => {}
            BookSync::Broken(DesyncCause::Gap) => self.gaps += 1,
            BookSync::Broken(DesyncCause::Checksum) => self.mismatches += 1,
            BookSync::Broken(_) => self.broken += 1,
        }
    }

    #[inline]
    fn book_flags(&mut self, flags: BookFlags) {
        if flags.is_empty() {
            return;
        }
        self.crossed += u64::from(flags.contains(BookFlags::CROSSED));
        self.unsorted += u64::from(flags.contains(BookFlags::UNSORTED));
        self.empty_levels += u64::from(flags.contains(BookFlags::EMPTY_LEVEL));
    }

    fn control(&mut self, control: &Control<'_>) {
        self.controls += 1;
        match control.kind {
            ControlKind::Pong => self.pongs += 1,
            ControlKind::Error | ControlKind::ChannelConnCountError => self.control_errors += 1,
            _ => {}
        }
    }

    /// All malformed frames.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.errors.iter().map(|(_, count)| count).sum()
    }

    /// Adds another connection's counters to these.
    pub fn merge(&mut self, other: &Self) {
        let pairs = [
            (&mut self.frames, other.frames),
            (&mut self.wire_bytes, other.wire_bytes),
            (&mut self.text_bytes, other.text_bytes),
            (&mut self.scanned, other.scanned),
            (&mut self.parsed, other.parsed),
            (&mut self.sbe, other.sbe),
            (&mut self.inflated_small, other.inflated_small),
            (&mut self.inflated_general, other.inflated_general),
            (&mut self.books, other.books),
            (&mut self.trades, other.trades),
            (&mut self.depths, other.depths),
            (&mut self.records, other.records),
            (&mut self.no_snapshot, other.no_snapshot),
            (&mut self.gaps, other.gaps),
            (&mut self.mismatches, other.mismatches),
            (&mut self.broken, other.broken),
            (&mut self.missing_deletes, other.missing_deletes),
            (&mut self.controls, other.controls),
            (&mut self.control_errors, other.control_errors),
            (&mut self.pongs, other.pongs),
            (&mut self.unsubscribed, other.unsubscribed),
            (&mut self.crossed, other.crossed),
            (&mut self.unsorted, other.unsorted),
            (&mut self.empty_levels, other.empty_levels),
            (&mut self.backwards, other.backwards),
            (&mut self.repeated_trades, other.repeated_trades),
            (&mut self.missed_trades, other.missed_trades),
            (&mut self.lost_trades, other.lost_trades),
        ];
        for (mine, theirs) in pairs {
            *mine += theirs;
        }
        self.unread.add(&other.unread);
        other.skipped.iter().for_each(|(name, count)| self.skipped.add(name, count));
        self.skipped.other += other.skipped.other;
        other.errors.iter().for_each(|(kind, count)| self.errors.add(kind, count));
    }
}

/// Malformed frames by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorCounts([u64; DecodeErrorKind::ALL.len()]);

impl ErrorCounts {
    fn count(&mut self, kind: DecodeErrorKind) {
        self.add(kind, 1);
    }

    fn add(&mut self, kind: DecodeErrorKind, count: u64) {
        if let Some(total) = self.0.get_mut(kind as usize) {
            *total += count;
        }
    }

    /// The number of malformed frames of this kind.
    #[must_use]
    pub fn of(&self, kind: DecodeErrorKind) -> u64 {
        self.0.get(kind as usize).copied().unwrap_or_default()
    }

    /// The kinds that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (DecodeErrorKind, u64)> {
        let all = DecodeErrorKind::ALL.into_iter().zip(self.0);
        all.filter(|(_, count)| *count > 0)
    }
}

/// Skipped messages by channel name: the first [`SkippedNames::MAX`] names, then all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SkippedNames {
    names: [SkippedName; MAX_SKIPPED_NAMES],
    /// Messages whose name is too long or arrived after the table was full.
    pub other: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SkippedName {
    name: ArrayString<MAX_NAME_LEN>,
    count: u64,
}

impl SkippedNames {
    /// The number of channel names that are counted separately when their messages are skipped.
    pub const MAX: usize = MAX_SKIPPED_NAMES;
}

impl SkippedNames {
    fn count(&mut self, name: &str) {
        self.add(name, 1);
    }

    fn add(&mut self, name: &str, count: u64) {
        let entry = self.names.iter_mut().find(|n| n.count == 0 || n.name.as_str() == name);
        let copied = entry.and_then(|entry| {
            if entry.count == 0 {
                entry.name = ArrayString::from(name).ok()?;
            }
            entry.count += count;
            Some(())
        });
        if copied.is_none() {
            self.other += count;
        }
    }

    /// The skipped names in the order of their first message, with their counts.
    ///
    /// A message that names no channel is counted under the empty name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().take_while(|n| n.count > 0).map(|n| (n.name.as_str(), n.count))
    }

    /// All skipped messages.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum::<u64>() + self.other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_names_are_bounded_and_no_message_is_lost() {
        let mut skipped = SkippedNames::default();
        for round in 0..3 {
            for n in 0..40 {
                skipped.count(&format!("channel{n}"));
            }
            assert_eq!(skipped.total(), (round + 1) * 40);
        }
        skipped.count(&"x".repeat(MAX_NAME_LEN + 1));
        assert_eq!(skipped.iter().count(), MAX_SKIPPED_NAMES);
        assert_eq!(skipped.iter().next(), Some(("channel0", 3)));
        assert_eq!(skipped.other, 3 * 8 + 1);
    }

    #[test]
    fn merging_adds_up() {
        let mut a = Stats { frames: 2, ..Stats::default() };
        a.skipped.count("ticker");
        a.errors.count(DecodeErrorKind::Json);
        let mut b = a;
        b.skipped.count("candle60s");
        a.merge(&b);
        assert_eq!((a.frames, a.malformed(), a.skipped.total()), (4, 2, 3));
        assert_eq!(a.skipped.iter().collect::<Vec<_>>(), [("ticker", 2), ("candle60s", 1)]);
    }
}
