//! Reads captures, whatever they are packed with and whatever recorder wrote them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::entry::{ConnectionLabel, Entry, EntryKind, LineFault};
use super::error::CaptureError;
use super::form::LineForm;
use super::line::parse;
use super::line_reader::{LineReader, MAX_LINE_LEN, RawLine};
use super::source::Source;
use crate::model::UnixNanos;
use crate::wire::DecodeLimits;

/// The limit of a frame, which a line over the limit exceeds.
#[expect(clippy::cast_possible_truncation, reason = "it is a megabyte")]
const MAX_FRAME_LEN: u32 = DecodeLimits::MAX_FRAME_LEN as u32;

/// Room for the longest body that the longest line holds.
const BODY_ROOM: usize = MAX_LINE_LEN / 4 * 3 + 3;

/// Reads the start of a line over the limit. Its frame is over the limit of frames, too: a decoder
/// skips it if its first bytes name a channel that is not decoded, and else refuses it.
#[cold]
fn parse_start<'a>(form: LineForm, start: &'a [u8], body: &'a mut [u8]) -> Entry<'a> {
    // What is base64 is only read in groups of four.
    let cut = |by: usize| start.get(..start.len().saturating_sub(by)).unwrap_or_default();
    let is_frame = |by: &usize| {
        let entry = parse(form, cut(*by), body);
        matches!(entry.kind, EntryKind::Frame(frame) if frame.len() > DecodeLimits::MAX_FRAME_LEN)
    };
    match (0..4).find(is_frame) {
        Some(by) => parse(form, cut(by), body),
        None => {
            let fault = LineFault { kind: "frame_too_large", offset: MAX_FRAME_LEN };
            let connection = ConnectionLabel::default();
            let kind = EntryKind::Malformed(fault);
            Entry { ts_recv: UnixNanos::UNKNOWN, connection, kind }
        }
    }
}

/// Reads the lines of a capture in order.
///
/// Reads our `.tsv.zst`, `.tsv` and `.jsonl`, Tardis' raw lines and those of hftbacktest's
/// collector, each plain or packed with gzip or zstd; what it is packed with is found in the file
/// itself. Memory is about 3 MiB and, for zstd, what its frames ask for, at most 128 MiB; it does
/// not grow with the file.
///
/// What the file says is not trusted: no bytes cause a panic or an allocation without bound. A file
/// that ends in the middle, as that of a killed process does, gives all that was committed, and
/// [`CaptureReader::is_torn`] says so. In our format, blocks that are damaged, missing or moved
/// give a [`Mark::Gap`](super::Mark::Gap) in their place, and what follows is read.
///
/// # Example
/// ```
/// use okx_feed::capture::{CaptureReader, EntryKind};
///
/// let mut capture = CaptureReader::from_reader(&b"1630454400012345600 {\"event\":\"x\"}\n"[..]);
/// while let Some(entry) = capture.next_entry()? {
///     if let EntryKind::Frame(frame) = entry.kind {
///         assert_eq!((entry.ts_recv.0, frame.len()), (1_630_454_400_012_345_600, 13));
///     }
/// }
/// # Ok::<(), okx_feed::capture::CaptureError>(())
/// ```
#[derive(Debug)]
pub struct CaptureReader {
    lines: LineReader<Source>,
    path: PathBuf,
    form: Option<LineForm>,
    /// The bytes of what is base64 in the line.
    body: Box<[u8]>,
    len: u64,
    number: u64,
}

