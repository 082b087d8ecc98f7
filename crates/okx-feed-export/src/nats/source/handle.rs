//! The handle of a source.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use okx_feed::publish::{BookReader, DepthReader, RecordReader, RecordRingReader, TradeReader};
use okx_feed::transport::Clock;
use okx_feed::{BookState, EventSink, Subscription};

use super::filters::Filters;
use super::following::Following;
use super::merge::Merge;
use super::options::SourceOptions;
use super::position::Position;
use super::readers::{Shared, SourceStats, TopicReaders};
use super::thread;
use crate::nats::error::NatsError;

/// A feed that comes over NATS: the events, states and readers of a
/// [`Client`](okx_feed::Client) whose exchange is what exporters publish.
///
/// A topic is live only while a writer runs that has it live, nothing of it is missing, and all
/// that the stream has was read. Topics appear with their first message.
#[derive(Debug)]
pub struct NatsSource {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl NatsSource {
    /// Starts a source. It connects by itself, and again where it has to. `sink` is called on the
    /// source's thread.
    ///
    /// # Errors
    /// [`NatsError`] if the URL or a subject is wrong, or no thread can be started.
    pub fn spawn<S>(options: SourceOptions, sink: S) -> Result<Self, NatsError>
    where
        S: EventSink + Send + 'static,
    {
        options.server.addresses()?;
        let filters = Filters::new(&options.subjects)?;
        let shared = Arc::<Shared>::default();
        let following = Following {
            merge: Merge::new(options.clone(), Arc::clone(&shared), sink),
            shared: Arc::clone(&shared),
            clock: Clock::start(),
            last: None,
            stalled: 0,
            attempts: 0,
            stepped_over: 0,
            filters,
            options,
        };
        let thread = std::thread::Builder::new().name("okx-nats-source".to_owned());
        let thread = thread.spawn(move || thread::run(following)).map_err(NatsError::Thread)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The topics that have appeared.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.shared.with(|all| all.keys().copied().collect())
    }

    /// The state of a topic; `None` if it has not appeared.
    #[must_use]
    pub fn state(&self, of: &Subscription) -> Option<BookState> {
        self.readers(of, |readers| Some(readers.state))
    }

    /// A reader of a topic's five best levels; `None` if it has not appeared or has no book.
    #[must_use]
    pub fn book_reader(&self, of: &Subscription) -> Option<BookReader> {
        self.readers(of, |readers| readers.book.clone())
    }

    /// A reader of an order book's best levels.
    #[must_use]
    pub fn depth_reader(&self, of: &Subscription) -> Option<DepthReader> {
        self.readers(of, |readers| readers.depth.clone())
    }

    /// A reader of a topic's trades.
    #[must_use]
    pub fn trade_reader(&self, of: &Subscription) -> Option<TradeReader> {
        self.readers(of, |readers| readers.trades.clone())
    }

    /// A reader of the last record of a topic.
    #[must_use]
    pub fn record_reader(&self, of: &Subscription) -> Option<RecordReader> {
        self.readers(of, |readers| readers.record.clone())
    }

    /// A reader of the records of a topic that do not replace one another.
    #[must_use]
    pub fn record_ring_reader(&self, of: &Subscription) -> Option<RecordRingReader> {
        self.readers(of, |readers| readers.records.clone())
    }

    fn readers<R>(&self, of: &Subscription, read: fn(&TopicReaders) -> Option<R>) -> Option<R> {
        self.shared.with(|all| read(all.get(of)?))
    }

    /// Whether its thread runs: not after [`NatsSource::stop`], nor after a panic in the sink,
    /// which leaves every topic [`BookState::Down`].
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// The position in the stream of the last message whose event was emitted: where another source
    /// goes on with [`Start::After`](super::Start::After). Its sequence is 0 before the first.
    #[must_use]
    pub fn position(&self) -> Position {
        self.shared.position()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &SourceStats {
        &self.shared.stats
    }

    /// Ends it and gives the position of the last message whose event was emitted.
    pub fn stop(mut self) -> Position {
        self.end();
        self.position()
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was reported by it.
            let _ = thread.join();
        }
    }
}

impl Drop for NatsSource {
    fn drop(&mut self) {
        self.end();
    }
}
