//! Values in a slot: the sequence lock of the thread publication, over shared words.

#[cfg(okx_feed_loom)]
use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(okx_feed_loom))]
use std::sync::atomic::{AtomicU64, Ordering};

use super::layout::{RING_HEAD, RING_NEXT, RING_STATE, SlotLayout, stride};
use crate::model::BookState;
use crate::publish::ring::RingValue;
use crate::publish::seqlock::{try_read, write_fence, write_with};
use crate::publish::words::{WordArray, Words};

/// How often a reader retries while a write interferes. A write takes a few dozen nanoseconds; one
/// that takes longer was interrupted, or its process ended in the middle of it.
const RETRIES: usize = 100_000;

/// The words of a value, without its version.
pub(super) fn value_words<T: Words>() -> usize {
    T::Array::ZERO.as_ref().len()
}

/// A value's version and words.
#[inline]
fn value<'s>(
    segment: &'s [AtomicU64],
    place: &SlotLayout,
    nth: usize,
) -> Option<(&'s AtomicU64, &'s [AtomicU64])> {
    let head = if place.kind.is_ring() { RING_HEAD } else { 0 };
    let at = place.at + head + nth * stride(place.value_words);
    let (version, words) = segment.get(at..=at + place.value_words)?.split_first()?;
    Some((version, words))
}

/// Writes a value. Wait-free; the caller is the only writer.
#[inline]
pub(super) fn write<T: Words>(
    segment: &[AtomicU64],
    place: &SlotLayout,
    nth: usize,
    new: &T,
    mark: u8,
) {
    if let Some((version, words)) = value(segment, place, nth) {
        write_with(version, write_fence, || {
            new.put_words(mark, |at, word| {
                if let Some(cell) = words.get(at) {
                    cell.store(word, Ordering::Relaxed);
                }
            });
        });
    }
}

/// Reads a value, its mark and the number of its writes once; `None` if a write interferes.
#[inline]
pub(super) fn try_value<T: Words>(
    segment: &[AtomicU64],
    place: &SlotLayout,
    nth: usize,
) -> Option<(T, u8, u64)> {
    let (version, words) = value(segment, place, nth)?;
    if words.len() < value_words::<T>() {
        return None;
    }
    let (words, writes) = try_read::<T::Array>(version, words)?;
    let (value, mark) = T::from_words(&words);
    Some((value, mark, writes))
}

/// As [`try_value`], retrying; `None` if writes interfere for too long.
#[inline]
pub(super) fn read<T: Words>(segment: &[AtomicU64], place: &SlotLayout) -> Option<(T, u8, u64)> {
    (0..RETRIES).find_map(|_| {
        let read = try_value(segment, place, 0);
        if read.is_none() {
            std::hint::spin_loop();
        }
        read
    })
}

/// Adds a value to a ring, at the place `at` of the next number. Wait-free; the caller is the only
/// writer.
#[inline]
pub(super) fn push<T: Words>(segment: &[AtomicU64], place: &SlotLayout, at: usize, new: &T) {
    let Some(next) = ring_next(segment, place) else { return };
    write(segment, place, at, new, 0);
    next.store(next.load(Ordering::Relaxed) + 1, Ordering::Release);
}

/// The value of a number of a ring; `None` if it was overwritten, was lost or is not published yet.
#[inline]
pub(super) fn at<T: RingValue>(
    segment: &[AtomicU64],
    place: &SlotLayout,
    number: u64,
) -> Option<T> {
    let len = place.len as u64;
    let nth = usize::try_from(number.checked_rem(len)?).ok()?;
    if number >= next(segment, place) {
        return None;
    }
    let (value, _, writes) = try_value::<T>(segment, place, nth)?;
    (writes == number / len + 1).then_some(value).filter(T::is_some)
}

/// The number of the next value of a ring, for a reader; 0 if there is no such word.
#[inline]
pub(super) fn next(segment: &[AtomicU64], place: &SlotLayout) -> u64 {
    ring_next(segment, place).map_or(0, |next| next.load(Ordering::Acquire))
}

/// The number of the next value of a ring.
#[inline]
fn ring_next<'s>(segment: &'s [AtomicU64], place: &SlotLayout) -> Option<&'s AtomicU64> {
    segment.get(place.at + RING_NEXT)
}

/// The code of a ring's state.
pub(super) fn ring_state<'s>(
    segment: &'s [AtomicU64],
    place: &SlotLayout,
) -> Option<&'s AtomicU64> {
    segment.get(place.at + RING_STATE)
}

/// The state of a code; [`BookState::Connecting`] for a code that is unknown.
pub(super) fn state_of(code: u64) -> BookState {
    BookState::from_code(u8::try_from(code).unwrap_or(0))
}
