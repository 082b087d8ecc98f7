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
}

impl Merge {
    /// Files in the order in which equal times are played.
    pub(super) const fn new(files: Vec<CaptureFile>) -> Self {
        Self { files, current: None }
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
        pairs.filter(is_last).map(|(file, _)| file).filter(|file| file.recording_id.is_some())
    }

    /// The file whose next line is the earliest; `None` at the end of all. At equal times the file
    /// that was named first.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<&mut CaptureFile>, ReplayError> {
        // A file alone is in order, and needs no look ahead.
        if self.files.len() == 1 {
            return Ok(self.files.first_mut());
        }
        if let Some((at, until)) = self.current {
            let time = match self.files.get_mut(at) {
                Some(file) => file.next_time()?,
                None => None,
            };
            if time.is_some_and(|time| time <= until) {
                return Ok(self.files.get_mut(at));
            }
        }
        self.select()
    }

    #[cold]
    fn select(&mut self) -> Result<Option<&mut CaptureFile>, ReplayError> {
        let mut times = Vec::with_capacity(self.files.len());
        for (at, file) in self.files.iter_mut().enumerate() {
            times.extend(file.next_time()?.map(|time| (time, at)));
        }
        let best = times.iter().min().copied();
        // It goes on for as long as no other is due before it.
        self.current = best.map(|(earliest, best)| {
            let others = times.iter().filter(|(_, at)| *at != best);
            let until = others.map(|(time, at)| time.0 - u64::from(*at < best && time.0 > 0)).min();
            (best, UnixNanos(until.unwrap_or(u64::MAX)).max(earliest))
        });
        Ok(match best {
            Some((_, at)) => self.files.get_mut(at),
            None => None,
        })
    }
}
