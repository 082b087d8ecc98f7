//! The REST interface: history, books and instruments.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use okx_feed::book::DepthAction;
use okx_feed::model::{Bar, UnknownBar};
use okx_feed::rest::{
    BookSnapshot, CandlePager, HistoryCandle, Page, Request, RestClient, RestConfig, RestError,
    TimeSpan, TradePager,
};
use okx_feed::transport::{ExtraHeaders, TlsConfig};
use okx_feed::{
    DepthBook, DepthUpdate, Dialect, InstrumentId, Market, Subscription, Trade, UnixNanos,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::{Arg, Seconds, headers as headers_of};
use crate::book::{Change, Levels, PyBook};
use crate::builder::{proxy as proxy_of, region as region_of};
use crate::instruments::{PyInstruments, of_rows};
use crate::process::Process;
use crate::trade::PyTrades;
use crate::wait::{lock, now, wait_in_slices};
use crate::{errors, numbers};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request may fail in a row.
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);

type SharedClient = Arc<Mutex<RestClient>>;

/// A client of the REST interface.
#[pyclass(frozen, module = "okx_feed", name = "History")]
#[derive(Debug)]
pub(crate) struct PyHistory {
    client: SharedClient,
    /// A child would share the connections of its parent.
    process: Process,
}

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
///
/// # Errors
/// `okx_feed.RestError`, what a handler of a signal raises, and `okx_feed.OkxFeedError` where no
/// thread can be made.
fn with<R: Send + 'static>(
    py: Python<'_>,
    client: &SharedClient,
    f: impl FnOnce(&mut RestClient) -> Result<R, RestError> + Send + 'static,
) -> PyResult<R> {
    let (sender, receiver) = channel();
    let client = Arc::clone(client);
    let request = move || {
        let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for it any more after Ctrl-C.
        let _ = sender.send(f(&mut client));
    };
    let thread = thread::Builder::new().name("okx-feed-rest".to_owned());
    thread.spawn(request).map_err(|error| errors::other(format!("no thread: {error}")))?;
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
    let ended = || errors::other("the thread of the request has ended");
    result.ok_or_else(ended)?.map_err(|error| errors::rest(&error))
}

/// The rows of a page.
fn fetch(py: Python<'_>, client: &SharedClient, page: Page) -> PyResult<(String, String)> {
    let target = page.request.target().to_owned();
    let rows = with(py, client, move |client| client.fetch_after(page.request, page.pause))?;
    Ok((target, rows))
}

fn candle<'py>(py: Python<'py>, candle: &HistoryCandle) -> PyResult<Bound<'py, PyDict>> {
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
    let (levels, change) = (Levels::All(Box::new(book)), Change::default());
    PyBook { subscription, levels, state: None, version: 0, change }
}

