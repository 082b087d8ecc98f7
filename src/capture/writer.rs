//! The writer's thread: records to text, text to blocks on disk.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::block::{Block, BlockEntry, CapturedKind, Missing};
use super::config::RecordConfig;
use super::entry::{ConnectionLabel, Mark};
use super::file_writer::FileWriter;
use super::line_writer::{BINARY, Line, TEXT, write_line};
use super::stats::{Recording, add, subtract};
use super::trailer::Trailer;
use crate::model::{Dialect, UnixNanos};

/// The most text of a block, but for a line that is longer by itself.
const MAX_TEXT_LEN: usize = 256 << 10;

/// How often the queue is looked at while nothing is in it: the feed's thread does not wake the
/// writer, which would cost it a system call.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// What the writer's thread has.
pub(super) struct Writer {
    files: FileWriter,
    packer: zstd::bulk::Compressor<'static>,
    text: Vec<u8>,
    packed: Vec<u8>,
    /// Of the text: its lines, and the times of the first and the last.
    lines: u32,
    /// Those of them that were recorded, not added here.
    recorded: u64,
    first: UnixNanos,
    last: UnixNanos,
    /// The latest time of all lines in the files. No block begins before it.
    latest: UnixNanos,
    /// What is missing in the files and no gap mark says yet.
    missing: Missing,
    /// What is missing if the current file is removed.
    in_file: Missing,
    /// How many lines of it are in the file.
    written_in_file: u64,
    /// The latest time before the current file.
    before_file: UnixNanos,
    /// The last [`Mark::Line`] of each connection, with which every file begins.
    connections: BTreeMap<ConnectionLabel, Vec<u8>>,
    /// What identifies the recording, the same in all of its files.
    id: u64,
    dialect: Dialect,
    files_begun: u64,
    recording: Recording,
}

impl Writer {
    pub(super) fn new(
        config: &RecordConfig,
        dialect: Dialect,
        files: FileWriter,
        recording: Recording,
    ) -> io::Result<Self> {
        let mut packer = zstd::bulk::Compressor::new(config.level.clamp(1, 19))?;
        packer.include_checksum(true)?;
        packer.include_contentsize(true)?;
        Ok(Self {
            files,
            packer,
            text: Vec::with_capacity(MAX_TEXT_LEN),
            packed: Vec::new(),
            lines: 0,
            recorded: 0,
            first: UnixNanos::UNKNOWN,
            last: UnixNanos::UNKNOWN,
            latest: UnixNanos::UNKNOWN,
            missing: Missing::default(),
            in_file: Missing::default(),
            written_in_file: 0,
            before_file: UnixNanos::UNKNOWN,
            connections: BTreeMap::new(),
            id: fastrand::u64(..),
            dialect,
            files_begun: 0,
            recording,
        })
    }

    fn write(&mut self, block: &Block) {
        self.missing.add(block.missing);
        for record in block.records() {
            self.write_record(record);
        }
        // A block that has only what is missing.
        if block.lines == 0 && self.missing.lines > 0 {
            let at = self.missing.last;
            self.begin_text(at);
        }
        self.commit();
    }

    fn write_record(&mut self, record: BlockEntry<'_>) {
        let BlockEntry { ts, connection, kind, payload } = record;
        if self.text.len() + payload.len() > MAX_TEXT_LEN {
            self.commit();
        }
        let name = match kind {
            CapturedKind::Text => TEXT,
            CapturedKind::Binary => BINARY,
            CapturedKind::Mark(mark) => mark.name(),
        };
        // Before it is added to what every file begins with.
        self.begin_text(ts);
        match kind {
            CapturedKind::Mark(Mark::Line) => {
                self.connections.insert(connection, payload.to_vec());
            }
            CapturedKind::Mark(Mark::End) => {
                self.connections.remove(&connection);
            }
            _ => {}
        }
        self.push(Line { ts, connection, name }, payload);
        self.recorded += 1;
    }

