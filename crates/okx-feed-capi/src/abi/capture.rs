//! Captures, line by line.
#![expect(unsafe_code, reason = "names are exported")]

use std::ffi::c_char;

use okx_feed::capture::CaptureReader;

use crate::handles::{Exclusive, Handle, close, open, with};
use crate::pointers::{check_out, put, text};
use crate::status::{Failure, Status, guard};
use crate::types::Entry;

/// A capture: recorded frames, line by line.
#[derive(Debug)]
pub struct Capture(());

impl Handle for Capture {
    type Object = Exclusive<CaptureReader>;
    const NAME: &'static str = "a capture";
}

/// Opens a capture: .tsv.zst, .tsv, .jsonl, or raw lines of Tardis and of hftbacktest's collector,
/// plain or packed with gzip or zstd.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_capture_open(path: *const c_char, out: *mut *mut Capture) -> Status {
    guard(|| {
        check_out(out, "out")?;
        let reader = CaptureReader::open(text(path, "path")?);
        let reader = reader.map_err(|error| Failure::new(Status::Io, error))?;
        put(out, open(Exclusive::new(reader)), "out")?;
        Ok(Status::Ok)
    })
}

/// The next line. OKX_STATUS_END at the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_capture_next(capture: *mut Capture, out: *mut Entry) -> Status {
    guard(|| {
        check_out(out, "out")?;
        with(capture, |reader| {
            reader.with(|reader| {
                let entry = reader.next_entry().map_err(|error| Failure::new(Status::Io, error))?;
                let Some(entry) = entry else { return Ok(Status::End) };
                put(out, Entry::from(&entry), "out")?;
                Ok(Status::Ok)
            })
        })
    })
}

/// Closes a capture.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_capture_close(capture: *mut Capture) -> Status {
    guard(|| close(capture, Exclusive::end))
}
