//! The catalogue of instruments.

use okx_feed::model::{Instrument, InstrumentCodes, Instruments, RecordData};
use okx_feed::{InstrumentId, Record};
use pyo3::prelude::*;

use crate::arguments::Arg;
use crate::record::PyRecord;
use crate::{errors, numbers};

/// The instruments of the exchange by id.
#[pyclass(frozen, module = "okx_feed", name = "Instruments")]
#[derive(Debug)]
pub(crate) struct PyInstruments(pub(crate) Instruments);

impl PyInstruments {
    /// The codes by which SBE names them.
    pub(crate) fn codes(&self) -> InstrumentCodes {
        self.0.codes()
    }

    fn find(&self, inst_id: &str) -> PyResult<&Instrument> {
        let id = InstrumentId::new(inst_id).ok();
        let found = id.and_then(|id| self.0.get(&id));
        found.ok_or_else(|| errors::unknown_instrument(inst_id))
    }
}

/// An instrument as a record.
fn record(row: &Instrument) -> PyRecord {
    PyRecord::of_event(None, Record { data: RecordData::Instrument(*row), ..Record::EMPTY })
}

#[pymethods]
impl PyInstruments {
    /// Reads an answer of `GET /api/v5/public/instruments`, or the list in it.
    #[staticmethod]
    fn from_json(text: Arg<&str>) -> PyResult<Self> {
        Instruments::from_json(text.0).map(Self).map_err(|error| errors::config(error.to_string()))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __contains__(&self, inst_id: Arg<&str>) -> bool {
        self.find(inst_id.0).is_ok()
    }

    fn __getitem__(&self, inst_id: Arg<&str>) -> PyResult<PyRecord> {
        self.find(inst_id.0).map(record)
    }

    /// All ids, sorted, expired ones included.
    fn ids(&self) -> Vec<&str> {
        self.0.iter().map(|row| row.inst_id.as_str()).collect()
    }

    /// Whether it can be subscribed. Raises `UnknownInstrumentError`.
    fn is_open(&self, inst_id: Arg<&str>) -> PyResult<bool> {
        self.find(inst_id.0).map(Instrument::is_open)
    }

    /// The id under which an expired instrument goes on; `None` if there is none.
    fn renamed(&self, inst_id: Arg<&str>) -> Option<&str> {
        let id = InstrumentId::new(inst_id.0).ok()?;
        self.0.renamed(&id).map(InstrumentId::as_str)
    }

    /// A price as a whole number of ticks.
    ///
    /// Raises:
    ///     UnknownInstrumentError: There is none of that id.
    ///     DecimalError: It is between two ticks, or too large.
    ///     TypeError: It is a `float`, which is not exact.
    fn ticks(&self, inst_id: Arg<&str>, px: &Bound<'_, PyAny>) -> PyResult<i64> {
        self.find(inst_id.0)?.ticks(numbers::read(px)?).map_err(errors::decimal)
    }

    /// A size as a whole number of lots. Raises as `ticks`.
    fn lots(&self, inst_id: Arg<&str>, sz: &Bound<'_, PyAny>) -> PyResult<i64> {
        self.find(inst_id.0)?.lots(numbers::read(sz)?).map_err(errors::decimal)
    }

    /// What so many contracts are of, in the currency of the contract value; of spot the size.
    /// Raises as `ticks`.
    fn contract_amount<'py>(
        &self,
        inst_id: Arg<&str>,
        sz: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let amount = self.find(inst_id.0)?.contract_amount(numbers::read(sz)?);
        numbers::exact(sz.py(), amount.map_err(errors::decimal)?)
    }

    /// The value of a size at a price, in quote currency. Raises as `ticks`.
    fn notional<'py>(
        &self,
        inst_id: Arg<&str>,
        px: &Bound<'py, PyAny>,
        sz: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let value = self.find(inst_id.0)?.notional(numbers::read(px)?, numbers::read(sz)?);
        numbers::exact(px.py(), value.map_err(errors::decimal)?)
    }

    fn __repr__(&self) -> String {
        format!("Instruments({} instruments)", self.0.len())
    }
}

/// Makes the catalogue of rows.
pub(crate) fn of_rows(rows: &[Instrument]) -> PyInstruments {
    PyInstruments(rows.iter().collect())
}
