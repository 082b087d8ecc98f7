//! Memory for a segment, before anything is stored to it.
//!
//! A new file has a length and no memory. Where there is none left, a store to its map would end
//! the process by `SIGBUS`; to ask for it is an error.

use std::fs::File;
use std::io;
use std::ops::Range;

/// Has the system give memory to words of a new file, which are zero already, or to none of them.
///
/// # Errors
/// [`io::ErrorKind::StorageFull`] if there is no memory, and others of the system.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) fn reserve(file: &File, words: Range<usize>) -> io::Result<()> {
    use nix::errno::Errno;
    use nix::fcntl::posix_fallocate;
    use nix::libc::off_t;

    let bytes = |words: usize| off_t::try_from(words * 8).map_err(io::Error::other);
    let (at, len) = (bytes(words.start)?, bytes(words.len())?);
    loop {
        match posix_fallocate(file, at, len) {
            Err(Errno::EINTR) => {}
            reserved => return Ok(reserved?),
        }
    }
}

/// Has the system give memory to words of a new file, which are zero already.
///
/// # Errors
/// As where the system has a call for it.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(super) fn reserve(file: &File, words: Range<usize>) -> io::Result<()> {
    use std::os::unix::fs::FileExt;

    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    let (mut at, end) = (words.start as u64 * 8, words.end as u64 * 8);
    while at < end {
        let part = ZEROS.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
        file.write_all_at(ZEROS.get(..part).unwrap_or_default(), at)?;
        at += part as u64;
    }
    Ok(())
}
