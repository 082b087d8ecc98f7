//! One connection of a source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::stream::Stream;
use async_nats::{Client, Event, HeaderMap, Message, Subscriber};
use futures_util::stream::SelectAll;
use futures_util::{FutureExt, StreamExt};
use okx_feed::transport::Clock;
use okx_feed::{EventSink, MonoNanos};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::merge::{Merge, Received};
use super::options::{Delivery, SourceOptions, Start};
use super::readers::{Shared, SourceStats};
use crate::nats::head::HEADER;
use crate::nats::subject::SubjectKind;
use crate::nats::subject::{WRITER_PREFIX, parse};
use okx_feed::model::ChannelKind;

/// How often topics are judged by time.
const TICK: Duration = Duration::from_millis(100);

/// How many messages are read before heartbeats and the time are looked at again.
const BATCH: usize = 256;

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A whole order book that is older than the newest one by more than this is of a book whose writer
/// is gone: it is not worth reading the stream from there on.
const OLD_SNAPSHOT_NS: u64 = 75_000_000_000;

/// What a source has across connections.
pub(super) struct Following<S> {
    pub(super) options: SourceOptions,
    pub(super) filters: Vec<String>,
    pub(super) shared: Arc<Shared>,
    pub(super) merge: Merge<S>,
    pub(super) clock: Clock,
    /// The position of the last message that was read; `None` before the first.
    pub(super) position: Option<u64>,
}

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
                let stream = timeout(PATIENCE, jetstream.get_stream(&name)).await;
                let stream = stream.map_err(|_| "the server does not answer".to_owned())?;
                let stream = stream.map_err(|error| format!("no stream {name:?}: {error}"))?;
                self.follow_stream(&client, &stream, &lost, beats).await
            }
        }
    }

    fn now(&self) -> MonoNanos {
        self.clock.mono()
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
        let mut messages = SelectAll::new();
        for filter in &self.filters {
            messages.push(subscribe(client, filter.clone()).await?);
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
                    self.on_message(&message.ok_or("the connection was closed")?, 0);
                    while let Some(Some(message)) = messages.next().now_or_never() {
                        self.on_message(&message, 0);
                    }
                    self.merge.on_drained();
                }
            }
        }
    }

    async fn follow_stream(
        &mut self,
        client: &Client,
        stream: &Stream,
        lost: &Notify,
        mut beats: Subscriber,
    ) -> Result<(), String> {
        let after = self.begin(client, stream).await?;
        let policy = DeliverPolicy::ByStartSequence { start_sequence: after + 1 };
        let (mut messages, pending) = ordered(client, stream, &self.filters, policy).await?;
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

    /// Reads what a newcomer needs, and finds the position after which to go on.
    async fn begin(&mut self, client: &Client, stream: &Stream) -> Result<u64, String> {
        let state = &stream.cached_info().state;
        let resumed = match (self.position, self.options.start) {
            (Some(position), _) => Some(position),
            (None, Start::After(position)) => Some(position),
            (None, Start::Last) => None,
        };
        let resumed = match resumed {
            Some(position) if position > state.last_sequence => {
                // The stream is another one, or has lost its end.
                self.merge.forget_positions();
                self.position = None;
                None
            }
            other => other,
        };
        if let Some(position) = resumed {
            let missing = state.first_sequence.saturating_sub(position + 1);
            self.shared.stats.missing.fetch_add(missing, Ordering::Relaxed);
            if missing > 0 {
                self.merge.invalidate(self.now());
            }
        }
        if self.position.is_some()
            && let Some(after) = resumed
        {
            // All values are those of this position.
            return Ok(after);
        }
        if let Some(position) = resumed {
            self.merge.resume_after(position);
        }
        self.last_values(client, stream, resumed).await
    }

    /// Reads the last value of each topic, but the trades if those go on after a position.
    async fn last_values(
        &mut self,
        client: &Client,
        stream: &Stream,
        resumed: Option<u64>,
    ) -> Result<u64, String> {
        let end = stream.cached_info().state.last_sequence;
        let policy = DeliverPolicy::LastPerSubject;
        let (mut messages, mut pending) = ordered(client, stream, &self.filters, policy).await?;
        let (mut last, mut snapshots) = (end, Vec::new());
        while pending > 0 {
            let message = timeout(PATIENCE, messages.next()).await;
            let message = message.map_err(|_| "the server sends nothing".to_owned())?;
            let message = message.ok_or("the consumer has ended")?;
            let message = message.map_err(|error| error.to_string())?;
            let info = message.info().map_err(|error| error.to_string())?;
            let (at, left) = (info.stream_sequence, info.pending);
            (last, pending) = (last.max(at), left);
            let kind = parse(&message.subject).map(|(of, kind)| (of.channel().kind(), kind));
            let is_later = match kind {
                // Their whole books come by themselves; these are read from there on.
                Some((ChannelKind::Depth, SubjectKind::Event)) => true,
                Some((ChannelKind::Trades | ChannelKind::Stream(_), SubjectKind::Event)) => {
                    resumed.is_some()
                }
                _ => false,
            };
            if !is_later {
                self.on_message(&message, at);
            }
            if let Some((ChannelKind::Depth, SubjectKind::Snapshot)) = kind {
                snapshots.push((receive_time(&message.payload), at));
            }
        }
        let newest = snapshots.iter().map(|(time, _)| *time).max().unwrap_or_default();
        let recent = snapshots.iter().filter(|(time, _)| newest - time <= OLD_SNAPSHOT_NS);
        let first = recent.map(|(_, at)| *at).min().unwrap_or(last);
        Ok(resumed.map_or(first, |position| position.min(first)))
    }

    /// Handles a message of a stream. Gives how many more there are.
    fn on_stream_message(
        &mut self,
        message: &async_nats::jetstream::Message,
    ) -> Result<u64, String> {
        let info = message.info().map_err(|error| error.to_string())?;
        let (at, left) = (info.stream_sequence, info.pending);
        self.on_message(message, at);
        self.position = Some(at);
        self.shared.stats.position.store(at, Ordering::Relaxed);
        Ok(left)
    }

    fn on_message(&mut self, message: &Message, position: u64) {
        let header = |name: &str| {
            let headers: &HeaderMap = message.headers.as_ref()?;
            headers.get_last(name).map(|value| value.as_str())
        };
        let received = Received {
            subject: &message.subject,
            head: header(HEADER).unwrap_or_default(),
            id: message
                .headers
                .as_ref()
                .and_then(|headers| headers.get_last(NATS_MESSAGE_ID))
                .map_or("", |id| id.as_str()),
            payload: &message.payload,
            position,
        };
        let now = self.now();
        self.merge.on_message(received, now);
    }
}

