//! The writer of a segment.

use std::fs::{File, Permissions};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::clock::MonotonicNanos;
use super::error::ShmError;
use super::heartbeat::Heartbeat;
use super::layout::{
    ENDED, ENTRY_WORDS, HEADER_WORDS, MAGIC, MAX_WORDS, PAIR, RUNNING, SlotKind, SlotLayout,
    VERSION, header, slot_words,
};
use super::map::Map;
use super::owner::Owner;
use super::reserve::reserve;
use super::segment::Segment;
use super::slot;
use crate::book::Book5;
use crate::model::{BookState, Record, Topic, Trade};
use crate::publish::TradeOptions;
use crate::publish::ring::RingValue;
use crate::publish::words::Words;

/// The words of a page of memory, the smallest that systems have.
const PAGE_WORDS: usize = 512;

/// Options of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShmOptions {
    /// The room for subscriptions, 1 to 65,536; 4,096 by default. An entry takes 256 bytes.
    pub subscriptions: usize,
    /// The room for their values in bytes; 256 MiB by default. Memory is used as subscriptions are
    /// added.
    pub bytes: usize,
    /// The number of trades that a ring keeps, 64 bytes each;
    /// [`TradeOptions::DEFAULT_RING_LEN`] by default.
    pub ring_len: usize,
    /// The permissions of the file; `0o600` by default, the owner alone. Readers need to read.
    pub mode: u32,
    /// The time between two heartbeats; 100 ms by default. Less than 1 ms is taken as 1 ms, more
    /// than half of `heartbeat_limit` as that half.
    pub heartbeat_every: Duration,
    /// The age of a heartbeat from which on readers see no live value; 1 s by default. Less than
    /// 2 ms is taken as 2 ms.
    pub heartbeat_limit: Duration,
}

impl Default for ShmOptions {
    fn default() -> Self {
        Self {
            subscriptions: 4096,
            bytes: 256 << 20,
            ring_len: TradeOptions::DEFAULT_RING_LEN,
            mode: 0o600,
            heartbeat_every: Duration::from_millis(100),
            heartbeat_limit: Duration::from_secs(1),
        }
    }
}

impl ShmOptions {
    /// With times between heartbeats that neither occupy a core nor make a running writer silent.
    fn with_heartbeats_in_range(mut self) -> Self {
        self.heartbeat_limit = self.heartbeat_limit.max(MIN_HEARTBEAT_EVERY * 2);
        self.heartbeat_every =
            self.heartbeat_every.clamp(MIN_HEARTBEAT_EVERY, self.heartbeat_limit / 2);
        self
    }
}

/// The shortest time between two heartbeats.
const MIN_HEARTBEAT_EVERY: Duration = Duration::from_millis(1);

/// The largest room for subscriptions.
const MAX_SUBSCRIPTIONS: usize = 1 << 16;

/// The writer of a segment. When it is dropped, readers see that it has ended.
#[derive(Debug)]
pub struct ShmWriter {
    segment: Arc<Segment>,
    /// The index of the first word that no slot uses.
    used: usize,
    ring_len: usize,
    path: PathBuf,
    file: File,
    // Dropped before the lock, which says that the segment has a writer.
    _heartbeat: Heartbeat,
    _owner: Owner,
}

/// A slot of a writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriterSlot {
    place: SlotLayout,
    /// The place of a ring's next value.
    at: usize,
}

impl WriterSlot {
    /// Whether the slot is a ring of values.
    pub(super) const fn is_ring(&self) -> bool {
        self.place.kind.is_ring()
    }
}

