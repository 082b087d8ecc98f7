//! The files of an export that are open: one for each instrument, table and day.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::error::ExportError;

/// The most files that are open at once; past it the one that was written longest ago is finished.
const MAX_OPEN: usize = 256;

/// A file that has to be finished.
pub(super) trait Finish {
    /// Writes what is still to be written.
    fn finish(self) -> Result<(), ExportError>;
}

struct OpenFile<W> {
    day: u64,
    used: u64,
    writer: W,
}

/// The open files, by instrument and table.
pub(super) struct OpenFiles<W> {
    open: HashMap<(String, usize), OpenFile<W>>,
    uses: u64,
}

impl<W: Finish> OpenFiles<W> {
    pub(super) fn new() -> Self {
        Self { open: HashMap::new(), uses: 0 }
    }

    /// The open file of an instrument, a table and a day. Where there is none it is opened, and
    /// that of another day is finished.
    pub(super) fn writer(
        &mut self,
        inst_id: &str,
        table: usize,
        day: u64,
        open: impl FnOnce() -> Result<W, ExportError>,
    ) -> Result<&mut W, ExportError> {
        self.uses += 1;
        let key = (inst_id.to_owned(), table);
        if self.open.get(&key).is_some_and(|file| file.day != day) {
            self.close(&key)?;
        }
        if self.open.len() >= MAX_OPEN && !self.open.contains_key(&key) {
            let oldest = self.open.iter().min_by_key(|(_, file)| file.used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.close(&oldest)?;
            }
        }
        let file = match self.open.entry(key) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(free) => free.insert(OpenFile { day, used: 0, writer: open()? }),
        };
        file.used = self.uses;
        Ok(&mut file.writer)
    }

    /// Finishes all files, whichever of them fails.
    pub(super) fn finish(&mut self) -> Result<(), ExportError> {
        let all: Vec<_> = self.open.drain().map(|(_, file)| file.writer.finish()).collect();
        all.into_iter().collect()
    }

    fn close(&mut self, key: &(String, usize)) -> Result<(), ExportError> {
        self.open.remove(key).map_or(Ok(()), |file| file.writer.finish())
    }
}
