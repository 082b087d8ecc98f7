//! Values as words, for publication in atomics.

#[cfg(okx_feed_loom)]
use loom::sync::atomic::AtomicU64;
#[cfg(not(okx_feed_loom))]
use std::sync::atomic::AtomicU64;

use crate::book::Book5;
use crate::model::{Record, Trade};

/// A value that is published as a fixed number of words.
///
/// The caller's byte `mark` is written with the value. What a reader gets is one write, never a mix
/// of two.
pub trait Words: Sized {
    /// The words, `[u64; N]`.
    type Array: WordArray;

    /// The value before the first publication.
    const EMPTY: Self;

    /// Passes the words of the value and of `mark` to `put`, each at most once, with its index.
    /// Words that are not passed keep an earlier value, so [`Words::from_words`] must not use them.
    fn put_words(&self, mark: u8, put: impl FnMut(usize, u64));

    /// The value and the mark of [`Words::put_words`]. Any words give a valid value.
    fn from_words(words: &Self::Array) -> (Self, u8);
}

/// An array of words, `[u64; N]`.
pub trait WordArray: Copy + AsRef<[u64]> + AsMut<[u64]> {
    /// The same number of atomics.
    type Cells: AsRef<[AtomicU64]> + std::fmt::Debug + Send + Sync;

    /// All words zero.
    const ZERO: Self;

    /// Atomics with these words.
    fn cells(self) -> Self::Cells;

    /// The atomic at an index.
    fn cell(cells: &Self::Cells, at: usize) -> Option<&AtomicU64>;
}

impl<const N: usize> WordArray for [u64; N] {
    type Cells = [AtomicU64; N];

    const ZERO: Self = [0; N];

    fn cells(self) -> Self::Cells {
        self.map(AtomicU64::new)
    }

    // Of an array, not of a slice: what is written to constant indices needs no check then.
    #[inline(always)]
    fn cell(cells: &Self::Cells, at: usize) -> Option<&AtomicU64> {
        cells.get(at)
    }
}

/// The words of a value in an array.
pub(super) fn words_of<T: Words>(value: &T, mark: u8) -> T::Array {
    let mut words = T::Array::ZERO;
    value.put_words(mark, |at, word| {
        if let Some(entry) = words.as_mut().get_mut(at) {
            *entry = word;
        }
    });
    words
}

impl Words for Book5 {
    type Array = [u64; Self::WORDS];

    const EMPTY: Self = Self::EMPTY;

    #[inline(always)]
    fn put_words(&self, mark: u8, put: impl FnMut(usize, u64)) {
        Self::put_words(self, mark, put);
    }

    #[inline]
    fn from_words(words: &Self::Array) -> (Self, u8) {
        Self::from_words(words)
    }
}

/// Fills a cache line with the count of writes, so there is no room for a mark: none is kept.
impl Words for Trade {
    type Array = [u64; Self::WORDS];

    const EMPTY: Self = Self::EMPTY;

    #[inline(always)]
    fn put_words(&self, _mark: u8, mut put: impl FnMut(usize, u64)) {
        for (at, word) in self.to_words().into_iter().enumerate() {
            put(at, word);
        }
    }

    #[inline]
    fn from_words(words: &Self::Array) -> (Self, u8) {
        (Self::from_words(*words), 0)
    }
}

impl Words for Record {
    type Array = [u64; Self::WORDS];

    const EMPTY: Self = Self::EMPTY;

    #[inline]
    fn put_words(&self, mark: u8, put: impl FnMut(usize, u64)) {
        Self::put_words(self, mark, put);
    }

    #[inline]
    fn from_words(words: &Self::Array) -> (Self, u8) {
        Self::from_words(words)
    }
}
