//! The scanners allocate nothing, for every input.

use okx_feed::internals::{PADDING, PaddedText, Scanner, Scratch};
use okx_feed::{Dialect, UnixNanos};
use okx_feed_testkit::alloc::allocations;

#[test]
fn scanning_allocates_nothing() {
    let text = br#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["31774.7","0.14368878","0","3"]],"bids":[["31774.6","0.3392211","0","3"]],"ts":"1654032991947","seqId":12}]}"#;
    let mut buf = [0; 512];
    buf[..text.len()].copy_from_slice(text);
    assert!(text.len() + PADDING <= buf.len());
    let mut scratch = Scratch::new();
    let (mut taken, mut scans) = (0, 0);
    let before = allocations();
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
    assert_eq!(allocations(), before);
    assert!(taken > scans / 3 && taken < scans);
}