impl ShmWriter {
    /// Makes a segment, such as `/dev/shm/okx-feed`, and begins its heartbeat.
    ///
    /// A segment of the same name whose writer has ended is replaced: its readers see that, and
    /// open the new one. The file `NAME.segment-lock` beside it is the writer's lock, and stays.
    ///
    /// # Errors
    /// [`ShmError::InUse`] if another process writes a segment of this name,
    /// [`ShmError::LockFile`] if others may open the lock, and if the file cannot be made or
    /// mapped, or there is no memory for its directory.
    pub fn create(path: impl AsRef<Path>, options: ShmOptions) -> Result<Self, ShmError> {
        let path = path.as_ref();
        let options = options.with_heartbeats_in_range();
        let capacity = options.subscriptions.clamp(1, MAX_SUBSCRIPTIONS);
        let first = HEADER_WORDS + capacity * ENTRY_WORDS;
        let words = first.saturating_add(options.bytes / 8).min(MAX_WORDS);
        let owner = Owner::of(path)?;
        let file = owner.create(words as u64 * 8, options.mode)?;
        let made = Self::fill(&file, path, (capacity, words), options);
        let installed = made.and_then(|segment| owner.install().map(|()| segment));
        let segment = installed.inspect_err(|_| owner.discard())?;
        let segment = Arc::new(segment);
        let heartbeat = Heartbeat::start(Arc::clone(&segment), options.heartbeat_every);
        let heartbeat = heartbeat.map_err(ShmError::io(path))?;
        let used = first.next_multiple_of(PAIR);
        let ring_len = options.ring_len.clamp(1, TradeOptions::MAX_RING_LEN);
        let path = path.to_owned();
        Ok(Self { segment, used, ring_len, path, file, _heartbeat: heartbeat, _owner: owner })
    }

    fn fill(
        file: &File,
        path: &Path,
        (capacity, words): (usize, usize),
        options: ShmOptions,
    ) -> Result<Segment, ShmError> {
        // The mode of a new file is cut by the process's mask.
        file.set_permissions(Permissions::from_mode(options.mode)).map_err(ShmError::io(path))?;
        let first = HEADER_WORDS + capacity * ENTRY_WORDS;
        reserve(file, 0..first).map_err(ShmError::io(path))?;
        let map = Map::writable(file).map_err(ShmError::io(path))?;
        let now = MonotonicNanos::now().0;
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        for (at, value) in [
            (header::VERSION, VERSION),
            (header::WORDS, words as u64),
            (header::GENERATION, now),
            (header::PID, u64::from(std::process::id())),
            (header::HEARTBEAT_LIMIT, nanos(options.heartbeat_limit)),
            (header::CAPACITY, capacity as u64),
            (header::HEARTBEAT, now),
            (header::PHASE, RUNNING),
            (header::MAGIC, MAGIC),
        ] {
            if let Some(word) = map.words().get(at) {
                word.store(value, Ordering::Release);
            }
        }
        Segment::check(map, path)
    }

