//! The pointers that callers pass, checked and followed. The only file that does.
//!
//! The exported functions are `unsafe`: their callers promise that a pointer which is neither null
//! nor misaligned points to what its declaration says, for as long as the call runs.
#![expect(unsafe_code, reason = "C passes pointers")]

use std::ffi::{c_char, c_void};

use crate::status::{Failure, Outcome, Status};
use crate::types::Event;

/// The longest text that a caller may pass, in bytes.
const MAX_TEXT: usize = 4095;

fn check<T>(pointer: *const T, name: &str) -> Outcome<()> {
    if pointer.is_null() {
        return Err(Failure::new(Status::Null, format_args!("`{name}` is NULL")));
    }
    if !pointer.is_aligned() {
        return Err(Failure::new(Status::Argument, format_args!("`{name}` is misaligned")));
    }
    Ok(())
}

/// A copy of a caller's text. Allocates.
pub(crate) fn text(pointer: *const c_char, name: &str) -> Outcome<String> {
    check(pointer, name)?;
    let mut bytes = Vec::new();
    for at in 0..=MAX_TEXT {
        // SAFETY: not null, and no null byte has come yet, so this byte is part of the text.
        match unsafe { pointer.add(at).read() } {
            0 => {
                let refuse = |_| Failure::new(Status::Text, format_args!("`{name}` is not UTF-8"));
                return String::from_utf8(bytes).map_err(refuse);
            }
            byte => bytes.push(byte.cast_unsigned()),
        }
    }
    Err(Failure::new(Status::Text, format_args!("`{name}` is longer than {MAX_TEXT} bytes")))
}

/// Copies of a caller's texts.
pub(crate) fn texts(pointer: *const *const c_char, len: usize, name: &str) -> Outcome<Vec<String>> {
    if len == 0 {
        return Ok(Vec::new());
    }
    check(pointer, name)?;
    // SAFETY: not null and aligned, and the caller says that there are so many.
    (0..len).map(|at| text(unsafe { pointer.add(at).read() }, name)).collect()
}

/// Passes a caller's bytes to `f`. They may be null if there are none.
pub(crate) fn with_bytes<R>(
    pointer: *const u8,
    len: usize,
    name: &str,
    f: impl FnOnce(&[u8]) -> Outcome<R>,
) -> Outcome<R> {
    if len == 0 {
        return f(&[]);
    }
    check(pointer, name)?;
    if isize::try_from(len).is_err() {
        return Err(Failure::new(Status::Argument, format_args!("`{name}` is too long")));
    }
    // SAFETY: not null, no longer than the address space, and the caller says that it has so many
    // bytes, which stay as they are until the call returns.
    f(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// Refuses a null or misaligned pointer before anything is done whose result it is for.
pub(crate) fn check_out<T>(out: *mut T, name: &str) -> Outcome<()> {
    check(out, name)
}

/// Writes a value for the caller.
pub(crate) fn put<T>(out: *mut T, value: T, name: &str) -> Outcome<()> {
    check(out, name)?;
    // SAFETY: not null and aligned, and the caller's to be written; what was there has no drop.
    unsafe { out.write(value) };
    Ok(())
}

/// A caller's buffer, written from its begin.
#[derive(Debug)]
pub(crate) struct Room<T> {
    out: *mut T,
    capacity: usize,
    len: usize,
}

impl<T> Room<T> {
    /// The buffer may be null if it has no room.
    pub(crate) fn new(out: *mut T, capacity: usize, name: &str) -> Outcome<Self> {
        if capacity > 0 {
            check(out, name)?;
        }
        Ok(Self { out, capacity, len: 0 })
    }

    /// Writes a value; false if there is no more room.
    pub(crate) fn push(&mut self, value: T) -> bool {
        let has_room = self.len < self.capacity;
        if has_room {
            // SAFETY: not null and aligned, and the caller says that there is room for `capacity`
            // values, of which `len` are written.
            unsafe { self.out.add(self.len).write(value) };
            self.len += 1;
        }
        has_room
    }

    /// How many values were written.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }
}

/// Writes as much of a value as the caller's version of its type has.
pub(crate) fn put_sized<T: Copy>(out: *mut T, size: usize, value: T, name: &str) -> Outcome<()> {
    check(out, name)?;
    let size = size.min(size_of::<T>());
    // SAFETY: `out` has `size` bytes, as the caller says, and the value has no fewer. They can't
    // overlap, since the value is on this function's stack.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const value).cast(), size) };
    Ok(())
}

/// Writes a text with a null byte, and its length without it.
pub(crate) fn put_text(
    out: *mut c_char,
    capacity: usize,
    len: *mut usize,
    text: &[u8],
) -> Outcome<()> {
    if !len.is_null() {
        put(len, text.len(), "len")?;
    }
    if capacity <= text.len() {
        let needed = text.len() + 1;
        return Err(Failure::new(Status::Buffer, format_args!("{needed} bytes are needed")));
    }
    let mut room = Room::new(out, capacity, "buffer")?;
    text.iter().chain([&0]).all(|byte| room.push(byte.cast_signed() as c_char));
    Ok(())
}

/// A caller's function for events.
///
/// The event, and all that it points to, is valid until the function returns. `user` is what was
/// given with the function. It must not unwind, so a C++ function must catch its exceptions.
pub type EventCallback = Option<unsafe extern "C" fn(event: *const Event, user: *mut c_void)>;

/// A function for events with its argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callback {
    call: unsafe extern "C" fn(event: *const Event, user: *mut c_void),
    // As a number, since the client's thread calls it; what it points to is the caller's affair.
    user: usize,
}

impl Callback {
    pub(crate) fn new(call: EventCallback, user: *mut c_void) -> Option<Self> {
        Some(Self { call: call?, user: user.expose_provenance() })
    }

    pub(crate) fn call(self, event: &Event) {
        let user = std::ptr::with_exposed_provenance_mut(self.user);
        // SAFETY: the caller gave the function for this, and promised that it does not unwind.
        unsafe { (self.call)(event, user) };
    }
}
