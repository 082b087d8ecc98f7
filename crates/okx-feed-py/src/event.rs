//! Events that are neither books, trades nor records, and the way of all events to Python.

use std::sync::Arc;

use okx_feed::client::{DroppedEvents, OwnedEvent};
use okx_feed::{
    Book5, BookState, DepthUpdate, Event, Level, Malformed, Subscription, TradeUpdate, UnixNanos,
};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::book::{Change, PyBook};
use crate::level::{PySide, SideLevels};
use crate::record::PyRecord;
use crate::trade::PyTrade;

/// A change of a subscription's state.
#[pyclass(frozen, module = "okx_feed", name = "StateChange")]
#[derive(Debug)]
pub(crate) struct PyStateChange {
    subscription: Subscription,
    from: BookState,
    to: BookState,
    ts_recv: UnixNanos,
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

fn book<'py>(
    py: Python<'py>,
    subscription: Subscription,
    book: Book5,
    change: Change,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(Bound::new(py, PyBook::of_event(Some(subscription), book, change))?.into_any())
}

fn trade(py: Python<'_>, trade: PyTrade) -> PyResult<Bound<'_, PyAny>> {
    Ok(Bound::new(py, trade)?.into_any())
}

/// Appends an event to a list, if it is one of Python's. Runs no code of Python.
pub(crate) fn append(list: &Bound<'_, PyList>, event: &Event<'_>) -> PyResult<()> {
    let py = list.py();
    // The most frequent ones are not copied before.
    let made = match event {
        Event::Book(update) => {
            let Ok(subscription) = Subscription::of(&update.topic) else { return Ok(()) };
            book(py, subscription, *update.book, Change::default())?
        }
        Event::Trade(update) => {
            let Ok(subscription) = Subscription::of(&update.topic) else { return Ok(()) };
            let TradeUpdate { trade: of, replayed, missed, origin, .. } = *update;
            let subscription = Some(subscription);
            trade(py, PyTrade { subscription, trade: *of, replayed, missed, origin })?
        }
        other => match OwnedEvent::new(other) {
            Some(owned) => object(py, &owned)?,
            None => return Ok(()),
        },
    };
    list.append(made)
}

/// As [`append`], with messages of order books as they are.
pub(crate) fn append_message(list: &Bound<'_, PyList>, event: &Event<'_>) -> PyResult<()> {
    match event {
        Event::Depth(update) => list.append(Bound::new(list.py(), PyDepthUpdate::new(update))?),
        other => append(list, other),
    }
}

/// An event as an object. Runs no code of Python.
pub(crate) fn object<'py>(py: Python<'py>, event: &OwnedEvent) -> PyResult<Bound<'py, PyAny>> {
    Ok(match *event {
        OwnedEvent::Book { subscription, book: of, .. } => {
            book(py, subscription, of, Change::default())?
        }
        OwnedEvent::Trade { subscription, trade: of, replayed, missed, origin, .. } => {
            let subscription = Some(subscription);
            trade(py, PyTrade { subscription, trade: of, replayed, missed, origin })?
        }
        OwnedEvent::DepthBook { subscription, action, sync, best, .. } => {
            book(py, subscription, best, Change { action: Some(action), sync: Some(sync) })?
        }
        OwnedEvent::State { subscription, from, to, ts_recv, .. } => {
            Bound::new(py, PyStateChange { subscription, from, to, ts_recv })?.into_any()
        }
        OwnedEvent::Record { subscription, ref record, .. } => {
            Bound::new(py, PyRecord::of_event(Some(subscription), *record))?.into_any()
        }
        OwnedEvent::Control { ref kind, code, ref message, ts_recv } => {
            let message = Some(message.to_string()).filter(|text| !text.is_empty());
            let (kind, ts_recv) = (kind.to_string(), ts_recv.0);
            Bound::new(py, PyControl { kind, code, message, ts_recv })?.into_any()
        }
        OwnedEvent::Skipped { ref channel, ts_recv } => {
            let (channel, ts_recv) = (channel.to_string(), ts_recv.0);
            Bound::new(py, PySkipped { channel, ts_recv })?.into_any()
        }
        OwnedEvent::Malformed(malformed) => malformed_object(py, &malformed)?,
        _ => py.None().into_bound(py),
    })
}

/// A malformed frame as an object.
fn malformed_object<'py>(py: Python<'py>, malformed: &Malformed) -> PyResult<Bound<'py, PyAny>> {
    let Malformed { kind, offset, subscription, ts_recv } = *malformed;
    let (topic, ts_recv) = (subscription.map(|of| of.to_string()), ts_recv.0);
    Ok(Bound::new(py, PyMalformed { kind, offset, topic, ts_recv })?.into_any())
}

/// What a queue or a replay holds for Python.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
#[derive(Debug)]
pub(crate) enum Item {
    /// An event.
    Event(OwnedEvent),
    /// Events that were dropped before the next one.
    Dropped(DroppedEvents),
    /// Lines that a recording lacks: how many, why, and when.
    Gap(u64, String, UnixNanos),
}

impl Item {
    /// The object of Python. Runs no code of Python.
    pub(crate) fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Event(event) => object(py, event),
            Self::Dropped(dropped) => Ok(Bound::new(py, PyDropped::from(*dropped))?.into_any()),
            Self::Gap(lines, reason, ts_recv) => {
                let (lines, reason, ts_recv) = (*lines, reason.clone(), ts_recv.0);
                Ok(Bound::new(py, PyGap { lines, reason, ts_recv })?.into_any())
            }
        }
    }
}
