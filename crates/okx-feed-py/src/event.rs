//! Events that are neither books, trades nor records.

use std::sync::Arc;

use okx_feed::client::DroppedEvents;
use okx_feed::{BookState, DepthUpdate, Level, Malformed, Subscription, UnixNanos};
use pyo3::prelude::*;

use crate::level::{PySide, SideLevels};

/// A change of a subscription's state.
#[pyclass(frozen, module = "okx_feed", name = "StateChange")]
#[derive(Debug)]
pub(crate) struct PyStateChange {
    pub(crate) subscription: Subscription,
    pub(crate) from: BookState,
    pub(crate) to: BookState,
    pub(crate) ts_recv: UnixNanos,
}

#[pymethods]
impl PyStateChange {
    #[classattr]
    const EVENT: &'static str = "state";

    /// The subscription.
    #[getter]
    fn topic(&self) -> String {
        self.subscription.to_string()
    }

    /// The previous state.
    #[getter]
    fn before(&self) -> &'static str {
        self.from.name()
    }

    /// The new state.
    #[getter]
    fn state(&self) -> &'static str {
        self.to.name()
    }

    /// The time of receipt, or of the change, in nanoseconds since 1970.
    #[getter]
    const fn ts_recv(&self) -> u64 {
        self.ts_recv.0
    }

    fn __repr__(&self) -> String {
        let Self { subscription, from, to, .. } = self;
        format!("StateChange({subscription} {from} to {to})")
    }
}

/// A reply or a notice of the exchange.
#[pyclass(frozen, get_all, module = "okx_feed", name = "Control")]
#[derive(Debug)]
pub(crate) struct PyControl {
    /// `subscribe`, `unsubscribe`, `error`, `login`, `notice`, `pong` or another of the exchange's.
    pub(crate) kind: String,
    /// The exchange's code; `None` if it has none.
    pub(crate) code: Option<i64>,
    /// The exchange's text; `None` if it has none.
    pub(crate) message: Option<String>,
    /// The time of receipt in nanoseconds since 1970; 0 if unknown.
    pub(crate) ts_recv: u64,
}

#[pymethods]
impl PyControl {
    #[classattr]
    const EVENT: &'static str = "control";

    fn __repr__(&self) -> String {
        let Self { kind, code, message, .. } = self;
        format!("Control({kind} {code:?} {message:?})")
    }
}

/// A message of a channel that is not decoded.
#[pyclass(frozen, get_all, module = "okx_feed", name = "Skipped")]
#[derive(Debug)]
pub(crate) struct PySkipped {
    /// The channel's name on the wire; empty if the message names none.
    pub(crate) channel: String,
    /// The time of receipt in nanoseconds since 1970; 0 if unknown.
    pub(crate) ts_recv: u64,
}

#[pymethods]
impl PySkipped {
    #[classattr]
    const EVENT: &'static str = "skipped";

    fn __repr__(&self) -> String {
        format!("Skipped({})", self.channel)
    }
}

/// A frame that could not be decoded.
#[pyclass(frozen, get_all, module = "okx_feed", name = "Malformed")]
#[derive(Debug)]
pub(crate) struct PyMalformed {
    /// The fault, such as `level_shape`.
    kind: &'static str,
    /// The byte of the text; 0 if unknown.
    offset: u32,
    /// The subscription, if the readable text names it.
    topic: Option<String>,
    /// The time of receipt in nanoseconds since 1970; 0 if unknown.
    ts_recv: u64,
}

#[pymethods]
impl PyMalformed {
    #[classattr]
    const EVENT: &'static str = "malformed";

    fn __repr__(&self) -> String {
        format!("Malformed({} at byte {})", self.kind, self.offset)
    }
}

/// Events that a full queue has dropped.
#[pyclass(frozen, get_all, module = "okx_feed", name = "Dropped")]
#[derive(Debug)]
pub(crate) struct PyDropped {
    /// Five-level books.
    books: u64,
    /// Trades.
    trades: u64,
    /// Messages of order books.
    depths: u64,
    /// Records.
    records: u64,
    /// Changes of states.
    states: u64,
    /// All others.
    others: u64,
    /// All together.
    total: u64,
}

#[pymethods]
impl PyDropped {
    #[classattr]
    const EVENT: &'static str = "dropped";

    fn __repr__(&self) -> String {
        format!("Dropped({} events)", self.total)
    }
}

