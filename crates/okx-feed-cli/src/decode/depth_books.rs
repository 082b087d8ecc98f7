//! The order books of a recording, maintained from its messages.

use std::collections::HashMap;

use okx_feed::book::{Attribution, DepthAction, FaultPolicy};
use okx_feed::capture::ConnectionLabel;
use okx_feed::{Channel, DepthBook, DepthChange, DepthUpdate, InstrumentId, Market, Subscription};

/// The capacity in levels a side: twice that of the exchange's snapshots.
const CAPACITY: usize = 1024;

/// A book for each connection, channel and instrument with at least one snapshot.
#[derive(Debug)]
pub(super) struct DepthBooks {
    books: HashMap<(ConnectionLabel, Channel, Option<Market>, InstrumentId), DepthBook>,
    /// The most books that are kept: ids come from the recording, and memory must have a bound.
    most: usize,
    /// Whether a book keeps its updates for a REST snapshot.
    keeps_updates: bool,
    /// The empty book that is used for an instrument without a snapshot.
    none: DepthBook,
}

impl DepthBooks {
    pub(super) fn new(most: usize, keeps_updates: bool) -> Self {
        let none = DepthBook::with_capacity(1);
        Self { books: HashMap::new(), most, keeps_updates, none }
    }

    /// Applies a message and gives the book after it; `None` if there are too many books.
    ///
    /// A broken book continues to be updated, so that the effect of the fault is visible.
    pub(super) fn apply<'b>(
        &'b mut self,
        connection: ConnectionLabel,
        update: &'b DepthUpdate<'b>,
    ) -> Option<DepthChange<'b>> {
        let inst_id = InstrumentId::new(update.topic.inst_id).ok()?;
        let key = (connection, update.topic.channel, update.topic.market, inst_id);
        let known = self.books.contains_key(&key);
        let begins = update.action != DepthAction::Update || self.keeps_updates;
        if !known && begins {
            if self.books.len() >= self.most {
                return None;
            }
            let mut book = DepthBook::with_capacity(CAPACITY);
            book.set_fault_policy(FaultPolicy::ApplyAnyway);
            if self.keeps_updates {
                book.keep_updates();
            }
            if update.topic.channel.has_non_rpi() {
                book.keep_non_rpi();
            }
            self.books.insert(key, book);
        }
        let book = self.books.get_mut(&key).unwrap_or(&mut self.none);
        let outcome = book.apply(update);
        Some(DepthChange::new(update, outcome, book))
    }

    /// Notes a lost message of a connection, or of any one: the book of that subscription is broken
    /// until its next snapshot. Of a message that may be of any book, so are those whose numbers
    /// can't show the loss.
    pub(super) fn message_lost(
        &mut self,
        connection: Option<ConnectionLabel>,
        subscription: Option<Subscription>,
    ) {
        let lost_of = subscription.map(|of| (of.channel(), of.market(), *of.inst_id()));
        let attribution = lost_of.map_or(Attribution::Possible, |_| Attribution::Exact);
        for ((label, channel, market, inst_id), book) in &mut self.books {
            let is_of = lost_of.is_none_or(|of| of == (*channel, *market, *inst_id));
            if is_of && connection.is_none_or(|of| of == *label) {
                book.message_lost(attribution);
            }
        }
    }
}
