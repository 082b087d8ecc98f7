//! What is subscribed: requests of the owner, and what the state of a subscription needs.

use super::{Link, Session};
use crate::book::{DepthAction, DepthUpdate};
use crate::event::DepthChange;
use crate::model::{ChannelKind, MonoNanos, Subscription};
use crate::session::subscriptions::LinkState;
use crate::session::types::SessionStats;

impl Session {
    /// Adds a subscription, for this connection and each later one. Does nothing where it is there
    /// already, except that a refused one is requested again at once. Costs one request:
    /// [`Session::subscribe_all`] takes fewer for several.
    pub fn subscribe(&mut self, subscription: Subscription, now: MonoNanos) {
        self.subscribe_all([subscription], now);
    }

    /// Adds many subscriptions, in as few requests as their length allows.
    pub fn subscribe_all(
        &mut self,
        subscriptions: impl IntoIterator<Item = Subscription>,
        now: MonoNanos,
    ) {
        subscriptions.into_iter().for_each(|subscription| self.queue_subscribe(subscription, now));
        self.send_requests(now);
    }

    /// Adds a subscription that is requested with the next call that sends, so that one request can
    /// carry many.
    pub(crate) fn queue_subscribe(&mut self, subscription: Subscription, now: MonoNanos) {
        let events = self.subscriptions.add(subscription, &self.config, now);
        self.events.extend(events);
    }

    /// Removes a subscription.
    pub fn unsubscribe(&mut self, subscription: &Subscription, now: MonoNanos) {
        self.queue_unsubscribe(subscription);
        self.send_requests(now);
    }

    const fn link_state(&self) -> LinkState {
        if self.is_open() { LinkState::Open } else { LinkState::Closed }
    }

    /// Removes a subscription; the request goes with the next call that sends.
    pub(crate) fn queue_unsubscribe(&mut self, subscription: &Subscription) {
        self.subscriptions.remove(subscription, self.link_state());
    }

    /// The instrument of a book that was unsubscribed on this connection has a new id. The exchange
    /// goes on with the book until it is unsubscribed by the new id. Does nothing for any other
    /// subscription, and in SBE, where the code stays.
    ///
    /// Source: `docs/PROTOCOL.md` 7.4.
    pub fn handle_rename(&mut self, old: &Subscription, new: Subscription, now: MonoNanos) {
        let is_book = matches!(new.channel().kind(), ChannelKind::Book5 | ChannelKind::Depth);
        if is_book && self.config.sbe.is_none() && self.is_open() {
            self.subscriptions.handle_rename(old, new);
            self.send_requests(now);
        }
    }

    /// Resynchronises a subscription at once: unsubscribes and subscribes again, so that the
    /// exchange sends a snapshot.
    pub fn resubscribe(&mut self, subscription: &Subscription, now: MonoNanos) {
        self.subscriptions.resubscribe(subscription, self.link_state());
        self.send_requests(now);
    }

    /// Resynchronises a broken order book: like [`Session::resubscribe`], but at once only the
    /// first time.
    ///
    /// Where it breaks again the pauses double, see [`ResyncConfig`](crate::session::ResyncConfig).
    /// Resynchronisation never takes the last quarter of the hour's requests.
    ///
    /// In SBE a snapshot is requested instead, and the subscription goes on.
    pub fn resync(&mut self, subscription: &Subscription, now: MonoNanos) {
        if !self.subscriptions.request_snapshot(subscription, &self.config, now) {
            self.subscriptions.resync(subscription, &self.config, now);
        }
        self.send_requests(now);
    }

    /// Subscriptions have been silent for longer than their channels promise. They are
    /// resynchronised with the pauses of [`Session::resync`], in as few requests as their length
    /// allows; not those that are being requested or wait for their first push.
    pub(crate) fn handle_silence(&mut self, silent: &[Subscription], now: MonoNanos) {
        let Self { subscriptions, config, stats, .. } = self;
        for subscription in silent {
            if subscriptions.is_steady(subscription) {
                stats.silences += 1;
                subscriptions.resync(subscription, config, now);
            }
        }
        self.send_requests(now);
    }

    /// Whether a subscription brought nothing though it was resynchronised.
    #[must_use]
    pub(crate) fn is_late(&self, subscription: &Subscription) -> bool {
        self.subscriptions.is_late(subscription)
    }

    /// Whether a subscription is acknowledged and its first push has not come yet.
    #[must_use]
    pub fn is_awaited(&self, subscription: &Subscription) -> bool {
        self.subscriptions.is_awaited(subscription)
    }

    /// Data has come that shows a subscription to be active and its book whole.
    ///
    /// This replaces a lost acknowledgement, and ends what [`Session::resync`] began. Where neither
    /// this nor [`Session::handle_depth`] follows an acknowledgement within
    /// [`SessionConfig::snapshot_timeout`](crate::session::SessionConfig::snapshot_timeout), the
    /// subscription is resynchronised.
    pub fn handle_live(&mut self, subscription: &Subscription, now: MonoNanos) {
        if let Link::Open { useful, .. } = &mut self.link {
            *useful = true;
        }
        let events = self.subscriptions.on_live(subscription, now);
        self.events.extend(events);
        self.send_requests(now);
    }

    /// A message of an order book was applied. A snapshot that leaves the book live counts as
    /// [`Session::handle_live`]: where the book was live before, no change of state reports it.
    ///
    /// Where updates begin that are to follow a REST snapshot, it is requested
    /// [`SessionConfig::snapshot_age`](crate::session::SessionConfig::snapshot_age) later.
    #[inline]
    pub fn handle_depth(&mut self, change: &DepthChange<'_>, now: MonoNanos) {
        if change.outcome.begins_chain {
            self.begin_chain(change.update, now);
        }
        if change.update.action != DepthAction::Update && change.book.live().is_some() {
            self.snapshot(change.update, now);
        }
    }

    #[cold]
    fn begin_chain(&mut self, update: &DepthUpdate<'_>, now: MonoNanos) {
        self.subscriptions.begin_chain(update.topic, &self.config, now);
        self.send_requests(now);
    }

    /// Whether the answer to a request for a snapshot may be used: the one of
    /// [`Action::RequestSnapshot`](crate::session::Action::RequestSnapshot) with this number. An
    /// older answer may be from before a gap or a sequence reset.
    #[must_use]
    pub fn accepts_snapshot(&self, subscription: &Subscription, id: u64) -> bool {
        self.subscriptions.accepts_snapshot(subscription, id)
    }

    #[cold]
    fn snapshot(&mut self, update: &DepthUpdate<'_>, now: MonoNanos) {
        let of_update = |subscription: &&Subscription| subscription.topic() == update.topic;
        let found = self.subscriptions.iter().find(of_update).copied();
        if let Some(subscription) = found {
            self.handle_live(&subscription, now);
        }
    }

    /// All subscriptions, refused ones included.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.iter()
    }

    /// Whether the connection is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.link, Link::Open { .. })
    }

    /// Whether each subscription has been answered on this connection.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_open() && self.subscriptions.is_settled()
    }

    /// How many subscriptions the exchange refuses now; each is requested again.
    #[must_use]
    pub fn refused_now(&self) -> usize {
        self.subscriptions.refused_now()
    }

    /// How many requests the connection may still send within the hour.
    #[must_use]
    pub fn requests_left(&self, now: MonoNanos) -> usize {
        self.subscriptions.requests_left(now)
    }

    /// Its counters.
    #[must_use]
    pub const fn stats(&self) -> &SessionStats {
        &self.stats
    }
}