    /// Writes what comes before a block's first line: at the start of a file what the file is, and
    /// what is missing before it.
    fn begin_text(&mut self, ts: UnixNanos) {
        if self.lines > 0 {
            return;
        }
        self.note_removed();
        if self.files.is_complete(ts) {
            self.finish_file(true);
        }
        if !self.files.prepare(ts) {
            return;
        }
        // A gap begins where its lines do, so that a reader of a part of the time finds it.
        let ts = if self.missing.lines > 0 { ts.min(self.missing.first) } else { ts };
        let ts = ts.max(self.latest);
        let connection = ConnectionLabel::default();
        if self.files.blocks() == Some(0) {
            (self.in_file, self.written_in_file) = (Missing::default(), 0);
            self.before_file = self.latest;
            let (id, number, dialect) = (self.id, self.files_begun, self.dialect);
            let (version, after) = (env!("CARGO_PKG_VERSION"), self.latest.0);
            let text = format!(
                "format=okx-feed/1 recording={id:016x} file={number} dialect={dialect} \
                 version={version} after={after}"
            );
            self.push(Line { ts, connection, name: Mark::File.name() }, text.as_bytes());
            for (connection, payload) in std::mem::take(&mut self.connections) {
                self.push(Line { ts, connection, name: Mark::Line.name() }, &payload);
                self.connections.insert(connection, payload);
            }
        }
        if self.missing.lines > 0 {
            let Missing { lines, blocks, first, last } = self.missing;
            let text = format!(
                "lines={lines} blocks={blocks} first={first} last={last}",
                first = first.0,
                last = last.0
            );
            self.push(Line { ts, connection, name: Mark::Gap.name() }, text.as_bytes());
        }
    }

    /// What was written to a file that is removed is missing.
    fn note_removed(&mut self) {
        if !self.files.give_up_removed() {
            return;
        }
        let later = std::mem::replace(&mut self.missing, std::mem::take(&mut self.in_file));
        self.missing.add(later);
        let lines = std::mem::take(&mut self.written_in_file);
        let shared = &self.recording.shared;
        subtract(&shared.written_lines, lines);
        add(&shared.dropped_lines, lines);
        self.latest = self.before_file;
    }

    /// Ends the recording. What is missing at its end is said in a last file, where there was none.
    fn finish(&mut self) {
        self.note_removed();
        if self.missing.lines > 0 {
            self.begin_text(self.missing.last);
            self.commit();
        }
        self.finish_file(false);
    }

    /// Ends the current file with a line that says so: one without it was not completed.
    fn finish_file(&mut self, is_followed: bool) {
        if self.files.blocks().is_some_and(|blocks| blocks > 0) {
            let next = if is_followed { "yes" } else { "no" };
            let (ts, connection) = (self.latest, ConnectionLabel::default());
            self.push(Line { ts, connection, name: Mark::Finish.name() }, next.as_bytes());
            self.commit();
        }
        self.note_removed();
        self.files.complete();
    }

    fn push(&mut self, line: Line<'_>, payload: &[u8]) {
        if self.lines == 0 {
            (self.first, self.last) = (line.ts, line.ts);
        }
        self.first = self.first.min(line.ts);
        self.last = self.last.max(line.ts);
        self.lines += 1;
        write_line(&mut self.text, line, payload);
    }

    /// Writes the text as one block and its trailer. What can't be written is missing.
    fn commit(&mut self) {
        if self.lines == 0 {
            return;
        }
        let is_written = self.files.blocks().is_some_and(|number| self.append(number));
        if is_written {
            let (lines, first, last) = (self.recorded, self.first, self.last);
            // The first block of a file.
            self.files_begun += u64::from(self.files.blocks() == Some(1));
            self.latest = self.latest.max(last);
            self.in_file.add(std::mem::take(&mut self.missing));
            self.in_file.add(Missing { lines, blocks: 1, first, last });
            self.written_in_file += lines;
            add(&self.recording.shared.written_lines, lines);
        } else if self.recorded > 0 {
            let lines = self.recorded;
            add(&self.recording.shared.dropped_lines, lines);
            add(&self.recording.shared.dropped_blocks, 1);
            let (first, last) = (self.first, self.last);
            self.missing.add(Missing { lines, blocks: 1, first, last });
        }
        self.text.clear();
        (self.lines, self.recorded) = (0, 0);
    }

