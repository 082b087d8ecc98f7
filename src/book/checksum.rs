//! The checksum of an order book.

use std::num::NonZeroU32;

use super::side::{BookSide, CHECKSUM_LEVELS, SideChange};
use crate::model::{Channel, Decimal, Dialect, Level, MAX_DECIMAL_TEXT};

/// The checksum check of a message against the book after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// Not compared: the message has no checksum, verification skips it, or the book was cut too
    /// short to have the covered levels.
    None,
    /// The book matches.
    Ok,
    /// The book does not match.
    Mismatch,
}

impl Checksum {
    /// The best levels of each side that the checksum covers.
    ///
    /// Source: `docs/PROTOCOL.md` 8.2, the same in v3 and v5.
    pub const LEVELS: usize = CHECKSUM_LEVELS;
}

impl Checksum {
    /// The name: `none`, `ok` or `mismatch`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ok => "ok",
            Self::Mismatch => "mismatch",
        }
    }
}

/// Which messages are verified by checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verify {
    /// All messages that have a checksum.
    #[default]
    Every,
    /// Snapshots, and every nth update.
    EveryNth(NonZeroU32),
    /// No message.
    Off,
}

/// The checksum that a message expects; `None` if it has none.
///
/// v5 always sends 0 since 2026-06-23, so 0 means "not sent" in v5, except for an empty book, whose
/// checksum is 0. Source: `docs/PROTOCOL.md` 8.2.
#[inline]
pub(crate) const fn expected(
    checksum: Option<i32>,
    channel: Channel,
    empty_book: bool,
) -> Option<i32> {
    match checksum {
        Some(0) if !empty_book && matches!(channel.dialect(), Dialect::V5) => None,
        _ => checksum,
    }
}

/// The longest text of a level: two numbers, each followed by a colon.
const MAX_LEVEL_TEXT: usize = 2 * (MAX_DECIMAL_TEXT + 1);

/// [`MAX_LEVEL_TEXT`] rounded up, so that a text is copied in whole vector registers.
const SLOT_BYTES: usize = 47;

const _: () = assert!(MAX_LEVEL_TEXT <= SLOT_BYTES);

/// The text of one level, `px:sz:`, in its first `len` bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct LevelText {
    text: [u8; SLOT_BYTES],
    len: u8,
}

/// The cached texts of the best levels of one side, written when they are first needed.
///
/// A message changes a few of the 50 levels, so most texts are the same as for the previous
/// checksum, possibly at a neighbouring index.
#[derive(Clone, Debug)]
struct SideTexts {
    slots: [LevelText; CHECKSUM_LEVELS],
    /// One bit per slot whose text is outdated.
    stale: u32,
}

const ALL_STALE: u32 = (1 << CHECKSUM_LEVELS) - 1;

impl SideTexts {
    const fn new() -> Self {
        Self {
            slots: [LevelText { text: [0; SLOT_BYTES], len: 0 }; CHECKSUM_LEVELS],
            stale: ALL_STALE,
        }
    }

    #[inline]
    fn replaced(&mut self, at: usize) {
        if at < CHECKSUM_LEVELS {
            self.stale |= 1 << at;
        }
    }

    #[inline]
    fn inserted(&mut self, at: usize) {
        if at < CHECKSUM_LEVELS {
            self.slots.copy_within(at..CHECKSUM_LEVELS - 1, at + 1);
            let better = (1 << at) - 1;
            let moved = (self.stale & !better) << 1;
            self.stale = (self.stale & better) | (1 << at) | (moved & ALL_STALE);
        }
    }

    #[inline]
    fn removed(&mut self, at: usize) {
        if at < CHECKSUM_LEVELS {
            self.slots.copy_within(at + 1.., at);
            let better = (1 << at) - 1;
            let moved = (self.stale >> 1) & !better;
            self.stale = (self.stale & better) | moved | (1 << (CHECKSUM_LEVELS - 1));
        }
    }

