//! What many instruments cost where a text is near: a socket copies each into the same few pages, while
//! a bench that goes through thousands of texts has the memory bring those as well as the books.
//!
//! The texts of 1,024 frames are told of one instrument after the other by writing its id into them.

use std::hint::black_box;
use std::time::Instant;

use criterion::Criterion;
use okx_feed::{Frame, InstrumentId};

use crate::instruments::{COUNTS, Order, PASSES, spread, subscribed};
use crate::ratios::{table, wanted};
use crate::rivals::Contender;
use crate::stream::{Stream, text_of};

/// A text, and where it names its instrument.
struct Text {
    bytes: Vec<u8>,
    ids: Vec<usize>,
}

impl Text {
    fn new(bytes: Vec<u8>, id: &[u8]) -> Self {
        let ids = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(id)).collect();
        Self { bytes, ids }
    }

    #[inline]
    fn of(&mut self, id: &InstrumentId) -> Frame<'_> {
        for at in &self.ids {
            self.bytes[*at..][..id.as_bytes().len()].copy_from_slice(id.as_bytes());
        }
        Frame::Text(&self.bytes)
    }
}

/// Prints the table of v5's five-level books.
#[expect(clippy::print_stdout, reason = "the table is the result")]
#[expect(clippy::disallowed_methods, reason = "a bench reads a clock")]
#[expect(clippy::cast_precision_loss, reason = "nanoseconds a frame and ratios")]
pub(crate) fn received(_: &mut Criterion) {
    let Some(passes) = wanted(PASSES) else { return };
    let base = Stream::simulated("books5:BTC-USDT-SWAP");
    let id = base.subscription(0).inst_id().as_bytes().to_vec();
    let mut texts: Vec<_> = base.iter().map(|(frame, _)| Text::new(text_of(frame), &id)).collect();
    let streams = COUNTS.map(|count| spread(&base, count, Order::Even));
    let mut runs: Vec<_> = streams.iter().map(|s| (s, subscribed(s), vec![])).collect();
    for _ in 0..passes {
        for (stream, (ours, _), times) in &mut runs {
            take_all(ours, stream, &mut texts);
            let start = Instant::now();
            take_all(ours, stream, &mut texts);
            times.push(start.elapsed().as_nanos() as f64 / stream.len() as f64);
        }
    }
    println!("\nratios/{} over instruments, texts near: {passes} passes in turn", base.name);
    table(COUNTS.iter().zip(runs.iter_mut().map(|(_, _, times)| times)));
}

fn take_all(ours: &mut Contender, stream: &Stream, texts: &mut [Text]) {
    let mut next = 0;
    for (_, place) in stream.iter() {
        let frame = texts[next].of(stream.subscription(place).inst_id());
        black_box(ours.take(black_box(frame)));
        next = (next + 1) % texts.len();
    }
}
