//! Where a source begins to read a stream, and where it goes on.

use std::sync::atomic::Ordering;

use async_nats::Client;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use futures_util::StreamExt;
use okx_feed::EventSink;
use okx_feed::model::ChannelKind;
use tokio::time::timeout;

use super::following::{Following, SERVER_TIMEOUT};
use super::options::{Delivery, Start};
use super::position::Position;
use super::readers::SourceStats;
use crate::nats::subject::{SubjectKind, parse};

/// A whole order book that is older than the newest one by more than this is of a book whose writer
/// is gone: it is not worth reading the stream from there on.
const OLD_SNAPSHOT_NS: u64 = 75_000_000_000;

/// How much of the past is read again where a stream has lost its end: more than the two minutes
/// for which a server may keep what it has acknowledged in memory alone.
const LOOK_BACK_NS: u64 = 180_000_000_000;

/// How many connections may be lost before the next message is suspected.
const STALLED: u32 = 2;

/// How many may be lost while the last values are read.
const ATTEMPTS: u32 = 3;

impl<S: EventSink> Following<S> {
    /// Reads what a newcomer needs, and finds where to go on.
    pub(super) async fn begin(
        &mut self,
        client: &Client,
        stream: &Stream,
    ) -> Result<DeliverPolicy, String> {
        if self.attempts >= ATTEMPTS {
            return match self.last {
                Some(last) if !has_message(stream, last).await? => self.read_again(last, None),
                _ => Ok(self.begin_without_values()),
            };
        }
        if let Some(last) = self.last {
            if self.stalled >= STALLED {
                self.step_over(client, stream, last.sequence).await?;
            }
            if has_message(stream, last).await? {
                return match self.note_deleted(stream, last.sequence) {
                    // All values are those of this position.
                    0 => Ok(after(last.sequence.max(self.stepped_over))),
                    _ => self.go_on(client, stream, last).await,
                };
            }
            return self.read_again(last, None);
        }
        let Start::After(position) = self.options.start else {
            // It may be another stream than when the last attempt was lost.
            self.merge.forget_positions();
            let (from, end) = self.last_values(client, stream, false).await?;
            return Ok(after(from.map_or(end, |from| from.sequence)));
        };
        if has_message(stream, position).await? {
            self.note_deleted(stream, position.sequence);
            self.merge.resume_after(position.sequence);
            self.shared.set_position(position);
            return self.go_on(client, stream, position).await;
        }
        let (from, _) = self.last_values(client, stream, true).await?;
        self.read_again(position, from)
    }

    /// Begins without the last values: one of them can't be read. Writers repeat those of quiet
    /// topics.
    fn begin_without_values(&mut self) -> DeliverPolicy {
        self.attempts = 0;
        SourceStats::count(&self.shared.stats.malformed);
        tracing::warn!("the last values can't be read; beginning with what comes next");
        match (self.last, self.options.start) {
            (Some(last), _) | (None, Start::After(last)) => {
                self.last = Some(last);
                after(last.sequence.max(self.stepped_over))
            }
            (None, Start::Last) => DeliverPolicy::New,
        }
    }

    /// Goes on after a position, with the last values.
    async fn go_on(
        &mut self,
        client: &Client,
        stream: &Stream,
        position: Position,
    ) -> Result<DeliverPolicy, String> {
        let (from, _) = self.last_values(client, stream, true).await?;
        let from = from.filter(|from| from.sequence < position.sequence).unwrap_or(position);
        // A connection that is lost before the next message goes on from here.
        self.last = Some(from);
        Ok(after(from.sequence.max(self.stepped_over)))
    }

    /// Goes on in a stream that does not have a message that was read.
    ///
    /// What was read before comes again, which brings nothing new to who has read it; what took its
    /// places is new.
    fn read_again(
        &mut self,
        last: Position,
        from: Option<Position>,
    ) -> Result<DeliverPolicy, String> {
        tracing::warn!(
            stream = self.stream_name(),
            position = %last,
            "the stream has lost its end, or is another one: its last three minutes are read again"
        );
        self.merge.forget_positions();
        (self.stepped_over, self.attempts) = (0, 0);
        self.shared.set_position(Position::default());
        let look_back = last.before(LOOK_BACK_NS)?;
        let from = from.map(|from| from.before(0)).transpose()?;
        let start_time = from.map_or(look_back, |from| from.min(look_back));
        Ok(DeliverPolicy::ByStartTime { start_time })
    }

