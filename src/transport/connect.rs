//! The steps of an attempt to connect: name look-up, TCP, proxy, TLS, and the upgrade to a
//! WebSocket.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig as RustlsConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::clock::Clock;
use super::dial;
#[cfg(all(feature = "direct", unix))]
use super::direct::{self, DirectOptions};
use super::error::{ConnectError, TransportError};
use super::headers::{ExtraHeaders, Headers, LoginHeaders, USER_AGENT};
use super::proxy::{Proxy, ProxyRules, ProxyServer};
use super::refused_options::RefusedOptions;
use super::resolve::{Lookups, Resolve};
use super::socket::Socket;
use super::socket_options::SocketOptions;
use super::stamped::StampedStream;
use super::target::Target;
use super::tls::TlsConfig;
use super::tokio::TokioSocket;
use super::upgrade::upgrade;

/// The size of a read. tungstenite zeroes as much before each read, so that its own 128 KiB cost
/// more than most frames (docs/BENCHMARKS.md); a longer frame takes more reads.
const READ_BUFFER: usize = 8 << 10;

/// How connections are opened: what is the same for all attempts of a client.
#[derive(Clone, Debug)]
pub(crate) struct ConnectOptions {
    /// The certificates that are trusted.
    pub(crate) tls: TlsConfig,
    /// Further headers of the request that opens a connection.
    pub(crate) headers: ExtraHeaders,
    /// The proxy that connections go through.
    pub(crate) proxy: Proxy,
    /// The resolver of names; `None` for the system's.
    pub(crate) resolver: Option<Arc<dyn Resolve>>,
    /// How long an address may be silent before the next is tried beside it.
    pub(crate) stagger: Duration,
    /// The longest frame that is decoded, in bytes. Longer messages are skipped up to 16 MiB.
    pub(crate) frame_len: usize,
    /// Whether the client logs in, so that it must not be sent to another host.
    pub(crate) logs_in: bool,
    /// The headers by which a route logs in that does so.
    pub(crate) login: Option<LoginHeaders>,
    /// The options of sockets.
    pub(crate) socket: SocketOptions,
    /// Whether sockets are read directly.
    #[cfg_attr(
        not(all(feature = "direct", unix)),
        allow(dead_code, reason = "only the direct transport needs it")
    )]
    pub(crate) is_direct: bool,
    /// Whether the thread busy-polls.
    #[cfg_attr(
        not(all(feature = "direct", unix)),
        allow(dead_code, reason = "only the direct transport needs it")
    )]
    pub(crate) busy_poll: bool,
    /// The clock that stamps what is received.
    pub(crate) clock: Clock,
}

/// What all attempts of a client have in common.
pub(crate) struct Connector {
    tls: Arc<RustlsConfig>,
    websocket: WebSocketConfig,
    headers: Headers,
    /// The headers for another host than the user's own.
    no_headers: Headers,
    proxies: ProxyRules,
    lookups: Arc<Lookups>,
    stagger: Duration,
    /// Whether the client logs in, so that it must not be sent to another host.
    logs_in: bool,
    login: Option<LoginHeaders>,
    socket: SocketOptions,
    refused: RefusedOptions,
    clock: Clock,
    /// How sockets are read directly, and TLS 1.3 for them; `None` where they are not.
    #[cfg(all(feature = "direct", unix))]
    direct: Option<(DirectOptions, Arc<RustlsConfig>)>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("proxies", &self.proxies).finish_non_exhaustive()
    }
}

/// The target of an attempt, and the proxy before it.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) target: Target,
    proxy: Option<ProxyServer>,
    /// Whether a redirect of another host has led here.
    is_foreign: bool,
    /// Whether the login is in the headers of the upgrade.
    logs_in: bool,
}

impl Route {
    /// The same route to another path of the host.
    pub(crate) fn beside(&self, target: Target) -> Self {
        Self { target, ..self.clone() }
    }

    /// The same route, with the login in the headers of the upgrade where `logs_in`.
    pub(crate) fn logging_in(self, logs_in: bool) -> Self {
        Self { logs_in, ..self }
    }

    /// The host that TCP connects to: the proxy, where there is one.
    pub(crate) fn peer(&self) -> (&str, u16) {
        match &self.proxy {
            Some(proxy) => (&proxy.host, proxy.port),
            None => (&self.target.host, self.target.port),
        }
    }
}

/// The longest message that is read, in bytes, where frames may not be longer; beyond it the
/// connection ends.
const MAX_MESSAGE_LEN: usize = 16 << 20;

impl Connector {
    /// Checks the options and loads the certificates.
    ///
    /// # Errors
    /// [`TransportError::CaFile`] or [`TransportError::Header`].
    pub(crate) fn new(options: &ConnectOptions) -> Result<Self, TransportError> {
        // A longer one of an unread channel is skipped, and must not end the connection.
        let max_len = options.frame_len.max(MAX_MESSAGE_LEN);
        let max = Some(max_len);
        let websocket = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(max)
            .max_frame_size(max);
        let lookups = options.resolver.clone().map_or_else(Lookups::of_system, Lookups::new);
        let env = |name: &str| std::env::var(name).ok();
        Ok(Self {
            tls: Arc::new(options.tls.rustls()?),
            websocket,
            headers: Headers::new(&options.headers.0)?,
            no_headers: Headers::new(&[])?,
            proxies: ProxyRules::new(&options.proxy, env),
            lookups,
            stagger: options.stagger,
            logs_in: options.logs_in,
            login: options.login.clone(),
            socket: options.socket.clone(),
            refused: RefusedOptions::default(),
            clock: options.clock.clone(),
            #[cfg(all(feature = "direct", unix))]
            direct: match options.is_direct {
                true => Some((direct_options(options, max_len), Arc::new(options.tls.rustls13()?))),
                false => None,
            },
        })
    }

