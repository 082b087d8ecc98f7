//! What a client's connection runs over: TCP, or TLS over TCP.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A stream of bytes over TCP.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// The TCP connection below.
    fn tcp(&self) -> &TcpStream;
}

impl ByteStream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl ByteStream for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// The server's side of TLS, for a certificate chain and its key in PEM form. Nothing is checked
/// about them but that they belong together: a test may want a bad one.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] where they can't be read or don't belong together.
pub(crate) fn acceptor(chain_pem: &[u8], key_pem: &[u8]) -> io::Result<TlsAcceptor> {
    Ok(TlsAcceptor::from(server_config(chain_pem, key_pem)?))
}

/// The configuration of a server with a certificate chain and its key in PEM form.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] where they can't be read or don't belong together.
pub fn server_config(chain_pem: &[u8], key_pem: &[u8]) -> io::Result<Arc<ServerConfig>> {
    let bad = |error: &dyn std::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
    };
    let chain = CertificateDer::pem_slice_iter(chain_pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| bad(&error))?;
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| bad(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|versions| versions.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| bad(&error))?;
    Ok(Arc::new(config))
}
