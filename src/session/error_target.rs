//! What an error is about.

use super::reply_match::names;
use super::subscription_state::{Stage, SubscriptionState};

/// What an error is about: never simply the only one that waits, since an error may be about what
/// was asked for long before, or about nothing that was asked for.
#[derive(Debug)]
pub(super) enum ErrorTarget<'w> {
    /// One subscription.
    One(&'w mut SubscriptionState),
    /// All that waits of one request, or all of what it names: a text that repeats the request
    /// names good and bad alike.
    All(Vec<&'w mut SubscriptionState>),
    /// Nothing that can be told.
    None,
}

/// Finds what an error is about: by the request's id where it is echoed, else by the names in its
/// text. Of those it names, what waits for an answer comes first, then what was to be asked for
/// again, then what is in force, since the exchange may end that unasked.
pub(super) fn find_target<'w>(
    states: &'w mut [SubscriptionState],
    echoed: Option<u64>,
    message: &str,
) -> ErrorTarget<'w> {
    let is_named = |state: &SubscriptionState| names(message, &state.subscription);
    let of_request = |w: &SubscriptionState| echoed.is_some() && w.request() == echoed;
    let of_id = states.iter().filter(|w| of_request(w)).count();
    if of_id > 0 {
        let named = states.iter().filter(|w| of_request(w) && is_named(w)).count();
        let takes = |w: &&mut SubscriptionState| of_request(w) && (named != 1 || is_named(w));
        return of_list(states.iter_mut().filter(takes).collect());
    }
    let rank = |w: &SubscriptionState| match w.stage {
        Stage::Sent { .. } => 0,
        Stage::Pending(_) | Stage::Paused { .. } => 1,
        Stage::Acknowledged => 2,
        // It is refused already.
        Stage::Refused { .. } => 3,
    };
    let named = states.iter().filter(|w| is_named(w)).map(rank);
    let Some(first) = named.min().filter(|rank| *rank < 3) else { return ErrorTarget::None };
    let takes = |w: &&mut SubscriptionState| is_named(w) && rank(w) == first;
    of_list(states.iter_mut().filter(takes).collect())
}

fn of_list(mut all: Vec<&mut SubscriptionState>) -> ErrorTarget<'_> {
    match all.len() {
        0 => ErrorTarget::None,
        1 => all.pop().map_or(ErrorTarget::None, ErrorTarget::One),
        _ => ErrorTarget::All(all),
    }
}
