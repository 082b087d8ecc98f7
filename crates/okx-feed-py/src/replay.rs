//! Captures as events.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use okx_feed::client::OwnedEvent;
use okx_feed::replay::{Lines, ReplayError};
use okx_feed::{Event, EventSink, Replay, UnixNanos};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::arguments::{Arg, Count};
use crate::book::PyBook;
use crate::objects::Item;
use crate::process::Process;
use crate::subscriptions::{Wanted, dialect as dialect_of, find, texts};
use crate::wait::{lock, now, wait_in_slices};
use crate::{errors, stats};

/// A wait that can't be expressed never ends; a year is as good.
const YEAR: Duration = Duration::from_secs(31_536_000);

/// After how many lines it is looked whether a signal has come.
const LINES_PER_LOOK: u32 = 1024;

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
pub(crate) struct PyReplay {
    state: Box<Mutex<State>>,
    /// A child would share the positions in the files with its parent.
    process: Process,
}

struct State {
    replay: Replay<Collector>,
    is_ended: bool,
    /// Raised once what was played before is handed over.
    error: Option<ReplayError>,
    /// How many times as fast as recorded; `None` for as fast as possible.
    speed: Option<f64>,
    /// The first recorded time, and when it was played.
    start: Option<(UnixNanos, Instant)>,
}

impl State {
    /// Plays until `most` events are there, to the end, or, at a recorded pace, until something is
    /// there and the next line has to wait. False if it was not so `until` then.
    fn play(&mut self, most: usize, until: Instant) -> bool {
        for line in 1_u32.. {
            let collected = self.replay.sink().0.len();
            if collected >= most || self.is_ended {
                return true;
            }
            match self.step(until, collected > 0) {
                Ok(true) => {}
                Ok(false) => return true,
                Err(error) => (self.error, self.is_ended) = (Some(error), true),
            }
            if (self.speed.is_some() || line % LINES_PER_LOOK == 0) && until <= now() {
                return false;
            }
        }
        false
    }

    /// Plays a line whose time has come, or waits for it `until` then at most. False if it has to
    /// wait and `is_hasty`.
    fn step(&mut self, until: Instant, is_hasty: bool) -> Result<bool, ReplayError> {
        let pause = self.pause()?;
        if pause.is_zero() {
            self.is_ended = !self.replay.step()?;
        } else if is_hasty {
            return Ok(false);
        } else {
            thread::sleep(pause.min(until.saturating_duration_since(now())));
        }
        Ok(true)
    }

    /// How long the next line has to wait.
    fn pause(&mut self) -> Result<Duration, ReplayError> {
        let Some(speed) = self.speed else { return Ok(Duration::ZERO) };
        let Some(next) = self.replay.next_time()? else { return Ok(Duration::ZERO) };
        let (first, begun) = *self.start.get_or_insert_with(|| (next, now()));
        let recorded = next.since(first).unwrap_or_default().as_secs_f64();
        let due = Duration::try_from_secs_f64(recorded / speed).unwrap_or(YEAR);
        Ok(due.saturating_sub(now().saturating_duration_since(begun)))
    }
}

impl PyReplay {
    fn state(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, State>> {
        self.process.check()?;
        Ok(lock(py, &self.state))
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
    #[pyo3(signature = (files, *, dialect=None, subscribe=None, speed=None, start=Arg(0), end=None,
        lines=Arg("arbitrated")),
        text_signature = "(files, *, dialect=None, subscribe=None, speed=None, start=0, end=None, \
                          lines='arbitrated')")]
    #[expect(clippy::too_many_arguments, reason = "named arguments in Python")]
    fn new(
        py: Python<'_>,
        files: Arg<Vec<PathBuf>>,
        dialect: Option<Arg<&str>>,
        subscribe: Option<&Bound<'_, PyAny>>,
        speed: Option<Arg<f64>>,
        start: Arg<u64>,
        end: Option<Arg<u64>>,
        lines: Arg<&str>,
    ) -> PyResult<Self> {
        let speed = speed.map(|Arg(speed)| speed);
        if speed.is_some_and(|speed| speed.is_nan() || speed <= 0.0) {
            return Err(errors::replay(&ReplayError::Speed));
        }
        let (start, end) = (UnixNanos(start.0), UnixNanos(end.map_or(u64::MAX, |Arg(end)| end)));
        let lines = lines_of(lines.0)?;
        let mut builder = Replay::builder().files(files.0).times(start, end);
        builder = builder.configure(|config| config.lines = lines);
        if let Some(Arg(name)) = dialect {
            builder = builder.dialect(dialect_of(name)?);
        }
        for channel in texts(subscribe)? {
            builder = builder.subscribe(&channel);
        }
        let opened = py.detach(|| builder.sink(Collector::default()).open());
        let replay = opened.map_err(|error| errors::replay(&error))?;
        let state = State { replay, is_ended: false, error: None, speed, start: None };
        Ok(Self { state: Box::new(Mutex::new(state)), process: Process::current() })
    }

    /// Plays on; empty at the end.
    #[pyo3(signature = (most=Count(4096)), text_signature = "($self, most=4096)")]
    fn batch<'py>(&self, py: Python<'py>, most: Count) -> PyResult<Bound<'py, PyList>> {
        self.process.check()?;
        wait_in_slices(py, None, |until| {
            self.state.lock().unwrap_or_else(PoisonError::into_inner).play(most.0, until)
        })?;
        let mut state = self.state(py)?;
        let items = std::mem::take(&mut state.replay.sink().0);
        let error = if items.is_empty() { state.error.take() } else { None };
        drop(state);
        if let Some(error) = error {
            return Err(errors::replay(&error));
        }
        let list = PyList::empty(py);
        for item in &items {
            list.append(item.object(py)?)?;
        }
        Ok(list)
    }

    /// The book as of what was played.
    fn book(&self, py: Python<'_>, name: Arg<&str>) -> PyResult<PyBook> {
        let Arg(name) = name;
        let replay = &mut self.state(py)?.replay;
        let all = replay.subscriptions();
        let found = find(&all, replay.dialect(), name, Wanted::Book)?;
        let reader = replay.book_reader(&found);
        let reader = reader.ok_or_else(|| errors::not_subscribed(format!("no {name:?}")))?;
        Ok(PyBook::top(found, reader.snapshot()))
    }

    /// The published levels of an order book as of what was played.
    fn depth(&self, py: Python<'_>, name: Arg<&str>) -> PyResult<PyBook> {
        let Arg(name) = name;
        let replay = &mut self.state(py)?.replay;
        let all = replay.subscriptions();
        let found = find(&all, replay.dialect(), name, Wanted::Depth)?;
        let reader = replay.depth_reader(&found);
        let reader = reader.ok_or_else(|| errors::not_subscribed(format!("no {name:?}")))?;
        Ok(PyBook::best(found, reader.snapshot()))
    }

    /// `v3` or `v5`.
    #[getter]
    fn dialect(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.state(py)?.replay.dialect().name())
    }

    /// The time of the last line that was played.
    #[getter]
    fn now(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.state(py)?.replay.now().0)
    }

    /// Those that were named, or that were found so far.
    fn subscriptions(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let mut all = self.state(py)?.replay.subscriptions();
        all.sort_unstable();
        Ok(all.iter().map(ToString::to_string).collect())
    }

    /// What was played until now.
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let report = self.state(py)?.replay.report();
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