    fn append(&mut self, number: u64) -> bool {
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(self.text.len()) + Trailer::LEN);
        let Ok(len) = self.packer.compress_to_buffer(&self.text, &mut self.packed) else {
            return false;
        };
        let (Ok(packed_len), Ok(text_len)) = (u32::try_from(len), u32::try_from(self.text.len()))
        else {
            return false;
        };
        let Self { lines, first, last, .. } = *self;
        let is_checked = true;
        let trailer = Trailer { lines, packed_len, text_len, number, first, last, is_checked };
        self.packed.extend_from_slice(&trailer.to_bytes());
        self.files.append(&self.packed, last)
    }
}

/// Writes blocks until there is no recorder any more.
pub(super) fn run(
    mut writer: Writer,
    mut full: rtrb::Consumer<Block>,
    mut empty: rtrb::Producer<Block>,
) {
    loop {
        // Before the queue is found empty: what is in it then was all.
        let is_last = full.is_abandoned();
        while let Ok(mut block) = full.pop() {
            writer.write(&block);
            block.clear();
            // There is room for all blocks that there are, and nobody needs them at the end.
            let _ = empty.push(block);
        }
        if is_last {
            break;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    writer.finish();
}

#[cfg(test)]
mod tests {
    use super::super::block::Block;
    use super::super::entry::EntryKind;
    use super::super::reader::CaptureReader;
    use super::*;

    /// The first line of each file, and what its gap line says.
    fn heads(dir: &std::path::Path) -> Vec<(String, Option<(u64, String)>)> {
        let mut files: Vec<_> =
            std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        let head = |path: &std::path::PathBuf| {
            let mut reader = CaptureReader::open(path).unwrap();
            let (mut file, mut gap) = (String::new(), None);
            while let Some(entry) = reader.next_entry().unwrap() {
                let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
                match entry.kind {
                    EntryKind::Mark(Mark::File, head) => file = text(head),
                    EntryKind::Mark(Mark::Gap, why) => gap = Some((entry.ts_recv.0, text(why))),
                    _ => {}
                }
            }
            (file, gap)
        };
        files.iter().map(head).collect()
    }

    /// A file in which nothing could be written is deleted, and no other one lacks it.
    #[test]
    fn files_of_a_full_disk_are_not_counted_and_what_they_lack_begins_where_it_was_lost() {
        let dir = std::env::temp_dir().join(format!("okx-feed-writer-{:x}", fastrand::u64(..)));
        std::fs::create_dir_all(&dir).unwrap();
        let config = RecordConfig::from(&dir);
        let recording = Recording::default();
        let start = UnixNanos(1_790_000_000_000_000_000);
        let at = |secs: u64| UnixNanos(start.0 + secs * 1_000_000_000);
        let files = FileWriter::start(&config, recording.clone(), start).unwrap();
        let mut writer = Writer::new(&config, Dialect::V5, files, recording.clone()).unwrap();
        let write = |writer: &mut Writer, secs| {
            let mut block = Block::new();
            block.push(CapturedKind::Text, ConnectionLabel::default(), at(secs), b"{}");
            writer.write(&block);
        };
        write(&mut writer, 1);
        for secs in [2, 5, 8] {
            assert!(writer.files.prepare(at(secs)));
            writer.files.fill_disk();
            write(&mut writer, secs);
        }
        write(&mut writer, 11);
        writer.finish();
        let [(first, None), (second, Some((ts, why)))] = &heads(&dir)[..] else {
            panic!("{:?}", heads(&dir));
        };
        assert!(first.contains(" file=0 ") && first.ends_with(" after=0"), "{first}");
        let after = format!(" after={}", at(1).0);
        assert!(second.contains(" file=1 ") && second.ends_with(&after), "{second}");
        let missing = format!("lines=3 blocks=3 first={} last={}", at(2).0, at(8).0);
        assert_eq!((*ts, why), (at(2).0, &missing));
        let stats = recording.stats();
        assert_eq!((stats.written_lines, stats.dropped_lines, stats.files), (2, 3, 2));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
