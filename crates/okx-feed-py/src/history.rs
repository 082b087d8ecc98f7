//! The REST interface: history, books and instruments.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use okx_feed::rest::{
    Bar, BookSnapshot, Candle, CandlePager, Page, Request, RestClient, RestConfig, RestError,
    TradePager,
};
use okx_feed::transport::{ExtraHeaders, TlsConfig};
use okx_feed::{
    DepthAction, DepthBook, DepthUpdate, Dialect, InstrumentId, Market, Subscription, Trade,
    UnixNanos,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::book::{Change, Levels, PyBook};
use crate::builder::{proxy as proxy_of, region as region_of};
use crate::instruments::{PyInstruments, of_rows};
use crate::trade::PyTrades;
use crate::wait::{now, wait_in_slices};
use crate::{errors, numbers};

type SharedClient = Arc<Mutex<RestClient>>;

/// A client of the REST interface.
#[pyclass(frozen, module = "okx_feed", name = "History")]
#[derive(Debug)]
pub(crate) struct PyHistory(SharedClient);

fn id_of(text: &str) -> PyResult<InstrumentId> {
    InstrumentId::new(text).map_err(|error| errors::config(error.to_string()))
}

fn market_of(name: &str) -> PyResult<Market> {
    let found = Market::from_name(name.to_ascii_lowercase().as_bytes());
    let names = "SPOT, SWAP, FUTURES or OPTION";
    found.ok_or_else(|| errors::config(format!("unknown type {name:?}: {names}")))
}

/// Calls with the client, on a thread of its own: a request may be sent again for minutes, and
/// Ctrl-C must not wait for that.
fn with<R: Send + 'static>(
    py: Python<'_>,
    client: &SharedClient,
    f: impl FnOnce(&mut RestClient) -> Result<R, RestError> + Send + 'static,
) -> PyResult<R> {
    let (sender, receiver) = channel();
    let client = Arc::clone(client);
    thread::spawn(move || {
        let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for it any more after Ctrl-C.
        let _ = sender.send(f(&mut client));
    });
    let mut result = None;
    let receiver = Mutex::new(receiver);
    wait_in_slices(py, None, |until| {
        let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
        match receiver.recv_timeout(until.saturating_duration_since(now())) {
            Ok(received) => result = Some(received),
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => {}
        }
        true
    })?;
    let ended = || PyRuntimeError::new_err("the thread of the request has ended");
    result.ok_or_else(ended)?.map_err(|error| errors::rest(&error))
}

/// The rows of a page.
fn fetch(py: Python<'_>, client: &SharedClient, page: Page) -> PyResult<(String, String)> {
    let target = page.request.target().to_owned();
    let rows = with(py, client, move |client| client.fetch_after(page.request, page.pause))?;
    Ok((target, rows))
}

fn candle<'py>(py: Python<'py>, candle: &Candle) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("ts", candle.ts.0)?;
    dict.set_item("open", numbers::exact(py, candle.open)?)?;
    dict.set_item("high", numbers::exact(py, candle.high)?)?;
    dict.set_item("low", numbers::exact(py, candle.low)?)?;
    dict.set_item("close", numbers::exact(py, candle.close)?)?;
    dict.set_item("volume", numbers::of_text(py, &candle.volume)?)?;
    let volume = |text: Option<&String>| text.map(|text| numbers::of_text(py, text)).transpose();
    dict.set_item("volume_ccy", volume(candle.volume_ccy.as_ref())?)?;
    dict.set_item("volume_quote", volume(candle.volume_quote.as_ref())?)?;
    dict.set_item("closed", candle.closed)?;
    Ok(dict)
}

/// The order book of a snapshot.
fn book(inst_id: InstrumentId, snapshot: &BookSnapshot) -> PyBook {
    let subscription = Subscription::v5(okx_feed::Channel::Books, inst_id).ok();
    let mut book = DepthBook::with_capacity(snapshot.asks.len().max(snapshot.bids.len()));
    if let Some(subscription) = &subscription {
        // A first snapshot is always applied.
        let _ = book.apply(&DepthUpdate {
            topic: subscription.topic(),
            action: DepthAction::Snapshot,
            ts_event: snapshot.ts,
            ts_recv: UnixNanos::UNKNOWN,
            seq: snapshot.seq.unwrap_or(DepthUpdate::NO_SEQ),
            prev_seq: -1,
            checksum: None,
            asks: &snapshot.asks,
            bids: &snapshot.bids,
            non_rpi: None,
        });
    }
    let (levels, change) = (Arc::new(Levels::All(Box::new(book))), Change::default());
    PyBook { subscription, levels, state: None, version: 0, change }
}

