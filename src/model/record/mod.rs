//! Records: the values of all channels that are neither books nor trades.

mod data;
mod declare;
mod envelope;
mod field;
pub(super) mod prices;
pub(super) mod reference;
mod text_words;
pub(super) mod trades;

pub use data::{RecordData, RecordKind, RecordType};
pub use envelope::Record;
pub use field::FieldValue;
pub(crate) use field::{FieldError, RawValue};
