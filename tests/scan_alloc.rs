//! The scanners allocate nothing, whatever they are given.
#![expect(unsafe_code, reason = "a global allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use okx_feed::internals::{PADDING, PaddedText, Scanner, Scratch};
use okx_feed::{Dialect, UnixNanos};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: both calls are handed on to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn scanning_allocates_nothing() {
    let text = br#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["31774.7","0.14368878","0","3"]],"bids":[["31774.6","0.3392211","0","3"]],"ts":"1654032991947","seqId":12}]}"#;
    let mut buf = [0; 512];
    buf[..text.len()].copy_from_slice(text);
    assert!(text.len() + PADDING <= buf.len());
    let mut scratch = Scratch::new();
    let (mut taken, mut scans) = (0, 0);
    let before = ALLOCATIONS.get();
    for scanner in [Scanner::new(), Scanner::portable()] {
        for at in 0..text.len() {
            let original = buf[at];
            for byte in [original, b'9', b'x'] {
                buf[at] = byte;
                let text = PaddedText::new(&buf, text.len()).unwrap();
                let scanned = scanner.scan(Dialect::V5, text, UnixNanos(1), &mut scratch);
                taken += u32::from(scanned.is_some());
                scans += 1;
            }
            buf[at] = original;
        }
    }
    assert_eq!(ALLOCATIONS.get(), before);
    assert!(taken > scans / 3 && taken < scans);
}
