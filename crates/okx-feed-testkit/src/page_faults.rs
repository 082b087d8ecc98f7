//! Page faults: memory that a thread is the first to touch.

/// How many page faults this thread has had that took no disk; `None` where the system does not
/// say.
///
/// The allocator gives large pieces of memory without pages. Each page is taken at its first touch,
/// for a microsecond or more, on the thread that touches it.
#[must_use]
pub fn page_faults() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
    // The fields after the thread's name, which may have spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(7)?.parse().ok()
}
