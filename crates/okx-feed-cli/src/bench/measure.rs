//! The measurements: every stage and the whole path, one frame at a time.

use std::cell::RefCell;
use std::hint::black_box;

use hdrhistogram::Histogram;

use super::clock::CycleClock;
use super::frames::Frames;
use super::outlier_filter::{Sample, undisturbed};
use super::steps::Steps;
use okx_feed::feed::{DepthOptions, Slots, Stats};
use okx_feed::internals::Inflater;
use okx_feed::publish::{BookPublisher, TradeOptions, TradePublisher};
use okx_feed::wire::DecodeLimits;
use okx_feed::{
    BookReader, BookState, Decoder, Event, EventSink, FeedHandler, Frame, TradeReader, UnixNanos,
};

/// The most warm-up frames before the first timed one. They fill the caches with code and data, and
/// let the core reach its full clock rate.
const WARM_UP: usize = 20_000;

/// How often each frame is processed as a warm-up, if there are few frames.
const ROUNDS: usize = 20;

/// The frames and evictions that are timed for the estimate.
const SAMPLE_FRAMES: usize = 2_048;
const SAMPLE_EVICTIONS: u64 = 16;

/// The longest time that the histogram distinguishes, in nanoseconds.
const MAX_NS: u64 = 10_000_000_000;

/// Bytes of a cache line. A stride that is too short only takes longer.
const CACHE_LINE: usize = 64;

/// Bytes that are read between frames to evict the hot path: more than a first-level cache holds,
/// and more than most second-level ones.
pub(super) const COLD: [(usize, &str); 2] = [(256 << 10, "256 KB"), (4 << 20, "4 MB")];

/// The times of one stage, or of the whole path.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) times: Histogram<u64>,
    pub(super) kind: RowKind,
}

/// The subject of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    /// One stage.
    Stage,
    /// The whole path.
    HotPath,
    /// A subset of the frames of the row before.
    Part,
}

/// Measures everything.
///
/// # Errors
/// If a histogram can't be made, which its fixed bounds rule out.
pub(super) fn measure(
    clock: &CycleClock,
    frames: &Frames,
) -> Result<Vec<Row>, hdrhistogram::CreationError> {
    let run = &Run { clock, frames, steps: RefCell::new(steps(clock, frames)) };
    let mut rows = Vec::new();
    let mut row = |name: String, kind, run: &mut dyn FnMut(&mut Histogram<u64>)| {
        let mut times = Histogram::new_with_bounds(1, MAX_NS, 3)?;
        run(&mut times);
        rows.push(Row { name, times, kind });
        Ok(())
    };
    if frames.compressed() {
        row("inflate".into(), RowKind::Stage, &mut |times| inflate(run, times))?;
    }
    row("parse".into(), RowKind::Stage, &mut |times| parse(run, times))?;
    row("apply".into(), RowKind::Stage, &mut |times| apply(run, times))?;
    row("publish".into(), RowKind::Stage, &mut |times| publish(run, times))?;
    let samples = hot_path(run, &[]);
    let all = |samples: &[Sample], times: &mut Histogram<u64>| {
        samples.iter().for_each(|sample| times.saturating_record(sample.path_ns));
    };
    row("whole hot path".into(), RowKind::HotPath, &mut |times| all(&samples, times))?;
    for (len, name) in COLD {
        let samples = hot_path(run, &vec![1; len]);
        let name = format!("whole hot path, cold by {name}");
        let quiet = format!("{name}, core to itself");
        row(name, RowKind::HotPath, &mut |times| all(&samples, times))?;
        row(quiet, RowKind::Part, &mut |times| {
            undisturbed(&samples).for_each(|ns| times.saturating_record(ns));
        })?;
    }
    Ok(rows)
}

/// The clock, the frames and the progress of a measurement.
struct Run<'a> {
    clock: &'a CycleClock,
    frames: &'a Frames,
    steps: RefCell<Steps>,
}

/// The steps of all passes.
fn steps(clock: &CycleClock, frames: &Frames) -> Steps {
    let plain = 4 + u64::from(frames.compressed());
    let evictions = COLD.map(|(len, _)| evict_ns(clock, len));
    Steps::new((plain, &evictions), frame_ns(clock, frames), turns_of(frames))
}

/// The frames of a pass.
fn turns_of(frames: &Frames) -> u64 {
    (warm_up_of(frames) + frames.timed()) as u64
}

