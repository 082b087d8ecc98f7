//! An order book from a REST snapshot and the updates of the WebSocket, joined by sequence number.

use std::collections::VecDeque;
use std::time::Duration;

use crate::book::{DepthAction, DepthUpdate};
use crate::model::{InstrumentId, Level, Topic, UnixNanos};
use crate::rest::error::RowError;
use crate::rest::request::Request;
use crate::rest::rows::BookSnapshot;
use crate::rest::v5;

/// The most updates that wait for a snapshot: 13 s of the fastest books.
const MAX_HELD: usize = 1_300;
/// The most levels of all of them together, 24 bytes each.
const MAX_LEVELS: usize = 1 << 17;

/// The levels a side of a snapshot.
const LEVELS: u32 = 400;

/// The pause after a snapshot that was too old: caches are refreshed every 50 ms.
const PAUSE: Duration = Duration::from_millis(60);

/// How often a snapshot is requested before the subscription is to be renewed.
const TRIES: u32 = 20;

/// An update that waits.
#[derive(Clone, Debug)]
struct Held {
    seq: i64,
    prev_seq: i64,
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
    checksum: Option<i32>,
    asks: Vec<Level>,
    bids: Vec<Level>,
}

/// What is to be done after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookJoinStep {
    /// Request another snapshot, after a pause: this one is too old.
    Again(Duration),
    /// Wait for the next update, which is to continue the snapshot: see [`BookJoin::is_ready`].
    Waiting,
    /// The book is whole: the snapshot and the updates were passed on.
    Joined,
    /// It can't be joined: subscribe again.
    Failed,
}

/// Joins a REST snapshot with the updates that came meanwhile, by the exchange's rule: an update
/// belongs to the snapshot where `prevSeqId <= seqId of the snapshot < seqId`, what has a lower
/// `seqId` is part of the snapshot, and from there on every update continues the one before.
///
/// A gap is so filled without an unsubscribe and a subscribe request, of which an hour has few, and
/// a book can begin where the exchange sends no snapshot. Sans-IO; only the books of `books` and
/// the tick-by-tick books share the REST snapshot's numbers.
///
/// Source: `docs/PROTOCOL.md` 11.
#[derive(Clone, Debug)]
pub struct BookJoin {
    inst_id: InstrumentId,
    held: VecDeque<Held>,
    levels: usize,
    /// The number of the last update that is part of the snapshot.
    covered: Option<i64>,
    /// The number of the book before it broke: no snapshot may be older.
    known: Option<i64>,
    /// The snapshot that waits for an update to continue it, and when it was received.
    snapshot: Option<(BookSnapshot, UnixNanos)>,
    tries: u32,
}

impl BookJoin {
    /// Begins without an update.
    #[must_use]
    pub const fn new(inst_id: InstrumentId) -> Self {
        let held = VecDeque::new();
        Self { inst_id, held, levels: 0, covered: None, known: None, snapshot: None, tries: 0 }
    }

    /// The instrument.
    #[must_use]
    pub const fn inst_id(&self) -> &InstrumentId {
        &self.inst_id
    }

    /// The request of a snapshot.
    #[must_use]
    pub fn request(&self) -> Request {
        Request::book(&self.inst_id, LEVELS)
    }

    /// Keeps an update for later; `known` is the number of the book that it did not fit, where it
    /// has one. A snapshot of the exchange ends the need for one: returns true, and the updates
    /// before it are forgotten.
    pub fn on_update(&mut self, update: &DepthUpdate<'_>, known: Option<i64>) -> bool {
        self.known = known.or(self.known);
        if update.action == DepthAction::Snapshot {
            self.clear();
            return true;
        }
        // One that does not continue the last begins again: what was kept is no chain.
        if self.held.back().is_some_and(|last| last.seq != update.prev_seq) {
            self.clear();
        }
        self.levels += update.asks.len() + update.bids.len();
        self.held.push_back(Held {
            seq: update.seq,
            prev_seq: update.prev_seq,
            ts_event: update.ts_event,
            ts_recv: update.ts_recv,
            checksum: update.checksum,
            asks: update.asks.to_vec(),
            bids: update.bids.to_vec(),
        });
        while self.held.len() > MAX_HELD || self.levels > MAX_LEVELS {
            let Some(old) = self.held.pop_front() else { break };
            self.levels -= old.asks.len() + old.bids.len();
        }
        false
    }

