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
use super::words::WordArray;

// The algorithm works on a version and words wherever they are: in a lock of this process, or in
// memory that processes share.

/// Writes words by `put`: the version is odd meanwhile. `between` is the fence.
#[inline(always)]
pub(super) fn write_with(version: &AtomicU64, between: impl FnOnce(), put: impl FnOnce()) {
    let before = version.load(Ordering::Relaxed);
    version.store(before.wrapping_add(1), Ordering::Relaxed);
    between();
    put();
    // A reader that sees the even version sees all words: pairs with its first load.
    version.store(before.wrapping_add(2), Ordering::Release);
}

/// The fence of [`write_with`]. A reader that sees one of the new words must also see the odd
/// version before them: it pairs with the reader's fence.
#[inline(always)]
pub(super) fn write_fence() {
    fence(Ordering::Release);
}

/// Reads words and the number of writes; `None` if a write interferes.
#[inline]
pub(super) fn try_read<W: WordArray>(version: &AtomicU64, cells: &[AtomicU64]) -> Option<(W, u64)> {
    let before = version.load(Ordering::Acquire);
    if before % 2 == 1 {
        return None;
    }
    let mut words = W::ZERO;
    for (word, cell) in words.as_mut().iter_mut().zip(cells) {
        *word = cell.load(Ordering::Relaxed);
    }
    fence(Ordering::Acquire);
    (version.load(Ordering::Relaxed) == before).then_some((words, before / 2))
}

/// Alignment to two cache lines: adjacent locks share no line, and no line that the hardware
/// prefetches together with it.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Apart;

/// Alignment to one cache line, for locks that one thread writes in order.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct InARow;

/// The words of a `W` and their version, aligned as `A`.
#[derive(Debug)]
pub(super) struct SeqLock<W: WordArray, A = Apart> {
    _align: [A; 0],
    /// Even: consistent. Odd: a write is in progress. Half of it is the number of writes.
    version: AtomicU64,
    words: W::Cells,
}

/// Writes the words of a write.
pub(super) struct WordWriter<'l, W: WordArray>(&'l W::Cells);

impl<W: WordArray> WordWriter<'_, W> {
    /// Writes the word at an index; ignores an index that is too large.
    #[inline(always)]
    pub(super) fn put(&self, at: usize, word: u64) {
        if let Some(cell) = W::cell(self.0, at) {
            cell.store(word, Ordering::Relaxed);
        }
    }
}

impl<W: WordArray, A> SeqLock<W, A> {
    pub(super) fn new(words: W) -> Self {
        Self { _align: [], version: AtomicU64::new(0), words: words.cells() }
    }

    /// Prefetches all cache lines of the words at once. With thousands of locks they are not in
    /// cache, and stores would fetch them one after the other.
    #[inline(always)]
    pub(super) fn prefetch(&self) {
        prefetch_lines(self);
    }

    /// Writes the words that `put` puts, without an intermediate array. Words that it does not put
    /// stay unchanged. Wait-free.
    ///
    /// There must be one writer at a time; with two, readers may see a mix. The publishers ensure
    /// this with `&mut self`.
    #[inline(always)]
    pub(super) fn write_by(&self, put: impl FnOnce(WordWriter<'_, W>)) {
        write_with(&self.version, write_fence, || put(WordWriter(&self.words)));
    }

    /// Replaces all words.
    #[cfg(all(okx_feed_loom, test))]
    pub(super) fn write(&self, words: &W) {
        self.write_by(|writer| put_all(writer, words));
    }

    /// `write` without its fence: a deliberate fault, for the model that must find it.
    #[cfg(all(okx_feed_loom, test))]
    pub(super) fn write_without_fence(&self, words: &W) {
        write_with(&self.version, || (), || put_all(WordWriter(&self.words), words));
    }

    /// Reads the words and the number of writes; `None` if a write interferes.
    #[inline]
    pub(super) fn try_read(&self) -> Option<(W, u64)> {
        try_read(&self.version, self.words.as_ref())
    }

    /// Reads the words and the number of writes, retrying while writes interfere.
    #[inline]
    pub(super) fn read(&self) -> (W, u64) {
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

#[cfg(all(okx_feed_loom, test))]
fn put_all<W: WordArray>(writer: WordWriter<'_, W>, words: &W) {
    words.as_ref().iter().enumerate().for_each(|(at, word)| writer.put(at, *word));
}

#[inline]
fn spin() {
    #[cfg(okx_feed_loom)]
    loom::thread::yield_now();
    #[cfg(not(okx_feed_loom))]
    std::hint::spin_loop();
}
