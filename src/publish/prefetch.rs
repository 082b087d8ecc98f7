//! Memory prefetch.
#![cfg_attr(
    all(target_arch = "x86_64", not(miri)),
    expect(unsafe_code, reason = "std::arch prefetches through pointers only")
)]

/// The cache-line size in bytes on the supported processors.
const LINE: usize = 64;

/// Prefetches all cache lines of a value without waiting.
///
/// A load has the same effect while the lines are in a cache. From memory, an unfinished load
/// stalls the processor; a prefetch does not. Does nothing on processors other than x86-64.
#[inline(always)]
pub(crate) fn prefetch_lines<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<i8>();
    for offset in (0..size_of::<T>()).step_by(LINE) {
        prefetch(start.wrapping_add(offset));
    }
    // A value that does not start on a line boundary may end in one more line.
    if align_of::<T>() < LINE {
        prefetch(start.wrapping_add(size_of::<T>().saturating_sub(1)));
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn prefetch(line: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    // SAFETY: a prefetch reads and writes nothing and faults on no address; this one is inside of a
    // value that is borrowed.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line) }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
fn prefetch(_: *const i8) {}