#[pymethods]
impl PyHistory {
    #[new]
    #[pyo3(signature = (url=None, *, region="global", demo=false, proxy=None, headers=None,
        ca_file=None, timeout=30.0, patience=300.0))]
    #[expect(clippy::too_many_arguments, reason = "named arguments in Python")]
    fn new(
        url: Option<String>,
        region: &str,
        demo: bool,
        proxy: Option<String>,
        headers: Option<Vec<(String, String)>>,
        ca_file: Option<PathBuf>,
        timeout: f64,
        patience: f64,
    ) -> PyResult<Self> {
        let mut config = RestConfig::new(Dialect::V5);
        config.url = url;
        config.region = region_of(region)?;
        config.demo = demo;
        config.proxy = proxy_of(proxy);
        config.headers = ExtraHeaders(headers.unwrap_or_default());
        config.tls = TlsConfig { ca_file };
        config.timeout = numbers::seconds(timeout)?;
        config.retry.patience = numbers::seconds(patience)?;
        let client = RestClient::new(&config).map_err(|error| errors::rest(&error))?;
        Ok(Self(Arc::new(Mutex::new(client))))
    }

    /// Trades page by page, oldest first.
    #[pyo3(signature = (inst_id, since=None, until=None))]
    fn trade_pages(
        &self,
        inst_id: &str,
        since: Option<u64>,
        until: Option<u64>,
    ) -> PyResult<PyTradePages> {
        let (since, until) = (since.map(UnixNanos), until.map(UnixNanos));
        let pager = Mutex::new(TradePager::new(id_of(inst_id)?, since, until));
        Ok(PyTradePages { client: Arc::clone(&self.0), pager })
    }

    /// Closed candles, oldest first.
    #[pyo3(signature = (inst_id, bar="1m", *, since, until=None))]
    fn candles<'py>(
        &self,
        py: Python<'py>,
        inst_id: &str,
        bar: &str,
        since: u64,
        until: Option<u64>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let bar: Bar = bar.parse().map_err(errors::config)?;
        let now = with(py, &self.0, RestClient::time)?;
        let span = (UnixNanos(since), until.map_or(now, UnixNanos));
        let mut pager = CandlePager::v5(id_of(inst_id)?, bar, span, now);
        let mut found = Vec::new();
        while let Some(page) = pager.next() {
            let (target, rows) = fetch(py, &self.0, page)?;
            let taken = pager.on_rows(&rows, &mut found);
            taken.map_err(|why| errors::rest(&RestError::Row { target, why }))?;
        }
        found.iter().map(|one| candle(py, one)).collect()
    }

    /// The order book now: up to 400 levels a side, or up to 5,000 without a sequence number.
    #[pyo3(signature = (inst_id, levels=400))]
    fn book(&self, py: Python<'_>, inst_id: &str, levels: u32) -> PyResult<PyBook> {
        let id = id_of(inst_id)?;
        let request = match levels {
            0..=400 => Request::book(&id, levels),
            _ => Request::full_book(&id, levels),
        };
        Ok(book(id, &with(py, &self.0, move |client| client.book(&request))?))
    }

    /// The instruments of a type; of options those of a family.
    #[pyo3(signature = (inst_type, family=None))]
    fn instruments(
        &self,
        py: Python<'_>,
        inst_type: &str,
        family: Option<&str>,
    ) -> PyResult<PyInstruments> {
        let market = market_of(inst_type)?;
        let request = Request::instruments(market, family, None);
        let rows = with(py, &self.0, move |client| client.instruments(market, &request))?;
        Ok(of_rows(&rows))
    }

    /// The exchange's time.
    fn time(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(with(py, &self.0, RestClient::time)?.0)
    }
}

/// Trades of the history, page by page.
#[pyclass(frozen, module = "okx_feed", name = "TradePages")]
#[derive(Debug)]
pub(crate) struct PyTradePages {
    client: SharedClient,
    pager: Mutex<TradePager>,
}

impl PyTradePages {
    fn with<R>(&self, f: impl FnOnce(&mut TradePager) -> R) -> R {
        f(&mut self.pager.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl PyTradePages {
    const fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<PyTrades>> {
        let mut trades: Vec<Trade> = Vec::new();
        while trades.is_empty() {
            let Some(page) = self.with(|pager| pager.next()) else { return Ok(None) };
            let (target, rows) = fetch(py, &self.client, page)?;
            let taken = self.with(|pager| pager.on_rows(&rows, &mut trades));
            taken.map_err(|why| errors::rest(&RestError::Row { target, why }))?;
        }
        Ok(Some(PyTrades::of_history(trades)))
    }

    /// How many ids had no trade, though each was requested several times.
    #[getter]
    fn missing(&self) -> u64 {
        self.with(|pager| pager.missing())
    }
}
