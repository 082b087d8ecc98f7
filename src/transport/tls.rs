//! TLS: the certificates that are trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig as RustlsConfig, RootCertStore, SupportedProtocolVersion};

use super::error::TransportError;

/// The certificates that are trusted on `wss://`: Mozilla's roots, which come with the crate, and
/// the user's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// A PEM file of further CA certificates.
    pub ca_file: Option<PathBuf>,
}

impl TlsConfig {
    /// The configuration of a client that trusts them, for other protocols.
    ///
    /// # Errors
    /// [`TransportError::CaFile`].
    #[cfg(feature = "rest")]
    pub(crate) fn client_config(&self) -> Result<Arc<RustlsConfig>, TransportError> {
        self.rustls().map(Arc::new)
    }

    /// Loads the certificates.
    ///
    /// # Errors
    /// [`TransportError::CaFile`].
    pub(super) fn rustls(&self) -> Result<RustlsConfig, TransportError> {
        self.of_versions(rustls::DEFAULT_VERSIONS)
    }

    /// Loads the certificates for TLS 1.3 alone, with keys that can be taken out of rustls.
    ///
    /// # Errors
    /// [`TransportError::CaFile`].
    #[cfg(all(feature = "direct", unix))]
    pub(super) fn rustls13(&self) -> Result<RustlsConfig, TransportError> {
        let mut config = self.of_versions(&[&rustls::version::TLS13])?;
        config.enable_secret_extraction = true;
        Ok(config)
    }

    fn of_versions(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<RustlsConfig, TransportError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = &self.ca_file {
            add_ca_file(&mut roots, path)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = RustlsConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| TransportError::Tls(error.to_string()))?;
        Ok(versions.with_root_certificates(roots).with_no_client_auth())
    }
}

fn add_ca_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TransportError> {
    let bad = |why: String| TransportError::CaFile { path: path.to_owned(), why };
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
