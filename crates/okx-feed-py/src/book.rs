//! Books.

use std::sync::Arc;

use okx_feed::book::{BookFlags, BookSync, DepthAction, Sweep};
use okx_feed::publish::{DepthSnapshot, Latest};
use okx_feed::{Book5, BookState, Decimal, DepthBook, Level, Side, Subscription, UnixNanos};
use pyo3::prelude::*;

use crate::arguments::{Arg, Count};
use crate::level::{PyLevel, PySide, SideLevels};
use crate::{errors, numbers};

/// The levels of a book, of one moment.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
#[derive(Debug)]
pub(crate) enum Levels {
    /// Five a side, at most.
    Top(Book5),
    /// The published ones of an order book: 25 a side, at most.
    Best(Box<DepthSnapshot>),
    /// All of an order book.
    All(Box<DepthBook>),
}

/// Evaluates an expression with `$book` as whatever has the levels.
macro_rules! with_levels {
    ($levels:expr, $book:ident => $value:expr) => {
        match $levels {
            Levels::Top($book) => $value,
            Levels::Best($book) => $value,
            Levels::All(all) => {
                let $book = all.view();
                $value
            }
        }
    };
}

impl SideLevels for Py<PyBook> {
    fn asks(&self) -> &[Level] {
        self.get().ask_levels()
    }

    fn bids(&self) -> &[Level] {
        self.get().bid_levels()
    }
}

/// What an event says about an order book.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    /// What the message was.
    pub(crate) action: Option<DepthAction>,
    /// Whether the book matches the exchange's after it.
    pub(crate) sync: Option<BookSync>,
}

/// A book of one moment.
#[pyclass(frozen, module = "okx_feed", name = "Book")]
#[derive(Debug)]
pub(crate) struct PyBook {
    pub(crate) subscription: Option<Subscription>,
    pub(crate) levels: Levels,
    /// `None` in an event: it has no state.
    pub(crate) state: Option<BookState>,
    pub(crate) version: u64,
    pub(crate) change: Change,
}

impl PyBook {
    /// A published five-level book.
    pub(crate) fn top(subscription: Subscription, latest: Latest<Book5>) -> Self {
        let Latest { value, state, version } = latest;
        let (levels, state) = (Levels::Top(value), Some(state));
        let change = Change::default();
        Self { subscription: Some(subscription), levels, state, version, change }
    }

    /// The published levels of an order book.
    pub(crate) fn best(subscription: Subscription, latest: Latest<DepthSnapshot>) -> Self {
        let Latest { value, state, version } = latest;
        let (levels, state) = (Levels::Best(Box::new(value)), Some(state));
        let change = Change::default();
        Self { subscription: Some(subscription), levels, state, version, change }
    }

    /// A book of an event.
    pub(crate) fn of_event(
        subscription: Option<Subscription>,
        book: Book5,
        change: Change,
    ) -> Self {
        Self { subscription, levels: Levels::Top(book), state: None, version: 0, change }
    }

    fn ask_levels(&self) -> &[Level] {
        with_levels!(&self.levels, book => book.asks())
    }

    fn bid_levels(&self) -> &[Level] {
        with_levels!(&self.levels, book => book.bids())
    }

    fn times(&self) -> (UnixNanos, UnixNanos) {
        with_levels!(&self.levels, book => (book.ts_event, book.ts_recv))
    }
}

/// `(bid price, bid size, ask price, ask size)` of the best levels.
pub(crate) type TopFloats = (f64, f64, f64, f64);

/// The best levels as floats; `None` if a side is empty.
pub(crate) fn top_floats(bids: &[Level], asks: &[Level]) -> Option<TopFloats> {
    let ((bid_px, bid_sz), (ask_px, ask_sz)) = (bids.first()?.to_f64(), asks.first()?.to_f64());
    Some((bid_px, bid_sz, ask_px, ask_sz))
}

