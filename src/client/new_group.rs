//! A group of connections that is about to be opened.

use super::config::ClientConfig;
use crate::feed::{Arbiter, FeedHandler, SubscriptionNumbers};
use crate::model::{ChannelPath, Subscription};
use crate::publish::Readers;

/// A group before its connections are opened: its subscriptions, and what holds their state.
pub(super) struct NewGroup {
    path: Option<ChannelPath>,
    subscriptions: Vec<Subscription>,
    arbiter: Option<Arbiter>,
    handlers: Vec<FeedHandler>,
}

impl NewGroup {
    pub(super) fn new(
        config: &ClientConfig,
        numbers: &SubscriptionNumbers,
        path: Option<ChannelPath>,
        subscriptions: &[Subscription],
    ) -> Self {
        let lines = config.redundancy.max(1);
        let mut arbiter = (lines > 1).then(|| Arbiter::new(lines));
        if let Some(arbiter) = &mut arbiter {
            arbiter.set_trade_options(config.trades);
            arbiter.set_numbers(numbers.clone());
            subscriptions.iter().for_each(|subscription| arbiter.subscribe(*subscription));
        }
        let handler = || new_handler(config, numbers, path, subscriptions);
        let handlers = (0..lines).map(|_| handler()).collect();
        Self { path, subscriptions: subscriptions.to_vec(), arbiter, handlers }
    }

    /// Sets the arbiter that merges the group's connections.
    pub(super) fn set_arbiter(&mut self, arbiter: Arbiter) {
        self.arbiter = Some(arbiter);
    }

    /// Path, subscriptions, arbiter where there is one, and a handler for each connection.
    pub(super) fn into_parts(
        self,
    ) -> (Option<ChannelPath>, Vec<Subscription>, Option<Arbiter>, Vec<FeedHandler>) {
        (self.path, self.subscriptions, self.arbiter, self.handlers)
    }

    /// Its subscriptions.
    pub(super) fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// The readers of a subscription of this group.
    pub(super) fn readers(&mut self, subscription: &Subscription) -> Readers {
        match (&self.arbiter, self.handlers.first_mut()) {
            (Some(arbiter), _) => arbiter.readers(subscription),
            (None, Some(handler)) => handler.readers(subscription),
            (None, None) => Readers::default(),
        }
    }
}

/// A handler with the client's options, for one connection of a path.
pub(super) fn new_handler(
    config: &ClientConfig,
    numbers: &SubscriptionNumbers,
    path: Option<ChannelPath>,
    subscriptions: &[Subscription],
) -> FeedHandler {
    let mut handler = FeedHandler::with_limits(config.session.dialect, config.limits);
    handler.set_numbers(numbers.clone());
    handler.set_depth_options(config.depth_options());
    handler.set_trade_options(config.trades);
    handler.set_age_limit(config.age_limit);
    handler.set_warmup(config.busy_poll);
    if let Some(codes) = config.session_of(path).sbe {
        handler.set_sbe(codes);
    }
    for subscription in subscriptions {
        // The builder and the handle have refused those of the other dialect.
        let _ = handler.subscribe(*subscription);
    }
    handler
}