/// The mean time of a frame without eviction, the copy and the clock included.
fn frame_ns(clock: &CycleClock, frames: &Frames) -> u64 {
    let mut feed = FeedHandler::new(frames.dialect);
    let mut receiver = Receiver::new(frames);
    let all = || {
        for frame in frames.iter().cycle().take(SAMPLE_FRAMES) {
            let frame = receiver.receive(frame);
            clock.time(|| feed.on_frame(frame, UnixNanos(1), &mut NoSink).is_ok());
        }
    };
    (clock.time(all).1 / SAMPLE_FRAMES as u64).max(1)
}

/// The mean time of an eviction of so many bytes.
fn evict_ns(clock: &CycleClock, len: usize) -> u64 {
    let memory = vec![1; len];
    touch(&memory);
    clock.time(|| (0..SAMPLE_EVICTIONS).for_each(|_| touch(&memory))).1 / SAMPLE_EVICTIONS
}

/// The number of warm-up frames.
fn warm_up_of(frames: &Frames) -> usize {
    (ROUNDS * frames.len()).min(WARM_UP)
}

/// The next frame.
struct Turn<'f> {
    frame: Frame<'f>,
    /// Whether it is timed, or a warm-up.
    timed: bool,
    /// Whether it is the first frame of a pass, before which all state is reset.
    begins: bool,
}

/// The warm-up frames, followed by the timed ones.
fn warm_then_timed<'r>(run: &'r Run<'_>) -> impl Iterator<Item = Turn<'r>> {
    let frames = run.frames;
    let turns = |count, timed| {
        let rounds = frames.iter().enumerate().cycle().take(count);
        rounds.map(move |(at, frame)| Turn { frame, timed, begins: at == 0 })
    };
    let all = turns(warm_up_of(frames), false).chain(turns(frames.timed(), true));
    // Progress is reported between two frames, outside the timed sections.
    all.inspect(|_| run.steps.borrow_mut().step())
}

/// The receive buffer. Each frame is copied into it, as the socket does, so that its bytes are in
/// the first-level cache and its page is mapped.
struct Receiver {
    buffer: Vec<u8>,
}

impl Receiver {
    fn new(frames: &Frames) -> Self {
        let longest = frames.iter().map(|frame| frame.len()).max().unwrap_or_default();
        Self { buffer: vec![0; longest] }
    }

