//! Subscriptions as texts.

use okx_feed::model::ChannelKind;
use okx_feed::{BookState, Dialect, Subscription};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::Arg;
use crate::errors;

/// The dialect of a name.
///
/// # Errors
/// `okx_feed.ConfigError` of another name than `v3` and `v5`.
pub(crate) fn dialect(name: &str) -> PyResult<Dialect> {
    let all = [Dialect::V3, Dialect::V5];
    let found = all.into_iter().find(|dialect| dialect.name() == name);
    found.ok_or_else(|| errors::config(format!("unknown dialect {name:?}: v3 or v5")))
}

/// The state of a name.
///
/// # Errors
/// `okx_feed.ConfigError` of a name that no state has.
pub(crate) fn state_of(name: &str) -> PyResult<BookState> {
    let found = BookState::ALL.into_iter().find(|state| state.name() == name);
    found.ok_or_else(|| {
        let names = BookState::ALL.map(BookState::name).join(", ");
        errors::config(format!("unknown state {name:?}: {names}"))
    })
}

/// The texts of an argument that is one text or several.
///
/// # Errors
/// `TypeError` of anything else, `okx_feed.ConfigError` of a text that is no UTF-8.
pub(crate) fn texts(argument: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    let Some(argument) = argument else { return Ok(Vec::new()) };
    let text = |item: Bound<'_, PyAny>| item.extract().map(|Arg(text)| text);
    if argument.is_instance_of::<PyString>() {
        return Ok(vec![text(argument.clone())?]);
    }
    argument.try_iter()?.map(|item| text(item?)).collect()
}

/// What a reader is wanted of, best first where an instrument has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A five-level book, or the best five of an order book.
    Book,
    /// An order book.
    Depth,
    /// Trades.
    Trades,
    /// A record that each message replaces.
    Latest,
    /// A stream of records.
    Stream,
    /// Anything.
    Any,
}

impl Wanted {
    /// How well a kind fits, 0 best; `None` if it does not.
    const fn rank(self, kind: ChannelKind) -> Option<u8> {
        match (self, kind) {
            (Self::Book, ChannelKind::Book5)
            | (Self::Depth, ChannelKind::Depth)
            | (Self::Trades, ChannelKind::Trades)
            | (Self::Latest, ChannelKind::Latest(_))
            | (Self::Stream, ChannelKind::Stream(_))
            | (Self::Any, _) => Some(0),
            (Self::Book, ChannelKind::Depth) => Some(1),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Depth => "order book",
            Self::Trades => "trades",
            Self::Latest => "latest value",
            Self::Stream => "stream of records",
            Self::Any => "channel",
        }
    }
}

/// The subscription that a name means: `books5:BTC-USDT` itself, or `BTC-USDT`, the first of that
/// instrument that has what is wanted.
///
/// # Errors
/// `okx_feed.NotSubscribedError`.
pub(crate) fn find(
    all: &[Subscription],
    dialect: Dialect,
    name: &str,
    wanted: Wanted,
) -> PyResult<Subscription> {
    let named = Subscription::parse(dialect, name).ok();
    let rank = |one: &Subscription| wanted.rank(one.channel().kind());
    let found = match named {
        Some(named) => all.iter().find(|one| **one == named && rank(one).is_some()),
        None => {
            let of_id = all.iter().filter(|one| one.inst_id().as_str() == name);
            of_id.filter(|one| rank(one).is_some()).min_by_key(|one| (rank(one), **one))
        }
    };
    found.copied().ok_or_else(|| {
        let what = wanted.name();
        errors::not_subscribed(format!("no {what} of {name:?} is subscribed"))
    })
}