#[pymethods]
impl PyHistory {
    #[new]
    #[pyo3(signature = (url=None, *, region=Arg("global"), demo=false, proxy=None, headers=None,
        ca_file=None, timeout=Seconds(TIMEOUT), give_up_after=Seconds(GIVE_UP_AFTER)),
        text_signature = "(url=None, *, region='global', demo=False, proxy=None, headers=None, \
                          ca_file=None, timeout=30.0, give_up_after=300.0)")]
    #[expect(clippy::too_many_arguments, reason = "named arguments in Python")]
    fn new(
        url: Option<Arg<String>>,
        region: Arg<&str>,
        demo: bool,
        proxy: Option<Arg<String>>,
        headers: Option<&Bound<'_, PyAny>>,
        ca_file: Option<Arg<PathBuf>>,
        timeout: Seconds,
        give_up_after: Seconds,
    ) -> PyResult<Self> {
        let mut config = RestConfig::new(Dialect::V5);
        config.url = url.map(|Arg(url)| url);
        config.region = region_of(region.0)?;
        config.demo = demo;
        config.proxy = proxy_of(proxy.map(|Arg(proxy)| proxy));
        config.headers = ExtraHeaders(headers.map_or_else(|| Ok(Vec::new()), headers_of)?);
        config.tls = TlsConfig { ca_file: ca_file.map(|Arg(path)| path) };
        config.timeout = timeout.0;
        config.retry.give_up_after = give_up_after.0;
        let client = RestClient::new(&config).map_err(|error| errors::rest(&error))?;
        Ok(Self { client: Arc::new(Mutex::new(client)), process: Process::current() })
    }

    /// Trades page by page, oldest first, each once, from `since` to `until`, in nanoseconds since
    /// 1970. Without `since` the newest 500, without `until` up to the newest.
    ///
    /// Raises:
    ///     ConfigError: The id is none, or a time is.
    #[pyo3(signature = (inst_id, since=None, until=None))]
    fn trade_pages(
        &self,
        inst_id: Arg<&str>,
        since: Option<Arg<u64>>,
        until: Option<Arg<u64>>,
    ) -> PyResult<PyTradePages> {
        let times = (since.map(|since| UnixNanos(since.0)), until.map(|until| UnixNanos(until.0)));
        let pager = Mutex::new(TradePager::new(id_of(inst_id.0)?, times.0, times.1));
        Ok(PyTradePages { client: Arc::clone(&self.client), pager, process: self.process })
    }

    /// Closed candles, oldest first, from `since` to before `until` in nanoseconds since 1970:
    /// dictionaries of `ts`, the prices `open`, `high`, `low` and `close`, the volumes `volume`,
    /// `volume_ccy` and `volume_quote`, and `closed`.
    ///
    /// Args:
    ///     bar: The exchange's name, such as `1m` or `1Dutc`.
    ///
    /// Raises:
    ///     ConfigError: The id is none, the bar or a time.
    ///     RestError: A request has failed for good.
    ///     ForkedError: This is a child of the process that it was made in.
    #[pyo3(signature = (inst_id, bar=Arg("1m"), *, since, until=None),
        text_signature = "($self, inst_id, bar='1m', *, since, until=None)")]
    fn candles<'py>(
        &self,
        py: Python<'py>,
        inst_id: Arg<&str>,
        bar: Arg<&str>,
        since: Arg<u64>,
        until: Option<Arg<u64>>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        self.process.check()?;
        let id = id_of(inst_id.0)?;
        let bar: Bar =
            bar.0.parse().map_err(|error: UnknownBar| errors::config(error.to_string()))?;
        let now = with(py, &self.client, RestClient::time)?;
        let until = until.map_or(now, |until| UnixNanos(until.0));
        let span = TimeSpan { since: UnixNanos(since.0), until };
        let mut pager = CandlePager::v5(id, bar, span, now);
        let mut found = Vec::new();
        while let Some(page) = pager.next() {
            let (target, rows) = fetch(py, &self.client, page)?;
            let taken = pager.on_rows(&rows, &mut found);
            taken.map_err(|why| errors::rest(&RestError::Row { target, why }))?;
        }
        found.iter().map(|one| candle(py, one)).collect()
    }

    /// The order book now: up to 400 levels a side, or up to 5,000 without a sequence number.
    ///
    /// Raises:
    ///     ConfigError: The id is none, or `levels` is not 1 to 5,000.
    ///     RestError: The request has failed for good.
    ///     ForkedError: This is a child of the process that it was made in.
    #[pyo3(signature = (inst_id, levels=Arg(400)), text_signature = "($self, inst_id, levels=400)")]
    fn book(&self, py: Python<'_>, inst_id: Arg<&str>, levels: Arg<u32>) -> PyResult<PyBook> {
        self.process.check()?;
        let id = id_of(inst_id.0)?;
        let request = match levels.0 {
            levels @ 1..=400 => Request::book(&id, levels),
            levels @ 401..=5_000 => Request::full_book(&id, levels),
            other => return Err(errors::config(format!("{other} levels: 1 to 5000"))),
        };
        Ok(book(id, &with(py, &self.client, move |client| client.book(&request))?))
    }

    /// The instruments of a type, `SPOT`, `SWAP`, `FUTURES` or `OPTION`; of options those of a
    /// family, such as `BTC-USD`.
    ///
    /// Raises:
    ///     ConfigError: There is no such type.
    ///     RestError: The request has failed for good.
    ///     ForkedError: This is a child of the process that it was made in.
    #[pyo3(signature = (inst_type, family=None))]
    fn instruments(
        &self,
        py: Python<'_>,
        inst_type: Arg<&str>,
        family: Option<Arg<&str>>,
    ) -> PyResult<PyInstruments> {
        self.process.check()?;
        let market = market_of(inst_type.0)?;
        let request = Request::instruments(market, family.map(|family| family.0), None);
        let rows = with(py, &self.client, move |client| client.instruments(market, &request))?;
        Ok(of_rows(&rows))
    }

    /// The exchange's time in nanoseconds since 1970. Raises `RestError` and `ForkedError`.
    fn time(&self, py: Python<'_>) -> PyResult<u64> {
        self.process.check()?;
        Ok(with(py, &self.client, RestClient::time)?.0)
    }
}

/// Trades of the history, page by page.
#[pyclass(frozen, module = "okx_feed", name = "TradePages")]
#[derive(Debug)]
pub(crate) struct PyTradePages {
    client: SharedClient,
    pager: Mutex<TradePager>,
    process: Process,
}

#[pymethods]
impl PyTradePages {
    const fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<PyTrades>> {
        self.process.check()?;
        let mut trades: Vec<Trade> = Vec::new();
        while trades.is_empty() {
            let Some(page) = lock(py, &self.pager).next() else { return Ok(None) };
            let (target, rows) = fetch(py, &self.client, page)?;
            let taken = lock(py, &self.pager).on_rows(&rows, &mut trades);
            taken.map_err(|why| errors::rest(&RestError::Row { target, why }))?;
        }
        Ok(Some(PyTrades::of_history(trades)))
    }

    /// How many ids had no trade, though each was requested several times.
    #[getter]
    fn missing(&self, py: Python<'_>) -> u64 {
        lock(py, &self.pager).missing()
    }
}
