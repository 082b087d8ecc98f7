//! The outcome of `replay` and of `export`, by what was played.

use super::error::{Outcome, say};
use super::format::Counted;
use okx_feed::ReplayReport;

/// The outcome of a command. Says what was asked for and is not in the files.
pub(crate) fn outcome(command: &str, report: &ReplayReport) -> Outcome {
    for subscription in &report.not_found {
        say(format_args!(
            "okx-feed {command}: nothing of {subscription} was found; check --channel, --from and \
             --to"
        ));
    }
    for (file, count) in &report.missing_files {
        let files = Counted(*count, "file");
        say(format_args!(
            "okx-feed {command}: {files} of the same recording missing before {file:?}"
        ));
    }
    let faults = report.feed.malformed() + report.malformed_lines + report.gaps + report.left_out;
    let has_all = report.torn.is_empty() && report.missing_files.is_empty();
    let is_whole = has_all && report.not_found.is_empty();
    if faults == 0 && is_whole { Outcome::Clean } else { Outcome::Malformed }
}
