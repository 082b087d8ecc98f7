//! Several files in the order of their times.

use super::error::ReplayError;
use super::file::CaptureFile;
use crate::model::UnixNanos;

/// The files that are not at their end.
#[derive(Debug)]
pub(super) struct Merge {
    files: Vec<CaptureFile>,
    /// The file that comes next, and up to which time it does.
    current: Option<(usize, UnixNanos)>,
    /// Which files were found to be at their end.
    is_ended: Vec<bool>,
    /// Those of them that nobody has asked for yet.
    ended: Vec<usize>,
}

impl Merge {
    /// Files in the order in which equal times are played.
    pub(super) fn new(files: Vec<CaptureFile>) -> Self {
        let is_ended = vec![false; files.len()];
        Self { files, current: None, is_ended, ended: Vec::new() }
    }

    /// The files.
    pub(super) fn files(&self) -> &[CaptureFile] {
        &self.files
    }

    /// The last file of each recording of a client. Files are in the order of their recordings.
    pub(super) fn last_of_recordings(&self) -> impl Iterator<Item = &CaptureFile> {
        let next = self.files.iter().skip(1).map(Some).chain([None]);
        let pairs = self.files.iter().zip(next);
        let is_last = |(file, next): &(&CaptureFile, Option<&CaptureFile>)| {
            next.is_none_or(|next| next.recording != file.recording)
        };
        pairs.filter(is_last).map(|(file, _)| file).filter(|file| file.head.is_some())
    }

    /// A file.
    #[inline]
    pub(super) fn file(&mut self, at: usize) -> Option<&mut CaptureFile> {
        self.files.get_mut(at)
    }

    /// A file, and the one that is the next of its recording.
    pub(super) fn with_next(
        &mut self,
        at: usize,
    ) -> Option<(&mut CaptureFile, Option<&mut CaptureFile>)> {
        let [file, rest @ ..] = self.files.get_mut(at..)? else { return None };
        let recording = file.recording;
        Some((file, rest.first_mut().filter(|next| next.recording == recording)))
    }

    /// The files that [`Merge::next`] has found to be at their end, each once.
    #[inline]
    pub(super) fn take_ended(&mut self) -> Option<usize> {
        self.ended.pop()
    }

    /// The file whose next line is the earliest; `None` at the end of all. At equal times the file
    /// that was named first.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<usize>, ReplayError> {
        // A file alone is in order, and needs no look ahead.
        if self.files.len() == 1 {
            return Ok(Some(0));
        }
        if let Some((at, until)) = self.current {
            let time = match self.files.get_mut(at) {
                Some(file) => file.next_time()?,
                None => None,
            };
            if time.is_some_and(|time| time <= until) {
                return Ok(Some(at));
            }
        }
        self.select()
    }

    #[cold]
    fn select(&mut self) -> Result<Option<usize>, ReplayError> {
        let mut times = Vec::with_capacity(self.files.len());
        let ends = self.is_ended.iter_mut();
        for ((at, file), is_ended) in self.files.iter_mut().enumerate().zip(ends) {
            match file.next_time()? {
                Some(time) => times.push((time, at)),
                None if *is_ended => {}
                None => {
                    *is_ended = true;
                    self.ended.push(at);
                }
            }
        }
        let best = times.iter().min().copied();
        // It goes on for as long as no other is due before it.
        self.current = best.map(|(earliest, best)| {
            let others = times.iter().filter(|(_, at)| *at != best);
            let until = others.map(|(time, at)| time.0 - u64::from(*at < best && time.0 > 0)).min();
            (best, UnixNanos(until.unwrap_or(u64::MAX)).max(earliest))
        });
        Ok(best.map(|(_, at)| at))
    }
}
