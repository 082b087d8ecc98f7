//! What a file needs to be gone on with: the request, its ends, and the last whole row.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::CliError;

/// The most bytes of a row.
const MAX_ROW: u64 = 1 << 16;

/// A request and the ends of what it gives, as they were found when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The request in words that do not change from run to run.
    pub(super) query: String,
    /// The first and the last id, or the first and the last time in nanoseconds.
    pub(super) ends: (u64, u64),
    /// The ranges of ids, or of times in milliseconds, of which the exchange has no row.
    pub(super) gone: Vec<(u64, u64)>,
    /// The end of the span of trades in nanoseconds, which is confirmed by a later trade; `None` in
    /// plans of candles and of earlier versions.
    pub(super) until: Option<u64>,
}

/// The ranges of a plan; those that are none are left out.
fn ranges(value: &Value) -> Vec<(u64, u64)> {
    let range = |pair: &Value| Some((pair.get(0)?.as_u64()?, pair.get(1)?.as_u64()?));
    value.as_array().into_iter().flatten().filter_map(range).collect()
}

/// The name of a file with an ending added.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn save_error(path: &Path) -> impl FnOnce(io::Error) -> CliError {
    let path = path.to_owned();
    move |source| CliError::Save { path, source }
}

impl Plan {
    /// Reads the plan of an interrupted run; `None` where there is none.
    ///
    /// # Errors
    /// [`CliError::History`] where it is of another request.
    pub(super) fn read(path: &Path, query: &str) -> Result<Option<Self>, CliError> {
        let Ok(text) = fs::read_to_string(path) else { return Ok(None) };
        let plan: Option<Value> = serde_json::from_str(&text).ok();
        let ends =
            plan.as_ref().and_then(|plan| Some((plan["first"].as_u64()?, plan["last"].as_u64()?)));
        let found = plan.as_ref().and_then(|plan| plan["query"].as_str());
        match (found, ends) {
            (Some(found), Some(ends)) if found == query => {
                let gone = plan.as_ref().map(|plan| ranges(&plan["gone"])).unwrap_or_default();
                let until = plan.as_ref().and_then(|plan| plan["until"].as_u64());
                Ok(Some(Self { query: query.to_owned(), ends, gone, until }))
            }
            (found, _) => Err(CliError::History(format!(
                "{path:?} is of another request ({}); finish that one, or remove it and the .part \
                 file beside it",
                found.unwrap_or("it can't be read")
            ))),
        }
    }

    /// Writes the plan, as a whole or not at all.
    ///
    /// # Errors
    /// [`CliError::Save`].
    pub(super) fn write(&self, path: &Path) -> Result<(), CliError> {
        let (first, last) = self.ends;
        let Self { query, gone, until, .. } = self;
        let text = json!({
            "query": query, "first": first, "last": last, "gone": gone, "until": until
        });
        let text = text.to_string();
        let new = beside(path, ".new");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, path)
        };
        write().map_err(save_error(path))
    }
}

/// Opens a file of rows to go on with, without what follows its last whole row. Returns it with
/// that row.
///
/// # Errors
/// [`CliError::Save`].
pub(super) fn open_rows(path: &Path) -> Result<(File, Option<String>), CliError> {
    let open = || {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        let len = file.metadata()?.len();
        let from = len.saturating_sub(2 * MAX_ROW);
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let end = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let kept = from + end as u64;
        file.set_len(kept)?;
        file.seek(SeekFrom::Start(kept))?;
        let rows = tail.get(..end.saturating_sub(1)).unwrap_or_default();
        let row = rows.rsplit(|byte| *byte == b'\n').next().filter(|row| !row.is_empty());
        Ok((file, row.and_then(|row| String::from_utf8(row.to_vec()).ok())))
    };
    open().map_err(save_error(path))
}

/// The number at a key of a row: a number, or one in a text.
pub(super) fn number(row: &str, key: &str) -> Option<u64> {
    let row: Value = serde_json::from_str(row).ok()?;
    let value = row.get(key)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_row_is_removed_at_every_length() {
        let path = std::env::temp_dir().join(format!("okx-feed-rows-{}", std::process::id()));
        let whole = b"{\"trade_id\":\"1\"}\n{\"trade_id\":\"22\"}\n{\"trade_id\":\"333\"}\n";
        for len in 0..=whole.len() {
            fs::write(&path, &whole[..len]).unwrap();
            let (mut file, row) = open_rows(&path).unwrap();
            let rows = whole[..len].iter().filter(|byte| **byte == b'\n').count();
            let last = row.and_then(|row| number(&row, "trade_id"));
            assert_eq!(last, [None, Some(1), Some(22), Some(333)][rows], "{len}");
            file.write_all(b"next").unwrap();
            drop(file);
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text.matches('\n').count(), rows);
            assert!(text == "next" || text.ends_with("}\nnext"), "{text}");
        }
        fs::remove_file(&path).unwrap();
    }
}
