//! The version, and the texts of failures.
#![expect(unsafe_code, reason = "names are exported")]

use std::ffi::c_char;

use crate::status::{self, Status};

/// The version of this interface. A library of a later one takes programs of all earlier versions
/// of the same hundred.
pub const ABI_VERSION: u32 = 100;

/// The version of the interface that the library has: check that it is at least OKX_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn okx_abi_version() -> u32 {
    ABI_VERSION
}

/// The version of the library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn okx_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The text of a status, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn okx_status_text(status: i32) -> *const c_char {
    Status::text(status).as_ptr()
}

/// The text of the last failed call of this thread, never NULL; empty if none has failed. Valid
/// until the next failure.
#[unsafe(no_mangle)]
pub extern "C" fn okx_last_error() -> *const c_char {
    status::last_text()
}
