//! The outcome of `replay` and of `export`, by what was played.

use super::error::{Outcome, say};
use okx_feed::ReplayReport;

/// The outcome of a command. Says what was asked for and is not in the files.
pub(crate) fn outcome(command: &str, report: &ReplayReport) -> Outcome {
    for subscription in &report.not_found {
        say(format_args!(
            "okx-feed {command}: nothing of {subscription} was found; check --channel, --from and \
             --to"
        ));
    }
    let faults = report.feed.malformed() + report.malformed_lines + report.gaps + report.left_out;
    let is_whole = report.torn.is_empty() && report.not_found.is_empty();
    if faults == 0 && is_whole { Outcome::Clean } else { Outcome::Malformed }
}
