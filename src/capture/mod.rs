//! Captures: raw frames on disk, as they came, and the older text forms of such recordings.
//!
//! `docs/CAPTURE.md` defines the format.

mod block;
mod block_order;
mod block_reader;
mod config;
mod entry;
mod error;
mod file_writer;
mod form;
mod line;
mod line_reader;
mod line_writer;
mod reader;
mod recorder;
mod source;
mod stats;
mod trailer;
mod writer;
mod zstd_frame;

pub use config::{RecordConfig, RecordStream, SyncPolicy};
pub use entry::{ConnectionLabel, Entry, EntryKind, LineFault, Mark, gap_times, read_gap};
pub use error::CaptureError;
pub use form::LineForm;
pub use reader::CaptureReader;
pub use recorder::{CapturedKind, Recorder};
pub use stats::{RecordStats, Recording};
pub use trailer::Trailer;
