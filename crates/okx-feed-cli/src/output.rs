//! Standard output, buffered. A closed pipe is an error of its own.

use std::fmt;
use std::io::{self, StdoutLock, Write};

use super::error::CliError;

/// Buffered bytes from which on [`Output::spill`] writes.
const SPILL_LEN: usize = 64 << 10;

/// Standard output, locked, behind one buffer that is filled as a plain `Vec`.
///
/// The buffer grows to the size of one frame's output, and is then reused. Text that is not flushed
/// at the end is lost.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: StdoutLock<'static>,
    buf: Vec<u8>,
}

impl Output {
    /// Locks standard output.
    pub(crate) fn stdout() -> Self {
        Self { stdout: io::stdout().lock(), buf: Vec::with_capacity(2 * SPILL_LEN) }
    }

    /// Where the next bytes are appended.
    pub(crate) const fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Appends a text and a line end.
    pub(crate) fn line(&mut self, text: fmt::Arguments<'_>) {
        // Writing to memory does not fail.
        let _ = writeln!(self.buf, "{text}");
    }

    /// Writes the buffer if it is large.
    ///
    /// # Errors
    /// [`CliError::BrokenPipe`] if the reader has closed the pipe, else [`CliError::Write`].
    #[inline]
    pub(crate) fn spill(&mut self) -> Result<(), CliError> {
        if self.buf.len() < SPILL_LEN { Ok(()) } else { self.flush() }
    }

    /// Writes all that is buffered.
    ///
    /// # Errors
    /// Those of [`Output::spill`].
    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        let written = self.stdout.write_all(&self.buf).and_then(|()| self.stdout.flush());
        self.buf.clear();
        written.map_err(CliError::write)
    }
}
