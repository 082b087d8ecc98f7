//! What many instruments cost: the same number of frames over 1 to 10,000 subscribed books.
//!
//! All runs read as many frames of the same lengths, so that only the books differ: finding them,
//! and the cache lines that they and their published copies stand in. Each book has a reader, so
//! each update is published.

use criterion::Criterion;
use okx_feed::{Dialect, FeedHandler, Subscription};

use crate::rivals::{Contender, TS_RECV};
use crate::stream::{Stream, deflated, text_of};
use crate::time;

/// Frames of a run: each of 10,000 instruments comes at least once.
const FRAMES: usize = 10_240;

/// Which instrument comes next.
#[derive(Clone, Copy)]
enum Order {
    /// Each as often as any other, in an order that no prefetcher guesses.
    Even,
    /// Half of the frames are of 1 % of the instruments, as on an exchange.
    Hot,
}

/// Times 1, 100, 1,000 and 10,000 instruments.
pub(crate) fn instruments(c: &mut Criterion) {
    for channel in ["books5:BTC-USDT-SWAP", "swap/depth5:BTC-USDT-SWAP"] {
        let base = Stream::simulated(channel);
        for (name, order) in [("even", Order::Even), ("hot", Order::Hot)] {
            let mut group = c.benchmark_group(format!("instruments/{}/{name}", base.name));
            for count in [1, 100, 1_000, 10_000] {
                let stream = spread(&base, count, order);
                let mut feed = FeedHandler::new(stream.dialect);
                let mut readers = Vec::with_capacity(count);
                for subscription in &stream.subscriptions {
                    feed.subscribe(*subscription);
                    readers.push(feed.book_reader(subscription));
                }
                let mut ours = Contender::of(feed);
                stream.iter().for_each(|(frame, _)| assert!(ours.take(frame)));
                let stats = ours.handler().unwrap().stats();
                assert_eq!((stats.scanned, stats.unsubscribed), (FRAMES as u64, 0));
                let last = readers.last().unwrap().as_ref().unwrap();
                assert!(last.version() > 0 && last.book().ts_recv == TS_RECV);
                time(&mut group, &count.to_string(), &mut ours, &stream);
            }
        }
    }
}

/// The frames of one instrument, told of `count` instruments in turn.
fn spread(base: &Stream, count: usize, order: Order) -> Stream {
    let mut stream = Stream::new(base.name.clone(), base.dialect);
    let subscription = base.subscription(0).to_string();
    let id = base.subscription(0).inst_id().to_string();
    let ids: Vec<_> = (0..count).map(|n| format!("X{n:07}-SWAP")).collect();
    assert!(ids.iter().all(|other| other.len() == id.len()), "lengths stay as they are");
    let of = |own: &String| subscription.replace(&id, own).parse::<Subscription>().unwrap();
    stream.subscriptions = ids.iter().map(of).collect();
    let texts: Vec<_> =
        base.iter().map(|(frame, _)| String::from_utf8(text_of(frame)).unwrap()).collect();
    let hot = (count / 100).max(1);
    for n in 0..FRAMES {
        // A number that shares no factor with the count visits all places out of order.
        let even = n * 7_919 % count;
        let place = match order {
            Order::Hot if n % 2 == 0 => (n / 2 * 7_919) % hot,
            Order::Hot | Order::Even => even,
        };
        let text = texts[n % texts.len()].replace(&id, &ids[place]);
        match stream.dialect {
            Dialect::V3 => stream.push_at(&deflated(text.as_bytes()), true, place),
            Dialect::V5 => stream.push_at(text.as_bytes(), false, place),
        }
    }
    stream
}
