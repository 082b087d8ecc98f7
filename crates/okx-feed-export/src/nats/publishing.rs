//! One connection of an exporter.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_nats::client::PublishError;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::{Client, Event, HeaderMap, ServerError, Subject, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{Notify, mpsc};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};

use super::ack::Ack;
use super::exporter_options::ExporterOptions;
use super::head::HEADER_NAME;
use super::outbox::{Outbox, Outgoing, Use};
use super::queue::Queue;
use super::refusals::{self, Refusals};
use super::stats::ExporterStats;
use super::subject::WRITER_PREFIX;
use crate::json::SCHEMA;
use okx_feed::transport::Clock;

/// How many events are taken from the ring before acknowledgements are read again.
const BATCH: usize = 256;

/// How long the server may take for an acknowledgement or for what it is sent, before the
/// connection is given up.
const SERVER_TIMEOUT: Duration = Duration::from_secs(5);

/// Where no event wakes the exporter, it looks at the ring so often: a feed that is no client does
/// not say when it has pushed its last event.
const LOOK: Duration = Duration::from_millis(5);

/// How soon a heartbeat follows the first refusal of a message on a topic.
const SOON: Duration = Duration::from_millis(20);

/// The longest heartbeat: with over a thousand topics that readers must not show as live.
const MAX_BEAT: usize = 64 << 10;

/// How many errors of the server may wait.
const ERRORS: usize = 1_024;

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// There is nothing left to do.
    Finished,
    Lost {
        /// Whether the server has taken something: else the next attempt waits longer.
        was_useful: bool,
        why: String,
    },
}

/// What an exporter has across connections.
#[derive(Debug)]
pub(super) struct Publishing {
    pub(super) options: ExporterOptions,
    pub(super) queue: Queue,
    pub(super) clock: Clock,
    pub(super) outbox: Outbox,
    pub(super) stats: Arc<ExporterStats>,
    pub(super) stop: Arc<AtomicBool>,
    /// What was taken from the ring and could not be sent, without a stream.
    pub(super) pending: Option<Outgoing>,
    pub(super) refusals: Refusals,
}

/// Whatever ends it, a panic too: there is no connection then.
impl Drop for Publishing {
    fn drop(&mut self) {
        self.stats.is_connected.store(false, Ordering::Relaxed);
    }
}

/// A connection at work.
struct Link {
    client: Client,
    lost: Arc<Notify>,
    /// What the server says of what it does not take.
    errors: mpsc::Receiver<String>,
    /// The acknowledgements and the subject before their numbers; `None` without a stream.
    acks: Option<(Subscriber, String)>,
    /// For how long the stream has message ids, and messages.
    keeps: Option<(Duration, Duration)>,
}

impl Publishing {
    /// Whether the feed has ended and all it left is sent.
    pub(super) fn is_over(&self) -> bool {
        self.queue.is_over() && self.outbox.len() == 0
    }

    /// Publishes over one connection until it is lost, or all is done.
    pub(super) async fn connection(&mut self, linger: Duration) -> End {
        let before = self.stats.acknowledged();
        let is_again = self.options.stream.is_none() && self.stats.connects() > 0;
        let end = match self.connect().await {
            Ok(mut link) => {
                if is_again {
                    self.queue.topics.begin_session();
                    self.queue.repeat_all();
                }
                match self.publish_all(&mut link, linger).await {
                    Ok(()) => End::Finished,
                    Err(why) => {
                        let was_useful = link.acks.is_none() || self.stats.acknowledged() > before;
                        End::Lost { was_useful, why }
                    }
                }
            }
            Err(why) => End::Lost { was_useful: false, why },
        };
        self.note_waiting();
        end
    }

    fn note_waiting(&self) {
        let waiting = self.outbox.len() as u64;
        self.stats.unacknowledged.store(waiting, Ordering::Relaxed);
    }

