//! A sequence lock: a few words that one thread writes and any number read whole.
//!
//! The words are relaxed atomics, so there is no data race and no `unsafe`; the version around them
//! tells a reader whether it saw one write or a mix of two. The writer never waits. A reader
//! retries while a write is under way.

#[cfg(okx_feed_loom)]
use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(okx_feed_loom))]
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::prefetch::prefetch_lines;

/// Two cache lines: neighbours share none, and none is the adjacent line that the hardware
/// prefetches.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Apart;

/// One cache line, for locks that one thread writes one after the other.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct InARow;

/// `N` words behind a version, aligned as `A` is.
#[derive(Debug)]
pub(super) struct SeqLock<const N: usize, A = Apart> {
    _align: [A; 0],
    /// Even: whole. Odd: a write is under way. Half of it is the number of writes.
    version: AtomicU64,
    words: [AtomicU64; N],
}

/// Where the words of a write go.
pub(super) struct WordWriter<'l, const N: usize>(&'l [AtomicU64; N]);

impl<const N: usize> WordWriter<'_, N> {
    /// Puts a word in its place, below `N`; for any other it goes nowhere.
    #[inline(always)]
    pub(super) fn put(&self, at: usize, word: u64) {
        if let Some(place) = self.0.get(at) {
            place.store(word, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn put_all(&self, words: &[u64; N]) {
        for (place, word) in self.0.iter().zip(words) {
            place.store(*word, Ordering::Relaxed);
        }
    }
}

impl<const N: usize, A> SeqLock<N, A> {
    pub(super) fn new(words: [u64; N]) -> Self {
        Self { _align: [], version: AtomicU64::new(0), words: words.map(AtomicU64::new) }
    }

    /// Asks for the words' cache lines, all at once: where there are thousands of locks they are
    /// far away, and stores would fetch them one after the other.
    #[inline(always)]
    pub(super) fn prefetch(&self) {
        prefetch_lines(self);
    }

    /// Replaces the words. Wait-free.
    ///
    /// There must be one writer: two at once would let readers see a mix. The publishers see to it
    /// by taking themselves as `&mut`.
    #[inline]
    pub(super) fn write(&self, words: &[u64; N]) {
        self.write_by(|places| places.put_all(words));
    }

    /// As [`SeqLock::write`], with words that `put` puts one by one: where it has them in no array,
    /// they need not go through one. Those that it does not put stay.
    #[inline(always)]
    pub(super) fn write_by(&self, put: impl FnOnce(WordWriter<'_, N>)) {
        // A reader that sees one of the new words must see the odd version before them too: this
        // fence pairs with the reader's second one.
        self.write_behind(|| fence(Ordering::Release), put);
    }

    /// The same without the fence, which is wrong: the models must see it.
    #[cfg(all(okx_feed_loom, test))]
    pub(super) fn write_in_bad_order(&self, words: &[u64; N]) {
        self.write_behind(|| (), |places| places.put_all(words));
    }

    #[inline(always)]
    fn write_behind(&self, fence: impl FnOnce(), put: impl FnOnce(WordWriter<'_, N>)) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence();
        put(WordWriter(&self.words));
        // A reader that sees the even version sees all words: pairs with its first load.
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    /// Reads the words if no write is in the way, with the number of writes that they are from.
    #[inline]
    pub(super) fn try_read(&self) -> Option<([u64; N], u64)> {
        let version = self.version.load(Ordering::Acquire);
        if version % 2 == 1 {
            return None;
        }
        let mut words = [0; N];
        for (word, place) in words.iter_mut().zip(&self.words) {
            *word = place.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) == version).then_some((words, version / 2))
    }

    /// Reads the words, retrying while writes are in the way.
    #[inline]
    pub(super) fn read(&self) -> ([u64; N], u64) {
        loop {
            if let Some(read) = self.try_read() {
                return read;
            }
            spin();
        }
    }

    /// The number of writes so far, for a reader who wants to know whether there is anything new.
    #[inline]
    pub(super) fn writes(&self) -> u64 {
        self.version.load(Ordering::Acquire) / 2
    }
}

#[inline]
fn spin() {
    #[cfg(okx_feed_loom)]
    loom::thread::yield_now();
    #[cfg(not(okx_feed_loom))]
    std::hint::spin_loop();
}
