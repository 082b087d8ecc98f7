//! The handle to a running client.

use std::collections::HashMap;
use std::fmt;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::mpsc::UnboundedSender;

use super::client_reader::ClientReader;
use super::ends::StopReport;
use super::error::ClientError;
use super::events::{EventQueue, Events};
use super::health::Health;
use super::heartbeat::Heartbeat;
use super::messages::Command;
use super::shared::HandleState;
use super::stats::{ClientStats, ConnectionStats};
use crate::book::Book5;
#[cfg(feature = "rest")]
use crate::model::Selection;
use crate::model::{BookState, Dialect, Subscription, SubscriptionId, Trade};
use crate::publish::Readers;
use crate::publish::{
    BookReader, DepthReader, Latest, RecordReader, RecordRingReader, TradeReader,
};
use crate::transport::Clock;

/// The handle of a running client, which keeps books and trades up to date on threads of its own.
///
/// Books and trades can be read from any thread at any time. [`Client::book`], [`Client::snapshot`]
/// and [`Client::trades`] take no lock, nor do the readers that [`Client::book_reader`] and the
/// like return; looking a reader up by its subscription does. Dropping the handle stops the client.
///
/// The sink runs on the feed's thread, which can't wait for itself: calls from the sink that wait
/// for the thread (`subscribe`, `subscribe_all`, `stats`, `connections`) fail with
/// [`ClientError::FromSink`].
///
/// # Example
/// ```no_run
/// use okx_feed::{Client, Dialect};
///
/// let client = Client::builder(Dialect::V5).subscribe("books5:BTC-USDT").spawn()?;
/// let reader = client.book_reader(&"books5:BTC-USDT".parse()?).expect("it is subscribed");
/// let book = reader.snapshot(); // levels and state, of one moment
/// if book.state.is_live() {
///     println!("{:?} / {:?}", book.best_bid(), book.best_ask());
/// }
/// client.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Client {
    dialect: Option<Dialect>,
    first_book: Option<BookReader>,
    first_trades: Option<TradeReader>,
    commands: UnboundedSender<Command>,
    reader: ClientReader,
    thread: Option<JoinHandle<StopReport>>,
}

impl Client {
    pub(super) fn new(
        subscriptions: Vec<Subscription>,
        readers: HashMap<Subscription, Readers>,
        commands: UnboundedSender<Command>,
        shared: HandleState,
        thread: JoinHandle<StopReport>,
    ) -> Self {
        let mut all = subscriptions.iter().filter_map(|s| readers.get(s));
        let first_book = all.clone().find_map(|of| of.book.clone());
        let first_trades = all.find_map(|of| of.trades.clone());
        Self {
            dialect: subscriptions.first().map(Subscription::dialect),
            first_book,
            first_trades,
            commands,
            reader: ClientReader::new(readers, shared),
            thread: Some(thread),
        }
    }

    /// The first book of the builder; empty before it has come, and where there is none. Whether it
    /// is live is in [`Client::snapshot`].
    #[must_use]
    pub fn book(&self) -> Book5 {
        self.snapshot().map(|book| book.value).unwrap_or_default()
    }

    /// The first book of the builder with its state; `None` where the builder had none.
    #[must_use]
    pub fn snapshot(&self) -> Option<Latest<Book5>> {
        Some(self.first_book.as_ref()?.snapshot())
    }

    /// The last trades of the first trade subscription of the builder, oldest first.
    #[must_use]
    pub fn trades(&self) -> Vec<Trade> {
        let reader = self.first_trades.as_ref();
        reader.map(|r| r.since(0).map(|(_, trade)| trade).collect()).unwrap_or_default()
    }

    /// A reader of everything here that takes no answer from the feed's thread, for any thread.
    #[must_use]
    pub fn reader(&self) -> ClientReader {
        self.reader.clone()
    }

    /// A reader of a subscription's book, for any thread; `None` where the channel has none.
    #[must_use]
    pub fn book_reader(&self, subscription: &Subscription) -> Option<BookReader> {
        self.reader.book_reader(subscription)
    }

    /// A reader of the best [`DepthSnapshot::LEVELS`](crate::publish::DepthSnapshot::LEVELS) levels
    /// of a subscription's order book, for any thread; `None` where the channel has none.
    #[must_use]
    pub fn depth_reader(&self, subscription: &Subscription) -> Option<DepthReader> {
        self.reader.depth_reader(subscription)
    }

