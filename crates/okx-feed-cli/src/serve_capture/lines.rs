//! Which of the recorded lines a connection gets.

use std::sync::{Mutex, PoisonError};

use okx_feed::capture::{CaptureReader, EntryKind, Mark};

use crate::error::CliError;

/// How many lines a capture may have.
const MAX_LINES: usize = 64;

/// How many connections have each line.
pub(super) struct FreeLines(Mutex<Vec<usize>>);

/// The line of one connection, until it is dropped.
pub(super) struct Line<'l> {
    of: &'l FreeLines,
    number: usize,
}

impl FreeLines {
    pub(super) fn new(lines: usize) -> Self {
        Self(Mutex::new(vec![0; lines.max(1)]))
    }

    /// The line that the fewest connections have, so that those of a client with as many lines
    /// have one each, also where one was lost.
    pub(super) fn take(&self) -> Line<'_> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fewest = counts.iter().enumerate().min_by_key(|(_, count)| **count);
        let number = fewest.map_or(0, |(number, _)| number);
        if let Some(count) = counts.get_mut(number) {
            *count += 1;
        }
        Line { of: self, number }
    }
}

impl Line<'_> {
    /// Its number, from 0.
    pub(super) const fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let mut counts = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(self.number) {
            *count -= 1;
        }
    }
}

/// How many redundant lines a recording has, by the marks before its first frame; 1 where it is of
/// another recorder.
///
/// # Errors
/// If the file can't be read.
pub(super) fn count_lines(mut capture: CaptureReader) -> Result<usize, CliError> {
    let mut lines = 1;
    while let Some(entry) = capture.next_entry()? {
        match entry.kind {
            // The dialect, the number of lines, the subscriptions.
            EntryKind::Mark(Mark::Line, text) => {
                let text = String::from_utf8_lossy(text);
                let count = text.split(' ').nth(1).and_then(|word| word.parse().ok());
                lines = lines.max(count.unwrap_or(1));
            }
            EntryKind::Frame(_) => break,
            _ => {}
        }
    }
    Ok(lines.min(MAX_LINES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_share_the_lines_and_a_new_one_gets_the_one_that_is_free() {
        let lines = FreeLines::new(2);
        let (first, second, third) = (lines.take(), lines.take(), lines.take());
        assert_eq!([first.number, second.number, third.number], [0, 1, 0]);
        drop(second);
        assert_eq!(lines.take().number, 1);
        assert_eq!(FreeLines::new(0).take().number, 0);
    }

    #[test]
    fn the_lines_are_those_of_the_marks_before_the_first_frame() {
        let count =
            |text: &'static str| count_lines(CaptureReader::from_reader(text.as_bytes())).unwrap();
        assert_eq!(count("1\tline/0.0\tv5 2 trades:A\n2\ttext/0.0\t{}\n"), 2);
        assert_eq!(count("1\ttext/0.0\t{}\n2\tline/0.0\tv5 2 trades:A\n"), 1);
        assert_eq!(count("1\tline/0.0\tv5 99999999999 trades:A\n"), MAX_LINES);
        assert_eq!(count(""), 1);
    }
}
