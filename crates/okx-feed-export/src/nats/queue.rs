//! From the ring to messages: what comes next. Reads no clock and does no I/O.

use std::collections::VecDeque;
use std::time::Duration;

use okx_feed::{MonoNanos, Subscription};

use super::outbox::Outgoing;
use super::passage::{Counts, Passage};
use super::topics::Topics;
use crate::events::{Message, RingReceiver};

/// The longest time between two repeats of a topic.
const REPEAT: Duration = Duration::from_secs(60);

/// How long a value may wait without a stream, and in one at most a half of what that remembers
/// message ids for: a later one of another writer would be taken for the duplicate.
const LIMIT: Duration = Duration::from_secs(60);

/// The shortest such time, which is more than [`Queue::tick`] can measure.
const SHORTEST_LIMIT: Duration = Duration::from_secs(2);

/// What is to be sent before further events.
#[derive(Clone, Copy, Debug)]
enum Due {
    Repeat { of: Subscription, needs_live: bool },
    Watermark(MonoNanos),
}

/// What an exporter has to send.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) receiver: RingReceiver,
    pub(super) topics: Topics,
    passage: Passage,
    left: Counts,
    due: VecDeque<Due>,
    /// The last event was the mark of a drop.
    after_mark: bool,
    /// The time of the last watermark.
    watermark: MonoNanos,
    limit: Duration,
    repeat_every: Duration,
    /// Until when topics were repeated in turn.
    repeated: MonoNanos,
}

impl Queue {
    pub(super) fn new(receiver: RingReceiver, topics: Topics, now: MonoNanos) -> Self {
        let (left, due, after_mark) = (Counts::default(), VecDeque::new(), false);
        let (limit, repeat_every) = (LIMIT, REPEAT);
        let (passage, watermark, repeated) = (Passage::new(now), now, now);
        Self {
            receiver,
            topics,
            passage,
            left,
            due,
            after_mark,
            watermark,
            limit,
            repeat_every,
            repeated,
        }
    }

    /// Whether the feed has ended and nothing is left of it.
    pub(super) fn is_over(&self) -> bool {
        self.receiver.is_over() && self.receiver.queued() == 0
    }

    /// How long a value may have waited, to be sent.
    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Follows the configuration of a stream: for how long it has message ids and messages.
    pub(super) fn use_stream(&mut self, duplicate_window: Duration, max_age: Duration) {
        self.limit = LIMIT.min(duplicate_window / 2).max(SHORTEST_LIMIT);
        let keep = if max_age.is_zero() { Duration::MAX } else { max_age };
        self.repeat_every = REPEAT.min(keep / 4).max(Duration::from_secs(1));
    }

    /// Notes what the ring has, to be called at an interval, also without a connection.
    pub(super) fn tick(&mut self, now: MonoNanos) {
        let stats = self.receiver.stats();
        self.passage.look(now, Counts { events: stats.pushed(), dropped: stats.dropped() });
    }

    /// All topics are repeated next: what was sent before may be lost. What was due is of the
    /// connection before.
    pub(super) fn repeat_all(&mut self) {
        self.due.clear();
        let all = self.topics.next_in_turn(usize::MAX);
        self.due.extend(all.into_iter().map(|of| Due::Repeat { of, needs_live: true }));
    }

    /// The messages that come next: of an event, or of what is repeated. `None` if there is nothing
    /// now. Counts in `left_out` values that have waited for too long to be sent.
    pub(super) fn next(
        &mut self,
        now: MonoNanos,
        left_out: &mut u64,
    ) -> Option<[Option<Outgoing>; 3]> {
        loop {
            // What follows the mark of a drop is still before that of a time.
            if !std::mem::take(&mut self.after_mark) {
                self.advance(now);
            }
            match self.due.pop_front() {
                Some(Due::Repeat { of, needs_live }) => {
                    return Some(self.topics.repeat(&of, needs_live));
                }
                Some(Due::Watermark(at)) => {
                    return Some([Some(self.topics.watermark(at)), None, None]);
                }
                None => {}
            }
            let event = self.receiver.pop()?;
            match event {
                Message::Missed(_, count, _) => {
                    self.left.dropped += count;
                    self.after_mark = true;
                }
                _ => self.left.events += 1,
            }
            self.topics.since = self.passage.passed();
            if now.since(self.topics.since) <= self.limit || !self.topics.leave_out(&event) {
                return Some(self.topics.messages(&event));
            }
            *left_out += 1;
        }
    }

