//! Where the slots of numbered instruments are.

use crate::model::Channel;

/// The entries, a power of two: those of 256 instruments of all channels.
const LEN: usize = 1024;

/// The entries of one instrument: of each of three channels, and of all others.
const CHANNELS: usize = 4;

/// Where the slots of instruments are that SBE names by a number, as they were found last.
///
/// A lookup by id hashes and compares a text; one here compares two numbers. An entry that is
/// needed twice is overwritten, and what is not here is found by its id.
#[derive(Debug, Default)]
pub(super) struct NumberedSlots {
    /// Empty until [`NumberedSlots::begin`].
    entries: Box<[Entry]>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    code: i64,
    channel: Channel,
    /// The index of the slot; `u32::MAX` if there is none.
    at: u32,
}

impl Entry {
    const NONE: Self = Self { code: 0, channel: Channel::Trades, at: u32::MAX };
}

impl NumberedSlots {
    /// The index of the slot of an instrument, if it is noted.
    #[inline(always)]
    pub(super) fn get(&self, channel: Channel, code: i64) -> Option<usize> {
        let entry = self.entries.get(place(channel, code))?;
        let is_it = entry.code == code && entry.channel == channel && entry.at != u32::MAX;
        is_it.then_some(entry.at as usize)
    }

    /// Begins without an entry. Allocates all memory.
    pub(super) fn begin(&mut self) {
        self.entries = vec![Entry::NONE; LEN].into();
    }

    /// Notes the index of the slot of an instrument. Before [`NumberedSlots::begin`] it does not.
    pub(super) fn note(&mut self, channel: Channel, code: i64, at: usize) {
        if let (Some(entry), Ok(at)) = (self.entries.get_mut(place(channel, code)), at.try_into()) {
            *entry = Entry { code, channel, at };
        }
    }

    /// Forgets all: slots have moved.
    pub(super) fn clear(&mut self) {
        self.entries.fill(Entry::NONE);
    }
}

/// The entry of an instrument. Numbers of one exchange are dense in their last digits.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
const fn place(channel: Channel, code: i64) -> usize {
    let rank = match channel {
        Channel::BboTbt => 0,
        Channel::Trades => 1,
        Channel::BooksL2Tbt => 2,
        _ => 3,
    };
    (code.cast_unsigned() as usize).wrapping_mul(CHANNELS).wrapping_add(rank) % LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruments_of_successive_numbers_share_no_entry() {
        let mut slots = NumberedSlots::default();
        slots.begin();
        let channels = [Channel::BboTbt, Channel::Trades, Channel::BooksL2Tbt];
        for first in [0, 210_000, i64::MAX - 255, i64::MIN] {
            let all = || (first..=first + 255).flat_map(|code| channels.map(|of| (of, code)));
            all().enumerate().for_each(|(at, (channel, code))| slots.note(channel, code, at));
            for (at, (channel, code)) in all().enumerate() {
                assert_eq!(slots.get(channel, code), Some(at), "{channel:?} {code}");
            }
        }
    }

    #[test]
    fn an_entry_is_of_one_channel_and_one_number() {
        let mut slots = NumberedSlots::default();
        slots.note(Channel::Trades, 7, 3);
        assert_eq!(slots.get(Channel::Trades, 7), None);
        slots.begin();
        slots.note(Channel::Trades, 7, 3);
        slots.note(Channel::BboTbt, 7, 4);
        assert_eq!(slots.get(Channel::Trades, 7), Some(3));
        assert_eq!(slots.get(Channel::BboTbt, 7), Some(4));
        assert_eq!(slots.get(Channel::BooksL2Tbt, 7), None);
        assert_eq!(slots.get(Channel::Trades, 0), None);
        // Of the same entry.
        let other = 7 + (1 << 40);
        assert_eq!(slots.get(Channel::Trades, other), None);
        slots.note(Channel::Trades, other, 9);
        assert_eq!(slots.get(Channel::Trades, 7), None);
        assert_eq!(slots.get(Channel::Trades, other), Some(9));
        slots.clear();
        assert_eq!(slots.get(Channel::Trades, other), None);
    }
}
