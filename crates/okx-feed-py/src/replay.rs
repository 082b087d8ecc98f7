//! Captures as events.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use okx_feed::client::OwnedEvent;
use okx_feed::replay::{Lines, Speed};
use okx_feed::{Event, EventSink, Replay, ReplayError, UnixNanos};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::book::PyBook;
use crate::event::{self, Item};
use crate::subscriptions::{Wanted, dialect as dialect_of, find, texts};
use crate::{errors, stats};

/// Keeps events until they are handed over.
#[derive(Debug, Default)]
struct Collector(Vec<Item>);

impl EventSink for Collector {
    fn on_event(&mut self, event: &Event<'_>) {
        self.0.extend(match event {
            Event::Gap(gap) => Some(Item::Gap(gap.lines, gap.reason.to_owned(), gap.ts_recv)),
            _ => OwnedEvent::new(event).map(Item::Event),
        });
    }
}

/// Plays captures.
#[pyclass(frozen, module = "okx_feed", name = "Replay")]
pub(crate) struct PyReplay(Box<Mutex<State>>);

struct State {
    replay: Replay<Collector>,
    is_ended: bool,
}

impl State {
    /// Plays until `most` events are there, or to the end.
    fn play(&mut self, most: usize) -> Result<Vec<Item>, ReplayError> {
        while !self.is_ended && self.replay.sink().0.len() < most {
            self.is_ended = !self.replay.step()?;
        }
        Ok(std::mem::take(&mut self.replay.sink().0))
    }
}

impl PyReplay {
    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What becomes of redundant lines.
fn lines_of(name: &str) -> PyResult<Lines> {
    match name {
        "arbitrated" => Ok(Lines::Arbitrated),
        "apart" => Ok(Lines::Apart),
        number => number.parse().map(Lines::Only).map_err(|_| {
            errors::config(format!("unknown lines {name:?}: arbitrated, apart or a number"))
        }),
    }
}

#[pymethods]
impl PyReplay {
    #[new]
    #[pyo3(signature = (files, *, dialect=None, subscribe=None, speed=None, start=0, end=None,
        lines="arbitrated"))]
    #[expect(clippy::too_many_arguments, reason = "named arguments in Python")]
    fn new(
        py: Python<'_>,
        files: Vec<PathBuf>,
        dialect: Option<&str>,
        subscribe: Option<&Bound<'_, PyAny>>,
        speed: Option<f64>,
        start: u64,
        end: Option<u64>,
        lines: &str,
    ) -> PyResult<Self> {
        let speed = speed.map_or(Speed::Max, Speed::Times);
        let (start, end) = (UnixNanos(start), UnixNanos(end.unwrap_or(u64::MAX)));
        let lines = lines_of(lines)?;
        let mut builder = Replay::builder().files(files).speed(speed).times(start, end);
        builder = builder.configure(|config| config.lines = lines);
        if let Some(name) = dialect {
            builder = builder.dialect(dialect_of(name)?);
        }
        for channel in texts(subscribe)? {
            builder = builder.subscribe(&channel);
        }
        let opened = py.detach(|| builder.sink(Collector::default()).open());
        let replay = opened.map_err(|error| errors::replay(&error))?;
        Ok(Self(Box::new(Mutex::new(State { replay, is_ended: false }))))
    }

    /// Plays on; empty at the end.
    #[pyo3(signature = (most=4096))]
    fn batch<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        let played = py.detach(|| self.with(|state| state.play(most.max(1))));
        let items = played.map_err(|error| errors::replay(&error))?;
        py.check_signals()?;
        event::list(py, &items)
    }

    /// The book as of what was played.
    fn book(&self, name: &str) -> PyResult<PyBook> {
        self.with(|State { replay, .. }| {
            let all = replay.subscriptions();
            let found = find(&all, replay.dialect(), name, Wanted::Book)?;
            let reader = replay.book_reader(&found);
            let reader = reader.ok_or_else(|| errors::not_subscribed(format!("no {name:?}")))?;
            Ok(PyBook::top(found, reader.snapshot()))
        })
    }

    /// The published levels of an order book as of what was played.
    fn depth(&self, name: &str) -> PyResult<PyBook> {
        self.with(|State { replay, .. }| {
            let all = replay.subscriptions();
            let found = find(&all, replay.dialect(), name, Wanted::Depth)?;
            let reader = replay.depth_reader(&found);
            let reader = reader.ok_or_else(|| errors::not_subscribed(format!("no {name:?}")))?;
            Ok(PyBook::best(found, reader.snapshot()))
        })
    }

    /// `v3` or `v5`.
    #[getter]
    fn dialect(&self) -> &'static str {
        self.with(|state| state.replay.dialect().name())
    }

    /// The time of the last line that was played.
    #[getter]
    fn now(&self) -> u64 {
        self.with(|state| state.replay.now().0)
    }

    /// Those that were named, or that were found so far.
    fn subscriptions(&self) -> Vec<String> {
        let mut all = self.with(|state| state.replay.subscriptions());
        all.sort_unstable();
        all.iter().map(ToString::to_string).collect()
    }

    /// What was played until now.
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let report = self.with(|state| state.replay.report());
        let dict = PyDict::new(py);
        dict.set_item("frames", report.frames)?;
        dict.set_item("frame_bytes", report.frame_bytes)?;
        dict.set_item("malformed_lines", report.malformed_lines)?;
        dict.set_item("gaps", report.gaps)?;
        dict.set_item("missing_lines", report.missing_lines)?;
        dict.set_item("losses", report.losses)?;
        dict.set_item("left_out", report.left_out)?;
        dict.set_item("first", report.first.0)?;
        dict.set_item("last", report.last.0)?;
        dict.set_item("torn", report.torn)?;
        dict.set_item("unfinished", report.unfinished)?;
        dict.set_item("continued", report.continued)?;
        dict.set_item("missing_files", report.missing_files)?;
        let not_found: Vec<_> = report.not_found.iter().map(ToString::to_string).collect();
        dict.set_item("not_found", not_found)?;
        dict.set_item("feed", stats::feed(py, &report.feed)?)?;
        Ok(dict)
    }
}