async fn subscribe(client: &Client, subject: String) -> Result<Subscriber, String> {
    let made = timeout(PATIENCE, client.subscribe(subject)).await;
    let made = made.map_err(|_| "the server takes nothing".to_owned())?;
    made.map_err(|error| error.to_string())
}

/// A consumer of the stream in order, and how many messages there are for it.
async fn ordered(
    client: &Client,
    stream: &Stream,
    filters: &[String],
    deliver_policy: DeliverPolicy,
) -> Result<(Ordered, u64), String> {
    let config = OrderedConfig {
        deliver_subject: client.new_inbox(),
        filter_subjects: filters.to_vec(),
        deliver_policy,
        replay_policy: ReplayPolicy::Instant,
        ..OrderedConfig::default()
    };
    let made = timeout(PATIENCE, stream.create_consumer(config)).await;
    let made = made.map_err(|_| "the server does not answer".to_owned())?;
    let consumer = made.map_err(|error| format!("no consumer: {error}"))?;
    let pending = consumer.cached_info().num_pending;
    let messages = consumer.messages().await.map_err(|error| error.to_string())?;
    Ok((messages, pending))
}

/// The receive time of a payload: the number of its first member; 0 if it has none.
fn receive_time(payload: &[u8]) -> u64 {
    let digits = payload.strip_prefix(b"{\"ts_recv_ns\":").unwrap_or_default();
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit()).take(19);
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}
