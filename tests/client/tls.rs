//! Proves that a bad certificate is refused, and that the error names its fault.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::time::Duration;

use okx_feed::sim::{ExchangeConfig, Server};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

const TIMEOUT: Duration = Duration::from_secs(120);

/// The result of a connection to a server with such a certificate, trusting its issuer or not:
/// `None` if it is open, else the reason.
async fn connect(host: &str, expired: bool, trusted: bool) -> Option<String> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    if expired {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let server = Server::bind("127.0.0.1:0", ExchangeConfig::default()).await.unwrap();
    let server = server.with_tls(certificate.pem().as_bytes(), key.serialize_pem().as_bytes());
    let server = server.unwrap().spawn();

    let file = std::env::temp_dir().join(format!("okx-feed-ca-{}.pem", server.local_addr().port()));
    std::fs::write(&file, issuer.pem()).unwrap();
    let url = format!("wss://localhost:{}/ws/v5/public", server.local_addr().port());
    let mut client = crate::over::v5("BTC-USDT").url(url);
    if trusted {
        client = client.ca_file(&file);
    }
    let client = client.spawn().unwrap();
    let look = async {
        loop {
            let stats = client.stats().unwrap();
            if stats.connected || stats.last_loss.is_some() {
                return stats.last_loss;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let loss = tokio::time::timeout(TIMEOUT, look).await.unwrap();
    std::fs::remove_file(&file).unwrap();
    client.stop();
    server.shutdown().await;
    loss
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_certificate_is_refused_with_its_reason() {
    assert_eq!(connect("localhost", false, true).await, None);
    let expired = connect("localhost", true, true).await.unwrap();
    assert!(expired.contains("xpired"), "{expired}");
    let other = connect("other.example", false, true).await.unwrap();
    assert!(other.contains("not valid for") && other.contains("localhost"), "{other}");
    let unknown = connect("localhost", false, false).await.unwrap();
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
}
