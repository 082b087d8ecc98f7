//! Events as JSON, one object each: the contract of `docs/JSON.md`.
//!
//! Appends to a buffer; nothing allocates but its growth.

mod event;
mod members;
mod record;
pub mod text;

pub use event::{
    SCHEMA, write_event, write_gap, write_left_out, write_malformed, write_missed, write_schema,
    write_unchecked_trade,
};
pub use members::Stamp;
pub use record::{kind_of, write_instrument, write_record};
