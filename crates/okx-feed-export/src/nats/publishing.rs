//! One connection of an exporter.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use async_nats::{Client, Event, HeaderMap, Subscriber};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::Notify;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use super::ack::Ack;
use super::config::StreamOptions;
use super::exporter_options::ExporterOptions;
use super::head::HEADER_NAME;
use super::outbox::{Outbox, Outgoing};
use super::stats::ExporterStats;
use super::subject::{PREFIX, WRITER_PREFIX};
use super::topics::Topics;
use crate::events::RingReceiver;
use crate::json::SCHEMA;

/// How many events are taken from the ring before acknowledgements are read again.
const BATCH: usize = 256;

/// How long the server may take for an acknowledgement or for what it is sent, before the
/// connection is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where no event wakes the exporter, it looks at the ring so often: a feed that is no client does
/// not say when it has pushed its last event.
const LOOK: Duration = Duration::from_millis(5);

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
    pub(super) receiver: RingReceiver,
    pub(super) topics: Topics,
    pub(super) outbox: Outbox,
    pub(super) stats: Arc<ExporterStats>,
    pub(super) stop: Arc<AtomicBool>,
    /// What was taken from the ring and could not be sent, without a stream.
    pub(super) pending: Option<Outgoing>,
}

/// A connection at work.
struct Link {
    client: Client,
    lost: Arc<Notify>,
    /// The acknowledgements and the subject before their numbers; `None` without a stream.
    acks: Option<(Subscriber, String)>,
}

impl Publishing {
    /// Whether the feed has ended and all it left is sent.
    pub(super) fn is_over(&self) -> bool {
        self.receiver.is_over() && self.receiver.queued() == 0 && self.outbox.len() == 0
    }

    /// Publishes over one connection until it is lost, or all is done.
    pub(super) async fn connection(&mut self, linger: Duration) -> End {
        let before = self.stats.acknowledged();
        if self.options.stream.is_none() && self.stats.connects() > 0 {
            self.topics.begin_session();
        }
        let end = match self.connect().await {
            Ok(mut link) => match self.publish_all(&mut link, linger).await {
                Ok(()) => End::Finished,
                Err(why) => {
                    let was_useful = link.acks.is_none() || self.stats.acknowledged() > before;
                    End::Lost { was_useful, why }
                }
            },
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
                if matches!(event, Event::Disconnected | Event::Closed) {
                    on_event.notify_one();
                }
                std::future::ready(())
            })
            .connect(addresses)
            .await
            .map_err(|error| error.to_string())?;
        let mut acks = None;
        if let Some(stream) = &self.options.stream {
            let jetstream = async_nats::jetstream::new(client.clone());
            let made = jetstream.get_or_create_stream(stream_config(stream)).await;
            made.map_err(|error| format!("no stream {:?}: {error}", stream.name))?;
            let inbox = client.new_inbox();
            let subscriber = client.subscribe(format!("{inbox}.*")).await;
            acks = Some((subscriber.map_err(|error| error.to_string())?, inbox));
        }
        ExporterStats::count(&self.stats.connects);
        self.stats.is_connected.store(true, Ordering::Relaxed);
        Ok(Link { client, lost, acks })
    }

    async fn publish_all(&mut self, link: &mut Link, linger: Duration) -> Result<(), String> {
        for (number, message) in self.outbox.waiting() {
            ExporterStats::count(&self.stats.resent);
            send(link, message, Some(number)).await?;
        }
        if link.acks.is_none() {
            // At once: it ends the session of the connection before.
            self.beat(&link.client).await?;
        }
        if let Some(message) = self.pending.take() {
            send(link, &message, None).await?;
        }
        let mut beats = interval(self.options.heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopping: Option<Instant> = None;
        let mut oldest = (None, Instant::now());
        loop {
            let taken = self.take_batch(link).await?;
            self.settle_ready(link)?;
            let now = Instant::now();
            if self.outbox.oldest() != oldest.0 {
                oldest = (self.outbox.oldest(), now);
            } else if oldest.0.is_some() && now.duration_since(oldest.1) > PATIENCE {
                return Err("the server acknowledges nothing".to_owned());
            }
            if self.stop.load(Ordering::Relaxed) || self.receiver.is_over() {
                let since = *stopping.get_or_insert(now);
                let is_done = self.receiver.queued() == 0 && self.outbox.len() == 0;
                if is_done || now.duration_since(since) > linger {
                    let flushed = tokio::time::timeout(linger, link.client.flush()).await;
                    return flushed.map_err(|_| "the server takes nothing".to_owned()).map(|_| ());
                }
            }
            if taken < BATCH {
                self.wait(link, &mut beats).await?;
            }
        }
    }

    /// Waits for events, acknowledgements, or the time of a heartbeat.
    async fn wait(&mut self, link: &mut Link, beats: &mut Interval) -> Result<(), String> {
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
            _ = beats.tick() => self.beat(&link.client).await?,
            message = ack => {
                let message = message.ok_or("the connection was closed")?;
                let inbox = link.acks.as_ref().map(|(_, inbox)| inbox.as_str());
                self.settle(&message, inbox.unwrap_or_default())?;
            }
            () = self.receiver.wait(), if has_room => {}
            () = sleep(LOOK) => {}
        }
        Ok(())
    }

    /// Takes events from the ring and sends them. Gives how many there were.
    async fn take_batch(&mut self, link: &Link) -> Result<usize, String> {
        let has_stream = self.options.stream.is_some();
        for taken in 0..BATCH {
            if self.outbox.len() >= self.options.unacknowledged {
                return Ok(taken);
            }
            let Some(event) = self.receiver.pop() else { return Ok(taken) };
            for message in self.topics.messages(&event).into_iter().flatten() {
                if message.payload_len() > link.client.max_payload() / 8 * 7 {
                    ExporterStats::count(&self.stats.refused);
                    continue;
                }
                ExporterStats::count(&self.stats.published);
                let sent = if has_stream {
                    let sent = message.clone();
                    let number = self.outbox.add(message);
                    send(link, &sent, Some(number)).await
                } else {
                    let sent = send(link, &message, None).await;
                    self.pending = sent.is_err().then_some(message);
                    sent
                };
                sent?;
            }
        }
        Ok(BATCH)
    }

    /// Reads the acknowledgements that are here.
    fn settle_ready(&mut self, link: &mut Link) -> Result<(), String> {
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
        if !self.outbox.settle(number) {
            return Ok(());
        }
        match ack {
            Ack::Stored => ExporterStats::count(&self.stats.acknowledged),
            Ack::Duplicate => {
                ExporterStats::count(&self.stats.acknowledged);
                ExporterStats::count(&self.stats.duplicates);
            }
            Ack::Refused(why) => {
                ExporterStats::count(&self.stats.refused);
                self.stats.note_error(why);
            }
        }
        Ok(())
    }

    async fn beat(&self, client: &Client) -> Result<(), String> {
        let ExporterOptions { writer, heartbeat, .. } = &self.options;
        let text = serde_json::json!({
            "schema": SCHEMA,
            "event": "writer",
            "writer": writer,
            "session": self.topics.session(),
            "interval_ms": u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX),
            "topics": self.topics.len(),
            "dropped": self.receiver.stats().dropped(),
        });
        let subject = format!("{WRITER_PREFIX}.{writer}");
        let sent = client.publish(subject, text.to_string().into()).await;
        sent.map_err(|error| error.to_string())
    }
}

