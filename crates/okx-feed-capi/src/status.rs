//! The result of a call, and the text of the last failure of a thread.

use std::cell::RefCell;
use std::ffi::c_char;
use std::fmt::{self, Display, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The result of a call. Negative: the call failed, and nothing was changed or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// There is nothing more: the capture is read, the client has stopped.
    End = 1,
    /// There is nothing now: no event within the time, no value yet.
    Empty = 2,
    /// A pointer is NULL that may not be.
    Null = -1,
    /// The handle was closed, never was one, or is of another kind.
    Handle = -2,
    /// A text is not UTF-8, longer than 4,095 bytes, or not what it should name.
    Text = -3,
    /// The buffer is too short; the length that is needed was written.
    Buffer = -4,
    /// A number is out of its range, or a pointer is misaligned.
    Argument = -5,
    /// The wrong thread: another one uses the handle, or this one does, in its callback; or the
    /// call would wait for a client in a client's callback, or in a process that was forked from
    /// it.
    Thread = -6,
    /// There is no such subscription, or its channel has no such value.
    NotFound = -7,
    /// The client has stopped.
    Stopped = -8,
    /// The frame is malformed. The event was emitted, and the feed goes on.
    Decode = -9,
    /// A file or a socket can't be used, or the options don't fit together.
    Io = -10,
    /// A fault of this library. The handle can only be closed.
    Panic = -11,
}

impl Status {
    /// The text of a status; of any other number, that it is unknown.
    pub(crate) const fn text(code: i32) -> &'static std::ffi::CStr {
        match code {
            0 => c"done",
            1 => c"nothing more",
            2 => c"nothing now",
            -1 => c"a pointer is NULL",
            -2 => c"not a handle, or closed",
            -3 => c"not such a text",
            -4 => c"the buffer is too short",
            -5 => c"an argument is out of its range",
            -6 => c"the wrong thread",
            -7 => c"not found",
            -8 => c"the client has stopped",
            -9 => c"a malformed frame",
            -10 => c"a file, a socket or the options can't be used",
            -11 => c"a fault of okx-feed",
            _ => c"unknown status",
        }
    }
}

/// The room for the text of a failure, with its null byte.
const TEXT_SIZE: usize = 512;

/// Why a call failed: its text is the thread's last one. Allocates nothing.
#[derive(Debug)]
pub(crate) struct Failure(Status);

/// The result of what a call does.
pub(crate) type Outcome<T = Status> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(status: Status, reason: impl Display) -> Self {
        // A thread that is ending has no such text any more.
        let _ = LAST.try_with(|last| {
            let mut last = last.borrow_mut();
            // The last byte stays null.
            let room = last.split_last_mut().map(|(_, room)| room).unwrap_or_default();
            let mut text = Cut { room, len: 0 };
            // What does not fit is cut off, which is no error.
            let _ = write!(text, "{reason}");
            let len = text.len;
            last.iter_mut().skip(len).for_each(|byte| *byte = 0);
        });
        Self(status)
    }
}

/// A text that takes as much as fits.
struct Cut<'t> {
    room: &'t mut [u8],
    len: usize,
}

impl Write for Cut<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.room.get_mut(self.len..).unwrap_or_default();
        let mut end = text.len().min(room.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        for (to, from) in room.iter_mut().zip(text.bytes().take(end)) {
            // A null byte would end the text for C.
            *to = if from == 0 { b' ' } else { from };
        }
        self.len += end;
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

thread_local! {
    static LAST: RefCell<[u8; TEXT_SIZE]> = const { RefCell::new([0; TEXT_SIZE]) };
}

/// Runs what a call does: its failure becomes a status and the thread's last text, and so does a
/// panic.
pub(crate) fn guard(call: impl FnOnce() -> Outcome) -> Status {
    // Nothing that a panic leaves half done is used again: see `Exclusive`.
    let outcome = catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        Err(Failure::new(Status::Panic, "a fault of okx-feed; its message is on standard error"))
    });
    outcome.unwrap_or_else(|Failure(status)| status)
}

/// The text of the last failure of this thread, which ends with a null byte.
pub(crate) fn last_text() -> *const c_char {
    LAST.try_with(|last| last.as_ptr().cast::<c_char>().cast_const()).unwrap_or(c"".as_ptr())
}
