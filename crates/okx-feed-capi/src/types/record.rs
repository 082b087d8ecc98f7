//! Records: tickers, mark prices, candles and all other values that are neither books nor trades.

use std::ffi::c_char;

use okx_feed::Record as FeedRecord;
use okx_feed::model::FieldValue;

use super::names::State;

/// The most fields of a record.
pub const RECORD_FIELDS: usize = 32;

/// The room for the name of a field or a record, with its null byte.
pub const FIELD_NAME_SIZE: usize = 32;

/// The room for the text of a field, with its null byte.
pub const FIELD_TEXT_SIZE: usize = 128;

/// The type of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum FieldKind {
    /// The message does not have it.
    Absent = 0,
    /// An exact number: `number` is the mantissa, `scale` the scale.
    Decimal = 1,
    /// A text: `text`.
    Text = 2,
    /// A time: `number`, nanoseconds since 1970.
    Time = 3,
    /// A truth value: `number`, 0 or 1.
    Bool = 4,
    /// A whole number: `number`, whose bits are those of a uint64_t.
    Integer = 5,
}

/// A field of a record.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Field {
    /// The name on the wire, such as `last`.
    pub name: [c_char; FIELD_NAME_SIZE],
    /// The type of the value.
    pub kind: FieldKind,
    /// The scale of a decimal, 0 to 18.
    pub scale: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// The value, unless it is a text.
    pub number: i64,
    /// The text; empty unless it is one.
    pub text: [c_char; FIELD_TEXT_SIZE],
}

/// A record. The fields past `fields_len` are not defined.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Record {
    /// The exchange's time; 0 if the message has none.
    pub ts_event: u64,
    /// The time of receipt.
    pub ts_recv: u64,
    /// What it is, such as `Ticker`; empty before the first one.
    pub kind: [c_char; FIELD_NAME_SIZE],
    /// The number of fields.
    pub fields_len: usize,
    /// The fields, in the order of the library.
    pub fields: [Field; RECORD_FIELDS],
}

/// The latest record and the state of its subscription, of one moment; or one of the last records
/// with its number.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RecordView {
    /// The number of publications; of a ring: the number of the record, from 0.
    pub version: u64,
    /// Whether it is live.
    pub state: State,
    /// Zero.
    pub reserved: u32,
    /// The record.
    pub record: Record,
}

impl Field {
    const EMPTY: Self = Self {
        name: [0; FIELD_NAME_SIZE],
        kind: FieldKind::Absent,
        scale: 0,
        reserved: [0; 3],
        number: 0,
        text: [0; FIELD_TEXT_SIZE],
    };

    fn set(&mut self, name: &str, value: FieldValue<'_>) {
        put_text(&mut self.name, name);
        (self.scale, self.number) = (0, 0);
        let mut text = "";
        self.kind = match value {
            FieldValue::Decimal(value) => {
                (self.scale, self.number) = (value.scale(), value.mantissa());
                FieldKind::Decimal
            }
            FieldValue::Text(value) => {
                text = value;
                FieldKind::Text
            }
            FieldValue::Time(value) => {
                self.number = value.0.cast_signed();
                FieldKind::Time
            }
            FieldValue::Bool(value) => {
                self.number = i64::from(value);
                FieldKind::Bool
            }
            FieldValue::Integer(value) => {
                self.number = value.cast_signed();
                FieldKind::Integer
            }
            // Absent, and types of later versions.
            _ => FieldKind::Absent,
        };
        put_text(&mut self.text, text);
    }
}

impl Record {
    pub(crate) const EMPTY: Self = Self {
        ts_event: 0,
        ts_recv: 0,
        kind: [0; FIELD_NAME_SIZE],
        fields_len: 0,
        fields: [Field::EMPTY; RECORD_FIELDS],
    };

    /// Sets it to the library's record. Allocates nothing.
    pub(crate) fn set(&mut self, record: &FeedRecord) {
        (self.ts_event, self.ts_recv) = (record.ts_event.0, record.ts_recv.0);
        put_text(&mut self.kind, record.data.kind().map_or("", |kind| kind.name()));
        let mut count = 0;
        let fields = &mut self.fields;
        record.data.fields(&mut |name, value| {
            if let Some(field) = fields.get_mut(count) {
                field.set(name, value);
                count += 1;
            }
        });
        self.fields_len = count;
    }
}

/// Writes as much of a text as fits, and a null byte.
pub(crate) fn put_text<const N: usize>(to: &mut [c_char; N], text: &str) {
    let mut end = text.len().min(N - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let bytes = text.as_bytes().get(..end).unwrap_or_default();
    to.iter_mut().zip(bytes.iter().chain([&0])).for_each(|(to, byte)| {
        *to = byte.cast_signed() as c_char;
    });
}
