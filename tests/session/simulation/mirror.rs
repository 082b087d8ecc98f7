//! The exchange's book, rebuilt from its messages without the code of this crate but its numbers.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::rc::Rc;

use okx_feed::sim::Outbound;
use okx_feed::{Decimal, Level};
use serde_json::Value;

/// The book at one time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Truth {
    /// Best first.
    pub(crate) asks: Vec<Level>,
    pub(crate) bids: Vec<Level>,
    /// `None` if the exchange sends no numbers.
    pub(crate) seq: Option<i64>,
}

/// Keeps the book of a connection without faults, and the book after each of its messages.
#[derive(Default)]
pub(crate) struct Mirror {
    asks: BTreeMap<Decimal, Level>,
    bids: BTreeMap<Decimal, Level>,
    now: Rc<Truth>,
    after: HashMap<String, Rc<Truth>>,
}

impl Mirror {
    /// Applies a message. False if it is not of an order book.
    pub(crate) fn apply(&mut self, message: &Outbound) -> bool {
        let Some(text) = text_of(message) else { panic!("unreadable: {message:?}") };
        let Some((snapshot, data)) = book_of(&text) else { return false };
        for (name, side) in [("asks", &mut self.asks), ("bids", &mut self.bids)] {
            if snapshot {
                side.clear();
            }
            for level in data[name].as_array().unwrap().iter().map(level_of) {
                side.remove(&level.px());
                if !level.sz().is_zero() {
                    side.insert(level.px(), level);
                }
            }
        }
        self.now = Rc::new(Truth {
            asks: self.asks.values().copied().collect(),
            bids: self.bids.values().rev().copied().collect(),
            seq: data["seqId"].as_i64(),
        });
        self.after.insert(without_checksum(&text), Rc::clone(&self.now));
        true
    }

    /// The book as it is.
    pub(crate) fn now(&self) -> &Rc<Truth> {
        &self.now
    }

    /// The exchange's book as of a message that another connection may have received late or with a
    /// wrong checksum; `None` for a message that is not of a book or malformed.
    ///
    /// A snapshot is current: it is made at the request.
    pub(crate) fn as_of(&self, message: &Outbound) -> Option<Rc<Truth>> {
        let text = text_of(message)?;
        let (snapshot, _) = book_of(&text)?;
        if snapshot {
            return Some(Rc::clone(&self.now));
        }
        let known = self.after.get(&without_checksum(&text));
        Some(Rc::clone(known.unwrap_or_else(|| panic!("never sent: {text}"))))
    }
}

/// The text of a message; `None` for a body that does not inflate.
fn text_of(message: &Outbound) -> Option<String> {
    match message {
        Outbound::Text(text) => Some(text.to_string()),
        Outbound::Binary(body) => {
            let mut text = String::new();
            let mut inflate = flate2::read::DeflateDecoder::new(&body[..]);
            inflate.read_to_string(&mut text).ok()?;
            Some(text)
        }
        _ => None,
    }
}

/// Whether a message is a snapshot, and its book; `None` for anything else, damaged or not.
fn book_of(text: &str) -> Option<(bool, Value)> {
    let mut message: Value = serde_json::from_str(text).ok()?;
    let snapshot = match message["action"].as_str()? {
        "snapshot" | "partial" => true,
        "update" => false,
        other => panic!("{other}"),
    };
    Some((snapshot, message["data"][0].take()))
}

fn level_of(level: &Value) -> Level {
    let parts = level.as_array().unwrap();
    let number = |at: usize| parts[at].as_str().unwrap().parse::<Decimal>().unwrap();
    let orders = parts.last().unwrap().as_str().unwrap().parse().unwrap();
    Level::new(number(0), number(1), orders)
}

/// A message but for its checksum, which a fault may have changed.
fn without_checksum(text: &str) -> String {
    let Some((head, tail)) = text.split_once(r#""checksum":"#) else { return text.to_owned() };
    let end = tail.find([',', '}']).unwrap();
    format!("{head}{}", &tail[end..])
}
