//! Certificates for `serve --tls`, good and bad ones.

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
