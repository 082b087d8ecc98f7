//! Waiting for another thread, with a bound.

use std::time::Duration;

/// The time after which a test fails. A passing test never waits for it.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// Polls until `probe` returns a value.
pub async fn wait_for<T>(mut probe: impl FnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = probe() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, look).await.unwrap()
}