    #[inline]
    fn receive(&mut self, frame: Frame<'_>) -> Frame<'_> {
        let (Frame::Text(bytes) | Frame::Binary(bytes)) = frame;
        self.buffer.clear();
        self.buffer.extend_from_slice(bytes);
        let received = black_box(self.buffer.as_slice());
        match frame {
            Frame::Text(_) => Frame::Text(received),
            Frame::Binary(_) => Frame::Binary(received),
        }
    }
}

/// Reads a byte of each cache line.
#[inline]
fn touch(bytes: &[u8]) {
    let lines = bytes.iter().step_by(CACHE_LINE);
    black_box(lines.fold(0u64, |sum, byte| sum.wrapping_add(u64::from(*byte))));
}

/// The whole path: frame to published book, with `memory` read before each frame.
fn hot_path(run: &Run<'_>, memory: &[u8]) -> Vec<Sample> {
    let Run { clock, frames, .. } = run;
    let mut samples = Vec::with_capacity(frames.timed());
    let mut feed = FeedHandler::new(frames.dialect);
    let mut readers: Vec<(Option<BookReader>, Option<TradeReader>)> = Vec::new();
    for subscription in &frames.subscriptions {
        // They were read from frames of this dialect.
        let _ = feed.subscribe(*subscription);
        readers.push((feed.book_reader(subscription), feed.trade_reader(subscription)));
    }
    let mut receiver = Receiver::new(frames);
    run.steps.borrow_mut().begin(evict_ns(clock, memory.len()));
    for Turn { frame, timed, begins } in warm_then_timed(run) {
        if begins {
            feed.forget(UnixNanos(1), &mut NoSink);
        }
        let ((), read_ns) = clock.time(|| touch(memory));
        let frame = receiver.receive(frame);
        let work = || feed.on_frame(frame, UnixNanos(1), &mut NoSink).is_ok();
        let (_, path_ns) = clock.time(work);
        if timed {
            samples.push(Sample { read_ns, path_ns });
        }
    }
    samples
}

fn inflate(run: &Run<'_>, times: &mut Histogram<u64>) {
    let Run { clock, frames, .. } = run;
    let mut inflater = Inflater::new();
    let mut text = vec![0; DecodeLimits::MAX_INFLATED_LEN];
    let mut receiver = Receiver::new(frames);
    for Turn { frame, timed, .. } in warm_then_timed(run) {
        let Frame::Binary(body) = receiver.receive(frame) else { continue };
        let work = || inflater.inflate(body, &mut text, DecodeLimits::MAX_INFLATED_LEN).is_ok();
        let (_, ns) = clock.time(work);
        if timed {
            times.saturating_record(ns);
        }
    }
}

/// From text to event: the copy into the decoder and the scanner, or the general parser if the
/// scanner can't decide.
fn parse(run: &Run<'_>, times: &mut Histogram<u64>) {
    let Run { clock, frames, .. } = run;
    let (mut receiver, mut texts) = (Receiver::new(frames), Texts::new());
    let mut decoder = Decoder::new(frames.dialect);
    for Turn { frame, timed, .. } in warm_then_timed(run) {
        let Some(text) = texts.of(receiver.receive(frame)) else { continue };
        let work = || decoder.decode(Frame::Text(text), UnixNanos(1), &mut NoSink).is_ok();
        let (_, ns) = clock.time(work);
        if timed {
            times.saturating_record(ns);
        }
    }
}

/// Finding the subscription and replacing its book or adding its trade, without a reader.
fn apply(run: &Run<'_>, times: &mut Histogram<u64>) {
    let Run { clock, frames, .. } = run;
    let empty_slots = || {
        let mut slots = Slots::default();
        for subscription in &frames.subscriptions {
            slots.insert(*subscription, DepthOptions::default(), TradeOptions::default());
        }
        slots
    };
    let mut slots = empty_slots();
    let mut stats = Stats::default();
    let mut decoder = Decoder::new(frames.dialect);
    for Turn { frame, timed, begins } in warm_then_timed(run) {
        if begins {
            slots = empty_slots();
        }
        let mut sink = |event: &Event<'_>| {
            let (_, ns) = clock.time(|| slots.apply(event, &mut stats, &mut NoSink));
            if timed {
                times.saturating_record(ns);
            }
        };
        // A malformed frame has no event.
        let _ = decoder.decode(frame, UnixNanos(1), &mut sink);
    }
}

/// Publishing a five-level book or a trade to readers on other threads.
fn publish(run: &Run<'_>, times: &mut Histogram<u64>) {
    let Run { clock, frames, .. } = run;
    let (mut books, mut trades) = (BookPublisher::new(), TradePublisher::new());
    let _readers = (books.reader(), trades.reader());
    let mut decoder = Decoder::new(frames.dialect);
    for Turn { frame, timed, .. } in warm_then_timed(run) {
        let mut sink = |event: &Event<'_>| {
            let ns = match event {
                Event::Book(update) => clock.time(|| books.publish(update.book, BookState::Live)).1,
                Event::Trade(update) => clock.time(|| trades.push(update.trade)).1,
                _ => return,
            };
            if timed {
                times.saturating_record(ns);
            }
        };
        // A malformed frame has no event.
        let _ = decoder.decode(frame, UnixNanos(1), &mut sink);
    }
}

/// A sink that ignores events and that the compiler can't optimise away.
struct NoSink;

impl EventSink for NoSink {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        black_box(event);
    }
}

/// The texts of frames, inflated if they are compressed.
struct Texts {
    inflater: Inflater,
    text: Vec<u8>,
}

impl Texts {
    fn new() -> Self {
        let limit = DecodeLimits::default().inflated_len;
        Self { inflater: Inflater::new(), text: vec![0; limit] }
    }

    /// The text of a frame; `None` if it does not inflate.
    fn of<'a>(&'a mut self, frame: Frame<'a>) -> Option<&'a [u8]> {
        match frame {
            Frame::Text(text) => Some(text),
            Frame::Binary(body) => {
                let limit = self.text.len();
                let (len, _) = self.inflater.inflate(body, &mut self.text, limit).ok()?;
                self.text.get(..len)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eviction_takes_as_long_as_it_is_large() {
        let clock = CycleClock::start();
        let (some, much) = (evict_ns(&clock, 256 << 10), evict_ns(&clock, 16 << 20));
        assert!(much > 8 * some && some > 0, "{some} {much}");
        assert!(evict_ns(&clock, 0) < some);
    }
}
