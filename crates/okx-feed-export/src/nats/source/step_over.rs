//! Messages that the client library can't read: it gives the connection up for one.

use std::error::Error;

use async_nats::jetstream::context::RequestError;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind, Stream};
use async_nats::{Client, Message};
use okx_feed::EventSink;
use tokio::time::timeout;

use super::following::{Following, SERVER_TIMEOUT};
use super::position::Position;
use super::readers::SourceStats;

/// How many messages are read one at a time with one connection.
const MOST: usize = 256;

/// Whether the server has answered a request.
fn has_answer(error: &RawMessageError) -> bool {
    !error.source().is_some_and(|of| of.is::<RequestError>())
}

#[derive(serde::Deserialize)]
struct Found {
    message: Place,
}

#[derive(serde::Deserialize)]
struct Place {
    seq: u64,
}

impl<S: EventSink> Following<S> {
    /// Reads the messages after a position one at a time, and steps over those whose headers can't
    /// be read, such as those that are not UTF-8. They are counted as malformed. A message right
    /// before one of those would be lost with the connection, each time.
    pub(super) async fn step_over(
        &mut self,
        client: &Client,
        stream: &Stream,
        position: u64,
    ) -> Result<(), String> {
        self.stepped_over = self.stepped_over.max(position);
        for _ in 0..MOST {
            let Some(next) = self.next_after(client, stream, self.stepped_over).await? else {
                break;
            };
            let read = timeout(SERVER_TIMEOUT, stream.get_raw_message(next)).await;
            let read = read.map_err(|_| "the server does not answer".to_owned())?;
            match read {
                Ok(message) => self.on_raw_message(message),
                // The server has answered: what it says can't be read.
                Err(error) if error.kind() == RawMessageErrorKind::Other && has_answer(&error) => {
                    tracing::warn!(position = next, %error, "a message of the stream can't be read");
                    SourceStats::count(&self.shared.stats.malformed);
                }
                Err(error) => return Err(error.to_string()),
            }
            self.stepped_over = next;
        }
        self.merge.on_drained();
        Ok(())
    }

    /// Handles a message that was read by its position.
    fn on_raw_message(&mut self, message: StreamMessage) {
        let StreamMessage { subject, sequence, headers, payload, time } = message;
        let (reply, status, description, length) = (None, None, None, payload.len());
        let headers = Some(headers);
        let message = Message { subject, reply, payload, headers, status, description, length };
        self.on_message(&message, sequence);
        let position = Position::new(sequence, time);
        self.last = Some(position);
        self.shared.advance_to(position);
    }

    /// The position of the next message that fits a filter, without its headers.
    async fn next_after(
        &self,
        client: &Client,
        stream: &Stream,
        position: u64,
    ) -> Result<Option<u64>, String> {
        let jetstream = async_nats::jetstream::new(client.clone());
        let subject = format!("STREAM.MSG.GET.{}", stream.cached_info().config.name);
        let mut next = None::<u64>;
        for filter in self.filters.all() {
            let request = serde_json::json!({ "seq": position + 1, "next_by_subj": filter });
            let answer =
                timeout(SERVER_TIMEOUT, jetstream.request(subject.clone(), &request)).await;
            let answer = answer.map_err(|_| "the server does not answer".to_owned())?;
            if let Response::Ok(Found { message }) = answer.map_err(|error| error.to_string())? {
                next = Some(next.unwrap_or(u64::MAX).min(message.seq));
            }
        }
        Ok(next)
    }
}
