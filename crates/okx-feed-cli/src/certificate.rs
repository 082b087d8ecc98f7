//! Certificates for `serve --tls`, good and bad ones.

use std::io;
use std::path::PathBuf;

use clap::ValueEnum;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, Error, IsCa, KeyPair, date_time_ymd,
};

/// What is bad about the certificate of `serve --tls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsArg {
    /// Nothing, for a client that trusts its issuer
    Good,
    /// It ended years ago
    Expired,
    /// It is of another host
    WrongHost,
    /// It is signed by itself
    SelfSigned,
}

/// A certificate, its key, and the issuer to trust; all in PEM form.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
    pub(crate) ca: String,
}

/// A good certificate for `localhost`, and a file with its issuer, which is removed with this.
#[derive(Debug)]
pub(crate) struct LocalCertificate {
    pub(crate) made: Certificate,
    pub(crate) ca_file: PathBuf,
}

impl LocalCertificate {
    /// # Errors
    /// If the certificate can't be made, or the file can't be written.
    pub(crate) fn new() -> io::Result<Self> {
        let made = make(TlsArg::Good, "localhost:0").map_err(io::Error::other)?;
        let name = format!("okx-feed-{}-{:x}.pem", std::process::id(), fastrand::u64(..));
        let ca_file = std::env::temp_dir().join(name);
        std::fs::write(&ca_file, &made.ca)?;
        Ok(Self { made, ca_file })
    }
}

impl Drop for LocalCertificate {
    fn drop(&mut self) {
        // It is a temporary file: the system removes it too.
        let _ = std::fs::remove_file(&self.ca_file);
    }
}

/// Makes a certificate of an address that is listened on.
///
/// # Errors
/// If no key can be made, or if a certificate can't have this host name.
pub(crate) fn make(tls: TlsArg, listen: &str) -> Result<Certificate, Error> {
    let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let hosts = match tls {
        TlsArg::WrongHost => vec!["other.example".to_owned()],
        _ => [host, "localhost", "127.0.0.1"].map(str::to_owned).to_vec(),
    };
    let mut params = CertificateParams::new(hosts)?;
    if tls == TlsArg::Expired {
        (params.not_before, params.not_after) =
            (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    }
    let key = KeyPair::generate()?;
    let (chain, ca) = if tls == TlsArg::SelfSigned {
        let own = params.self_signed(&key)?.pem();
        (own.clone(), own)
    } else {
        let mut issuer = CertificateParams::default();
        issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(issuer, KeyPair::generate()?)?;
        (params.signed_by(&key, &issuer)?.pem(), issuer.pem())
    };
    Ok(Certificate { chain, key: key.serialize_pem(), ca })
}