/// Reads a side of a taker.
pub(crate) fn side_of(name: &str) -> PyResult<Side> {
    let side = Side::from_name(name.as_bytes());
    side.ok_or_else(|| errors::config(format!("unknown side {name:?}: buy or sell")))
}

#[pymethods]
impl PyBook {
    #[classattr]
    const EVENT: &'static str = "book";

    /// The subscription, such as `books5:BTC-USDT`; `None` if unknown.
    #[getter]
    fn topic(&self) -> Option<String> {
        self.subscription.map(|of| of.to_string())
    }

    /// The channel's name, such as `books5`.
    #[getter]
    fn channel(&self) -> Option<&'static str> {
        self.subscription.map(|of| of.channel().name())
    }

    /// The instrument, such as `BTC-USDT`.
    #[getter]
    fn inst_id(&self) -> Option<&str> {
        self.subscription.as_ref().map(|of| of.inst_id().as_str())
    }

    /// `live` if the book matches the exchange's; else why not. `None` in an event: a
    /// `StateChange` says it.
    #[getter]
    fn state(&self) -> Option<&'static str> {
        self.state.map(BookState::name)
    }

    /// Whether the state is `live`.
    #[getter]
    fn is_live(&self) -> bool {
        self.state.is_some_and(BookState::is_live)
    }

    /// How often it was published; equal versions are equal books. 0 in an event.
    #[getter]
    const fn version(&self) -> u64 {
        self.version
    }

    /// The exchange's time in nanoseconds since 1970; 0 if unknown.
    #[getter]
    fn ts_event(&self) -> u64 {
        self.times().0.0
    }

    /// The time of receipt in nanoseconds since 1970; 0 if unknown.
    #[getter]
    fn ts_recv(&self) -> u64 {
        self.times().1.0
    }

    /// The exchange's sequence number; `None` if it sends none.
    #[getter]
    fn seq(&self) -> Option<i64> {
        match &self.levels {
            Levels::Top(book) => book.seq(),
            Levels::Best(book) => book.seq,
            Levels::All(book) => book.view().seq(),
        }
    }

    /// Anomalies: `crossed`, `unsorted`, `empty_level`.
    #[getter]
    fn flags(&self) -> Vec<&'static str> {
        match &self.levels {
            Levels::Top(book) => book.flags().names().collect(),
            Levels::Best(book) => {
                let flags = BookFlags::of(book.asks(), book.bids());
                flags.names().collect()
            }
            Levels::All(book) => book.view().top5().flags().names().collect(),
        }
    }

    /// In an event of an order book: `snapshot`, `update` or `rest_snapshot`.
    #[getter]
    fn action(&self) -> Option<&'static str> {
        self.change.action.map(DepthAction::name)
    }

    /// In an event of an order book: `live`, `broken`, `no_snapshot` or `unlinked`.
    #[getter]
    fn sync(&self) -> Option<&'static str> {
        self.change.sync.map(BookSync::name)
    }

    /// Why the order book of an event is broken, such as `gap` or `checksum`.
    #[getter]
    const fn fault(&self) -> Option<&'static str> {
        match self.change.sync {
            Some(BookSync::Broken(cause)) => Some(cause.name()),
            _ => None,
        }
    }

    /// The asks, best (lowest) first.
    #[getter]
    fn asks(slf: Py<Self>) -> PySide {
        PySide::asks(Arc::new(slf))
    }

    /// The bids, best (highest) first.
    #[getter]
    fn bids(slf: Py<Self>) -> PySide {
        PySide::bids(Arc::new(slf))
    }

    /// The best ask; `None` if there is none.
    #[getter]
    fn best_ask(&self) -> Option<PyLevel> {
        self.ask_levels().first().copied().map(PyLevel)
    }

    /// The best bid; `None` if there is none.
    #[getter]
    fn best_bid(&self) -> Option<PyLevel> {
        self.bid_levels().first().copied().map(PyLevel)
    }

    /// `(bid price, bid size, ask price, ask size)` as the nearest floats; `None` if a side is
    /// empty.
    #[pyo3(name = "top_floats")]
    fn best_floats(&self) -> Option<TopFloats> {
        top_floats(self.bid_levels(), self.ask_levels())
    }

    /// Best ask minus best bid, exact; `None` if a side is empty.
    #[getter]
    fn spread<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        numbers::exact_option(py, with_levels!(&self.levels, book => book.spread()))
    }

    /// The middle of the best prices, exact; `None` if a side is empty.
    #[getter]
    fn mid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        numbers::exact_option(py, with_levels!(&self.levels, book => book.mid()))
    }

    /// The best prices weighted by the size of the other side, with so many decimals, 0 to 18;
    /// `None` if a side is empty.
    ///
    /// Raises:
    ///     ConfigError: So many decimals are not possible.
    #[pyo3(signature = (decimals=Arg(9)), text_signature = "($self, decimals=9)")]
    fn microprice<'py>(
        &self,
        py: Python<'py>,
        decimals: Arg<u8>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Arg(decimals) = decimals;
        if decimals > Decimal::MAX_SCALE {
            let most = Decimal::MAX_SCALE;
            return Err(errors::config(format!("a price has at most {most} decimals")));
        }
        numbers::exact_option(py, with_levels!(&self.levels, book => book.microprice(decimals)))
    }

    /// (bids - asks) / (bids + asks) over the sizes of the best `levels` a side, from -1 to 1;
    /// `None` if the book may have more levels than it holds.
    ///
    /// Raises:
    ///     ConfigError: `levels` is not at least 1.
    #[pyo3(signature = (levels=Count(5)), text_signature = "($self, levels=5)")]
    fn imbalance<'py>(
        &self,
        py: Python<'py>,
        levels: Count,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        numbers::exact_option(py, with_levels!(&self.levels, book => book.imbalance(levels.0)))
    }

    /// What it costs to `buy` or `sell` a size at once; `None` if the size is not positive.
    ///
    /// Raises:
    ///     ConfigError: The side is neither `buy` nor `sell`.
    ///     TypeError: The size is a `float`, which is not exact.
    ///     DecimalError: It has too many digits.
    fn sweep(&self, side: Arg<&str>, sz: &Bound<'_, PyAny>) -> PyResult<Option<PySweep>> {
        let (side, sz) = (side_of(side.0)?, numbers::read(sz)?);
        Ok(with_levels!(&self.levels, book => book.sweep(side, sz)).map(PySweep))
    }

    fn __repr__(&self) -> String {
        let topic = self.topic().unwrap_or_default();
        let state = self.state().unwrap_or("event");
        let best = |levels: &[Level]| levels.first().map(|level| level.px().to_string());
        let (bid, ask) = (best(self.bid_levels()), best(self.ask_levels()));
        let shown = |px: Option<String>| px.unwrap_or_else(|| "-".to_owned());
        format!("Book({topic} {state} bid {} ask {})", shown(bid), shown(ask))
    }
}

/// The cost of taking a size.
#[pyclass(frozen, module = "okx_feed", name = "Sweep")]
#[derive(Debug)]
pub(crate) struct PySweep(Sweep);

#[pymethods]
impl PySweep {
    /// The size that the book has, at most what was asked for.
    #[getter]
    fn filled<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numbers::exact(py, self.0.filled)
    }

    /// The price of the last level that is reached.
    #[getter]
    fn worst_px<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numbers::exact(py, self.0.worst_px)
    }

    /// The average price, with nine decimals.
    #[getter]
    fn avg_px<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numbers::exact(py, self.0.avg_px)
    }

    /// Whether the book has the whole size.
    #[getter]
    const fn complete(&self) -> bool {
        self.0.complete
    }

    fn __repr__(&self) -> String {
        let Sweep { filled, worst_px, avg_px, complete } = self.0;
        format!("Sweep(filled={filled}, avg_px={avg_px}, worst_px={worst_px}, complete={complete})")
    }
}