    /// The options that the system has refused so far, and later.
    pub(crate) const fn refused(&self) -> &RefusedOptions {
        &self.refused
    }

    /// Whether sockets are read directly.
    #[cfg_attr(
        not(all(feature = "direct", unix)),
        allow(dead_code, reason = "only the direct transport needs it")
    )]
    pub(crate) const fn is_direct(&self) -> bool {
        #[cfg(all(feature = "direct", unix))]
        return self.direct.is_some();
        #[cfg(not(all(feature = "direct", unix)))]
        false
    }

    /// The route to a target.
    ///
    /// # Errors
    /// [`TransportError::Proxy`].
    pub(crate) fn route(&self, target: Target) -> Result<Route, TransportError> {
        let proxy = self.proxies.proxy_of(&target)?;
        Ok(Route { target, proxy, is_foreign: false, logs_in: false })
    }

    /// The route to where a redirect leads; `None` where it is not followed: to another scheme,
    /// from a redirect, or with a login to another host, which would learn the key.
    pub(crate) fn redirected(&self, from: &Route, error: &ConnectError) -> Option<Route> {
        let ConnectError::Refused(refusal) = error else { return None };
        let target = from.target.redirected(refusal.redirect()?)?;
        let is_foreign = target.host_and_port() != from.target.host_and_port();
        if is_foreign && self.logs_in {
            return None;
        }
        Some(Route { is_foreign, logs_in: from.logs_in, ..self.route(target).ok()? })
    }

    /// The addresses of a route's host, where they are known without a look-up.
    pub(crate) fn known(&self, route: &Route) -> Option<Vec<SocketAddr>> {
        let (host, port) = route.peer();
        self.lookups.known(host, port)
    }

    /// Looks a route's host up.
    ///
    /// # Errors
    /// [`ConnectError::Lookup`].
    pub(crate) async fn resolve(
        self: Arc<Self>,
        route: Route,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let (host, port) = route.peer();
        let found = Arc::clone(&self.lookups).look_up(host.to_owned(), port).await;
        found.map_err(|error| ConnectError::Lookup { host: host.to_owned(), error })
    }

    /// Opens a TCP connection to the first address that accepts one, in the order of `rotation`.
    ///
    /// # Errors
    /// [`ConnectError::Io`].
    pub(crate) async fn dial(
        self: Arc<Self>,
        route: Route,
        addrs: Vec<SocketAddr>,
        rotation: usize,
    ) -> Result<TcpStream, ConnectError> {
        let order = dial::order(&addrs, rotation);
        let tcp = dial::dial(order, self.stagger, &self.socket, &self.refused).await;
        if tcp.is_err() {
            self.unreachable(&route);
        }
        Ok(tcp?)
    }

    /// The addresses of a route can't be reached, so that its name is to be looked up again.
    pub(crate) fn unreachable(&self, route: &Route) {
        self.lookups.unreachable(route.peer().0);
    }

    /// Goes through the proxy, does the TLS handshake, and upgrades to a WebSocket.
    ///
    /// # Errors
    /// What the proxy, the host or its certificate fails with. [`ConnectError::NoTls13`] where
    /// `is_direct` asks for a socket that is read directly and the host has older versions only.
    pub(crate) async fn handshake(
        self: Arc<Self>,
        route: Route,
        mut tcp: TcpStream,
        is_direct: bool,
    ) -> Result<Socket, ConnectError> {
        let Route { target, proxy, is_foreign, logs_in } = &route;
        self.socket.apply(&tcp, &self.refused);
        if let Some(proxy) = proxy {
            tcp = proxy.tunnel(tcp, target, USER_AGENT).await?;
        }
        let headers = if *is_foreign { &self.no_headers } else { &self.headers };
        let signed = self.login.as_ref().filter(|_| *logs_in && !is_foreign);
        let signed = signed.map(|login| headers.with(&(login.0)()));
        let headers = signed.as_ref().unwrap_or(headers);
        #[cfg(all(feature = "direct", unix))]
        if let (true, Some((options, tls))) = (is_direct, &self.direct) {
            let (options, tls) = (options.clone(), Arc::clone(tls));
            let socket = direct::open(tcp, target, tls, headers, options).await?;
            return Ok(Socket::Direct(Box::new(socket)));
        }
        #[cfg(not(all(feature = "direct", unix)))]
        let _ = is_direct;
        let tcp = StampedStream::new(tcp, self.clock.clone());
        let mut stream = if target.secure {
            let name = ServerName::try_from(target.host.clone()).map_err(std::io::Error::other)?;
            let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await?;
            MaybeTlsStream::Rustls(tls)
        } else {
            MaybeTlsStream::Plain(tcp)
        };
        let rest = upgrade(&mut stream, target, headers).await?;
        let (role, config) = (Role::Client, Some(self.websocket));
        let stream = WebSocketStream::from_partially_read(stream, rest, role, config).await;
        Ok(Socket::Tokio(Box::new(TokioSocket::new(stream))))
    }
}

#[cfg(all(feature = "direct", unix))]
fn direct_options(options: &ConnectOptions, max_len: usize) -> DirectOptions {
    DirectOptions {
        busy_poll: options.busy_poll,
        kernel_stamps: options.socket.kernel_stamps,
        max_len,
        clock: options.clock.clone(),
        open: Arc::default(),
    }
}
