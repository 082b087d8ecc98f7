//! A sequence lock: a few words with one writer and any number of readers.
//!
//! The words are relaxed atomics, so there is no data race and no `unsafe`. The version shows a
//! reader whether it read one write or a mix of two. The writer never waits. A reader retries while
//! a write is in progress.

#[cfg(okx_feed_loom)]
use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(okx_feed_loom))]
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::prefetch::prefetch_lines;

/// Alignment to two cache lines: adjacent locks share no line, and no line that the hardware
/// prefetches together with it.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Apart;

/// Alignment to one cache line, for locks that one thread writes in order.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct InARow;

/// `N` words and their version, aligned as `A`.
#[derive(Debug)]
pub(super) struct SeqLock<const N: usize, A = Apart> {
    _align: [A; 0],
    /// Even: consistent. Odd: a write is in progress. Half of it is the number of writes.
    version: AtomicU64,
    words: [AtomicU64; N],
}

/// Writes the words of a write.
pub(super) struct WordWriter<'l, const N: usize>(&'l [AtomicU64; N]);

impl<const N: usize> WordWriter<'_, N> {
    /// Writes the word at an index below `N`; ignores any other index.
    #[inline(always)]
    pub(super) fn put(&self, at: usize, word: u64) {
        if let Some(cell) = self.0.get(at) {
            cell.store(word, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn put_all(&self, words: &[u64; N]) {
        for (cell, word) in self.0.iter().zip(words) {
            cell.store(*word, Ordering::Relaxed);
        }
    }
}

impl<const N: usize, A> SeqLock<N, A> {
    pub(super) fn new(words: [u64; N]) -> Self {
        Self { _align: [], version: AtomicU64::new(0), words: words.map(AtomicU64::new) }
    }

    /// Prefetches all cache lines of the words at once. With thousands of locks they are not in
    /// cache, and stores would fetch them one after the other.
    #[inline(always)]
    pub(super) fn prefetch(&self) {
        prefetch_lines(self);
    }

    /// Replaces the words. Wait-free.
    ///
    /// There must be one writer at a time; with two, readers may see a mix. The publishers ensure
    /// this with `&mut self`.
    #[inline]
    pub(super) fn write(&self, words: &[u64; N]) {
        self.write_by(|writer| writer.put_all(words));
    }

    /// As [`SeqLock::write`], with words that `put` writes one by one, without an intermediate
    /// array. Words that it does not write stay unchanged.
    #[inline(always)]
    pub(super) fn write_by(&self, put: impl FnOnce(WordWriter<'_, N>)) {
        // A reader that sees one of the new words must also see the odd version before them: this
        // fence pairs with the reader's fence.
        self.write_after_fence(|| fence(Ordering::Release), put);
    }

    /// `write` without its fence: a deliberate fault, for the model that must find it.
    #[cfg(all(okx_feed_loom, test))]
    pub(super) fn write_without_fence(&self, words: &[u64; N]) {
        self.write_after_fence(|| (), |writer| writer.put_all(words));
    }

    #[inline(always)]
    fn write_after_fence(&self, fence: impl FnOnce(), put: impl FnOnce(WordWriter<'_, N>)) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence();
        put(WordWriter(&self.words));
        // A reader that sees the even version sees all words: pairs with its first load.
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    /// Reads the words and the number of writes; `None` if a write interferes.
    #[inline]
    pub(super) fn try_read(&self) -> Option<([u64; N], u64)> {
        let version = self.version.load(Ordering::Acquire);
        if version % 2 == 1 {
            return None;
        }
        let mut words = [0; N];
        for (word, cell) in words.iter_mut().zip(&self.words) {
            *word = cell.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) == version).then_some((words, version / 2))
    }

    /// Reads the words and the number of writes, retrying while writes interfere.
    #[inline]
    pub(super) fn read(&self) -> ([u64; N], u64) {
        loop {
            if let Some(read) = self.try_read() {
                return read;
            }
            spin();
        }
    }

    /// The number of writes so far, for a reader to detect a new one.
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
