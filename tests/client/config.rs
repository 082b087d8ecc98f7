//! Settings for tests.

use std::time::Duration;

use okx_feed::ClientConfig;
use okx_feed::transport::Proxy;

/// Short pauses, and no proxy: the machine's proxy can't reach the exchange of a test.
pub(crate) fn quick(config: &mut ClientConfig) {
    config.proxy = Proxy::Direct;
    config.session.backoff.first = Duration::from_millis(5);
    config.session.backoff.floor = Duration::from_millis(5);
    config.session.connect_limit.attempts = 1000;
}
