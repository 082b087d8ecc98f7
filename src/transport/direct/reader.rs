//! Reads of a socket that do not wait, with the kernel's receive stamps.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
#[cfg(target_os = "linux")]
use nix::sys::socket::{
    ControlMessageOwned, TimestampingFlag, recvmsg, setsockopt, sockopt::Timestamping,
};
use nix::sys::socket::{MsgFlags, recv};
use tokio::net::TcpStream;

use crate::model::UnixNanos;

/// Reads a socket.
#[derive(Debug)]
pub(super) struct StampReader {
    /// Room for the stamps of a read; empty where the kernel gives none.
    control: Vec<u8>,
}

impl StampReader {
    /// Switches the stamps on where they are wanted and there are any.
    pub(super) fn new(tcp: &TcpStream, wants_stamps: bool) -> Self {
        let control = if wants_stamps && stamps_on(tcp) { control_space() } else { Vec::new() };
        Self { control }
    }

    /// Reads what is there, without waiting: how many bytes, and when the last of them came, by
    /// the system's clock. 0 bytes are the end of the connection.
    ///
    /// # Errors
    /// `WouldBlock` where nothing is there, else what the connection failed with.
    #[inline]
    pub(super) fn read(
        &mut self,
        tcp: &TcpStream,
        room: &mut [u8],
    ) -> io::Result<(usize, Option<UnixNanos>)> {
        loop {
            let read = match self.control.is_empty() {
                true => recv(tcp.as_raw_fd(), room, MsgFlags::MSG_DONTWAIT).map(|len| (len, None)),
                false => self.read_stamped(tcp, room),
            };
            match read {
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
                Ok(read) => return Ok(read),
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[inline]
    fn read_stamped(
        &mut self,
        tcp: &TcpStream,
        room: &mut [u8],
    ) -> nix::Result<(usize, Option<UnixNanos>)> {
        let mut parts = [IoSliceMut::new(room)];
        let control = Some(self.control.as_mut_slice());
        let read = recvmsg::<()>(tcp.as_raw_fd(), &mut parts, control, MsgFlags::MSG_DONTWAIT)?;
        let stamp = read.cmsgs().ok().into_iter().flatten().find_map(|message| match message {
            ControlMessageOwned::ScmTimestampsns(stamps) => {
                let secs = u64::try_from(stamps.system.tv_sec()).ok()?;
                let nanos = u64::try_from(stamps.system.tv_nsec()).ok()?;
                let at = secs.checked_mul(1_000_000_000)?.checked_add(nanos)?;
                (at > 0).then_some(UnixNanos(at))
            }
            _ => None,
        });
        Ok((read.bytes, stamp))
    }

    #[cfg(not(target_os = "linux"))]
    fn read_stamped(
        &mut self,
        tcp: &TcpStream,
        room: &mut [u8],
    ) -> nix::Result<(usize, Option<UnixNanos>)> {
        recv(tcp.as_raw_fd(), room, MsgFlags::MSG_DONTWAIT).map(|len| (len, None))
    }
}

#[cfg(target_os = "linux")]
fn stamps_on(tcp: &TcpStream) -> bool {
    let flags = TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE
        | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
    setsockopt(tcp, Timestamping, &flags).is_ok()
}

#[cfg(target_os = "linux")]
fn control_space() -> Vec<u8> {
    nix::cmsg_space!(nix::sys::socket::Timestamps)
}

#[cfg(not(target_os = "linux"))]
const fn stamps_on(_: &TcpStream) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
const fn control_space() -> Vec<u8> {
    Vec::new()
}