impl From<Malformed> for PyMalformed {
    fn from(malformed: Malformed) -> Self {
        let Malformed { kind, offset, subscription, ts_recv } = malformed;
        Self { kind, offset, topic: subscription.map(|of| of.to_string()), ts_recv: ts_recv.0 }
    }
}

impl From<DroppedEvents> for PyDropped {
    fn from(dropped: DroppedEvents) -> Self {
        let total = dropped.total();
        let DroppedEvents { books, trades, depths, records, states, others, .. } = dropped;
        Self { books, trades, depths, records, states, others, total }
    }
}

/// Lines that a recording lacks.
#[pyclass(frozen, get_all, module = "okx_feed", name = "Gap")]
#[derive(Debug)]
pub(crate) struct PyGap {
    /// How many lines are missing; 0 if unknown.
    pub(crate) lines: u64,
    /// Why, in words.
    pub(crate) reason: String,
    /// The time of the first line after them, in nanoseconds since 1970.
    pub(crate) ts_recv: u64,
}

#[pymethods]
impl PyGap {
    #[classattr]
    const EVENT: &'static str = "gap";

    fn __repr__(&self) -> String {
        format!("Gap({} lines: {})", self.lines, self.reason)
    }
}

/// A message of an order book, before it is applied.
#[pyclass(frozen, module = "okx_feed", name = "DepthUpdate")]
#[derive(Debug)]
pub(crate) struct PyDepthUpdate {
    subscription: Option<Subscription>,
    action: &'static str,
    times: (UnixNanos, UnixNanos),
    seq: Option<i64>,
    prev_seq: Option<i64>,
    checksum: Option<i32>,
    levels: Arc<MessageLevels>,
}

/// The levels of a message.
#[derive(Debug)]
struct MessageLevels {
    asks: Box<[Level]>,
    bids: Box<[Level]>,
}

impl SideLevels for MessageLevels {
    fn asks(&self) -> &[Level] {
        &self.asks
    }

    fn bids(&self) -> &[Level] {
        &self.bids
    }
}

impl PyDepthUpdate {
    pub(crate) fn new(update: &DepthUpdate<'_>) -> Self {
        let levels = MessageLevels { asks: update.asks.into(), bids: update.bids.into() };
        let prev_seq = Some(update.prev_seq).filter(|seq| *seq != DepthUpdate::NO_SEQ);
        Self {
            subscription: Subscription::of(&update.topic).ok(),
            action: update.action.name(),
            times: (update.ts_event, update.ts_recv),
            seq: update.seq(),
            prev_seq,
            checksum: update.checksum,
            levels: Arc::new(levels),
        }
    }
}

#[pymethods]
impl PyDepthUpdate {
    #[classattr]
    const EVENT: &'static str = "depth";

    /// The subscription.
    #[getter]
    fn topic(&self) -> Option<String> {
        self.subscription.map(|of| of.to_string())
    }

    /// `snapshot`, `update` or `rest_snapshot`.
    #[getter]
    const fn action(&self) -> &'static str {
        self.action
    }

    /// The exchange's time in nanoseconds since 1970.
    #[getter]
    const fn ts_event(&self) -> u64 {
        self.times.0.0
    }

    /// The time of receipt, or of the change, in nanoseconds since 1970.
    #[getter]
    const fn ts_recv(&self) -> u64 {
        self.times.1.0
    }

    /// v5's `seqId`; `None` if it was not sent.
    #[getter]
    const fn seq(&self) -> Option<i64> {
        self.seq
    }

    /// v5's `prevSeqId`; `None` if it was not sent.
    #[getter]
    const fn prev_seq(&self) -> Option<i64> {
        self.prev_seq
    }

    /// The checksum of the book after it; `None` if it was not sent.
    #[getter]
    const fn checksum(&self) -> Option<i32> {
        self.checksum
    }

    /// The asks that change; a size of zero deletes.
    #[getter]
    fn asks(&self) -> PySide {
        PySide::asks(self.levels.clone())
    }

    /// The bids that change; a size of zero deletes.
    #[getter]
    fn bids(&self) -> PySide {
        PySide::bids(self.levels.clone())
    }

    fn __repr__(&self) -> String {
        let (asks, bids) = (self.levels.asks.len(), self.levels.bids.len());
        let topic = self.topic().unwrap_or_default();
        format!("DepthUpdate({topic} {}, {asks} asks, {bids} bids)", self.action)
    }
}