    /// Writes the outdated texts of `levels`, which are best first.
    #[inline]
    fn refresh(&mut self, levels: &[Level]) {
        let len = levels.len().min(CHECKSUM_LEVELS);
        let mut todo = self.stale & ((1 << len) - 1);
        self.stale &= !todo;
        while todo != 0 {
            let at = todo.trailing_zeros() as usize;
            todo &= todo - 1;
            if let (Some(slot), Some(level)) = (self.slots.get_mut(at), levels.get(at)) {
                slot.write(level);
            }
        }
    }
}

impl LevelText {
    fn write(&mut self, level: &Level) {
        let mut at = 0;
        for number in [level.px(), level.sz()] {
            at = self.put(at, number);
        }
        // At most `MAX_LEVEL_TEXT`.
        self.len = u8::try_from(at).unwrap_or_default();
    }

    /// Writes a number and a colon at `at`. Returns the index after them.
    fn put(&mut self, at: usize, number: Decimal) -> usize {
        let mut buf = [0; MAX_DECIMAL_TEXT];
        let text = number.write_text(&mut buf);
        let end = at + text.len();
        if let Some(target) = self.text.get_mut(at..end) {
            target.copy_from_slice(text);
        }
        if let Some(target) = self.text.get_mut(end) {
            *target = b':';
        }
        end + 1
    }
}

/// The checksum of a book whose levels change one by one.
///
/// Tracks the changes since the last checksum, so that only changed texts are rewritten. While no
/// checksum is computed, changes are not tracked, and the next checksum rewrites all texts.
/// Allocates about 5 kB when it is made and nothing after that.
#[derive(Clone, Debug)]
pub(crate) struct BookChecksum {
    /// Whether every change since the texts were written is tracked.
    is_noted: bool,
    asks: SideTexts,
    bids: SideTexts,
    /// The joined text, with room for a whole slot at its end.
    joined: [u8; 2 * CHECKSUM_LEVELS * MAX_LEVEL_TEXT + SLOT_BYTES],
}

impl BookChecksum {
    pub(crate) const fn new() -> Self {
        Self {
            is_noted: false,
            asks: SideTexts::new(),
            bids: SideTexts::new(),
            joined: [0; 2 * CHECKSUM_LEVELS * MAX_LEVEL_TEXT + SLOT_BYTES],
        }
    }

    /// Drops all texts, because all levels changed or no checksum is needed. Changes are not
    /// tracked until the next [`BookChecksum::compute`].
    #[inline]
    pub(crate) const fn forget(&mut self) {
        self.is_noted = false;
    }

    /// Tracks a change to a side.
    #[inline]
    pub(crate) fn note(&mut self, side: BookSide, change: SideChange) {
        if !self.is_noted {
            return;
        }
        let texts = match side {
            BookSide::Ask => &mut self.asks,
            BookSide::Bid => &mut self.bids,
        };
        match change {
            SideChange::Inserted { at, .. } => texts.inserted(at),
            SideChange::Replaced(at) => texts.replaced(at),
            SideChange::Removed(at) => texts.removed(at),
            SideChange::Missing | SideChange::Beyond => {}
        }
    }

    /// The checksum of a book, whose sides are given best first: the CRC-32 (IEEE), as a signed
    /// number, of `bid px:bid sz:ask px:ask sz:…` over the best 25 levels, a missing level skipped.
    pub(crate) fn compute(&mut self, asks: &[Level], bids: &[Level]) -> i32 {
        if !self.is_noted {
            (self.asks.stale, self.bids.stale) = (ALL_STALE, ALL_STALE);
            self.is_noted = true;
        }
        self.asks.refresh(asks);
        self.bids.refresh(bids);
        let mut end = 0;
        for at in 0..CHECKSUM_LEVELS.min(asks.len().max(bids.len())) {
            if at < bids.len() {
                end = append(&mut self.joined, end, self.bids.slots.get(at));
            }
            if at < asks.len() {
                end = append(&mut self.joined, end, self.asks.slots.get(at));
            }
        }
        // No colon follows the last number.
        let text = self.joined.get(..end.saturating_sub(1)).unwrap_or_default();
        crc32fast::hash(text).cast_signed()
    }
}