/// Hands a message to the connection. Waits where its queue is full, but not for a dead one.
async fn send(link: &Link, message: &Outgoing, number: Option<u64>) -> Result<(), String> {
    let mut headers = HeaderMap::new();
    headers.insert(HEADER_NAME, message.head());
    // On core NATS no server reads it, and each header costs a receiver time.
    if !message.id().is_empty() {
        headers.insert(NATS_MESSAGE_ID, message.id());
    }
    let (subject, payload) = (message.subject.clone(), message.payload());
    let Link { client, lost, acks } = link;
    let sent = async {
        match (acks, number) {
            (Some((_, inbox)), Some(number)) => {
                let reply = format!("{inbox}.{number}");
                client.publish_with_reply_and_headers(subject, reply, headers, payload).await
            }
            _ => client.publish_with_headers(subject, headers, payload).await,
        }
    };
    let mut sent = std::pin::pin!(sent);
    // There is room for almost every message, so neither a timer nor a notice is made for it.
    if let Poll::Ready(sent) = poll_fn(|context| Poll::Ready(sent.as_mut().poll(context))).await {
        return sent.map_err(|error| error.to_string());
    }
    tokio::select! {
        biased;
        sent = sent => sent.map_err(|error| error.to_string()),
        () = lost.notified() => Err("the connection was lost".to_owned()),
        () = sleep(PATIENCE) => Err("the server takes nothing".to_owned()),
    }
}

/// The configuration of a stream of all subjects.
fn stream_config(options: &StreamOptions) -> Config {
    Config {
        name: options.name.clone(),
        description: Some("Market data of okx-feed".to_owned()),
        subjects: vec![format!("{PREFIX}.>")],
        max_age: options.max_age,
        max_bytes: options.max_bytes,
        discard: DiscardPolicy::Old,
        // The server refuses a longer one. A `max_age` of zero is without an end.
        duplicate_window: match options.max_age {
            Duration::ZERO => options.duplicate_window,
            max_age => options.duplicate_window.min(max_age),
        },
        storage: if options.in_memory { StorageType::Memory } else { StorageType::File },
        num_replicas: options.replicas,
        allow_direct: true,
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_remembered_no_longer_than_messages() {
        for (max_age, window) in [(30, 30), (3_600, 120), (0, 120)] {
            let max_age = Duration::from_secs(max_age);
            let config = stream_config(&StreamOptions { max_age, ..StreamOptions::default() });
            assert_eq!((config.max_age, config.duplicate_window.as_secs()), (max_age, window));
        }
    }
}
