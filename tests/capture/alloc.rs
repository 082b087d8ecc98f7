//! Recording costs the feed's thread no allocation.

use okx_feed::Dialect;
use okx_feed::UnixNanos;
use okx_feed::capture::{ConnectionLabel, RecordConfig, RecordKind, Recorder};
use okx_feed_testkit::alloc::allocations;

use crate::recorder::START;
use crate::scratch_dir::ScratchDir;

#[test]
fn recording_allocates_nothing_whatever_the_writer_does() {
    let dir = ScratchDir::new("alloc");
    for blocks in [2, 32] {
        let config = RecordConfig { blocks, ..dir.path().into() };
        let mut recorder = Recorder::start(config, Dialect::V5, START).unwrap();
        let frame = [b'x'; 400];
        let before = allocations();
        for n in 0..50_000 {
            let ts = UnixNanos(START.0 + n * 1_000_000);
            recorder.record(RecordKind::Text, ConnectionLabel::default(), ts, &frame);
        }
        recorder.flush_due(UnixNanos(START.0 + 3_600_000_000_000));
        assert_eq!(allocations() - before, 0, "{blocks} blocks");
        let stats = recorder.recording().stats();
        assert!(stats.lines > 0);
    }
}