    async fn connect(&self) -> Result<Link, String> {
        let lost = Arc::<Notify>::default();
        let is_first = AtomicBool::new(true);
        let (errors_in, mut errors) = mpsc::channel(ERRORS);
        let name = format!("okx-feed {}", self.options.writer);
        let options = self.options.server.options(name).await.map_err(|error| error.to_string())?;
        let addresses = self.options.server.addresses().map_err(|error| error.to_string())?;
        let on_event = Arc::clone(&lost);
        let client = options
            .skip_subject_validation(true)
            // This connection is given up when it is lost, so the client must not make another.
            .reconnect_delay_callback(move |_| match is_first.swap(false, Ordering::Relaxed) {
                true => Duration::ZERO,
                false => Duration::from_secs(3_600),
            })
            .event_callback(move |event| {
                match event {
                    Event::Disconnected | Event::Closed => on_event.notify_one(),
                    // Where too many wait, the server says it again of the next message.
                    Event::ServerError(ServerError::Other(text)) => drop(errors_in.try_send(text)),
                    Event::ServerError(other) => drop(errors_in.try_send(other.to_string())),
                    _ => {}
                }
                std::future::ready(())
            })
            .connect(addresses)
            .await
            .map_err(|error| error.to_string())?;
        let (mut acks, mut keeps) = (None, None);
        if let Some(stream) = &self.options.stream {
            let jetstream = async_nats::jetstream::new(client.clone());
            let made = jetstream.get_or_create_stream(stream.config()).await;
            let made = made.map_err(|error| {
                // The library only says that no answer came.
                let said = errors.try_recv().map_or(String::new(), |said| format!("; {said}"));
                format!("the server has no stream {:?} and makes none: {error}{said}", stream.name)
            })?;
            let config = &made.cached_info().config;
            keeps = Some((config.duplicate_window, config.max_age));
            let inbox = client.new_inbox();
            let subscriber = client.subscribe(format!("{inbox}.*")).await;
            acks = Some((subscriber.map_err(|error| error.to_string())?, inbox));
        }
        ExporterStats::count(&self.stats.connects);
        self.stats.is_connected.store(true, Ordering::Relaxed);
        Ok(Link { client, lost, errors, acks, keeps })
    }

    async fn publish_all(&mut self, link: &mut Link, linger: Duration) -> Result<(), String> {
        self.refusals.begin_connection();
        if let Some((ids, messages)) = link.keeps {
            self.queue.use_stream(ids, messages);
        }
        for message in self.outbox.take_outdated(self.clock.mono(), self.queue.limit()) {
            if message.of_use.is_event() {
                ExporterStats::count(&self.stats.left_out);
            }
            self.queue.topics.leave_out_message(&message);
        }
        for (number, message) in self.outbox.waiting() {
            ExporterStats::count(&self.stats.resent);
            send(link, message, Some(number)).await?;
        }
        // At once: without a stream it ends the session of the connection before.
        self.beat(link).await?;
        // What is repeated in the new session has any other value.
        if let Some(message) = self.pending.take().filter(|of| of.of_use == Use::Event) {
            send(link, &message, None).await?;
        }
        let mut stopping: Option<Instant> = None;
        let mut oldest = (None, Instant::now());
        let mut beat_at = oldest.1 + self.options.heartbeat;
        loop {
            let has_more = self.take_batch(link).await?;
            self.settle_ready(link)?;
            let now = Instant::now();
            if self.queue.topics.take_refused() {
                beat_at = beat_at.min(now + SOON);
            }
            // By the clock: where there is always more to send, nothing waits for a timer.
            if now >= beat_at {
                self.beat(link).await?;
                beat_at = Instant::now() + self.options.heartbeat;
            }
            if self.outbox.oldest() != oldest.0 {
                oldest = (self.outbox.oldest(), now);
            } else if oldest.0.is_some() && now.duration_since(oldest.1) > SERVER_TIMEOUT {
                return Err("the server acknowledges nothing".to_owned());
            }
            if self.stop.load(Ordering::Relaxed) || self.queue.receiver.is_over() {
                let since = *stopping.get_or_insert(now);
                let is_done = self.queue.receiver.queued() == 0 && self.outbox.len() == 0;
                if is_done || now.duration_since(since) > linger {
                    let flushed = tokio::time::timeout(linger, link.client.flush()).await;
                    return flushed.map_err(|_| "the server takes nothing".to_owned()).map(|_| ());
                }
            }
            match has_more {
                // The client's own tasks have this thread too.
                true => yield_now().await,
                false => self.wait(link, beat_at).await?,
            }
        }
    }

