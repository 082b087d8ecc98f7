//! From the feed's thread to a receiver.

use std::time::{Duration, Instant};

use okx_feed::UnixNanos;

use crate::setup::{Feed, Receiver, book, connect, payload, topic, use_stream};

/// Messages of a block of latencies, and the pause between two.
const BLOCK: usize = 1_000;
const PAUSE: Duration = Duration::from_micros(1_000);
const BLOCKS: usize = 6;

/// Sleeps to the next message, then takes the time.
fn now(start: Instant) -> UnixNanos {
    std::thread::sleep(PAUSE);
    UnixNanos(u64::try_from(start.elapsed().as_nanos()).unwrap())
}

fn percentile(sorted: &[u64], of: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = (sorted.len() as f64 * of) as usize;
    sorted.get(at.min(sorted.len() - 1)).map_or(0.0, |nanos| *nanos as f64 / 1_000.0)
}

/// Blocks of ours and of plain NATS in turn, so that what else the machine does meets both.
pub(crate) fn latencies(url: &str, stream: bool) {
    use_stream(url, stream);
    let start = Instant::now();
    let mut feed = Feed::start(url, stream, "latency");
    let receiver = Receiver::start(url, stream, start);
    let (runtime, client) = connect(url, "sender");
    // The context of JetStream spawns a task.
    let _entered = runtime.enter();
    let jetstream = async_nats::jetstream::new(client.clone());
    let (ours, plain) = (topic(0), topic(1));
    let subject = "md.okx.v5.books5.COIN1-USDT";
    for block in 0..2 * BLOCKS {
        for number in 0..BLOCK {
            let mut book = book(i64::try_from(block * BLOCK + number).unwrap());
            book.ts_recv = now(start);
            if block % 2 == 0 {
                feed.push(0, &ours, &book);
            } else {
                let payload = payload(&plain, &book);
                if stream {
                    // The acknowledgement is read by a task, as the exporter reads it meanwhile.
                    let sent = jetstream.publish(subject, payload);
                    let ack = runtime.block_on(sent).unwrap();
                    runtime.spawn(ack.into_future());
                } else {
                    runtime.block_on(client.publish(subject, payload)).unwrap();
                }
            }
        }
    }
    receiver.wait_for((2 * BLOCKS * BLOCK) as u64);
    let all: Vec<_> = receiver.latencies.try_iter().collect();
    let mut table = [Vec::new(), Vec::new()];
    for (is_ours, latency) in all {
        table.get_mut(usize::from(is_ours)).unwrap().push(latency);
    }
    let name = if stream { "JetStream" } else { "core" };
    for (of, mut nanos) in ["plain", "okx-feed"].into_iter().zip(table) {
        nanos.sort_unstable();
        let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|of| percentile(&nanos, of));
        println!("latency     {name:9} {of:8} p50 {p50:7.1} p90 {p90:7.1} p99 {p99:8.1} us");
    }
}
