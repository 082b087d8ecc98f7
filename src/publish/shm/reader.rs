//! Readers of a segment, in any process.

use std::fs::OpenOptions;
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::libc::O_NONBLOCK;

use super::clock::MonotonicNanos;
use super::error::ShmError;
use super::layout::{ENDED, REPLACED, RUNNING, SlotKind, SlotLayout, header};
use super::map::Map;
use super::segment::Segment;
use super::slot;
use crate::book::Book5;
use crate::model::{BookState, DownReason, Record, Trade};
use crate::publish::latest::Latest;
use crate::publish::ring::RingValue;
use crate::publish::words::Words;

/// A segment opened for reading. The writer cannot be harmed by it, and does not know of it.
///
/// The file is not trusted: whatever it holds, reading ends, and no value is a mix of two writes of
/// an honest writer. One thing cannot be defended against: a process that may write the file and
/// makes it shorter ends its readers by `SIGBUS`.
#[derive(Clone, Debug)]
pub struct ShmReader {
    segment: Arc<Segment>,
    path: PathBuf,
}

/// Whether the writer of a segment runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterState {
    /// It runs; its last heartbeat was so long ago.
    Running(Duration),
    /// Its last heartbeat is older than its limit: the process has ended, is stopped or hangs.
    ///
    /// The age is zero where the heartbeat is more than a second ahead of the reader's clock: it
    /// is of another clock, such as that of the machine before its last start.
    Silent(Duration),
    /// It has ended in order.
    Ended,
    /// Another writer has made a new segment of this name, which is to be opened instead.
    Replaced,
}

impl ShmReader {
    /// Opens a segment.
    ///
    /// # Errors
    /// If the file cannot be opened or mapped, or is not a segment of this version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ShmError> {
        let path = path.as_ref();
        // A pipe of that name is refused by its length, without a wait for its writer.
        let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path);
        let file = file.map_err(ShmError::io(path))?;
        let map = Map::read_only(&file).map_err(ShmError::io(path))?;
        let segment = Arc::new(Segment::check(map, path)?);
        Ok(Self { segment, path: path.to_owned() })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The generation: the time of the system's monotonic clock at which the segment was made.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.segment.header(header::GENERATION)
    }

    /// The writer's process id.
    #[must_use]
    pub fn pid(&self) -> u64 {
        self.segment.header(header::PID)
    }

    /// Whether the writer runs, by a time that was read a second ago at most.
    #[must_use]
    pub fn writer(&self, now: MonotonicNanos) -> WriterState {
        writer_state(&self.segment, now)
    }

    /// The subscriptions that have a slot, as text, and what it holds, in the order in which they
    /// were made. Malformed entries are left out. Allocates.
    #[must_use]
    pub fn slots(&self) -> Vec<(String, SlotKind)> {
        let entries = (0..self.segment.entries()).filter_map(|nth| self.segment.read_entry(nth));
        entries.map(|(text, place)| (text, place.kind)).collect()
    }

    /// The five-level book of a subscription such as `books5:BTC-USDT`.
    ///
    /// # Errors
    /// [`ShmError::NoSuchSlot`] if there is none (yet).
    pub fn book(&self, subscription: &str) -> Result<ShmValue<Book5>, ShmError> {
        self.value(subscription, SlotKind::Book)
    }

    /// The latest record of a subscription such as `tickers:BTC-USDT`.
    ///
    /// # Errors
    /// As [`ShmReader::book`].
    pub fn record(&self, subscription: &str) -> Result<ShmValue<Record>, ShmError> {
        self.value(subscription, SlotKind::Record)
    }

    /// The last trades of a subscription such as `trades:BTC-USDT`.
    ///
    /// # Errors
    /// As [`ShmReader::book`].
    pub fn trades(&self, subscription: &str) -> Result<ShmRing<Trade>, ShmError> {
        self.ring(subscription, SlotKind::Trades)
    }

    /// The last records of a subscription such as `liquidation-orders:SWAP`.
    ///
    /// # Errors
    /// As [`ShmReader::book`].
    pub fn records(&self, subscription: &str) -> Result<ShmRing<Record>, ShmError> {
        self.ring(subscription, SlotKind::Records)
    }

    fn value<T: Words>(&self, text: &str, kind: SlotKind) -> Result<ShmValue<T>, ShmError> {
        let place = self.find::<T>(text, kind)?;
        Ok(ShmValue { segment: Arc::clone(&self.segment), place, value: PhantomData })
    }

    fn ring<T: Words>(&self, text: &str, kind: SlotKind) -> Result<ShmRing<T>, ShmError> {
        let place = self.find::<T>(text, kind)?;
        Ok(ShmRing { segment: Arc::clone(&self.segment), place, value: PhantomData })
    }

    fn find<T: Words>(&self, text: &str, kind: SlotKind) -> Result<SlotLayout, ShmError> {
        let entries = (0..self.segment.entries()).filter_map(|nth| self.segment.read_entry(nth));
        let mut places = entries.filter(|(name, _)| name == text).map(|(_, place)| place);
        let place = places
            .find(|place| place.kind == kind && place.value_words == slot::value_words::<T>());
        place.ok_or_else(|| ShmError::NoSuchSlot(text.to_owned()))
    }
}