    /// Waits for events, acknowledgements, or the time of a heartbeat.
    async fn wait(&mut self, link: &mut Link, beat_at: Instant) -> Result<(), String> {
        let has_room = self.outbox.len() < self.options.unacknowledged;
        let ack = async {
            match &mut link.acks {
                Some((subscriber, _)) => subscriber.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = link.lost.notified() => return Err("the connection was lost".to_owned()),
            () = sleep_until(beat_at) => {}
            Some(error) = link.errors.recv() => self.on_server_error(&error),
            message = ack => {
                let message = message.ok_or("the connection was closed")?;
                let inbox = link.acks.as_ref().map(|(_, inbox)| inbox.as_str());
                self.settle(&message, inbox.unwrap_or_default())?;
            }
            () = self.queue.receiver.wait(), if has_room => {}
            () = sleep(LOOK) => {}
        }
        Ok(())
    }

    /// Takes events from the ring and sends them, until the server has to be waited for. Whether
    /// there may be more that can be sent.
    async fn take_batch(&mut self, link: &Link) -> Result<bool, String> {
        let has_stream = self.options.stream.is_some();
        let (now, mut left_out) = (self.clock.mono(), 0);
        for _ in 0..BATCH {
            if self.outbox.len() >= self.options.unacknowledged {
                return Ok(false);
            }
            let messages = self.queue.next(now, &mut left_out);
            self.stats.left_out.fetch_add(std::mem::take(&mut left_out), Ordering::Relaxed);
            let Some(messages) = messages else { return Ok(false) };
            let (mut was_slow, mut failed) = (false, None);
            for message in messages.into_iter().flatten() {
                let (len, most) = (message.payload_len(), link.client.max_payload() / 8 * 7);
                if len > most {
                    self.refuse(&message, &format!("a payload of {len} bytes, of {most} at most"));
                    continue;
                }
                if self.refusals.is_denied_now(&message.subject) {
                    self.refuse(&message, "this user has no permission to publish on it");
                    continue;
                }
                if message.of_use.is_event() {
                    ExporterStats::count(&self.stats.published);
                }
                // No watermark is sent again, so none is acknowledged.
                let sent = if has_stream && message.of_use != Use::Watermark {
                    let sent = message.clone();
                    let number = self.outbox.add(message);
                    if failed.is_some() {
                        // It is sent over the next connection, behind the one that failed.
                        continue;
                    }
                    send(link, &sent, Some(number)).await
                } else {
                    let sent = send(link, &message, None).await;
                    if sent.is_ok() && !self.refusals.was_denied(&message.subject) {
                        self.queue.topics.note_taken(&message);
                    }
                    self.pending = sent.is_err().then_some(message);
                    sent
                };
                match sent {
                    Ok(sent) => was_slow |= sent == Sent::Later,
                    Err(why) if !has_stream => return Err(why),
                    Err(why) => failed = Some(why),
                }
            }
            if let Some(why) = failed {
                return Err(why);
            }
            if was_slow {
                break;
            }
        }
        Ok(true)
    }

    /// What is kept of messages, and what was refused of them.
    fn sent(&mut self) -> (&mut Refusals, refusals::Sent<'_>) {
        let Self { queue, outbox, stats, refusals, options, .. } = self;
        let (topics, has_stream) = (&mut queue.topics, options.stream.is_some());
        (refusals, refusals::Sent { topics, outbox, stats, has_stream })
    }

    fn refuse(&mut self, message: &Outgoing, why: &str) {
        let (refusals, mut sent) = self.sent();
        refusals.refuse(&mut sent, message, why);
    }

    fn on_server_error(&mut self, text: &str) {
        let (refusals, mut sent) = self.sent();
        refusals.on_server_error(&mut sent, text);
    }

    /// Reads the acknowledgements and the errors that are here.
    fn settle_ready(&mut self, link: &mut Link) -> Result<(), String> {
        while let Ok(error) = link.errors.try_recv() {
            self.on_server_error(&error);
        }
        if let Some((subscriber, inbox)) = &mut link.acks {
            while let Some(Some(message)) = subscriber.next().now_or_never() {
                self.settle(&message, inbox)?;
            }
        }
        self.note_waiting();
        Ok(())
    }

    /// Reads an acknowledgement: the number is the end of its subject.
    ///
    /// What the server does not take for now still waits, and is sent again over the next
    /// connection, in order.
    fn settle(&mut self, message: &async_nats::Message, inbox: &str) -> Result<(), String> {
        let number = message.subject.strip_prefix(inbox).and_then(|rest| rest.strip_prefix('.'));
        let Some(number) = number.and_then(|number| number.parse().ok()) else { return Ok(()) };
        let ack = Ack::of(message.status.is_some(), &message.payload)
            .ok_or("the server takes no message of the subject now")?;
        let Some(message) = self.outbox.settle(number) else { return Ok(()) };
        if let Ack::Refused(why) = &ack {
            self.refuse(&message, why);
            return Ok(());
        }
        self.queue.topics.note_taken(&message);
        if message.of_use.is_event() {
            ExporterStats::count(&self.stats.acknowledged);
            if ack == Ack::Duplicate {
                ExporterStats::count(&self.stats.duplicates);
            }
        }
        Ok(())
    }

    /// Sends a heartbeat, with the topics that readers must not show as live. A writer with more
    /// of them than it has room for sends none, so nothing of it is live.
    async fn beat(&mut self, link: &Link) -> Result<(), String> {
        let now = self.clock.mono();
        self.queue.tick(now);
        let ExporterOptions { writer, heartbeat, .. } = &self.options;
        let mut beat = serde_json::json!({
            "schema": SCHEMA,
            "event": "writer",
            "writer": writer,
            "session": self.queue.topics.session(),
            "uptime_ns": now.0,
            "interval_ms": u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX),
            "topics": self.queue.topics.len(),
            "dropped": self.queue.receiver.stats().dropped(),
        });
        if let (Some(members), 1..) = (beat.as_object_mut(), self.queue.topics.refused_len()) {
            members.insert("refused".to_owned(), self.queue.topics.refused().collect());
        }
        let subject = Subject::from(format!("{WRITER_PREFIX}.{writer}"));
        let payload = Bytes::from(beat.to_string());
        if payload.len() > MAX_BEAT.min(link.client.max_payload()) {
            return Ok(());
        }
        hand_over(link, link.client.publish(subject, payload)).await.map(|_| ())
    }
}

