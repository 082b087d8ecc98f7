//! What a page has picked.

use okx_feed::client::SubscriptionStatus;
use okx_feed::model::ChannelKind;
use okx_feed::publish::{BookReader, DepthReader, TradeReader};
use okx_feed::{BookState, ClientReader, DownReason, Subscription};

use crate::feeds::Feeds;

/// A book, and the trades of the same instrument.
#[derive(Debug)]
pub(super) struct Target {
    picked: Subscription,
    pub(super) name: String,
    pub(super) feed: String,
    pub(super) reader: ClientReader,
    pub(super) book: Option<Book>,
    pub(super) trades: Option<TradeReader>,
}

/// The reader of a book.
#[derive(Debug)]
pub(super) enum Book {
    Five(BookReader),
    Deep(DepthReader),
}

impl Target {
    /// What a query asks for: `feed` and `sub`; without, or where that is not subscribed, the first
    /// book, of an instrument with trades if there is one.
    pub(super) fn find(feeds: &Feeds, query: &str) -> Option<Self> {
        let value = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.map(decoded)
        };
        let (feed, name) = (value("feed"), value("sub").unwrap_or_default());
        let feed = feeds.iter().find(|of| Some(&of.name) == feed.as_ref());
        let feed = feed.or_else(|| feeds.iter().next())?;
        let mut all = feed.reader.statuses();
        all.sort_unstable_by_key(|one| one.subscription);
        let named = all.iter().find(|one| one.subscription.to_string() == name);
        let books = || all.iter().filter(|one| is_book(one));
        let has_trades =
            |one: &&SubscriptionStatus| trades_of(&feed.reader, &one.subscription, &all).is_some();
        let first = || books().find(has_trades).or_else(|| books().next());
        let picked = named.or_else(first).or_else(|| all.first())?.subscription;
        Some(Self {
            picked,
            name: picked.to_string(),
            feed: feed.name.clone(),
            reader: feed.reader.clone(),
            book: book_of(&feed.reader, &picked),
            trades: trades_of(&feed.reader, &picked, &all),
        })
    }

    /// Whether it was ended, and is subscribed again since.
    pub(super) fn has_returned(&self) -> bool {
        let ended = BookState::Down(DownReason::Unsubscribed);
        let state = match (&self.book, &self.trades) {
            (Some(Book::Five(reader)), _) => reader.snapshot().state,
            (Some(Book::Deep(reader)), _) => reader.snapshot().state,
            (None, Some(reader)) => reader.state(),
            (None, None) => return false,
        };
        state == ended && self.reader.state(&self.picked).is_some_and(|state| state != ended)
    }

    /// Takes the readers of now.
    pub(super) fn renew(&mut self) {
        let all = self.reader.statuses();
        self.book = book_of(&self.reader, &self.picked);
        self.trades = trades_of(&self.reader, &self.picked, &all);
    }
}

fn is_book(one: &SubscriptionStatus) -> bool {
    matches!(one.subscription.channel().kind(), ChannelKind::Book5 | ChannelKind::Depth)
}

/// The reader of a subscription's book; an order book's has more levels.
pub(super) fn book_of(reader: &ClientReader, subscription: &Subscription) -> Option<Book> {
    let deep = reader.depth_reader(subscription).map(Book::Deep);
    deep.or_else(|| reader.book_reader(subscription).map(Book::Five))
}

/// The trades of the instrument of a subscription.
fn trades_of(
    reader: &ClientReader,
    picked: &Subscription,
    all: &[SubscriptionStatus],
) -> Option<TradeReader> {
    let same = |one: &&SubscriptionStatus| {
        let other = &one.subscription;
        other.inst_id() == picked.inst_id() && other.market() == picked.market()
    };
    reader
        .trade_reader(picked)
        .or_else(|| all.iter().filter(same).find_map(|one| reader.trade_reader(&one.subscription)))
}

/// A value of a query, without its escapes. One that is not UTF-8 is empty: nothing is called so.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (byte, _) => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_broken_ones_are_text() {
        assert_eq!(decoded("futures%2Fdepth5%3ABTC-USD"), "futures/depth5:BTC-USD");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
        assert_eq!(decoded("%ff"), "");
    }
}
