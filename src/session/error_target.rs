//! Which subscriptions an error is about.

use super::reply_match::names;
use super::subscription_state::{Stage, SubscriptionState};

/// Which subscriptions an error is about. It is never assumed to be about the only one that waits:
/// it may be about an earlier request, or about none.
#[derive(Debug)]
pub(super) enum ErrorTarget<'w> {
    /// One subscription.
    One(&'w mut SubscriptionState),
    /// All that wait for the answer to one request, or all that the text names: a text that repeats
    /// the request names good and bad ones.
    All(Vec<&'w mut SubscriptionState>),
    /// None that can be identified.
    None,
}

/// Finds the subscriptions of an error: by the request's id where it is echoed, else by the names
/// in its text. Of those named, the ones that wait for an answer come first, then those that are to
/// be requested, then active ones, since the exchange may end these unasked.
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