/// When the connection had room for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    AtOnce,
    Later,
}

/// Sends a message, with the number of its acknowledgement.
async fn send(link: &Link, message: &Outgoing, number: Option<u64>) -> Result<Sent, String> {
    let mut headers = HeaderMap::new();
    headers.insert(HEADER_NAME, message.head());
    // On core NATS no server reads it, and each header costs a receiver time.
    if !message.id().is_empty() {
        headers.insert(NATS_MESSAGE_ID, message.id());
    }
    let (subject, payload) = (message.subject.clone(), message.payload());
    let Link { client, acks, .. } = link;
    let sent = async {
        match (acks, number) {
            (Some((_, inbox)), Some(number)) => {
                let reply = format!("{inbox}.{number}");
                client.publish_with_reply_and_headers(subject, reply, headers, payload).await
            }
            _ => client.publish_with_headers(subject, headers, payload).await,
        }
    };
    hand_over(link, sent).await
}

/// Hands something to the connection. Waits where its queue is full, but not for a dead one.
async fn hand_over(
    link: &Link,
    sent: impl Future<Output = Result<(), PublishError>>,
) -> Result<Sent, String> {
    let mut sent = std::pin::pin!(sent);
    // There is room for almost every message, so neither a timer nor a notice is made for it.
    if let Poll::Ready(sent) = poll_fn(|context| Poll::Ready(sent.as_mut().poll(context))).await {
        return sent.map(|()| Sent::AtOnce).map_err(|error| error.to_string());
    }
    tokio::select! {
        biased;
        sent = sent => sent.map(|()| Sent::Later).map_err(|error| error.to_string()),
        () = link.lost.notified() => Err("the connection was lost".to_owned()),
        () = sleep(SERVER_TIMEOUT) => Err("the server takes nothing".to_owned()),
    }
}