    /// The segment's generation: the time of the system's monotonic clock at which it was made.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.segment.header(header::GENERATION)
    }

    /// Adds the slot of a subscription; `Ok(None)` for a channel that has none: raw messages.
    ///
    /// # Errors
    /// [`ShmError::Full`] if there is no room in the segment, and if the system has no memory for
    /// the slot.
    pub(super) fn add(&mut self, topic: Topic<'_>) -> Result<Option<WriterSlot>, ShmError> {
        let Some(kind) = SlotKind::of(topic.channel.kind()) else { return Ok(None) };
        let (value_words, len) = match kind {
            SlotKind::Book => (slot::value_words::<Book5>(), 1),
            SlotKind::Trades => (slot::value_words::<Trade>(), self.ring_len),
            SlotKind::Record => (slot::value_words::<Record>(), 1),
            SlotKind::Records => {
                let options = TradeOptions { ring_len: self.ring_len };
                (slot::value_words::<Record>(), options.record_ring_len())
            }
        };
        let place = SlotLayout { kind, at: self.used, value_words, len };
        let words = slot_words(kind, value_words, len).ok_or(ShmError::Full)?;
        let end = self.used + words;
        if end > self.segment.words().len() {
            return Err(ShmError::Full);
        }
        reserve(&self.file, self.used..end).map_err(ShmError::io(&self.path))?;
        self.touch(self.used..end);
        // Whole and empty before a reader can find it.
        match kind {
            SlotKind::Book => self.publish(&place, &Book5::EMPTY, BookState::Connecting),
            SlotKind::Record => self.publish(&place, &Record::EMPTY, BookState::Connecting),
            SlotKind::Trades | SlotKind::Records => {
                self.publish_ring_state(&place, BookState::Connecting);
            }
        }
        self.segment.add_entry(&topic.to_string(), place)?;
        self.used = end;
        Ok(Some(WriterSlot { place, at: 0 }))
    }

    /// Has the process's map take the pages of new words: else each is a page fault of the first
    /// value there.
    fn touch(&self, new: Range<usize>) {
        let new = self.segment.words().get(new).unwrap_or_default();
        // One in each page, and the last, whose page may be another.
        let in_pages = new.iter().step_by(PAGE_WORDS);
        in_pages.chain(new.last()).for_each(|word| word.store(0, Ordering::Relaxed));
    }

    #[inline]
    fn publish<T: Words>(&self, place: &SlotLayout, value: &T, state: BookState) {
        slot::write(self.segment.words(), place, 0, value, state.to_code());
    }

    fn publish_ring_state(&self, place: &SlotLayout, state: BookState) {
        if let Some(word) = slot::ring_state(self.segment.words(), place) {
            word.store(u64::from(state.to_code()), Ordering::Release);
        }
    }

    /// Publishes a value and its state. Wait-free, allocates nothing.
    #[inline]
    #[expect(clippy::needless_pass_by_ref_mut, reason = "there is one writer at a time")]
    pub(super) fn set<T: Words>(&mut self, slot: &WriterSlot, value: &T, state: BookState) {
        self.publish(&slot.place, value, state);
    }

    /// Adds a value to a ring, overwriting the oldest. Wait-free, allocates nothing.
    #[inline]
    #[expect(clippy::needless_pass_by_ref_mut, reason = "there is one writer at a time")]
    pub(super) fn push<T: RingValue>(&mut self, slot: &mut WriterSlot, value: &T) {
        slot::push(self.segment.words(), &slot.place, slot.at, value);
        slot.at = if slot.at + 1 < slot.place.len { slot.at + 1 } else { 0 };
    }

    /// Publishes a state with the values unchanged.
    #[expect(clippy::needless_pass_by_ref_mut, reason = "there is one writer at a time")]
    pub(super) fn set_state(&mut self, slot: &WriterSlot, state: BookState) {
        match slot.place.kind {
            SlotKind::Book => self.rewrite::<Book5>(&slot.place, state),
            SlotKind::Record => self.rewrite::<Record>(&slot.place, state),
            SlotKind::Trades | SlotKind::Records => self.publish_ring_state(&slot.place, state),
        }
    }

    fn rewrite<T: Words>(&self, place: &SlotLayout, state: BookState) {
        // This is the only writer, so its read never fails.
        if let Some((value, ..)) = slot::read::<T>(self.segment.words(), place) {
            self.publish(place, &value, state);
        }
    }
}

impl Drop for ShmWriter {
    fn drop(&mut self) {
        self.segment.set_header(header::PHASE, ENDED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_heartbeats_are_kept_in_their_range() {
        let ms = Duration::from_millis;
        for (every, limit, expected) in [
            (ms(100), ms(1000), (ms(100), ms(1000))),
            (ms(500), ms(1000), (ms(500), ms(1000))),
            (ms(501), ms(1000), (ms(500), ms(1000))),
            (Duration::MAX, ms(1000), (ms(500), ms(1000))),
            (Duration::ZERO, ms(1000), (ms(1), ms(1000))),
            (Duration::ZERO, Duration::ZERO, (ms(1), ms(2))),
            (ms(5), Duration::MAX, (ms(5), Duration::MAX)),
        ] {
            let options =
                ShmOptions { heartbeat_every: every, heartbeat_limit: limit, ..Default::default() };
            let options = options.with_heartbeats_in_range();
            assert_eq!((options.heartbeat_every, options.heartbeat_limit), expected);
        }
    }
}
