//! How a client reaches the exchange.

use std::sync::Arc;

use crate::model::{ChannelPath, Subscription};
use crate::transport::{Connector, Route, SocketTransport, Targets};

/// How the exchange is reached: the same for all connections, but for the path.
pub(super) struct Routes {
    connector: Arc<Connector>,
    targets: Targets,
    /// The route to the URL that was given.
    given: Route,
}

impl Routes {
    pub(super) const fn new(connector: Arc<Connector>, targets: Targets, given: Route) -> Self {
        Self { connector, targets, given }
    }

    /// Which groups serve these subscriptions, of at most so many each.
    pub(super) fn grouped(
        &self,
        subscriptions: &[Subscription],
        most: usize,
    ) -> Vec<(Option<ChannelPath>, Vec<Subscription>)> {
        self.targets.grouped(subscriptions, most)
    }

    /// The path that serves a subscription; `None` where one URL serves all.
    pub(super) fn path_of(&self, subscription: &Subscription) -> Option<ChannelPath> {
        self.targets.path_of(subscription)
    }

    /// The transport of a new connection.
    pub(super) fn transport(&self, path: Option<ChannelPath>) -> SocketTransport {
        let home = self.given.beside(self.targets.at(path));
        let home = home.logging_in(path == Some(ChannelPath::PublicSbe));
        SocketTransport::new(Arc::clone(&self.connector), home)
    }
}
