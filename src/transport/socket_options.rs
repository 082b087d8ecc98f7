//! The options of sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

use super::refused_options::RefusedOptions;

/// The options of the sockets of a client.
///
/// What the system refuses is logged as a warning and listed in
/// [`Health::refused`](crate::client::Health::refused); the connection goes on without it.
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
    /// A socket to connect to `addr` with: bound to the local address, and with its receive buffer,
    /// whose size decides how TCP scales its window. What the system refuses is added to `refused`.
    ///
    /// # Errors
    /// If there is no socket, or the local address is none of this machine.
    pub(super) fn open(&self, addr: SocketAddr, refused: &RefusedOptions) -> io::Result<TcpSocket> {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(size) = self.receive_buffer {
            let set = SockRef::from(&socket).set_recv_buffer_size(size);
            add_refusal("SO_RCVBUF", set, refused);
        }
        if let Some(local) = self.local_address {
            socket.bind((local, 0).into())?;
        }
        Ok(socket)
    }

    /// Sets the other options of a connected socket. What the system refuses is added to `refused`.
    #[cfg(target_os = "linux")]
    pub(super) fn apply(&self, tcp: &TcpStream, refused: &RefusedOptions) {
        let socket = SockRef::from(tcp);
        if let Some(micros) = self.busy_poll_micros {
            add_refusal("SO_BUSY_POLL", socket.set_busy_poll(micros), refused);
        }
        if self.quick_ack {
            add_refusal("TCP_QUICKACK", socket.set_tcp_quickack(true), refused);
        }
        if self.user_timeout.is_some() {
            let set = socket.set_tcp_user_timeout(self.user_timeout);
            add_refusal("TCP_USER_TIMEOUT", set, refused);
        }
    }

    /// Adds to `refused` what was chosen and is Linux's own.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn apply(&self, _: &TcpStream, refused: &RefusedOptions) {
        let chosen = [
            ("SO_BUSY_POLL", self.busy_poll_micros.is_some()),
            ("TCP_QUICKACK", self.quick_ack),
            ("TCP_USER_TIMEOUT", self.user_timeout != Self::default().user_timeout),
        ];
        for (option, _) in chosen.into_iter().filter(|(_, is_chosen)| *is_chosen) {
            refused.add(option, "only on Linux".to_owned());
        }
    }
}

fn add_refusal(option: &'static str, set: io::Result<()>, refused: &RefusedOptions) {
    if let Err(error) = set {
        refused.add(option, error.to_string());
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A connection to a listener of this machine.
    async fn connect(options: &SocketOptions, refused: &RefusedOptions) -> io::Result<TcpStream> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let tcp = options.open(addr, refused)?.connect(addr).await?;
        options.apply(&tcp, refused);
        Ok(tcp)
    }

    #[tokio::test]
    async fn sockets_have_the_options_that_were_chosen() {
        let refused = RefusedOptions::default();
        let options = SocketOptions {
            receive_buffer: Some(300_000),
            quick_ack: true,
            user_timeout: Some(Duration::from_secs(7)),
            local_address: Some([127, 0, 0, 2].into()),
            ..SocketOptions::default()
        };
        let tcp = connect(&options, &refused).await.unwrap();
        let socket = SockRef::from(&tcp);
        assert_eq!(tcp.local_addr().unwrap().ip(), options.local_address.unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), options.user_timeout);
        assert!(socket.tcp_quickack().unwrap());
        let plain = connect(&SocketOptions::default(), &refused).await.unwrap();
        let plain_size = SockRef::from(&plain).recv_buffer_size().unwrap();
        assert_ne!(socket.recv_buffer_size().unwrap(), plain_size);
        let default = SocketOptions::default().user_timeout;
        assert_eq!(SockRef::from(&plain).tcp_user_timeout().unwrap(), default);
        assert_eq!(refused.list(), []);
    }

    #[tokio::test]
    async fn what_the_system_refuses_is_listed_and_the_connection_goes_on() {
        let refused = RefusedOptions::default();
        let busy_poll_micros = Some(u32::MAX);
        let options = SocketOptions { busy_poll_micros, ..SocketOptions::default() };
        assert!(connect(&options, &refused).await.is_ok());
        let names: Vec<_> = refused.list().iter().map(|refused| refused.option).collect();
        assert_eq!(names, ["SO_BUSY_POLL"]);
    }

    #[tokio::test]
    async fn a_local_address_of_another_machine_fails_the_attempt() {
        let local_address = Some([192, 0, 2, 1].into());
        let options = SocketOptions { local_address, ..SocketOptions::default() };
        assert!(connect(&options, &RefusedOptions::default()).await.is_err());
    }
}
