//! What each publication must be, from the events alone.

use std::sync::{Arc, Mutex};

use okx_feed::{Book5, BookState, DownReason, Event, EventSink, Level, Trade};

/// The hash of every version of the book, and of every trade.
#[derive(Default)]
pub(super) struct Versions {
    pub(super) books: Vec<u64>,
    pub(super) trades: Vec<u64>,
    /// How many versions of the book were live.
    pub(super) live: usize,
}

/// A sink behind the one that publishes.
pub(super) struct Truth {
    versions: Arc<Mutex<Versions>>,
    book: Book5,
    state: BookState,
}

impl Truth {
    pub(super) fn new(versions: Arc<Mutex<Versions>>) -> Self {
        let truth = Self { versions, book: Book5::EMPTY, state: BookState::Connecting };
        // No version of number 0 is ever seen; number 1 is the empty book of a new slot.
        truth.lock().books.push(0);
        truth.publish(BookState::Connecting);
        truth
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Versions> {
        self.versions.lock().unwrap()
    }

    fn publish(&self, state: BookState) {
        let hash = hash_of_book(&self.book, state);
        let mut versions = self.lock();
        versions.books.push(hash);
        versions.live += usize::from(state.is_live());
    }
}

impl EventSink for Truth {
    fn on_event(&mut self, event: &Event<'_>) {
        match event {
            Event::Book(update) => {
                self.book = *update.book;
                self.publish(self.state);
            }
            Event::State(change) if change.subscription.to_string() == super::BOOK => {
                self.state = change.to;
                // The value that makes the book live comes next.
                if !change.to.is_live() {
                    self.publish(change.to);
                }
            }
            Event::Trade(update) => {
                let hash = hash_of_trade(update.trade);
                self.lock().trades.push(hash);
            }
            _ => {}
        }
    }
}

/// FNV-1a over words instead of bytes, which all three languages can compute.
pub(super) fn hash(words: impl IntoIterator<Item = u64>) -> u64 {
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3);
    words.into_iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

fn words_of_level(level: &Level) -> [u64; 5] {
    let (px, sz) = (level.px(), level.sz());
    let bits = |value: i64| value.cast_unsigned();
    [
        bits(px.mantissa()),
        u64::from(px.scale()),
        bits(sz.mantissa()),
        u64::from(sz.scale()),
        u64::from(level.orders()),
    ]
}

/// The number of a state in the segment.
pub(super) fn code(state: BookState) -> u64 {
    match state {
        BookState::Connecting => 0,
        BookState::AwaitingSnapshot => 1,
        BookState::Live => 2,
        BookState::Stale => 3,
        BookState::Resyncing => 4,
        BookState::Down(DownReason::Rejected) => 5,
        BookState::Down(DownReason::Unsubscribed) => 6,
        BookState::Down(DownReason::Stopped) => 7,
    }
}

pub(super) fn hash_of_book(book: &Book5, state: BookState) -> u64 {
    let sides = [book.asks(), book.bids()];
    let head = [book.ts_event.0, book.ts_recv.0, book.seq.cast_unsigned(), code(state)];
    let lens = sides.map(|side| side.len() as u64);
    hash(head.into_iter().chain(lens).chain(sides.concat().iter().flat_map(words_of_level)))
}

pub(super) fn hash_of_trade(trade: &Trade) -> u64 {
    let (px, sz) = (trade.px(), trade.sz());
    hash([
        trade.ts_event.0,
        trade.ts_recv.0,
        trade.trade_id,
        trade.seq.cast_unsigned(),
        px.mantissa().cast_unsigned(),
        u64::from(px.scale()),
        sz.mantissa().cast_unsigned(),
        u64::from(sz.scale()),
        trade.side() as u64,
    ])
}
