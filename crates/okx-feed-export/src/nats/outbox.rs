//! What was sent and is not acknowledged yet, in order.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use okx_feed::MonoNanos;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// An event that stands for itself: a trade, an order-book message, a state.
    Event,
    /// A value that replaces the one before, such as a five-level book or a whole order book.
    Value,
    /// A state or a value that was sent before.
    Repeat,
    /// The mark behind all that a reader must have for its topics to be live.
    Watermark,
}

impl Use {
    /// Whether it is an event of the feed.
    pub(super) const fn is_event(self) -> bool {
        matches!(self, Self::Event | Self::Value)
    }
}

/// A message, ready to be sent, and to be sent again.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) subject: Subject,
    /// The payload, the value of [`HEADER`](super::head::HEADER), and that of `Nats-Msg-Id`, which
    /// only a stream wants.
    text: Bytes,
    payload_len: usize,
    head_len: usize,
    pub(super) of_use: Use,
    /// The feed has pushed its event at this time or later.
    since: MonoNanos,
}

impl Outgoing {
    /// A message of the payload, the header and the message id, which stand one behind the other.
    pub(super) const fn new(
        subject: Subject,
        text: Bytes,
        (payload_len, head_len): (usize, usize),
        (of_use, since): (Use, MonoNanos),
    ) -> Self {
        Self { subject, text, payload_len, head_len, of_use, since }
    }

    /// How long its event has waited at most.
    pub(super) const fn age(&self, now: MonoNanos) -> Duration {
        now.since(self.since)
    }

    pub(super) fn payload(&self) -> Bytes {
        self.text.slice(..self.payload_len)
    }

    pub(super) const fn payload_len(&self) -> usize {
        self.payload_len
    }

    /// The value of [`HEADER`](super::head::HEADER).
    pub(super) fn head(&self) -> &str {
        self.part(self.payload_len, self.payload_len + self.head_len)
    }

    /// The value of `Nats-Msg-Id`; empty without a stream.
    pub(super) fn id(&self) -> &str {
        self.part(self.payload_len + self.head_len, self.text.len())
    }

    /// A part that is ASCII.
    fn part(&self, from: usize, to: usize) -> &str {
        let part = self.text.get(from..to).unwrap_or_default();
        std::str::from_utf8(part).unwrap_or_default()
    }
}

/// The messages between the last acknowledged one and the last that was sent. Bounded by who fills
/// it.
///
/// After a loss of the connection all of them are sent again, in order. The server drops those that
/// it has, by their ids, so the order on the stream stays that of the feed.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// `None` for one that is acknowledged, behind others that are not.
    waiting: VecDeque<Option<Outgoing>>,
    /// The number of the first that waits.
    first: u64,
}

impl Outbox {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The number of the oldest that waits.
    pub(super) fn oldest(&self) -> Option<u64> {
        (!self.waiting.is_empty()).then_some(self.first)
    }

    /// Adds a message and gives its number.
    pub(super) fn add(&mut self, message: Outgoing) -> u64 {
        self.waiting.push_back(Some(message));
        self.first + self.waiting.len() as u64 - 1
    }

    /// Notes that the server has a message, or has refused it. Gives the message, if it was waited
    /// for.
    pub(super) fn settle(&mut self, number: u64) -> Option<Outgoing> {
        let at = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let message = at.and_then(|at| self.waiting.get_mut(at))?.take();
        self.drop_settled();
        message
    }

    /// Takes all that wait on a subject: the server has refused them.
    pub(super) fn take_of(&mut self, subject: &Subject) -> Vec<Outgoing> {
        let of_subject = |waiting: &&mut Option<Outgoing>| {
            waiting.as_ref().is_some_and(|message| message.subject == *subject)
        };
        let waiting = self.waiting.iter_mut().filter(of_subject);
        let taken = waiting.filter_map(Option::take).collect();
        self.drop_settled();
        taken
    }

