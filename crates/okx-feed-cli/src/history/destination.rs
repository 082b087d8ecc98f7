//! Where rows go: lines for people, JSON on standard output, or a file that can be gone on with.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use super::args::HistoryArgs;
use super::resume::{Plan, beside, open_rows};
use crate::error::CliError;
use crate::output::Output;

/// Where rows go.
#[derive(Debug)]
pub(super) enum Destination {
    Stdout { out: Output, json: bool },
    File(RowFile),
}

/// A file in the making.
#[derive(Debug)]
pub(super) struct RowFile {
    path: PathBuf,
    part: PathBuf,
    resume: PathBuf,
    file: File,
    buf: Vec<u8>,
    /// The plan of an interrupted run, and its last row.
    pub(super) resumed: Option<(Plan, Option<String>)>,
}

impl Destination {
    /// Opens what the arguments say, for a request.
    ///
    /// # Errors
    /// [`CliError::History`] where the file is finished already, or begun by another request;
    /// [`CliError::Save`].
    pub(super) fn open(args: &HistoryArgs, query: &str) -> Result<Self, CliError> {
        let Some(path) = args.out.clone() else {
            return Ok(Self::Stdout { out: Output::stdout(), json: args.json });
        };
        if path.is_dir() {
            let text = format!("{path:?} is a folder; name a file");
            return Err(CliError::History(text));
        }
        if path.exists() {
            let text = format!("{path:?} is finished already; remove it or name another file");
            return Err(CliError::History(text));
        }
        let (part, resume) = (beside(&path, ".part"), beside(&path, ".resume"));
        let plan = Plan::read(&resume, query)?;
        if plan.is_none() && part.exists() {
            // Without its plan it can't be known what it holds.
            let remove = fs::remove_file(&part);
            remove.map_err(|source| CliError::Save { path: part.clone(), source })?;
        }
        let (file, row) = open_rows(&part)?;
        let resumed = plan.map(|plan| (plan, row));
        Ok(Self::File(RowFile { path, part, resume, file, buf: Vec::new(), resumed }))
    }

    /// What an interrupted run has left: its plan and its last row.
    pub(super) fn resumed(&self) -> Option<(&Plan, Option<&str>)> {
        match self {
            Self::File(RowFile { resumed: Some((plan, row)), .. }) => Some((plan, row.as_deref())),
            _ => None,
        }
    }

    /// Notes the plan where it is new or more is gone, so that the run can be gone on with.
    ///
    /// # Errors
    /// [`CliError::Save`].
    pub(super) fn note(
        &self,
        plan: &mut Option<Plan>,
        (query, ends, until): (&str, (u64, u64), Option<u64>),
        gone: &[(u64, u64)],
    ) -> Result<(), CliError> {
        if plan.as_ref().is_some_and(|plan| plan.gone == gone) {
            return Ok(());
        }
        let plan = plan.insert(Plan { query: query.to_owned(), ends, gone: gone.to_vec(), until });
        match self {
            Self::File(file) => plan.write(&file.resume),
            Self::Stdout { .. } => Ok(()),
        }
    }

    /// Whether rows are JSON.
    pub(super) const fn is_json(&self) -> bool {
        match self {
            Self::Stdout { json, .. } => *json,
            Self::File(_) => true,
        }
    }

    /// Where the next rows are appended.
    pub(super) const fn buf(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Stdout { out, .. } => out.buf(),
            Self::File(file) => &mut file.buf,
        }
    }

    /// Writes the rows of a page.
    ///
    /// # Errors
    /// [`CliError::BrokenPipe`], [`CliError::Write`] or [`CliError::Save`].
    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        match self {
            Self::Stdout { out, .. } => out.flush(),
            Self::File(RowFile { file, buf, part, .. }) => {
                let written = file.write_all(buf);
                buf.clear();
                written.map_err(|source| CliError::Save { path: part.clone(), source })
            }
        }
    }

    /// Ends with all rows: the file gets its name.
    ///
    /// # Errors
    /// As [`Destination::flush`].
    pub(super) fn finish(mut self) -> Result<(), CliError> {
        self.flush()?;
        let Self::File(RowFile { path, part, resume, file, .. }) = self else { return Ok(()) };
        let finish = || {
            file.sync_all()?;
            fs::rename(&part, &path)?;
            // A run that wrote all rows at once had none.
            let _ = fs::remove_file(&resume);
            Ok(())
        };
        finish().map_err(|source| CliError::Save { path: path.clone(), source })
    }
}
