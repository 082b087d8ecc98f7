//! The buffer protocol: memory of levels and trades, read-only and without a copy.
#![expect(unsafe_code, reason = "the buffer protocol of Python hands out pointers")]

use std::ffi::c_int;

use okx_feed::{Level, Trade};
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

/// A record whose bytes other languages read.
///
/// # Safety
/// The type is `repr(C)`, every byte of it is initialised, and it has no interior mutability.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: `repr(C)`, 24 bytes: two i64, one u32, two u8 and two reserved bytes, no padding. The
// library asserts size and offsets.
unsafe impl Plain for Level {}

// SAFETY: `repr(C)`, 56 bytes: six words, one u32 and four u8, no padding. The library asserts
// size and offsets.
unsafe impl Plain for Trade {}

/// Exports records of `owner` as read-only bytes.
///
/// # Errors
/// `BufferError` if the caller wants to write.
///
/// # Safety
/// `view` is the pointer that `__getbuffer__` was given. `records` stay where they are, and
/// unchanged, for as long as `owner` lives.
pub(crate) unsafe fn export<T: Plain>(
    owner: &Bound<'_, PyAny>,
    records: &[T],
    view: *mut ffi::Py_buffer,
    flags: c_int,
) -> PyResult<()> {
    if view.is_null() {
        return Err(PyBufferError::new_err("there is no buffer to fill"));
    }
    let len = isize::try_from(size_of_val(records))
        .map_err(|_| PyBufferError::new_err("there are too many records"))?;
    let bytes = records.as_ptr().cast_mut().cast();
    // SAFETY: `view` is valid by the caller's promise and not null; `owner` is a live object, to
    // which the view takes a reference that keeps the records alive. The buffer is marked
    // read-only, so nothing writes through the pointer.
    let filled = unsafe { ffi::PyBuffer_FillInfo(view, owner.as_ptr(), bytes, len, 1, flags) };
    if filled == 0 { Ok(()) } else { Err(PyErr::fetch(owner.py())) }
}
