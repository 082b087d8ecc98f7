//! What tests of a running client share: waiting with a bound, and pauses that suit a test.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::time::Duration;

use okx_feed::ClientConfig;

/// How long anything may take before a test gives up. Nothing waits for it when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until `probe` gives something.
pub(crate) async fn wait_for<T>(mut probe: impl FnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = probe() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap()
}

/// Pauses that suit a test, and no proxy: that of the machine does not know the exchange of a test.
pub(crate) fn quick(config: &mut ClientConfig) {
    config.proxy = okx_feed::Proxy::Direct;
    config.session.backoff.first = Duration::from_millis(5);
    config.session.backoff.floor = Duration::from_millis(5);
    config.session.connects.attempts = 1000;
}
