//! An open WebSocket from a URL: name look-up, TCP, TLS, upgrade.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig as RustlsConfig, RootCertStore};
use tokio::net::{TcpStream, lookup_host};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, handshake::client::Request};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use super::error::ClientError;

/// An open connection, boxed: it is large and moves from task to task.
pub(super) type Socket = Box<WebSocketStream<MaybeTlsStream<TcpStream>>>;

/// Whom to trust on `wss://`: the roots of Mozilla, which come with the crate, and one's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// A PEM file of further CA certificates.
    pub ca_file: Option<PathBuf>,
}

impl TlsConfig {
    fn rustls(&self) -> Result<RustlsConfig, ClientError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = &self.ca_file {
            add_ca_file(&mut roots, path)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = RustlsConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(versions.with_root_certificates(roots).with_no_client_auth())
    }
}

fn add_ca_file(roots: &mut RootCertStore, path: &Path) -> Result<(), ClientError> {
    let bad = |why: String| ClientError::CaFile { path: path.to_owned(), why };
    let mut found = 0;
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| bad(e.to_string()))? {
        let certificate = certificate.map_err(|e| bad(e.to_string()))?;
        roots.add(certificate).map_err(|e| bad(e.to_string()))?;
        found += 1;
    }
    if found == 0 {
        return Err(bad("it holds no certificate in PEM form".to_owned()));
    }
    Ok(())
}

/// Where to connect to, checked once, and how.
#[derive(Clone)]
pub(super) struct Target {
    request: Request,
    host: String,
    port: u16,
    websocket: WebSocketConfig,
    connector: Connector,
}

impl Target {
    /// Checks the URL and loads the certificates.
    ///
    /// # Errors
    /// [`ClientError::Url`] or [`ClientError::CaFile`].
    pub(super) fn new(
        url: &str,
        tls: &TlsConfig,
        max_message_len: usize,
    ) -> Result<Self, ClientError> {
        let bad = |why: String| ClientError::Url { url: url.to_owned(), why };
        let uri: Uri = url.parse().map_err(|_| bad("it can't be parsed".to_owned()))?;
        let (port, connector) = match uri.scheme_str() {
            Some("ws") => (80, Connector::Plain),
            Some("wss") => (443, Connector::Rustls(Arc::new(tls.rustls()?))),
            _ => return Err(bad("it does not start with ws:// or wss://".to_owned())),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| bad("it names no host".to_owned()))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(port);
        let request = uri.into_client_request().map_err(|error| match error {
            WsError::Url(UrlError::NoHostName) => bad("it names no host".to_owned()),
            error => bad(error.to_string()),
        })?;
        let websocket = WebSocketConfig::default()
            .max_message_size(Some(max_message_len))
            .max_frame_size(Some(max_message_len));
        Ok(Self { request, host, port, websocket, connector })
    }

    /// The host and the port, by which attempts are counted.
    pub(super) fn host(&self) -> String {
        format!("{}:{}", self.host.to_ascii_lowercase(), self.port)
    }

    /// Looks the name up.
    ///
    /// # Errors
    /// Where nobody knows it.
    pub(super) async fn resolve(self) -> Result<Vec<SocketAddr>, WsError> {
        Ok(lookup_host((self.host.as_str(), self.port)).await?.collect())
    }

    /// Opens a TCP connection to the first of the addresses that takes one.
    ///
    /// # Errors
    /// Whatever the network has against it.
    pub(super) async fn connect(addrs: Vec<SocketAddr>) -> Result<TcpStream, WsError> {
        let tcp = TcpStream::connect(&*addrs).await?;
        // Requests are small and must not wait for one another.
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }

    /// Does the TLS handshake and the upgrade to a WebSocket.
    ///
    /// # Errors
    /// Whatever the other side or its certificate has against it.
    pub(super) async fn upgrade(self, tcp: TcpStream) -> Result<Socket, WsError> {
        let (socket, _) = tokio_tungstenite::client_async_tls_with_config(
            self.request,
            tcp,
            Some(self.websocket),
            Some(self.connector),
        )
        .await?;
        Ok(Box::new(socket))
    }
}