    /// A reader of a subscription's trades, for any thread; `None` where the channel has none.
    #[must_use]
    pub fn trade_reader(&self, subscription: &Subscription) -> Option<TradeReader> {
        self.reader.trade_reader(subscription)
    }

    /// A reader of a subscription's latest record, such as its ticker, for any thread; `None` where
    /// the channel has none.
    #[must_use]
    pub fn record_reader(&self, subscription: &Subscription) -> Option<RecordReader> {
        self.reader.record_reader(subscription)
    }

    /// A reader of a subscription's last records, such as liquidations, for any thread; `None`
    /// where the channel has none.
    #[must_use]
    pub fn record_ring_reader(&self, subscription: &Subscription) -> Option<RecordRingReader> {
        self.reader.record_ring_reader(subscription)
    }

    /// The state of a subscription; `None` where it is not subscribed.
    #[must_use]
    pub fn state(&self, subscription: &Subscription) -> Option<BookState> {
        self.reader.state(subscription)
    }

    /// The current subscriptions.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.reader.subscriptions()
    }

    /// The number of a subscription, which all of its events have; `None` where it was never
    /// requested.
    #[must_use]
    pub fn subscription_id(&self, subscription: &Subscription) -> Option<SubscriptionId> {
        self.reader.shared.numbers.find(subscription)
    }

    /// Whether the feed's thread runs. It ends by [`Client::stop`] alone, unless the sink panics.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// The heartbeat of the feed's thread, for any thread.
    #[must_use]
    pub fn heartbeat(&self) -> Heartbeat {
        self.reader.heartbeat()
    }

    /// The clock that stamps what is received.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        self.reader.clock()
    }

    /// Adds a subscription.
    ///
    /// # Errors
    /// [`ClientError::WrongDialect`] where the channel is of the other dialect,
    /// [`ClientError::Stopped`] where the client has stopped, [`ClientError::FromSink`] where the
    /// sink calls.
    pub fn subscribe(&self, subscription: Subscription) -> Result<(), ClientError> {
        self.subscribe_all([subscription])
    }

    /// Adds many subscriptions, in as few requests as their length allows: an hour has few.
    ///
    /// # Errors
    /// As [`Client::subscribe`]; where one is of the other dialect, none is subscribed.
    pub fn subscribe_all(
        &self,
        subscriptions: impl IntoIterator<Item = Subscription>,
    ) -> Result<(), ClientError> {
        self.check_thread()?;
        let subscriptions: Vec<_> = subscriptions.into_iter().collect();
        let wrong = |s: &&Subscription| self.dialect.is_some_and(|dialect| dialect != s.dialect());
        if let Some(wrong) = subscriptions.iter().find(wrong) {
            return Err(ClientError::WrongDialect(wrong.to_string()));
        }
        let mut replies = Vec::with_capacity(subscriptions.len());
        for subscription in subscriptions {
            let (sender, receiver) = mpsc::channel();
            self.command(Command::Subscribe(subscription, sender))?;
            replies.push((subscription, receiver));
        }
        for (subscription, receiver) in replies {
            let made = receiver.recv().map_err(|_| ClientError::Stopped)?;
            self.reader.with_readers(|readers| readers.insert(subscription, made));
        }
        Ok(())
    }

    /// Removes a subscription. Its readers stay readable and show it as down.
    ///
    /// # Errors
    /// [`ClientError::Stopped`] where the client has stopped.
    pub fn unsubscribe(&self, subscription: &Subscription) -> Result<(), ClientError> {
        self.command(Command::Unsubscribe(*subscription))?;
        self.reader.with_readers(|readers| readers.remove(subscription));
        Ok(())
    }

    /// Replaces the selections ([`ClientBuilder::select`](super::ClientBuilder::select)). What none
    /// of the new ones selects is unsubscribed; what is selected still stays as it is.
    ///
    /// # Errors
    /// [`ClientError::NoSelection`] where the client began without a selection and is not
    /// [`selectable`](super::ClientBuilder::selectable), [`ClientError::Stopped`] where the client
    /// has stopped, [`ClientError::FromSink`] where the sink calls.
    #[cfg(feature = "rest")]
    pub fn set_selections(
        &self,
        selections: impl IntoIterator<Item = Selection>,
    ) -> Result<(), ClientError> {
        self.check_thread()?;
        let (sender, receiver) = mpsc::channel();
        self.command(Command::Select(selections.into_iter().collect(), sender))?;
        receiver.recv().map_err(|_| ClientError::Stopped)?
    }

    /// A queue of the client's later events, for a thread or a task of its own, besides the sink.
    /// Holds up to `capacity` events, at least one. When it is full, the feed does not wait, and
    /// the queue reports what it dropped. May be called several times.
    ///
    /// Each event is copied on the feed's thread, and its queue may allocate there: the sink and
    /// the readers cost less.
    ///
    /// # Example
    /// ```no_run
    /// use okx_feed::{Client, Dialect};
    ///
    /// let client = Client::builder(Dialect::V5).subscribe("trades:BTC-USDT").spawn()?;
    /// let mut events = client.events(1024)?;
    /// while let Some(event) = events.blocking_recv() {
    ///     match event {
    ///         Ok(event) => println!("{event:?}"),
    ///         Err(dropped) => eprintln!("{} events were dropped", dropped.total()),
    ///     }
    /// }
    /// # Ok::<(), okx_feed::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Stopped`] where the client has stopped.
    pub fn events(&self, capacity: usize) -> Result<Events, ClientError> {
        let (queue, events) = EventQueue::new(capacity);
        self.command(Command::Events(queue))?;
        Ok(events)
    }

    /// Whether the connections are open, and if not, why and since when. Does not wait for the
    /// feed's thread: it may be called from any thread, also from the sink.
    #[must_use]
    pub fn health(&self) -> Health {
        self.reader.health()
    }

    /// The recording, for its counters; `None` where nothing is recorded. Once [`Client::stop`] has
    /// returned, all of it is written.
    #[cfg(feature = "capture")]
    #[must_use]
    pub fn recording(&self) -> Option<crate::capture::Recording> {
        self.reader.recording()
    }

    /// The counters and the latency histogram.
    ///
    /// # Errors
    /// [`ClientError::Stopped`] where the client has stopped, [`ClientError::FromSink`] where the
    /// sink calls.
    pub fn stats(&self) -> Result<ClientStats, ClientError> {
        self.check_thread()?;
        let (sender, receiver) = mpsc::channel();
        self.command(Command::Stats(sender))?;
        receiver.recv().map_err(|_| ClientError::Stopped)
    }

    /// The counters of each connection, without histograms.
    ///
    /// # Errors
    /// [`ClientError::Stopped`] where the client has stopped, [`ClientError::FromSink`] where the
    /// sink calls.
    pub fn connections(&self) -> Result<Vec<ConnectionStats>, ClientError> {
        self.check_thread()?;
        let (sender, receiver) = mpsc::channel();
        self.command(Command::Connections(sender))?;
        receiver.recv().map_err(|_| ClientError::Stopped)
    }

    /// Stops the client: closes its connections properly, then ends the thread, and reports what
    /// was left. Takes at most two seconds, unless the sink does not return. Called from the sink,
    /// it does not wait and reports nothing, nor does dropping the handle there: the client stops
    /// once the sink has returned.
    pub fn stop(mut self) -> StopReport {
        self.join()
    }

    fn join(&mut self) -> StopReport {
        // The thread may have ended already.
        let _ = self.commands.send(Command::Stop);
        // The sink runs on that thread, which can't wait for its own end.
        let from_sink = self.check_thread().is_err();
        let ended = self.thread.take().filter(|_| !from_sink).map(JoinHandle::join);
        if let Some(Err(_)) = &ended {
            tracing::error!("the feed's thread has panicked, most likely in the sink");
        }
        ended.and_then(Result::ok).unwrap_or_default()
    }

    /// Fails on the sink's thread, which can't wait for itself.
    fn check_thread(&self) -> Result<(), ClientError> {
        match self.reader.shared.threads.has_current() {
            true => Err(ClientError::FromSink),
            false => Ok(()),
        }
    }

    fn command(&self, command: Command) -> Result<(), ClientError> {
        self.commands.send(command).map_err(|_| ClientError::Stopped)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.join();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("subscriptions", &self.subscriptions()).finish()
    }
}
