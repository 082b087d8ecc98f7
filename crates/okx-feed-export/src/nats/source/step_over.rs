//! Messages that the client library can't read: it gives the connection up for one.

use std::error::Error;

use async_nats::Client;
use async_nats::jetstream::context::RequestError;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use okx_feed::EventSink;
use tokio::time::timeout;

use super::following::{Following, SERVER_TIMEOUT};
use super::readers::SourceStats;

/// How many such messages in a row are stepped over with one connection.
const MOST: usize = 256;

#[derive(serde::Deserialize)]
struct Found {
    message: Place,
}

#[derive(serde::Deserialize)]
struct Place {
    seq: u64,
}

impl<S: EventSink> Following<S> {
    /// Steps over the messages after a position whose headers can't be read, such as those that are
    /// not UTF-8. They are counted as malformed.
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
            let Err(error) = read else { break };
            // The server has answered: what it says can't be read.
            let is_unanswered = error.source().is_some_and(|of| of.is::<RequestError>());
            if error.kind() != RawMessageErrorKind::Other || is_unanswered {
                return Err(error.to_string());
            }
            tracing::warn!(position = next, %error, "a message of the stream can't be read");
            SourceStats::count(&self.shared.stats.malformed);
            self.stepped_over = next;
        }
        Ok(())
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