    /// A watermark follows what was pushed before a time, with the last values that were left out,
    /// and of all topics some in turn.
    fn advance(&mut self, now: MonoNanos) {
        self.passage.leave(self.left);
        let passed = self.passage.passed();
        // What is older than any value that is sent says nothing to a reader.
        if passed <= self.watermark || now.since(passed) > self.limit {
            return;
        }
        self.watermark = passed;
        let left_out = self.topics.take_left_out();
        self.due.extend(left_out.into_iter().map(|of| Due::Repeat { of, needs_live: false }));
        let interval = passed.since(self.repeated).min(self.repeat_every);
        let part = self.topics.len() as u128 * interval.as_nanos() / self.repeat_every.as_nanos();
        // A value that is old is no last one.
        if part > 0 && now.since(passed) < SHORTEST_LIMIT {
            let next = self.topics.next_in_turn(usize::try_from(part).unwrap_or(usize::MAX));
            self.due.extend(next.into_iter().map(|of| Due::Repeat { of, needs_live: true }));
            self.repeated = passed;
        }
        self.due.push_back(Due::Watermark(passed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{RingOptions, RingSink};
    use okx_feed::event::StateChange;
    use okx_feed::{
        Book5, BookState, BookUpdate, Event, EventSink, NoSink, Side, SubscriptionId, Trade,
        TradeUpdate, UnixNanos,
    };

    const BOOK: &str = "books5:A-B";
    const TRADES: &str = "trades:A-B";

    /// A feed, and what an exporter of it would send.
    struct World {
        sink: RingSink<NoSink>,
        queue: Queue,
        now: MonoNanos,
        left_out: u64,
    }

    impl World {
        fn new(writer: &str, slots: usize) -> Self {
            let options = RingOptions { slots, ..RingOptions::default() };
            let (sink, receiver) = RingSink::new(options, NoSink);
            let now = MonoNanos(1_000_000_000);
            let queue = Queue::new(receiver, Topics::new(writer.to_owned(), 7, true), now);
            let mut world = Self { sink, queue, now, left_out: 0 };
            [BOOK, TRADES].into_iter().for_each(|of| world.live(of));
            world.pass(500);
            world
        }

        /// Time passes while the exporter is connected.
        fn pass(&mut self, ms: u64) {
            self.now = self.now + Duration::from_millis(ms);
            self.queue.tick(self.now);
        }

        /// Time passes without a server.
        fn pass_without_server(&mut self, seconds: u64) {
            for _ in 0..seconds {
                self.now = self.now + Duration::from_secs(1);
                self.queue.tick(self.now);
            }
        }

        fn live(&mut self, of: &str) {
            let subscription = of.parse().unwrap();
            let id = SubscriptionId::new(usize::from(of == TRADES));
            let (from, to, ts_recv) = (BookState::Connecting, BookState::Live, UnixNanos(1));
            let subscription_id = id;
            let change =
                StateChange { subscription: &subscription, subscription_id, from, to, ts_recv };
            self.sink.on_event(&Event::State(change));
        }

        fn book(&mut self, seq: i64) {
            let of: Subscription = BOOK.parse().unwrap();
            let mut book = Book5::new(&[], &[]);
            (book.seq, book.ts_event) = (seq, UnixNanos(9));
            let subscription_id = SubscriptionId::new(0);
            let update = BookUpdate { subscription_id, ..BookUpdate::new(of.topic(), &book) };
            self.sink.on_event(&Event::Book(update));
        }

        fn trade(&mut self, id: u64) {
            let of: Subscription = TRADES.parse().unwrap();
            let one = "1".parse().unwrap();
            let mut trade = Trade::new(Side::Buy, one, one);
            trade.trade_id = id;
            let subscription_id = SubscriptionId::new(1);
            let update = TradeUpdate { subscription_id, ..TradeUpdate::new(of.topic(), &trade) };
            self.sink.on_event(&Event::Trade(update));
        }

        fn next(&mut self) -> Option<Vec<Outgoing>> {
            let next = self.queue.next(self.now, &mut self.left_out)?;
            Some(next.into_iter().flatten().collect())
        }

        /// The ids of all that is sent now, without what all have in common.
        fn sent(&mut self) -> Vec<String> {
            let all = std::iter::from_fn(|| self.next()).flatten();
            let id =
                |of: Outgoing| of.id().strip_prefix("v5.").unwrap_or_else(|| of.id()).to_owned();
            all.map(id).collect()
        }
    }

    #[test]
    fn a_watermark_is_behind_all_that_was_pushed_before_it() {
        let mut world = World::new("A", 64);
        assert_eq!(
            world.sent(),
            ["books5.A-B.state.A:A.7.1", "trades.A-B.state.A:A.7.1", "writer.A:7.1"]
        );
        world.book(1);
        world.trade(5);
        world.pass(500);
        world.trade(6);
        // The first look is passed when the third event is still in the ring.
        assert_eq!(
            world.sent(),
            ["books5.A-B:b1.9", "trades.A-B:t5", "writer.A:7.2", "trades.A-B:t6"]
        );
        assert_eq!(world.sent(), Vec::<String>::new());
        world.pass(500);
        assert_eq!(world.sent(), ["writer.A:7.3"]);
    }

    #[test]
    fn what_is_due_to_a_connection_is_due_once() {
        let mut world = World::new("A", 64);
        world.book(1);
        world.sent();
        (0..100).for_each(|_| world.queue.repeat_all());
        let of =
            |text: &str, sent: &[String]| sent.iter().filter(|id| id.starts_with(text)).count();
        let sent = world.sent();
        assert_eq!((of("books5.A-B.state.A", &sent), of("trades.A-B.state.A", &sent)), (1, 1));
        assert_eq!(of("books5.A-B.last.A", &sent), 1, "{sent:?}");
    }

    #[test]
    fn a_drop_is_marked_with_the_last_value_before_a_watermark() {
        let mut world = World::new("A", 8);
        world.sent();
        (1..=20).for_each(|seq| world.book(seq));
        world.pass(500);
        let sent = world.sent();
        assert_eq!(sent, (1..=8).map(|seq| format!("books5.A-B:b{seq}.9")).collect::<Vec<_>>());
        world.pass(500);
        assert_eq!(world.sent(), Vec::<String>::new(), "what is missing is not marked");
        // Nothing changes, and the feed reads something.
        world.sink.on_drained();
        let sent = world.sent();
        assert_eq!(
            sent,
            [
                "books5.A-B.state.A:A.7.2",
                "books5.A-B.state.A:A.7.3",
                "books5.A-B:b20.9",
                "writer.A:7.2"
            ]
        );
    }

    #[test]
    fn values_that_have_waited_for_long_are_left_out_but_for_the_last() {
        let mut world = World::new("B", 64);
        world.queue.use_stream(Duration::from_secs(120), Duration::from_secs(3_600));
        world.sent();
        world.book(1);
        world.trade(5);
        world.pass_without_server(30);
        world.book(2);
        world.pass_without_server(61);
        world.book(3);
        world.pass_without_server(10);
        world.book(4);
        world.trade(6);
        world.pass(1);
        // Another writer has sent 2 and 3, which the server takes for new by now, or not.
        let sent = [
            "trades.A-B:t5",
            "books5.A-B.state.B:B.7.2",
            "books5.A-B.last.B:B.7.1",
            "writer.B:7.2",
            "books5.A-B:b3.9",
        ];
        let all = world.sent();
        assert_eq!((&all[..5], world.left_out), (&sent.map(str::to_owned)[..], 2));
        assert!(
            ["books5.A-B:b4.9", "trades.A-B:t6"].iter().all(|id| all.iter().any(|of| of == id))
        );
        assert_eq!(all.last().unwrap(), "writer.B:7.4");
        // The last one is left out: it is repeated, with an id of its own.
        world.book(5);
        world.pass_without_server(90);
        world.pass(1);
        let sent = world.sent();
        assert!(!sent.contains(&"books5.A-B:b5.9".to_owned()), "{sent:?}");
        let place = |part: &str| sent.iter().position(|id| id.starts_with(part)).unwrap();
        assert!(place("books5.A-B.last.B") < place("writer.B"), "{sent:?}");
    }

    #[test]
    fn states_and_last_values_are_repeated_at_an_interval() {
        let mut world = World::new("A", 64);
        world.book(1);
        world.sent();
        let mut count = |seconds: u64| {
            let mut all = Vec::new();
            for _ in 0..2 * seconds {
                world.pass(500);
                all.extend(world.sent());
            }
            let of = |part: &str| all.iter().filter(|id| id.contains(part)).count();
            (of("books5.A-B.state"), of("books5.A-B.last"), of("trades.A-B.state"), of("writer"))
        };
        count(60);
        assert_eq!(count(600), (10, 10, 10, 1_200));
        // Before a stream has deleted them.
        world.queue.use_stream(Duration::from_secs(20), Duration::from_secs(20));
        let mut all = Vec::new();
        for _ in 0..120 {
            world.pass(500);
            all.extend(world.sent());
        }
        assert_eq!(all.iter().filter(|id| id.contains("books5.A-B.last")).count(), 12);
    }
}
