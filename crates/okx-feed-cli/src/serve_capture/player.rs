//! The frames of a capture for one client.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use super::lines::count_lines;
use super::requests::Topics;
use crate::args::{Format, open_capture};
use crate::error::{CliError, say};
use okx_feed::capture::{EntryKind, Mark, read_gap};
use okx_feed::transport::Clock;
use okx_feed::{Decoder, Dialect, Event, Frame, MonoNanos, UnixNanos};

/// A frame for a client.
#[derive(Debug)]
pub(super) enum Outgoing {
    Text(String),
    Binary(Vec<u8>),
}

/// What is played.
#[derive(Clone, Debug)]
pub(crate) struct Playlist {
    /// In the order in which they are played.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) format: Option<Format>,
    pub(crate) dialect: Dialect,
    /// How many redundant lines they have.
    pub(crate) lines: usize,
    /// How many times as fast as recorded.
    pub(crate) speed: f64,
}

impl Playlist {
    /// Looks into the files for how many lines they have.
    ///
    /// # Errors
    /// If a file can't be opened or read.
    pub(crate) fn new(
        files: Vec<PathBuf>,
        format: Option<Format>,
        dialect: Dialect,
        speed: f64,
    ) -> Result<Self, CliError> {
        let mut lines = 1;
        for path in &files {
            lines = lines.max(count_lines(open_capture(path, format)?)?);
        }
        Ok(Self { files, format, dialect, lines, speed })
    }
}

/// Sends what the client has subscribed of one of the captures' lines, at their pace, until the end
/// or until the client is gone.
///
/// # Errors
/// If a file can't be opened or read.
pub(super) fn play(
    playlist: &Playlist,
    line: usize,
    topics: &Arc<Mutex<Topics>>,
    to_client: &Sender<Outgoing>,
) -> Result<(), CliError> {
    let mut decoder = Decoder::new(playlist.dialect);
    let clock = Clock::start();
    let mut start = None;
    for path in &playlist.files {
        let mut capture = open_capture(path, playlist.format)?;
        while let Some(entry) = capture.next_entry()? {
            // What the other lines have delivered as well would come twice.
            let is_its_own = usize::from(entry.connection.line) % playlist.lines == line;
            if let EntryKind::Mark(Mark::Gap, text) = entry.kind {
                let (_, reason) = read_gap(text);
                say(format_args!("okx-feed serve: {path:?} lacks lines here: {reason}"));
            }
            let EntryKind::Frame(frame) = entry.kind else { continue };
            if !is_its_own || !is_wanted(&mut decoder, frame, topics) {
                continue;
            }
            let (first, begun) = *start.get_or_insert_with(|| (entry.ts_recv, clock.mono()));
            wait(&clock, begun, entry.ts_recv.since(first).unwrap_or_default(), playlist.speed);
            let outgoing = match frame {
                Frame::Text(text) => Outgoing::Text(String::from_utf8_lossy(text).into_owned()),
                Frame::Binary(bytes) => Outgoing::Binary(bytes.to_vec()),
            };
            if to_client.blocking_send(outgoing).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Whether a frame has anything that the client has subscribed.
fn is_wanted(decoder: &mut Decoder, frame: Frame<'_>, topics: &Arc<Mutex<Topics>>) -> bool {
    let topics = topics.lock().unwrap_or_else(PoisonError::into_inner);
    let mut is_wanted = false;
    let sink = &mut |event: &Event<'_>| is_wanted |= topics.wants(event);
    // What does not decode is of no channel that is known.
    let _ = decoder.decode(frame, UnixNanos::UNKNOWN, sink);
    is_wanted
}

/// Waits until so much of the recorded time has passed since `begun`.
fn wait(clock: &Clock, begun: MonoNanos, recorded: Duration, speed: f64) {
    let due = Duration::try_from_secs_f64(recorded.as_secs_f64() / speed).unwrap_or(Duration::MAX);
    let passed = clock.mono().since(begun);
    if let Some(left) = due.checked_sub(passed) {
        std::thread::sleep(left);
    }
}