impl CaptureReader {
    /// Opens a file. The form of its lines is that of its name, or of its first line.
    ///
    /// # Errors
    /// [`CaptureError::Open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CaptureError> {
        let path = path.as_ref();
        let failed = |source| CaptureError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let mut reader = Self::from_reader(file);
        path.clone_into(&mut reader.path);
        (reader.form, reader.len) = (LineForm::of_name(path), metadata.len());
        Ok(reader)
    }

    /// Reads from a source that has no name. The form of its lines is that of the first.
    #[must_use]
    pub fn from_reader(source: impl Read + Send + 'static) -> Self {
        Self {
            lines: LineReader::new(Source::new(Box::new(source)), MAX_LINE_LEN),
            path: PathBuf::from("-"),
            form: None,
            body: vec![0; BODY_ROOM].into_boxed_slice(),
            len: 0,
            number: 0,
        }
    }

    /// Sets the form of the lines.
    #[must_use]
    pub const fn with_form(mut self, form: LineForm) -> Self {
        self.form = Some(form);
        self
    }

    /// Leaves out what is not of a time from `from` to before `to`, as far as the file's index
    /// shows that: blocks of our format that hold nothing of it are not decompressed. Other lines
    /// must still be compared. To be called before anything is read.
    #[must_use]
    pub fn with_times(mut self, from: UnixNanos, to: UnixNanos) -> Self {
        self.lines.source_mut().limit(from, to);
        self
    }

    /// The form of the lines; `None` where nothing shows it yet.
    #[must_use]
    pub const fn form(&self) -> Option<LineForm> {
        self.form
    }

    /// Finds the form of the lines in the first of them, where nothing else says it; `None` where
    /// that shows none either, and each line is then the text of a message.
    ///
    /// # Errors
    /// [`CaptureError::Read`].
    pub fn detect_form(&mut self) -> Result<Option<LineForm>, CaptureError> {
        if self.form.is_none() && self.load()? {
            self.form = self.lines.peek().and_then(LineForm::of_line);
        }
        Ok(self.form)
    }

    /// Reads until the next line is there. False at the end.
    fn load(&mut self) -> Result<bool, CaptureError> {
        while !self.lines.is_ready() {
            if self.lines.ended() {
                return Ok(false);
            }
            self.fill()?;
        }
        Ok(true)
    }

    /// The next line, where it is there; `None` if [`CaptureReader::fill`] must read more first, or
    /// if the capture [has ended](CaptureReader::is_ended).
    #[inline]
    pub fn take(&mut self) -> Option<Entry<'_>> {
        let line = self.lines.take()?;
        self.number += 1;
        let line = match line {
            RawLine::Bytes(line) => line,
            RawLine::TooLong(start) => {
                let form = self.form.or_else(|| LineForm::of_line(start));
                return Some(parse_start(form.unwrap_or(LineForm::Jsonl), start, &mut self.body));
            }
        };
        if self.form.is_none() && !line.is_empty() {
            self.form = Some(LineForm::of_line(line).unwrap_or(LineForm::Jsonl));
        }
        Some(parse(self.form.unwrap_or(LineForm::Jsonl), line, &mut self.body))
    }

    /// Reads once. To be called when [`CaptureReader::take`] gave nothing; may block.
    ///
    /// # Errors
    /// [`CaptureError::Read`].
    pub fn fill(&mut self) -> Result<(), CaptureError> {
        let failed = |source| CaptureError::Read { path: self.path.clone(), source };
        self.lines.fill().map_err(failed)
    }

    /// Whether [`CaptureReader::take`] has a line.
    #[inline]
    pub fn is_ready(&mut self) -> bool {
        self.lines.is_ready()
    }

    /// Whether the source has ended. [`CaptureReader::take`] may still have lines.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.lines.ended()
    }

    /// Whether the next [`CaptureReader::fill`] may block, since the last one gave less than there
    /// was room for.
    #[must_use]
    pub const fn may_block(&self) -> bool {
        self.lines.starved()
    }

    /// The next line; `None` at the end. Blocks where the source does.
    ///
    /// # Errors
    /// [`CaptureError::Read`].
    #[inline]
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_>>, CaptureError> {
        Ok(if self.load()? { self.take() } else { None })
    }

    /// The next line, which stays the next one; `None` at the end and where it is too long.
    ///
    /// # Errors
    /// [`CaptureError::Read`].
    pub fn peek(&mut self) -> Result<Option<Entry<'_>>, CaptureError> {
        if !self.load()? {
            return Ok(None);
        }
        let Some(line) = self.lines.peek() else { return Ok(None) };
        let form = self.form.or_else(|| LineForm::of_line(line)).unwrap_or(LineForm::Jsonl);
        Ok(Some(parse(form, line, &mut self.body)))
    }

    /// The number of the last line, from 1.
    #[must_use]
    pub const fn line_number(&self) -> u64 {
        self.number
    }

    /// The bytes of the file that were read, and all of them; 0 where that is not known.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (self.lines.source().read_len(), self.len)
    }

    /// Whether the file ends in the middle: in our format, what follows the last commit mark was
    /// left out. Known once the capture has ended.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.lines.source().is_torn()
    }

    /// Whether [`CaptureReader::with_times`] has left out blocks at the end.
    pub(crate) fn is_limited(&self) -> bool {
        self.lines.source().is_limited()
    }

    /// The first and the latest time of the blocks so far, those that were left out included;
    /// `None` where the file is not of our format.
    pub(crate) fn block_times(&self) -> Option<(UnixNanos, UnixNanos)> {
        self.lines.source().block_times()
    }

    /// Where the last block that was read ends, in bytes; `None` where the file is not of our
    /// format.
    #[must_use]
    pub fn committed_len(&self) -> Option<u64> {
        self.lines.source().committed_len()
    }
}
