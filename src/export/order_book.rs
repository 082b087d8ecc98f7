//! Whether the rows of an order book can go on from those before, or have to begin with the whole
//! book.

use std::collections::HashMap;

use crate::book::{BookRef, DepthAction};
use crate::event::DepthChange;
use crate::model::{NO_SEQ, SubscriptionId};

/// What is to be written of one message.
pub(super) enum BookRows<'b> {
    /// The levels of the message: the rows before it are of the book that it changes.
    Changes,
    /// All levels of the book.
    Whole(BookRef<'b>),
    /// Nothing: the book is not whole, or the message changes nothing.
    Nothing,
}

/// The number of the last message that was written of each order book.
#[derive(Default)]
pub(super) struct WrittenBooks(HashMap<SubscriptionId, i64>);

impl WrittenBooks {
    /// What is to be written of a message. A book that was not live, of which messages were left
    /// out or that another line delivers from another place is written whole.
    pub(super) fn rows<'b>(&mut self, change: &DepthChange<'b>) -> BookRows<'b> {
        let (update, id) = (change.update, change.subscription_id);
        let Some(book) = change.book.live() else {
            self.0.remove(&id);
            return BookRows::Nothing;
        };
        // With a REST snapshot come updates that had to wait for it.
        let before = self.0.insert(id, book.seq().unwrap_or(NO_SEQ));
        let is_next = match before {
            None => false,
            Some(NO_SEQ) => update.seq == NO_SEQ,
            Some(before) => update.prev_seq == NO_SEQ || update.prev_seq == before,
        };
        if update.action != DepthAction::Update || !is_next {
            if book.asks().is_empty() && book.bids().is_empty() {
                // Nothing says that it is empty: the next levels begin it.
                self.0.remove(&id);
                return BookRows::Nothing;
            }
            BookRows::Whole(book)
        } else if change.outcome.applied && update.asks.len() + update.bids.len() > 0 {
            BookRows::Changes
        } else {
            BookRows::Nothing
        }
    }

    /// The next message of this subscription is written whole.
    pub(super) fn forget(&mut self, id: SubscriptionId) {
        self.0.remove(&id);
    }
}