/// How many nanoseconds a heartbeat may be ahead of the reader's time, which was read before it.
const MAX_AHEAD: u64 = 1_000_000_000;

fn writer_state(segment: &Segment, now: MonotonicNanos) -> WriterState {
    match segment.header(header::PHASE) {
        RUNNING => {
            let beat = segment.header(header::HEARTBEAT);
            let (age, ahead) = (now.0.saturating_sub(beat), beat.saturating_sub(now.0));
            let is_fresh = age <= segment.header(header::HEARTBEAT_LIMIT) && ahead <= MAX_AHEAD;
            let age = Duration::from_nanos(age);
            if is_fresh { WriterState::Running(age) } else { WriterState::Silent(age) }
        }
        REPLACED => WriterState::Replaced,
        ENDED => WriterState::Ended,
        // Not written by this version.
        _ => WriterState::Ended,
    }
}

/// The state that a reader sees: that of the subscription while the writer runs, otherwise down.
fn seen_state(segment: &Segment, now: MonotonicNanos, code: u64) -> BookState {
    match writer_state(segment, now) {
        WriterState::Running(_) => slot::state_of(code),
        WriterState::Silent(_) | WriterState::Ended | WriterState::Replaced => {
            BookState::Down(DownReason::Stopped)
        }
    }
}

/// A value of a segment that each publication replaces.
#[derive(Clone, Debug)]
pub struct ShmValue<T> {
    segment: Arc<Segment>,
    place: SlotLayout,
    value: PhantomData<T>,
}

impl<T: Words> ShmValue<T> {
    /// The latest value, its state and the number of its publications. The state is
    /// `Down(Stopped)` once the writer does not run at `now`, which was read a second ago at most.
    /// Allocates nothing.
    ///
    /// `None` if the writer ended in the middle of a write, or is interrupted in one: try again.
    #[inline]
    #[must_use]
    pub fn snapshot(&self, now: MonotonicNanos) -> Option<Latest<T>> {
        let (value, mark, version) = slot::read(self.segment.words(), &self.place)?;
        let state = seen_state(&self.segment, now, u64::from(mark));
        Some(Latest { value, state, version })
    }

    /// The latest value if it is live: its writer runs, and the feed says so.
    #[inline]
    #[must_use]
    pub fn live(&self, now: MonotonicNanos) -> Option<T> {
        self.snapshot(now)?.live()
    }
}

/// The last values of a stream in a segment.
#[derive(Clone, Debug)]
pub struct ShmRing<T> {
    segment: Arc<Segment>,
    place: SlotLayout,
    value: PhantomData<T>,
}

impl<T: RingValue> ShmRing<T> {
    /// The number of the next value, which is the count of values so far.
    #[inline]
    #[must_use]
    pub fn next(&self) -> u64 {
        slot::next(self.segment.words(), &self.place)
    }

    /// The number of the oldest value that may still be held.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.next().saturating_sub(self.place.len as u64)
    }

    /// The state of the stream; `Down(Stopped)` once the writer does not run.
    #[must_use]
    pub fn state(&self, now: MonotonicNanos) -> BookState {
        let code = slot::ring_state(self.segment.words(), &self.place);
        seen_state(&self.segment, now, code.map_or(0, |code| code.load(Ordering::Acquire)))
    }

    /// The value of a number; `None` if it was overwritten, was lost or is not published yet.
    #[inline]
    #[must_use]
    pub fn at(&self, number: u64) -> Option<T> {
        slot::at(self.segment.words(), &self.place, number)
    }

    /// The values from number `from` on, oldest first, with their numbers: at most as many as the
    /// ring holds. Missed values show as a jump of the numbers.
    pub fn since(&self, from: u64) -> impl Iterator<Item = (u64, T)> {
        let next = self.next();
        let first = from.max(next.saturating_sub(self.place.len as u64));
        (first..next).filter_map(|number| Some((number, self.at(number)?)))
    }
}
