//! The outcome of `replay` and of `export`, by what was played.

use super::error::{Outcome, say};
use super::format::Counted;
use okx_feed::replay::ReplayReport;

/// The outcome of a command. Says what was asked for and is not in the files.
pub(crate) fn outcome(command: &str, report: &ReplayReport, has_times: bool) -> Outcome {
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
    for file in &report.torn {
        say(format_args!(
            "okx-feed {command}: {file:?} ends in the middle; all that was committed was read"
        ));
    }
    for file in &report.unfinished {
        say(format_args!(
            "okx-feed {command}: {file:?} ends without a closing mark: the recorder runs still, or \
             was killed, and about a second is missing"
        ));
    }
    for file in &report.continued {
        say(format_args!(
            "okx-feed {command}: the recording goes on in another file after {file:?}"
        ));
    }
    let is_nothing = has_times && report.frames == 0;
    if is_nothing {
        say(format_args!("okx-feed {command}: no frame is of that time; check --from and --to"));
    }
    let faults = report.feed.malformed() + report.malformed_lines + report.gaps + report.left_out;
    let is_ended = report.torn.is_empty() && report.unfinished.is_empty();
    let has_all = report.missing_files.is_empty() && report.not_found.is_empty();
    let is_whole = is_ended && has_all;
    if faults == 0 && is_whole && !is_nothing { Outcome::Clean } else { Outcome::Malformed }
}
