//! The end of a recording on the feed's thread.

use std::fmt;
use std::thread::JoinHandle;
use std::time::Duration;

pub use super::block::CapturedKind;
use super::block::{Block, MAX_PAYLOAD_LEN, Missing};
use super::config::RecordConfig;
use super::entry::ConnectionLabel;
use super::error::CaptureError;
use super::file_writer::FileWriter;
use super::stats::{Recording, add};
use super::writer::{Writer, run};
use crate::model::{Dialect, UnixNanos};

/// Records what one thread receives; a thread of its own compresses and writes it.
///
/// [`Recorder::record`] copies into a block that is there already. It does not allocate, lock, wait
/// or read a clock, and calls the operating system never. A full block is handed over by a bounded
/// queue; where the writer is so far behind that there is no empty one, the block is dropped and
/// counted, and a gap mark in the file says what is missing. Dropping the recorder writes the rest
/// and waits for it.
pub struct Recorder {
    block: Block,
    /// What was dropped since the last block that was handed over.
    missing: Missing,
    /// The longest that a block waits.
    max_block_time: Duration,
    full: rtrb::Producer<Block>,
    empty: rtrb::Consumer<Block>,
    recording: Recording,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Begins a recording at `now`: creates the directory and the first file, and starts the
    /// writer.
    ///
    /// # Errors
    /// [`CaptureError::Record`] where the directory or the file can't be made or the thread not be
    /// started.
    pub fn start(
        config: RecordConfig,
        dialect: Dialect,
        now: UnixNanos,
    ) -> Result<Self, CaptureError> {
        let recording = Recording::default();
        let max_block_time = config.max_block_time;
        let count = config.blocks.max(2);
        let dir = config.dir.clone();
        let failed = |source| CaptureError::Record { path: dir.clone(), source };
        if config.stream.is_none() {
            std::fs::create_dir_all(&config.dir).map_err(failed)?;
        }
        let files = FileWriter::start(&config, recording.clone(), now);
        let files = files.map_err(|(path, source)| CaptureError::Record { path, source })?;
        let (mut to_empty, empty) = rtrb::RingBuffer::new(count);
        let (full, from_full) = rtrb::RingBuffer::new(count);
        for _ in 1..count {
            // There is room for all of them.
            let _ = to_empty.push(Block::new());
        }
        let writer = Writer::new(&config, dialect, files, recording.clone()).map_err(failed)?;
        let thread = std::thread::Builder::new()
            .name("okx-record".to_owned())
            .spawn(move || run(writer, from_full, to_empty))
            .map_err(failed)?;
        Ok(Self {
            block: Block::new(),
            missing: Missing::default(),
            max_block_time,
            full,
            empty,
            recording,
            thread: Some(thread),
        })
    }

    /// Records what came, or was done, at `ts` on a connection. Times must not run backwards, but
    /// for frames that were read together and are recorded one by one.
    ///
    /// A payload over 1 MiB, which is longer than any frame, is dropped and counted.
    #[inline]
    pub fn record(
        &mut self,
        kind: CapturedKind,
        connection: ConnectionLabel,
        ts: UnixNanos,
        payload: &[u8],
    ) {
        self.record_of_read(kind, connection, ts, payload);
        self.flush_due(ts);
    }

    /// As [`Recorder::record`], but a block that has waited for long enough waits on for
    /// [`Recorder::on_drained`]: the writer's work must not fall into that of the frames that were
    /// read together.
    #[inline]
    pub(crate) fn record_of_read(
        &mut self,
        kind: CapturedKind,
        connection: ConnectionLabel,
        ts: UnixNanos,
        payload: &[u8],
    ) {
        if payload.len() > MAX_PAYLOAD_LEN {
            return self.refuse(ts);
        }
        self.block.push(kind, connection, ts, payload);
        if self.block.is_full() {
            self.hand_over();
        }
    }

    /// Hands over what has waited for long enough, after the frames of a read, and has the memory
    /// of the next ones in the caches.
    #[cfg(feature = "client")]
    pub(crate) fn on_drained(&mut self) {
        self.flush_due(self.block.last);
        self.block.warm_ahead();
    }

    /// Hands over what has waited for long enough at `now`. To be called about once a second, for
    /// the times at which nothing comes.
    pub fn flush_due(&mut self, now: UnixNanos) {
        if self.block.lines > 0 && self.is_due(now) {
            self.hand_over();
        }
    }

    /// The counters, for any thread.
    #[must_use]
    pub fn recording(&self) -> Recording {
        self.recording.clone()
    }

    #[inline]
    fn is_due(&self, now: UnixNanos) -> bool {
        now.since(self.block.first).is_some_and(|waited| waited >= self.max_block_time)
    }

    #[cold]
    fn refuse(&mut self, ts: UnixNanos) {
        // So that the gap mark stands behind what came before.
        if self.block.lines > 0 {
            self.hand_over();
        }
        self.note_missing(Missing { lines: 1, blocks: 0, first: ts, last: ts });
    }

    fn note_missing(&mut self, missing: Missing) {
        self.missing.add(missing);
        add(&self.recording.shared.dropped_lines, missing.lines);
        add(&self.recording.shared.dropped_blocks, missing.blocks);
    }

    #[cold]
    #[inline(never)]
    fn hand_over(&mut self) {
        let Ok(empty) = self.empty.pop() else {
            self.note_missing(self.block.as_missing());
            return self.block.clear();
        };
        let mut full = std::mem::replace(&mut self.block, empty);
        full.missing = std::mem::take(&mut self.missing);
        add(&self.recording.shared.lines, full.lines);
        // There is room for all blocks that there are.
        let _ = self.full.push(full);
    }

    /// Writes the rest and waits for it.
    fn finish(&mut self) {
        if self.block.lines > 0 || self.missing.lines > 0 {
            // What is dropped here could be written, only later.
            while self.empty.is_empty() && !self.full.is_abandoned() {
                std::thread::sleep(Duration::from_millis(1));
            }
            self.hand_over();
        }
        // The writer ends when there is no recorder and nothing in the queue.
        let (closed, _) = rtrb::RingBuffer::new(1);
        drop(std::mem::replace(&mut self.full, closed));
        if let Some(thread) = self.thread.take() {
            // It has no panic; where it had one, what it has written stands.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("stats", &self.recording.stats()).finish_non_exhaustive()
    }
}
