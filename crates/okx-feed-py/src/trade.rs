//! Trades.

use std::ffi::c_int;

use okx_feed::model::Origin;
use okx_feed::{Subscription, Trade, TradeReader};
use pyo3::exceptions::PyIndexError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::level::item;
use crate::{buffer, numbers};

/// A trade.
#[pyclass(frozen, module = "okx_feed", name = "Trade")]
#[derive(Debug)]
pub(crate) struct PyTrade {
    pub(crate) subscription: Option<Subscription>,
    pub(crate) trade: Trade,
    pub(crate) replayed: bool,
    pub(crate) missed: u64,
    pub(crate) origin: Origin,
}

impl PyTrade {
    /// A trade of a list, of which nothing else is known.
    const fn plain(subscription: Option<Subscription>, trade: Trade) -> Self {
        Self { subscription, trade, replayed: false, missed: 0, origin: Origin::Live }
    }
}

#[pymethods]
impl PyTrade {
    #[classattr]
    const EVENT: &'static str = "trade";

    /// The subscription, such as `trades:BTC-USDT`; `None` if unknown.
    #[getter]
    fn topic(&self) -> Option<String> {
        self.subscription.map(|of| of.to_string())
    }

    /// The channel's name.
    #[getter]
    fn channel(&self) -> Option<&'static str> {
        self.subscription.map(|of| of.channel().name())
    }

    /// The instrument.
    #[getter]
    fn inst_id(&self) -> Option<&str> {
        self.subscription.as_ref().map(|of| of.inst_id().as_str())
    }

    /// The price, exact.
    #[getter]
    fn px<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numbers::exact(py, self.trade.px())
    }

    /// The size, exact: base currency on spot, contracts on derivatives.
    #[getter]
    fn sz<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numbers::exact(py, self.trade.sz())
    }

    /// The price as the nearest `float`.
    #[getter]
    fn px_float(&self) -> f64 {
        self.trade.px().to_f64()
    }

    /// The size as the nearest `float`.
    #[getter]
    fn sz_float(&self) -> f64 {
        self.trade.sz().to_f64()
    }

    /// The taker's side: `buy` or `sell`.
    #[getter]
    const fn side(&self) -> &'static str {
        self.trade.side().name()
    }

    /// The exchange's id; of merged fills, the last one.
    #[getter]
    const fn trade_id(&self) -> u64 {
        self.trade.trade_id
    }

    /// How many fills are merged, at least 1.
    #[getter]
    const fn count(&self) -> u32 {
        self.trade.count
    }

    /// 0 for a normal order, 1 for an ELP or RPI order.
    #[getter]
    const fn source(&self) -> u8 {
        self.trade.source
    }

    /// The exchange's sequence number; `None` if it sends none.
    #[getter]
    const fn seq(&self) -> Option<i64> {
        self.trade.seq()
    }

    /// The exchange's time in nanoseconds since 1970; 0 if unknown.
    #[getter]
    const fn ts_event(&self) -> u64 {
        self.trade.ts_event.0
    }

    /// The time of receipt in nanoseconds since 1970; 0 if unknown.
    #[getter]
    const fn ts_recv(&self) -> u64 {
        self.trade.ts_recv.0
    }

    /// Whether it is the last trade again, which the exchange sends after each subscription.
    #[getter]
    const fn replayed(&self) -> bool {
        self.replayed
    }

    /// How many trades are missing before it; 0 if unknown.
    #[getter]
    const fn missed(&self) -> u64 {
        self.missed
    }

    /// `live`, or `history` where REST has filled a gap.
    #[getter]
    const fn origin(&self) -> &'static str {
        self.origin.name()
    }

    fn __repr__(&self) -> String {
        let Self { trade, .. } = self;
        let topic = self.topic().unwrap_or_default();
        let side = trade.side();
        format!("Trade({topic} {} {side} {} @ {})", trade.trade_id, trade.sz(), trade.px())
    }
}

/// Trades in a row, oldest first, and their memory.
#[pyclass(frozen, sequence, module = "okx_feed", name = "Trades")]
#[derive(Debug)]
pub(crate) struct PyTrades {
    subscription: Option<Subscription>,
    trades: Box<[Trade]>,
    next: u64,
    missed: u64,
}

impl PyTrades {
    /// The published trades from number `since` on.
    pub(crate) fn read(subscription: Subscription, reader: &TradeReader, since: u64) -> Self {
        let mut next = since;
        let mut trades = Vec::new();
        for (number, trade) in reader.since(since) {
            next = number + 1;
            trades.push(trade);
        }
        let missed = (next - since).saturating_sub(trades.len() as u64);
        let subscription = Some(subscription);
        Self { subscription, trades: trades.into_boxed_slice(), next, missed }
    }

    /// Trades of the history, without numbers.
    pub(crate) fn of_history(trades: Vec<Trade>) -> Self {
        let next = trades.len() as u64;
        Self { subscription: None, trades: trades.into_boxed_slice(), next, missed: 0 }
    }
}

#[pymethods]
impl PyTrades {
    /// The subscription, such as `trades:BTC-USDT`; `None` if unknown.
    #[getter]
    fn topic(&self) -> Option<String> {
        self.subscription.map(|of| of.to_string())
    }

    /// The number of the next trade: what to pass as `since` next time.
    #[getter]
    const fn next(&self) -> u64 {
        self.next
    }

    /// How many of the trades asked for were overwritten or lost.
    #[getter]
    const fn missed(&self) -> u64 {
        self.missed
    }

    const fn __len__(&self) -> usize {
        self.trades.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<PyTrade> {
        let trade = item(&self.trades, index).copied();
        let trade = trade.ok_or_else(|| PyIndexError::new_err("no such trade"))?;
        Ok(PyTrade::plain(self.subscription, trade))
    }

    #[expect(unsafe_code, reason = "the buffer protocol of Python is unsafe")]
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        // SAFETY: the interpreter's pointer is passed on. The trades are in the heap memory of a
        // frozen object, which is never changed or moved.
        unsafe { buffer::export(slf.as_any(), &slf.get().trades, view, flags) }
    }

    fn __repr__(&self) -> String {
        let topic = self.topic().unwrap_or_default();
        format!("Trades({topic} {} trades, next {})", self.trades.len(), self.next)
    }
}
