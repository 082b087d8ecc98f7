//! A file that says it is a capture.

use std::io::Cursor;

use okx_feed::capture::{CaptureReader, EntryKind, LineForm};
use okx_feed::wire::DecodeLimits;

/// The most lines that are read: a few bytes may stand for very many.
const MAX_LINES: usize = 20_000;

/// Any bytes after a first one, which chooses the form of the lines: every line ends up as
/// something of bounded length, looking at a line changes nothing, and the end is found.
pub fn capture(bytes: &[u8]) {
    let Some((choice, file)) = bytes.split_first() else { return };
    let mut reader = CaptureReader::from_reader(Cursor::new(file.to_vec()));
    let forms = [LineForm::Jsonl, LineForm::Tsv, LineForm::Tardis, LineForm::Collector];
    if let Some(form) = forms.get(usize::from(choice % 5)) {
        reader = reader.with_form(*form);
    }
    for number in 1..=MAX_LINES as u64 {
        let peeked = reader.peek().map(|entry| entry.map(|entry| format!("{entry:?}")));
        let Ok(peeked) = peeked else { return };
        let Ok(Some(entry)) = reader.next_entry() else { break };
        if let Some(peeked) = peeked {
            assert_eq!(peeked, format!("{entry:?}"));
        }
        match entry.kind {
            EntryKind::Frame(frame) => {
                // A line that is base64 or has no columns may be somewhat longer than a frame.
                assert!(frame.len() <= DecodeLimits::MAX_FRAME_LEN * 2);
            }
            EntryKind::Malformed(fault) => assert!(!fault.kind.is_empty()),
            _ => {}
        }
        assert_eq!(reader.line_number(), number);
    }
    if reader.is_ended() {
        assert!(matches!(reader.next_entry(), Ok(None)) || reader.is_ready());
        if let Some(len) = reader.committed_len() {
            assert!(len <= file.len() as u64);
        }
    }
}