    fn clear(&mut self) {
        self.held.clear();
        self.covered = None;
        self.levels = 0;
    }

    /// Whether a snapshot waits and an update has come that may continue it: then
    /// [`BookJoin::join`] is to be called.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let seq = self.snapshot.as_ref().and_then(|(snapshot, _)| snapshot.seq);
        let last = self.held.back().map(|held| held.seq);
        seq.zip(last).is_some_and(|(seq, last)| last > seq)
    }

    /// Takes the rows of the reply to [`BookJoin::request`], received at `ts_recv`. Where they can
    /// be joined, `pass` gets the snapshot and then the updates that follow it, as if the exchange
    /// had sent them.
    ///
    /// # Errors
    /// [`RowError`] where the reply can't be read.
    pub fn on_rows(
        &mut self,
        topic: Topic<'_>,
        rows: &str,
        ts_recv: UnixNanos,
        pass: &mut impl FnMut(&DepthUpdate<'_>),
    ) -> Result<BookJoinStep, RowError> {
        self.tries += 1;
        self.snapshot = Some((v5::book(rows)?, ts_recv));
        Ok(self.join(topic, pass))
    }

    /// Joins the snapshot that waits with the updates, where that is possible by now.
    pub fn join(
        &mut self,
        topic: Topic<'_>,
        pass: &mut impl FnMut(&DepthUpdate<'_>),
    ) -> BookJoinStep {
        let Some((snapshot, ts_recv)) = self.snapshot.take() else { return self.again() };
        let Some(seq) = snapshot.seq else { return BookJoinStep::Failed };
        let first = self.held.front().map(|held| held.prev_seq).or(self.covered);
        if first.is_some_and(|first| seq < first) || self.known.is_some_and(|known| seq < known) {
            return self.again();
        }
        while let Some(old) = self.held.front().filter(|held| held.seq <= seq) {
            self.levels -= old.asks.len() + old.bids.len();
            self.covered = Some(old.seq);
            self.held.pop_front();
        }
        match self.held.front() {
            Some(first) if first.prev_seq > seq => return BookJoinStep::Failed,
            // The next update continues exactly this one.
            None if self.covered == Some(seq) => {}
            None => {
                self.snapshot = Some((snapshot, ts_recv));
                return BookJoinStep::Waiting;
            }
            Some(_) => {}
        }
        self.pass_all(topic, &snapshot, (seq, ts_recv), pass);
        BookJoinStep::Joined
    }

    const fn again(&self) -> BookJoinStep {
        if self.tries < TRIES { BookJoinStep::Again(PAUSE) } else { BookJoinStep::Failed }
    }

    fn pass_all(
        &mut self,
        topic: Topic<'_>,
        snapshot: &BookSnapshot,
        (seq, ts_recv): (i64, UnixNanos),
        pass: &mut impl FnMut(&DepthUpdate<'_>),
    ) {
        pass(&DepthUpdate {
            topic,
            action: DepthAction::Snapshot,
            ts_event: snapshot.ts,
            ts_recv,
            seq,
            prev_seq: -1,
            checksum: None,
            asks: &snapshot.asks,
            bids: &snapshot.bids,
            non_rpi: None,
        });
        let mut last = seq;
        for held in std::mem::take(&mut self.held) {
            pass(&DepthUpdate {
                topic,
                action: DepthAction::Update,
                ts_event: held.ts_event,
                ts_recv: held.ts_recv,
                seq: held.seq,
                // The first one spans the snapshot, which the book itself knows no rule for.
                prev_seq: last,
                checksum: held.checksum,
                asks: &held.asks,
                bids: &held.bids,
                non_rpi: None,
            });
            last = held.seq;
        }
        self.levels = 0;
    }
}
