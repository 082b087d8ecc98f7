//! The Autobahn test suite against the direct transport: 247 cases of the groups 1 to 7 and 10.
//!
//! Needs `kosoku` from PyPI; `OKX_FEED_KOSOKU` names the program. See docs/TESTING.md.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

use super::*;
use crate::transport::clock::Clock;
use crate::transport::headers::Headers;
use crate::transport::interface::Ready;
use crate::transport::target::Target;
use crate::wire::Frame;

/// The server, which ends with the test.
struct Suite {
    child: Child,
    port: u16,
    reports: PathBuf,
}

impl Drop for Suite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Suite {
    fn start() -> Self {
        let program = std::env::var_os("OKX_FEED_KOSOKU").unwrap_or_else(|| "kosoku".into());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let reports = std::env::temp_dir().join(format!("okx-feed-autobahn-{port}"));
        let mut command = Command::new(program);
        command.args(["-m", "fuzzingserver", "-o"]).arg(&reports);
        ["1", "2", "3", "4", "5", "6", "7", "10"].iter().for_each(|group| {
            command.args(["-i", &format!("{group}.*")]);
        });
        let command = command.arg(format!("127.0.0.1:{port}")).stdout(Stdio::null());
        Self { child: command.spawn().unwrap(), port, reports }
    }

    async fn open(&self, path: &str) -> DirectSocket {
        let target = Target::parse(&format!("ws://127.0.0.1:{}{path}", self.port)).unwrap();
        for _ in 0..200 {
            if let Ok(tcp) = TcpStream::connect(("127.0.0.1", self.port)).await {
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let tls = ClientConfig::builder_with_provider(provider);
                let tls = tls.with_safe_default_protocol_versions().unwrap();
                let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
                let options = DirectOptions {
                    busy_poll: false,
                    kernel_stamps: false,
                    max_len: 32 << 20,
                    clock: Clock::start(),
                    open: Arc::default(),
                };
                let headers = Headers::new(&[]).unwrap();
                return open(tcp, &target, Arc::new(tls), &headers, options).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the suite does not listen");
    }

    /// Connects and echoes every message until the connection ends. Returns the last text.
    ///
    /// A text that is no UTF-8 is what a decoder refuses: the echo ends there, as the suite demands
    /// of the program behind the transport.
    async fn echo(&self, path: &str) -> String {
        let mut socket = self.open(path).await;
        let mut last = String::new();
        loop {
            match socket.ready().await {
                Ready::Frame => {
                    let echoed = match socket.frame() {
                        Frame::Text(text) => match std::str::from_utf8(text) {
                            Ok(text) => {
                                text.clone_into(&mut last);
                                socket.send(last.clone()).await
                            }
                            Err(_) => {
                                let _ = socket.fail(1007).await;
                                return last;
                            }
                        },
                        Frame::Binary(body) => {
                            let body = body.to_vec();
                            socket.send_binary(&body).await
                        }
                    };
                    if echoed.is_err() {
                        return last;
                    }
                }
                Ready::CloseRequested(_) => {
                    socket.close().await;
                    return last;
                }
                Ready::Ended(_) => return last,
                _ => {}
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs kosoku from PyPI: .ci/run installs it"]
async fn every_case_is_passed_or_explained() {
    let suite = Suite::start();
    let count: usize = suite.echo("/getCaseCount").await.trim().parse().unwrap();
    assert!(count >= 240, "{count} cases");
    for case in 1..=count {
        let path = format!("/runCase?case={case}&agent=okx-feed");
        let echo = tokio::time::timeout(Duration::from_secs(60), suite.echo(&path));
        assert!(echo.await.is_ok(), "case {case} hangs");
    }
    suite.echo("/updateReports?agent=okx-feed").await;
    // The suite writes it last, some seconds later.
    let mut index = String::new();
    for _ in 0..1200 {
        index = std::fs::read_to_string(suite.reports.join("index.json")).unwrap_or_default();
        if index.trim_end().ends_with('}') {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut results = BTreeMap::<String, Vec<String>>::new();
    let mut case = String::new();
    // "1.1.1": {"behavior": "OK", ...}: the names of the cases hold digits and dots alone.
    for word in index.split('"') {
        if word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.') {
            word.clone_into(&mut case);
        } else if ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED"].contains(&word) {
            results.entry(word.to_owned()).or_default().push(case.clone());
        }
    }
    println!("{results:?}");
    let _ = std::fs::remove_dir_all(&suite.reports);
    // Each case has a result of its own and one of its close.
    let of = |result: &str| results.get(result).cloned().unwrap_or_default();
    assert!(of("OK").len() > 2 * count - 20, "{results:?}");
    assert_eq!(of("FAILED"), Vec::<String>::new());
    // Texts that cease to be UTF-8 in a fragment: they are refused where the message has ended, not
    // in the midst of it, since UTF-8 is left to who reads the message.
    assert_eq!(of("NON-STRICT"), ["6.4.1", "6.4.2", "6.4.3", "6.4.4"]);
}
