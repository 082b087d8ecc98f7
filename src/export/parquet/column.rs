//! Columns of a Parquet file, and how numbers are written.

use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    Int32Type, Int64Type,
};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;

use crate::model::Decimal;

/// How prices and sizes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberFormat {
    /// `DECIMAL(38, 18)`: a scaled integer with its scale in the schema. Exact.
    #[default]
    Decimal,
    /// The wire's own digits as text. Exact, trailing zeros included.
    Text,
    /// `DOUBLE`: the nearest float.
    Float,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnType {
    /// Nanoseconds since 1970.
    Time,
    I64,
    I32,
    Bool,
    Text,
    Number,
}

/// A value of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'v> {
    I64(i64),
    I32(i32),
    Bool(bool),
    Text(&'v str),
    Number(Decimal),
    None,
}

/// The definition of a column; one that is optional may have no value.
#[derive(Clone, Debug)]
pub(super) struct ColumnDef {
    pub(super) name: String,
    pub(super) kind: ColumnType,
    pub(super) is_optional: bool,
}

impl ColumnDef {
    pub(super) fn new(name: impl Into<String>, kind: ColumnType) -> Self {
        Self { name: name.into(), kind, is_optional: false }
    }

    pub(super) fn optional(name: impl Into<String>, kind: ColumnType) -> Self {
        Self { is_optional: true, ..Self::new(name, kind) }
    }

    /// The column in the language of Parquet's schemas.
    pub(super) fn schema(&self, numbers: NumberFormat) -> String {
        let repetition = if self.is_optional { "OPTIONAL" } else { "REQUIRED" };
        let (kind, logical) = match (self.kind, numbers) {
            (ColumnType::Time, _) => ("INT64", " (TIMESTAMP(NANOS,true))"),
            (ColumnType::I64, _) => ("INT64", ""),
            (ColumnType::I32, _) => ("INT32", ""),
            (ColumnType::Bool, _) => ("BOOLEAN", ""),
            (ColumnType::Text, _) | (ColumnType::Number, NumberFormat::Text) => {
                ("BYTE_ARRAY", " (UTF8)")
            }
            (ColumnType::Number, NumberFormat::Decimal) => {
                ("FIXED_LEN_BYTE_ARRAY(16)", " (DECIMAL(38,18))")
            }
            (ColumnType::Number, NumberFormat::Float) => ("DOUBLE", ""),
        };
        format!("{repetition} {kind} {}{logical};", self.name)
    }
}

/// The values of a column that are not written yet.
#[derive(Debug)]
enum Values {
    I64(Vec<i64>),
    I32(Vec<i32>),
    Bool(Vec<bool>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
    Double(Vec<f64>),
}

/// A column of a row group that grows.
#[derive(Debug)]
pub(super) struct Column {
    values: Values,
    /// 1 for a value, 0 for none; empty where the column is not optional.
    levels: Vec<i16>,
    is_optional: bool,
}

impl Column {
    pub(super) fn new(def: &ColumnDef, numbers: NumberFormat) -> Self {
        let values = match (def.kind, numbers) {
            (ColumnType::Time | ColumnType::I64, _) => Values::I64(Vec::new()),
            (ColumnType::I32, _) => Values::I32(Vec::new()),
            (ColumnType::Bool, _) => Values::Bool(Vec::new()),
            (ColumnType::Text, _) | (ColumnType::Number, NumberFormat::Text) => {
                Values::Bytes(Vec::new())
            }
            (ColumnType::Number, NumberFormat::Decimal) => Values::Fixed(Vec::new()),
            (ColumnType::Number, NumberFormat::Float) => Values::Double(Vec::new()),
        };
        Self { values, levels: Vec::new(), is_optional: def.is_optional }
    }

    pub(super) fn push(&mut self, value: Value<'_>) {
        if self.is_optional {
            self.levels.push(i16::from(!matches!(value, Value::None)));
        }
        match (&mut self.values, value) {
            (Values::I64(values), Value::I64(value)) => values.push(value),
            (Values::I32(values), Value::I32(value)) => values.push(value),
            (Values::Bool(values), Value::Bool(value)) => values.push(value),
            (Values::Bytes(values), Value::Text(value)) => values.push(value.into()),
            (Values::Bytes(values), Value::Number(value)) => {
                values.push(value.to_string().as_str().into());
            }
            (Values::Fixed(values), Value::Number(value)) => {
                values.push(ByteArray::from(scaled(value).to_be_bytes().to_vec()).into());
            }
            (Values::Double(values), Value::Number(value)) => values.push(value.to_f64()),
            (_, value) => debug_assert!(matches!(value, Value::None), "{value:?} of another type"),
        }
    }

    /// Writes the values and forgets them.
    pub(super) fn write(&mut self, out: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let levels = self.is_optional.then_some(self.levels.as_slice());
        match &mut self.values {
            Values::I64(values) => out.typed::<Int64Type>().write_batch(values, levels, None)?,
            Values::I32(values) => out.typed::<Int32Type>().write_batch(values, levels, None)?,
            Values::Bool(values) => out.typed::<BoolType>().write_batch(values, levels, None)?,
            Values::Bytes(values) => {
                out.typed::<ByteArrayType>().write_batch(values, levels, None)?
            }
            Values::Fixed(values) => {
                out.typed::<FixedLenByteArrayType>().write_batch(values, levels, None)?
            }
            Values::Double(values) => {
                out.typed::<DoubleType>().write_batch(values, levels, None)?
            }
        };
        self.levels.clear();
        match &mut self.values {
            Values::I64(values) => values.clear(),
            Values::I32(values) => values.clear(),
            Values::Bool(values) => values.clear(),
            Values::Bytes(values) => values.clear(),
            Values::Fixed(values) => values.clear(),
            Values::Double(values) => values.clear(),
        }
        Ok(())
    }
}

/// The value times 10^18, exactly: a mantissa of 64 bits times at most 10^18 has 38 digits.
fn scaled(value: Decimal) -> i128 {
    let decimals = u32::from(Decimal::MAX_SCALE - value.scale());
    i128::from(value.mantissa()) * 10_i128.pow(decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decimal_is_exact_at_the_scale_of_the_schema() {
        let parse = |text: &str| scaled(text.parse().unwrap());
        assert_eq!(parse("84093.5"), 84_093_500_000_000_000_000_000);
        assert_eq!(parse("-0.000000000000000001"), -1);
        assert_eq!(parse("0"), 0);
        let most = Decimal::new(i64::MAX, 0).unwrap();
        assert_eq!(scaled(most), i128::from(i64::MAX) * 1_000_000_000_000_000_000);
        assert!(scaled(most) < 10_i128.pow(38));
    }
}
