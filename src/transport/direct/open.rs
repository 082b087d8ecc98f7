//! Opens a connection that is read directly.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use super::handshake::handshake;
use super::inbound::Inbound;
use super::socket::{DirectOptions, DirectSocket};
use super::upgrading::Upgrading;
use crate::transport::error::ConnectError;
use crate::transport::headers::Headers;
use crate::transport::target::Target;
use crate::transport::upgrade::upgrade;

/// Does the TLS handshake, where the target has TLS, and the upgrade to a WebSocket.
///
/// # Errors
/// [`ConnectError::NoTls13`] where the host has no TLS 1.3: the connection is of no use then. Else
/// what the host or its certificate fails with.
pub(in crate::transport) async fn open(
    mut tcp: TcpStream,
    target: &Target,
    tls: Arc<ClientConfig>,
    headers: &Headers,
    options: DirectOptions,
) -> Result<DirectSocket, ConnectError> {
    let mut inbound = if target.secure {
        let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
        let (records, rest) = handshake(&mut tcp, tls, name).await?;
        let mut inbound = Inbound::new(options.max_len, Some(records));
        inbound.push(&rest);
        let mut stream = Upgrading::new(&mut tcp, &mut inbound);
        let frames = upgrade(&mut stream, target, headers).await?;
        inbound.give_back(&frames);
        inbound
    } else {
        let frames = upgrade(&mut tcp, target, headers).await?;
        let mut inbound = Inbound::new(options.max_len, None);
        inbound.push(&frames);
        inbound
    };
    // What was received behind the answer may be whole already.
    inbound.room();
    Ok(DirectSocket::new(tcp, inbound, options))
}