/// Copies the text of a slot to `end`. Returns the index after it.
#[inline]
fn append(joined: &mut [u8], end: usize, slot: Option<&LevelText>) -> usize {
    let Some(slot) = slot else { return end };
    let room = joined.get_mut(end..).and_then(|rest| rest.first_chunk_mut::<SLOT_BYTES>());
    if let Some(room) = room {
        // A copy of fixed length needs no call of memcpy. The next text overwrites its tail.
        *room = slot.text;
    }
    end + usize::from(slot.len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(texts: &[(&str, &str)]) -> Vec<Level> {
        let level =
            |(px, sz): &(&str, &str)| Level::new(px.parse().unwrap(), sz.parse().unwrap(), 1);
        texts.iter().map(level).collect()
    }

    /// The reference: the checksum by its definition.
    fn by_text(asks: &[Level], bids: &[Level]) -> i32 {
        let mut parts = Vec::new();
        for at in 0..25 {
            for level in [bids.get(at), asks.get(at)].into_iter().flatten() {
                parts.push(level.px().to_string());
                parts.push(level.sz().to_string());
            }
        }
        crc32fast::hash(parts.join(":").as_bytes()).cast_signed()
    }

    #[test]
    fn an_empty_book_has_checksum_zero() {
        assert_eq!(BookChecksum::new().compute(&[], &[]), 0);
    }

    #[test]
    fn the_shorter_side_is_skipped() {
        // `printf '0.9:7:1.0:2:1.5:0.1' | gzip -c | tail -c8`, the first four bytes.
        let (asks, bids) = (levels(&[("1.0", "2"), ("1.5", "0.1")]), levels(&[("0.9", "7")]));
        let want = crc32fast::hash(b"0.9:7:1.0:2:1.5:0.1").cast_signed();
        assert_eq!(BookChecksum::new().compute(&asks, &bids), want);
        assert_eq!(by_text(&asks, &bids), want);
    }

    #[test]
    fn the_longest_texts_fit() {
        let longest = levels(&[("-9.223372036854775808", "-9.223372036854775807"); 30]);
        let mut checksum = BookChecksum::new();
        assert_eq!(checksum.compute(&longest, &longest), by_text(&longest, &longest));
    }

    #[test]
    fn texts_follow_the_levels() {
        let mut checksum = BookChecksum::new();
        let mut asks = levels(&[("1", "1"), ("2", "2"), ("3", "3")]);
        for n in 4..40 {
            asks.push(Level::new(Decimal::from(n), Decimal::from(n), 1));
        }
        assert_eq!(checksum.compute(&asks, &[]), by_text(&asks, &[]));
        // Changes at the edges of the covered levels and past them.
        for (n, at) in (0i64..).zip([0, 24, 25, 23, 1, 30, 0, 24]) {
            let new = Level::new(Decimal::from(100 + n), Decimal::from(n), 1);
            asks.insert(at, new);
            checksum.note(BookSide::Ask, SideChange::Inserted { at, full: false });
            assert_eq!(checksum.compute(&asks, &[]), by_text(&asks, &[]), "insert {at}");
            asks[at] = Level::new(Decimal::from(200 + n), Decimal::from(n), 1);
            checksum.note(BookSide::Ask, SideChange::Replaced(at));
            assert_eq!(checksum.compute(&asks, &[]), by_text(&asks, &[]), "replace {at}");
            asks.remove(at.saturating_sub(1));
            checksum.note(BookSide::Ask, SideChange::Removed(at.saturating_sub(1)));
            assert_eq!(checksum.compute(&asks, &[]), by_text(&asks, &[]), "remove {at}");
        }
    }

    #[test]
    fn zero_means_not_sent_in_v5_only() {
        assert_eq!(expected(Some(0), Channel::Books, false), None);
        assert_eq!(expected(Some(0), Channel::Books, true), Some(0));
        assert_eq!(expected(Some(0), Channel::Depth, false), Some(0));
        assert_eq!(expected(Some(7), Channel::Books, false), Some(7));
        assert_eq!(expected(None, Channel::Depth, true), None);
    }
}
