//! Waiting with a bound for what another thread does.

use std::time::Duration;

/// How long anything may take before a test gives up. Nothing waits for it when all is well.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Looks again and again until `probe` gives something.
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
