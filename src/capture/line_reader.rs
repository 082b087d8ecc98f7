//! Reads the lines of a file in a fixed amount of memory.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use memchr::memchr;

use crate::wire::DecodeLimits;

/// The longest line that is kept, in bytes, its end included: base64 of the longest frame, and room
/// for what stands before it. A longer one is a frame over the limit in any form; its start is
/// kept.
pub(super) const MAX_LINE_LEN: usize = DecodeLimits::MAX_FRAME_LEN.div_ceil(3) * 4 + 128;

/// The most bytes of one read.
const CHUNK_LEN: usize = 64 << 10;

/// One line, without its end: `\n` or `\r\n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RawLine<'a> {
    /// The bytes of the line.
    Bytes(&'a [u8]),
    /// The start of a line over the limit. The bytes past the limit were dropped as they came.
    TooLong(&'a [u8]),
}

/// Splits a source into lines. Lines are bytes and need not be UTF-8.
///
/// Call [`LineReader::take`] until it returns `None`, then [`LineReader::fill`], and repeat until
/// [`LineReader::ended`].
/// The caller thus knows when the next read may block. All memory is one buffer of the limit's
/// size and of one read, allocated in [`LineReader::new`]. Pages of it that no line needs are never
/// touched.
pub(super) struct LineReader<R> {
    source: R,
    max_len: usize,
    /// Holds the bytes `start..end`, of which `start..scanned` have no line end. It has room for a
    /// read behind the longest line.
    buf: Box<[u8]>,
    start: usize,
    scanned: usize,
    end: usize,
    /// Whether bytes behind the start of the line were dropped.
    dropping: bool,
    /// The line that [`LineReader::is_ready`] found, and where the next one begins.
    found: Option<(Range<usize>, usize)>,
    starved: bool,
    ended: bool,
}

impl<R: Read> LineReader<R> {
    /// Makes the lines of a source, each at most `max_len` bytes long, line end included.
    pub(super) fn new(source: R, max_len: usize) -> Self {
        let max_len = max_len.max(1);
        Self {
            source,
            max_len,
            buf: vec![0; max_len + CHUNK_LEN].into_boxed_slice(),
            start: 0,
            scanned: 0,
            end: 0,
            dropping: false,
            found: None,
            starved: false,
            ended: false,
        }
    }

    /// Whether the next line is there; if not, more must be read first, or the source has ended.
    ///
    /// The last line needs no line end.
    #[inline]
    pub(super) fn is_ready(&mut self) -> bool {
        if self.found.is_some() {
            return true;
        }
        let fresh = self.buf.get(self.scanned..self.end).unwrap_or_default();
        match memchr(b'\n', fresh) {
            Some(at) => {
                let end = self.scanned + at;
                // The end of a line counts.
                self.dropping |= end - self.start >= self.max_len;
                self.found = Some((self.start..self.cut(end), end + 1));
            }
            None => {
                self.dropping |= self.end - self.start > self.max_len;
                self.end = self.cut(self.end);
                self.scanned = self.end;
                if !self.ended || self.start == self.end {
                    return false;
                }
                self.found = Some((self.start..self.end, self.end));
            }
        }
        true
    }

    /// Where the bytes of the line that are kept end, if it ends at `end`.
    const fn cut(&self, end: usize) -> usize {
        let limit = self.start + self.max_len;
        if end < limit { end } else { limit }
    }

    /// The next line, where [`LineReader::is_ready`].
    #[inline]
    pub(super) fn take(&mut self) -> Option<RawLine<'_>> {
        if !self.is_ready() {
            return None;
        }
        let (line, next) = self.found.take()?;
        (self.start, self.scanned) = (next, next);
        let line = self.buf.get(line).unwrap_or_default();
        Some(match std::mem::take(&mut self.dropping) {
            true => RawLine::TooLong(line),
            false => RawLine::Bytes(line.strip_suffix(b"\r").unwrap_or(line)),
        })
    }

    /// The next line, where [`LineReader::is_ready`], which stays the next one.
    pub(super) fn peek(&mut self) -> Option<&[u8]> {
        self.is_ready();
        let (line, _) = self.found.as_ref()?;
        let line = self.buf.get(line.clone()).filter(|_| !self.dropping)?;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// Reads once from the source. To be called when [`LineReader::take`] returned `None`.
    ///
    /// # Errors
    /// The error of the source.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            // What is left is the start of one line, mostly short.
            self.buf.copy_within(self.start..self.end, 0);
            self.scanned -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        let room_end = self.buf.len().min(self.end + CHUNK_LEN);
        let room = self.buf.get_mut(self.end..room_end).unwrap_or_default();
        if room.is_empty() {
            return Ok(());
        }
        let len = loop {
            match self.source.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.starved = len < room.len();
        self.ended = len == 0;
        self.end += len;
        Ok(())
    }

    /// Whether the last read returned less than requested, so that the next one may block.
    pub(super) const fn starved(&self) -> bool {
        self.starved
    }

    /// The source.
    pub(super) const fn source(&self) -> &R {
        &self.source
    }

    /// The source.
    pub(super) const fn source_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// Whether the source has ended. [`LineReader::take`] may still have lines.
    pub(super) const fn ended(&self) -> bool {
        self.ended
    }
}

impl<R> fmt::Debug for LineReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineReader")
            .field("buffered", &(self.end - self.start))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, and a signal's interruption before each.
    struct Trickle<'a>(&'a [u8], usize, bool);

    impl Read for Trickle<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            self.2 = !self.2;
            if self.2 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let len = self.1.min(room.len()).min(self.0.len());
            let (now, later) = self.0.split_at(len);
            room[..len].copy_from_slice(now);
            self.0 = later;
            Ok(len)
        }
    }

    /// The start of a long line.
    fn text_start(len: usize) -> Vec<u8> {
        b"0123456789".repeat(8)[..len].to_vec()
    }

    /// All lines; `None` for a line that is too long.
    fn lines(text: &[u8], step: usize, max_len: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = LineReader::new(Trickle(text, step, false), max_len);
        let mut all = Vec::new();
        loop {
            while let Some(line) = lines.take() {
                all.push(match line {
                    RawLine::Bytes(bytes) => Some(bytes.to_vec()),
                    RawLine::TooLong(start) => {
                        assert_eq!(start, &text_start(start.len()));
                        assert_eq!(start.len(), max_len);
                        None
                    }
                });
            }
            if lines.ended() {
                return all;
            }
            lines.fill().unwrap();
        }
    }

    #[test]
    fn lines_are_those_of_a_plain_split_however_they_arrive() {
        // The oracle holds all of the text and splits it.
        let texts: [&[u8]; 9] = [
            b"",
            b"\n",
            b"\r\n",
            b"a",
            b"a\n",
            b"a\r\nb\r\r\n",
            b"a\n\n\nb",
            b"\xff\n\r\n\0\r",
            b"\n\na\n",
        ];
        for text in texts {
            let mut expected: Vec<Option<Vec<u8>>> = text
                .split(|&byte| byte == b'\n')
                .map(|line| Some(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
                .collect();
            if text.is_empty() || text.ends_with(b"\n") {
                expected.pop();
            }
            for step in 1..5 {
                assert_eq!(lines(text, step, 100), expected, "{text:?} by {step}");
            }
        }
    }

    #[test]
    fn a_line_over_the_limit_is_dropped_and_the_next_is_whole() {
        for step in 1..20 {
            let text = b"abc\n01234567890123456789\ndef\n0123456789";
            let expected = [Some(b"abc".to_vec()), None, Some(b"def".to_vec()), None];
            assert_eq!(lines(text, step, 8), expected, "by {step}");
        }
        let fits = [Some(b"0123456".to_vec())];
        assert_eq!(lines(b"0123456\n", 3, 8), fits);
        assert_eq!(lines(b"01234567\n", 3, 8), [None]);
        assert_eq!(lines(b"0123456", 3, 8), fits);
    }
}
