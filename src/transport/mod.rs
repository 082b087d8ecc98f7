//! The transport: names, proxies, TCP, TLS and the upgrade to a WebSocket, and the clock that
//! stamps what comes.

mod attempts;
mod clock;
mod connect;
mod dial;
#[cfg(all(feature = "direct", unix))]
pub(crate) mod direct;
mod error;
mod headers;
mod interface;
mod proxy;
mod refusal;
mod refused_options;
mod region;
mod reply;
mod resolve;
mod socket;
mod socket_options;
mod stamped;
mod target;
mod tls;
mod tokio;
mod upgrade;

pub(crate) use attempts::SocketTransport;
pub use clock::Clock;
pub(crate) use connect::{ConnectOptions, Connector, Route};
pub(crate) use error::ConnectError;
pub use error::TransportError;
pub use headers::ExtraHeaders;
#[cfg_attr(not(feature = "rest"), allow(unused_imports, reason = "for `client`"))]
pub(crate) use headers::LoginHeaders;
#[cfg(feature = "rest")]
pub(crate) use headers::USER_AGENT;
pub(crate) use interface::{Buffered, CloseReason, Ready, Received, Transport};
pub use proxy::Proxy;
#[cfg(feature = "rest")]
pub(crate) use proxy::{HttpProxy, http_proxy};
pub use refused_options::RefusedOption;
pub(crate) use refused_options::RefusedOptions;
pub use region::{Region, default_url};
#[cfg(feature = "rest")]
pub(crate) use reply::retry_after;
pub use resolve::{Resolve, SystemResolver};
pub use socket_options::SocketOptions;
pub use target::without_user;
pub(crate) use target::{Target, Targets};
pub use tls::TlsConfig;
