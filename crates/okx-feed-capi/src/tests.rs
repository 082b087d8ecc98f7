//! What a wrong caller gets: a status and a text, never a crash.
#![expect(unsafe_code, reason = "the tests call the exported functions as C does")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::wildcard_imports,
    reason = "a test fails by it, and one calls every function"
)]

mod feeds;
mod header;
mod wrong;

use std::ffi::{CStr, CString, c_char};

use crate::abi::version::okx_last_error;

/// A C text, kept until the test ends.
fn c(text: &str) -> *const c_char {
    Box::leak(CString::new(text).unwrap().into_boxed_c_str()).as_ptr()
}

fn last_error() -> String {
    // SAFETY: never null, and ends with a null byte.
    unsafe { CStr::from_ptr(okx_last_error()) }.to_str().unwrap().to_owned()
}
