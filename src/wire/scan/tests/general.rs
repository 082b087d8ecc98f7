//! What the general parser makes of a message: the scanner's fallback, and so its only truth.

use std::cell::RefCell;

use super::TS_RECV;
use super::reference::Outcome;
use crate::event::Event;
use crate::model::Dialect;
use crate::wire::{Decoder, Frame};

thread_local! {
    static DECODERS: RefCell<[Decoder; 2]> = RefCell::new([Dialect::V3, Dialect::V5].map(|dialect| {
        let mut decoder = Decoder::new(dialect);
        decoder.set_scanner(None);
        decoder
    }));
}

/// The one book, trade or message of an order book of a text, read without the scanner; `None` for
/// anything else.
pub(super) fn read(dialect: Dialect, text: &[u8]) -> Option<Outcome> {
    DECODERS.with_borrow_mut(|[v3, v5]| {
        let decoder = if dialect == Dialect::V3 { v3 } else { v5 };
        let mut outcomes = Vec::new();
        let mut sink = |event: &Event<'_>| {
            outcomes.push(match event {
                Event::Book(e) => {
                    Some(Outcome::book(e.topic.channel, e.topic.market, e.topic.inst_id, e.book))
                }
                Event::Trade(e) => {
                    Some(Outcome::trade(e.topic.channel, e.topic.market, e.topic.inst_id, e.trade))
                }
                Event::Depth(update) => Some(Outcome::depth(update)),
                _ => None,
            });
        };
        decoder.decode(Frame::Text(text), TS_RECV, &mut sink).ok()?;
        if outcomes.len() == 1 { outcomes.pop()? } else { None }
    })
}
