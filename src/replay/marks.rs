//! The texts of a capture's marks.

use crate::feed::AgeChange;
use crate::model::{BookState, Dialect, Subscription};

/// The words of a text.
fn words(text: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(text).unwrap_or_default().split(' ').filter(|word| !word.is_empty())
}

/// The value of `key=value` among the words.
pub(super) fn value<'t>(text: &'t [u8], key: &str) -> Option<&'t str> {
    words(text)
        .find_map(|word| word.split_once('=').filter(|(name, _)| *name == key))
        .map(|of| of.1)
}

/// The dialect of a name.
pub(super) fn dialect(name: &str) -> Option<Dialect> {
    [Dialect::V3, Dialect::V5].into_iter().find(|dialect| dialect.to_string() == name)
}

/// What a connection subscribes: of how many lines it is one, and the subscriptions.
pub(super) fn subscriptions(
    text: &[u8],
) -> Option<(usize, impl Iterator<Item = Subscription> + Clone)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split(' ');
    let dialect = dialect(words.next()?)?;
    let lines = words.next()?.parse().ok()?;
    // One that this version does not know has no books here.
    Some((lines, words.filter_map(move |name| Subscription::parse(dialect, name).ok())))
}

/// What a check for silence did to the ages of books.
pub(super) fn age_changes(text: &[u8]) -> impl Iterator<Item = AgeChange> {
    words(text).filter_map(AgeChange::from_text)
}

/// A state and, behind it, a subscription.
pub(super) fn state(text: &[u8]) -> Option<(BookState, Option<Subscription>)> {
    let text = std::str::from_utf8(text).ok()?;
    let (name, subscription) = text.split_once(' ').unwrap_or((text, ""));
    Some((BookState::from_name(name)?, subscription.parse().ok()))
}
