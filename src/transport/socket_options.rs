//! The options of sockets.

use std::net::IpAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

/// The options of the sockets of a client. Those that the system refuses are logged at `debug` and
/// left as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOptions {
    /// How long a read may poll the queue of the network card (`SO_BUSY_POLL`), in microseconds;
    /// `None`, the default, for the system's setting. Linux; more than the system's setting needs
    /// `CAP_NET_ADMIN`.
    pub busy_poll_micros: Option<u32>,
    /// The size of the kernel's receive buffer (`SO_RCVBUF`), in bytes; `None`, the default, for
    /// one that the kernel adapts.
    pub receive_buffer: Option<usize>,
    /// Whether data is acknowledged at once when the connection opens (`TCP_QUICKACK`, Linux); no
    /// by default. The kernel goes back to its own judgement later.
    pub quick_ack: bool,
    /// How long sent data may be unacknowledged before the connection ends (`TCP_USER_TIMEOUT`,
    /// Linux); 30 s. `None` for the system's setting.
    pub user_timeout: Option<Duration>,
    /// The local address to connect from; `None`, the default, for the one that the route has.
    pub local_address: Option<IpAddr>,
    /// Whether the kernel stamps what it receives (`SO_TIMESTAMPING`, software, Linux), so that
    /// `ts_recv` is the time at which bytes came and not that of their read; yes by default. For
    /// the direct transport alone. Costs about 0.1 µs a read.
    pub kernel_stamps: bool,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            busy_poll_micros: None,
            receive_buffer: None,
            quick_ack: false,
            user_timeout: Some(Duration::from_secs(30)),
            local_address: None,
            kernel_stamps: true,
        }
    }
}

impl SocketOptions {
    /// Sets the options of a connected socket.
    pub(super) fn apply(&self, tcp: &TcpStream) {
        let socket = SockRef::from(tcp);
        let note = |name: &str, result: std::io::Result<()>| {
            if let Err(error) = result {
                tracing::debug!(%error, "the system refuses {name}");
            }
        };
        if let Some(size) = self.receive_buffer {
            note("SO_RCVBUF", socket.set_recv_buffer_size(size));
        }
        #[cfg(target_os = "linux")]
        {
            if let Some(micros) = self.busy_poll_micros {
                note("SO_BUSY_POLL", socket.set_busy_poll(micros));
            }
            if self.quick_ack {
                note("TCP_QUICKACK", socket.set_tcp_quickack(true));
            }
            if self.user_timeout.is_some() {
                note("TCP_USER_TIMEOUT", socket.set_tcp_user_timeout(self.user_timeout));
            }
        }
    }
}
