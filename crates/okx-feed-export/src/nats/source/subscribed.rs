//! Several subscriptions as one.

use std::pin::Pin;
use std::task::{Context, Poll};

use async_nats::{Message, Subscriber};
use futures_util::{Stream, StreamExt};

use crate::nats::subject::is_watermark;

/// The subscriptions of core NATS, each with a queue of its own.
///
/// Messages of different subscriptions come in any order, but a watermark only once all that came
/// before it was taken: it is behind what its writer sent before.
#[derive(Debug)]
pub(super) struct Subscribed<S = Subscriber> {
    /// With the place of each filter.
    data: Vec<(usize, S)>,
    watermarks: Option<(usize, S)>,
    /// The place of the subscription that comes next: all in turn.
    next: usize,
}

impl<S> Default for Subscribed<S> {
    fn default() -> Self {
        Self { data: Vec::new(), watermarks: None, next: 0 }
    }
}

impl<S> Subscribed<S> {
    pub(super) fn add(&mut self, filter: &str, place: usize, subscriber: S) {
        match is_watermark(filter) {
            true => self.watermarks = Some((place, subscriber)),
            false => self.data.push((place, subscriber)),
        }
    }
}

impl<S: Stream<Item = Message> + Unpin> Stream for Subscribed<S> {
    type Item = (usize, Message);

    /// The next message and the place of its filter; `None` once a subscription has ended.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let count = self.data.len();
        for turn in 0..count {
            let at = (self.next + turn) % count;
            let Some((place, subscriber)) = self.data.get_mut(at) else { continue };
            if let Poll::Ready(message) = subscriber.poll_next_unpin(context) {
                let message = message.map(|message| (*place, message));
                self.next = at + 1;
                return Poll::Ready(message);
            }
        }
        match &mut self.watermarks {
            Some((place, subscriber)) => {
                let next = subscriber.poll_next_unpin(context);
                next.map(|message| message.map(|message| (*place, message)))
            }
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, stream};

    #[test]
    fn a_watermark_comes_behind_all_that_waits() {
        let messages = |subject: &'static str, count: usize| {
            let message = move |_| Message {
                subject: subject.into(),
                reply: None,
                payload: "".into(),
                headers: None,
                status: None,
                description: None,
                length: 0,
            };
            stream::iter(0..count).map(message).chain(stream::pending())
        };
        let mut all = Subscribed::default();
        all.add("md.okx.writer.*", 0, messages("md.okx.writer.A", 1));
        all.add("md.okx.v5.books5.*", 1, messages("books5", 3));
        all.add("md.okx.v5.trades.*", 2, messages("trades", 1));
        let mut next = || all.next().now_or_never().map(|one| one.unwrap().1.subject.to_string());
        let taken: Vec<_> = std::iter::from_fn(&mut next).collect();
        assert_eq!(taken, ["books5", "trades", "books5", "books5", "md.okx.writer.A"]);
    }
}
