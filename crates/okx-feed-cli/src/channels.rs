//! Channels as arguments.

use std::collections::HashSet;

use super::error::CliError;
use okx_feed::model::{Selection, SubscriptionError};
use okx_feed::{Dialect, Subscription};

/// The selections among the arguments of v5, and the other arguments.
///
/// # Errors
/// [`CliError::Selection`].
pub(crate) fn selections(
    dialect: Dialect,
    texts: &[String],
) -> Result<(Vec<Selection>, Vec<String>), CliError> {
    let is_one = |text: &&String| dialect == Dialect::V5 && Selection::is_one(text);
    let (selections, others) = texts.iter().partition::<Vec<_>, _>(is_one);
    let selections = selections.into_iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    Ok((selections, others.into_iter().cloned().collect()))
}

/// Parses channels, each once.
///
/// # Errors
/// [`CliError::Channel`], and [`CliError::OtherDialect`] for a channel of the other dialect.
pub(crate) fn parse(dialect: Dialect, texts: &[String]) -> Result<Vec<Subscription>, CliError> {
    let parsed = texts.iter().map(|text| subscription(dialect, text));
    let mut subscriptions = parsed.collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::new();
    subscriptions.retain(|subscription| seen.insert(*subscription));
    Ok(subscriptions)
}

/// Parses a channel. The error names the other dialect if the channel is of it.
fn subscription(dialect: Dialect, text: &str) -> Result<Subscription, CliError> {
    Subscription::parse(dialect, text).map_err(|error| match text.parse::<Subscription>() {
        Ok(other) if other.dialect() != dialect => {
            CliError::OtherDialect { channel: text.to_owned(), dialect: other.dialect() }
        }
        _ => other_dialect_of_form(dialect, text, error),
    })
}

/// A slash before the colon is v3's form, even if the rest is wrong.
fn other_dialect_of_form(dialect: Dialect, text: &str, error: SubscriptionError) -> CliError {
    let head = text.split(':').next().unwrap_or(text);
    if dialect == Dialect::V5 && head.contains('/') {
        return CliError::OtherDialect { channel: text.to_owned(), dialect: Dialect::V3 };
    }
    CliError::Channel(error)
}
