//! Frames that a caller passes.

use std::fmt::Display;

use okx_feed::Frame;

use crate::handles::{Exclusive, Handle, with};
use crate::pointers::with_bytes;
use crate::status::{Failure, Outcome, Status};
use crate::types::names;

/// Passes one WebSocket message, of a kind and so many bytes, to the object of a handle, by `f`.
pub(crate) fn with_frame<T, H: Handle<Object = Exclusive<T>>, R, E: Display>(
    handle: *const H,
    (kind, data, len): (i32, *const u8, usize),
    f: impl FnOnce(&mut T, Frame<'_>) -> Result<R, E>,
) -> Outcome {
    with_bytes(data, len, "data", |payload| {
        let frame = names::frame(kind, payload)?;
        with(handle, |object| {
            object.with(|object| {
                f(object, frame).map_err(|error| Failure::new(Status::Decode, error))?;
                Ok(Status::Ok)
            })
        })
    })
}
