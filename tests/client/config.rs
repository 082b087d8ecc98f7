//! Settings that suit a test.

use std::time::Duration;

use okx_feed::ClientConfig;
use okx_feed::transport::Proxy;

/// Pauses that suit a test, and no proxy: that of the machine does not know the exchange of a test.
pub(crate) fn quick(config: &mut ClientConfig) {
    config.proxy = Proxy::Direct;
    config.session.backoff.first = Duration::from_millis(5);
    config.session.backoff.floor = Duration::from_millis(5);
    config.session.connect_limit.attempts = 1000;
}