    fn stream_name(&self) -> &str {
        match &self.options.delivery {
            Delivery::Stream(name) => name,
            Delivery::Core => "",
        }
    }

    /// Counts the messages after a position that the stream has deleted.
    fn note_deleted(&mut self, stream: &Stream, position: u64) -> u64 {
        let first = stream.cached_info().state.first_sequence;
        let missing = first.saturating_sub(position + 1);
        self.shared.stats.missing.fetch_add(missing, Ordering::Relaxed);
        if missing > 0 {
            self.merge.invalidate(self.now());
        }
        missing
    }

    /// Reads the last value of each topic, but the trades if those go on after a position. Gives
    /// the message after which to go on, and the end of the stream.
    async fn last_values(
        &mut self,
        client: &Client,
        stream: &Stream,
        is_resumed: bool,
    ) -> Result<(Option<Position>, u64), String> {
        self.attempts += 1;
        let end = stream.cached_info().state.last_sequence;
        let policy = DeliverPolicy::LastPerSubject;
        let filters = self.filters.all();
        let (mut messages, mut pending) = ordered(client, stream, filters, policy).await?;
        let (mut newest, mut snapshots) = (None::<Position>, Vec::new());
        while pending > 0 {
            let message = timeout(SERVER_TIMEOUT, messages.next()).await;
            let message = message.map_err(|_| "the server sends nothing".to_owned())?;
            let message = message.ok_or("the consumer has ended")?;
            let message = message.map_err(|error| error.to_string())?;
            let info = message.info().map_err(|error| error.to_string())?;
            let (at, left) = (info.stream_sequence, info.pending);
            let this = Position::new(at, info.published);
            newest = newest.filter(|other| other.sequence > at).or(Some(this));
            pending = left;
            let kind = parse(&message.subject).map(|(of, kind)| (of.channel().kind(), kind));
            let is_later = match kind {
                // Their whole books come by themselves; these are read from there on.
                Some((ChannelKind::Depth, SubjectKind::Event)) => true,
                Some((ChannelKind::Trades | ChannelKind::Stream(_), SubjectKind::Event)) => {
                    is_resumed
                }
                _ => false,
            };
            if !is_later {
                self.on_message(&message, at);
            }
            if let Some((ChannelKind::Depth, SubjectKind::Snapshot)) = kind {
                snapshots.push((receive_time(&message.payload), this));
            }
        }
        let latest = snapshots.iter().map(|(time, _)| *time).max().unwrap_or_default();
        let recent = snapshots.iter().filter(|(time, _)| latest - time <= OLD_SNAPSHOT_NS);
        let first = recent.map(|(_, read)| *read).min_by_key(|read| read.sequence);
        let first = first.or(newest);
        if !is_resumed {
            // A connection that is lost before the next message goes on from here.
            self.last = first;
            self.shared.set_position(newest.unwrap_or_default());
        }
        self.attempts = 0;
        Ok((first, end))
    }
}

const fn after(position: u64) -> DeliverPolicy {
    DeliverPolicy::ByStartSequence { start_sequence: position + 1 }
}

/// Whether the stream has this very message, or has deleted it as old.
///
/// A server that crashed may have lost the end of the stream, which then grows again from an
/// earlier position: other messages have the places of those that were read.
async fn has_message(stream: &Stream, last: Position) -> Result<bool, String> {
    let state = &stream.cached_info().state;
    if last.sequence < state.first_sequence || last.sequence == 0 {
        return Ok(true);
    }
    let found = timeout(SERVER_TIMEOUT, stream.get_raw_message(last.sequence)).await;
    match found.map_err(|_| "the server does not answer".to_owned())? {
        Ok(message) => Ok(Position::new(message.sequence, message.time) == last),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {
            // Deleted by hand, or not there yet.
            Ok(last.sequence <= state.last_sequence)
        }
        Err(error) => Err(error.to_string()),
    }
}

/// A consumer of the stream in order, and how many messages there are for it.
pub(super) async fn ordered(
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
    let made = timeout(SERVER_TIMEOUT, stream.create_consumer(config)).await;
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
