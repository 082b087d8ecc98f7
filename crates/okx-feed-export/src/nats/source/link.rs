//! One connection of a source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::Stream;
use async_nats::{Client, Event, Subscriber};
use futures_util::{FutureExt, StreamExt};
use okx_feed::EventSink;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::following::{Following, SERVER_TIMEOUT};
use super::options::Delivery;
use super::position::Position;
use super::readers::SourceStats;
use super::start::ordered;
use super::subscribed::Subscribed;
use crate::nats::subject::WRITER_PREFIX;

/// How often the states of topics are updated by time.
const TICK: Duration = Duration::from_millis(100);

/// How many messages are read before heartbeats and the time are looked at again.
const BATCH: usize = 256;

impl<S: EventSink> Following<S> {
    /// Follows over one connection until it is lost. `Ok` once the end was requested.
    pub(super) async fn connection(&mut self) -> Result<(), String> {
        let (client, lost) = self.connect().await?;
        SourceStats::count(&self.shared.stats.connects);
        let beats = subscribe(&client, format!("{WRITER_PREFIX}.*")).await?;
        match self.options.delivery.clone() {
            Delivery::Core => self.follow_core(&client, &lost, beats).await,
            Delivery::Stream(name) => {
                let jetstream = async_nats::jetstream::new(client.clone());
                let stream = timeout(SERVER_TIMEOUT, jetstream.get_stream(&name)).await;
                let stream = stream.map_err(|_| "the server does not answer".to_owned())?;
                let stream = stream.map_err(|error| no_stream(&name, &error))?;
                self.follow_stream(&client, &stream, &lost, beats).await
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    async fn connect(&self) -> Result<(Client, Arc<Notify>), String> {
        let lost = Arc::<Notify>::default();
        let (on_event, is_first) = (Arc::clone(&lost), AtomicBool::new(true));
        let server = &self.options.server;
        let options = server.options("okx-feed".to_owned()).await;
        let options = options.map_err(|error| error.to_string())?;
        let addresses = server.addresses().map_err(|error| error.to_string())?;
        let client = options
            // This connection is given up when it is lost.
            .reconnect_delay_callback(move |_| match is_first.swap(false, Ordering::Relaxed) {
                true => Duration::ZERO,
                false => Duration::from_secs(3_600),
            })
            .event_callback(move |event| {
                if matches!(event, Event::Disconnected | Event::Closed | Event::SlowConsumer(_)) {
                    on_event.notify_one();
                }
                std::future::ready(())
            })
            .connect(addresses)
            .await
            .map_err(|error| error.to_string())?;
        Ok((client, lost))
    }

    async fn follow_core(
        &mut self,
        client: &Client,
        lost: &Notify,
        mut beats: Subscriber,
    ) -> Result<(), String> {
        let mut messages = Subscribed::default();
        for (place, filter) in self.filters.all().iter().enumerate() {
            messages.add(filter, place, subscribe(client, filter.clone()).await?);
        }
        // What was sent meanwhile is lost.
        self.merge.invalidate(self.now());
        self.merge.set_current(true, self.now());
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = lost.notified() => return Err("the connection was lost".to_owned()),
                _ = ticks.tick() => {
                    if self.is_stopped() {
                        return Ok(());
                    }
                    self.merge.on_time(self.now());
                }
                beat = beats.next() => {
                    let beat = beat.ok_or("the connection was closed")?;
                    self.merge.on_heartbeat(&beat.payload, self.now());
                }
                message = messages.next() => {
                    let (mut next, mut taken) = (Some(message), 0);
                    while let Some(message) = next {
                        self.on_core_message(message.ok_or("the connection was closed")?);
                        taken += 1;
                        next = if taken < BATCH { messages.next().now_or_never() } else { None };
                    }
                    self.merge.on_drained();
                }
            }
        }
    }

    /// Handles a message without a stream, and the place of the filter by which it came.
    fn on_core_message(&mut self, (place, message): (usize, async_nats::Message)) {
        if self.filters.is_first(place, &message.subject) {
            self.on_message(&message, 0);
        }
    }

    async fn follow_stream(
        &mut self,
        client: &Client,
        stream: &Stream,
        lost: &Notify,
        mut beats: Subscriber,
    ) -> Result<(), String> {
        let policy = self.begin(client, stream).await?;
        let (mut messages, pending) = ordered(client, stream, self.filters.all(), policy).await?;
        // A heartbeat counts when it is read, so what has waited until now must not.
        while let Some(Some(_)) = beats.next().now_or_never() {}
        let mut is_current = pending == 0;
        if is_current {
            self.merge.set_current(true, self.now());
        }
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = lost.notified() => return Err("the connection was lost".to_owned()),
                _ = ticks.tick() => {
                    if self.is_stopped() {
                        return Ok(());
                    }
                    self.merge.on_time(self.now());
                }
                beat = beats.next() => {
                    let beat = beat.ok_or("the connection was closed")?;
                    self.merge.on_heartbeat(&beat.payload, self.now());
                }
                message = messages.next() => {
                    let (mut next, mut taken) = (Some(message), 0);
                    while let Some(message) = next {
                        let message = message.ok_or("the consumer has ended")?;
                        let message = message.map_err(|error| error.to_string())?;
                        let left = self.on_stream_message(&message)?;
                        if left == 0 && !is_current {
                            is_current = true;
                            self.merge.set_current(true, self.now());
                        }
                        taken += 1;
                        next = if taken < BATCH { messages.next().now_or_never() } else { None };
                    }
                    self.merge.on_drained();
                }
            }
        }
    }

    /// Handles a message of a stream. Gives how many more there are.
    fn on_stream_message(
        &mut self,
        message: &async_nats::jetstream::Message,
    ) -> Result<u64, String> {
        let info = message.info().map_err(|error| error.to_string())?;
        let (at, left) = (info.stream_sequence, info.pending);
        self.on_message(message, at);
        let position = Position::new(at, info.published);
        self.last = Some(position);
        self.shared.advance_to(position);
        Ok(left)
    }
}

async fn subscribe(client: &Client, subject: String) -> Result<Subscriber, String> {
    let made = timeout(SERVER_TIMEOUT, client.subscribe(subject)).await;
    let made = made.map_err(|_| "the server takes nothing".to_owned())?;
    made.map_err(|error| error.to_string())
}

/// Why a stream can't be read, and what to do.
fn no_stream(name: &str, error: &GetStreamError) -> String {
    match error.kind() {
        GetStreamErrorKind::JetStream(error)
            if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
        {
            format!(
                "the server has no stream {name:?} yet: start a publisher, which makes it, name \
                 another stream, or read without one (core NATS)"
            )
        }
        _ => format!("the server does not give the stream {name:?}: {error}"),
    }
}
