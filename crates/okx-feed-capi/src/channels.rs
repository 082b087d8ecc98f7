//! Subscriptions by their texts.

use okx_feed::{Dialect, Subscription};

use crate::status::{Failure, Outcome, Status};

/// The subscription of a text.
pub(crate) fn subscription(dialect: Dialect, channel: &str) -> Outcome<Subscription> {
    Subscription::parse(dialect, channel).map_err(|error| Failure::new(Status::Text, error))
}

pub(crate) fn not_subscribed(channel: &Subscription) -> Failure {
    Failure::new(Status::NotFound, format_args!("{channel} is not subscribed"))
}
