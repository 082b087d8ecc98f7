//! The thread of a source.

use std::sync::atomic::Ordering;
use std::time::Duration;

use okx_feed::EventSink;

use super::following::Following;

/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Connects until the end is requested. Each connection has a runtime of its own, which ends with
/// it and all that it left.
pub(super) fn run<S: EventSink>(mut following: Following<S>) {
    let mut pause = Duration::from_millis(20);
    while !following.shared.stop.load(Ordering::Relaxed) {
        let (before, last) = (following.shared.stats.messages(), following.last);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let ended = match runtime {
            Ok(runtime) => {
                let ended = runtime.block_on(following.connection());
                runtime.shutdown_background();
                ended
            }
            Err(error) => Err(error.to_string()),
        };
        let now = following.clock.mono();
        let Err(why) = ended else { break };
        following.stalled = if following.last == last { following.stalled + 1 } else { 0 };
        // A connection alone is no success: the stream may be missing.
        let stats = &following.shared.stats;
        let was_useful = stats.is_current() || stats.messages() > before;
        following.merge.set_current(false, now);
        tracing::warn!(
            server = following.options.server.shown(),
            why,
            "nothing comes from NATS; trying again"
        );
        following.shared.stats.note_error(why);
        pause = match was_useful {
            true => Duration::from_millis(20),
            false => LONGEST_PAUSE.min(pause * 2),
        };
        std::thread::sleep(pause);
    }
    following.merge.stop();
}