    /// Takes what must not be sent again: watermarks, and values that have waited for longer than a
    /// server remembers their ids, which would replace later ones of other writers.
    pub(super) fn take_outdated(&mut self, now: MonoNanos, limit: Duration) -> Vec<Outgoing> {
        let is_outdated = |message: &Outgoing| match message.of_use {
            Use::Value | Use::Repeat => message.age(now) > limit,
            Use::Watermark => true,
            Use::Event => false,
        };
        let of = |waiting: &&mut Option<Outgoing>| waiting.as_ref().is_some_and(is_outdated);
        let taken = self.waiting.iter_mut().filter(of).filter_map(Option::take).collect();
        self.drop_settled();
        taken
    }

    fn drop_settled(&mut self) {
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.first += 1;
        }
    }

    /// The messages that wait, each with its number.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (u64, &Outgoing)> {
        let numbered = (self.first..).zip(&self.waiting);
        numbered.filter_map(|(number, waiting)| Some((number, waiting.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_acknowledged_is_sent_again_in_order() {
        let of_use = Use::Event;
        let message = |n: u64| {
            let text = Bytes::from(format!("{{}}head{n}"));
            Outgoing::new(Subject::from(n.to_string()), text, (2, 4), (of_use, MonoNanos(n)))
        };
        let one = message(7);
        assert_eq!((&*one.payload(), one.head(), one.id()), (&b"{}"[..], "head", "7"));
        let mut outbox = Outbox::default();
        assert_eq!((0..6).map(|n| outbox.add(message(n))).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        let waiting = |outbox: &Outbox| {
            outbox.waiting().map(|(n, of)| (n, of.id().to_owned())).collect::<Vec<_>>()
        };
        let settle = |outbox: &mut Outbox, n| outbox.settle(n).map(|of| of.id().to_owned());
        assert_eq!([1, 4].map(|n| settle(&mut outbox, n)), [1, 4].map(|n| Some(n.to_string())));
        assert_eq!([1, 6].map(|n| settle(&mut outbox, n)), [None, None]);
        let left = [0, 2, 3, 5].map(|n| (n, n.to_string()));
        assert_eq!((waiting(&outbox), outbox.len()), (left.to_vec(), 6));
        assert!(outbox.settle(0).is_some() && outbox.settle(0).is_none());
        assert_eq!((outbox.oldest(), outbox.len(), outbox.add(message(6))), (Some(2), 4, 6));
        assert!([2, 3, 5].into_iter().all(|n| outbox.settle(n).is_some()));
        assert_eq!((outbox.add(message(6)), outbox.add(message(8))), (7, 8));
        let taken: Vec<_> =
            outbox.take_of(&Subject::from("6")).iter().map(|of| of.id().to_owned()).collect();
        assert_eq!((taken, waiting(&outbox)), (vec!["6".to_owned(); 2], vec![(8, "8".to_owned())]));
        assert!(outbox.settle(8).is_some());
        assert_eq!((outbox.oldest(), outbox.len(), outbox.add(message(7))), (None, 0, 9));
    }

    #[test]
    fn values_that_have_waited_for_long_are_not_sent_again() {
        let mut outbox = Outbox::default();
        let all = [Use::Value, Use::Event, Use::Watermark, Use::Value, Use::Event, Use::Watermark];
        for (second, of_use) in (1..).zip(all) {
            let since = MonoNanos(second * 1_000_000_000);
            let (subject, text) = (Subject::from("s"), Bytes::from(format!("{second}")));
            outbox.add(Outgoing::new(subject, text, (0, 0), (of_use, since)));
        }
        let ids = |all: &[Outgoing]| all.iter().map(|of| of.id().to_owned()).collect::<Vec<_>>();
        let taken = outbox.take_outdated(MonoNanos(63_000_000_000), Duration::from_secs(60));
        assert_eq!(ids(&taken), ["1", "3", "6"]);
        let left: Vec<_> = outbox.waiting().map(|(number, _)| number).collect();
        assert_eq!((left, outbox.len()), (vec![1, 3, 4], 5));
    }
}
