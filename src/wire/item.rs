//! The items of a data message: one form for both dialects, read by key, never by position.

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::json::Value;
use super::level::{Numbers, optional, read_side};
use super::scratch::{DepthLevels, Scratch, non_rpi};
use super::unread::{OptionalField, UnreadCounts};
use crate::book::{Book5, DepthAction, DepthUpdate};
use crate::event::{BookUpdate, Event, EventSink, TradeUpdate};
use crate::model::{
    Channel, ChannelKind, Dialect, MAX_ID_LEN, Market, NO_SEQ, Side, Topic, Trade, UnixNanos,
};

/// The largest number of items in the `data` of one message.
///
/// All captured messages have one item; the format allows more.
pub(crate) const MAX_ITEMS: usize = 1024;

/// The envelope of a data message, which applies to all its items.
#[derive(Clone, Copy)]
pub(super) struct Head<'t> {
    pub(super) channel: Channel,
    pub(super) market: Option<Market>,
    /// v5's `arg.instId`; v3 names the instrument in each item.
    pub(super) inst_id: Option<&'t str>,
    pub(super) ts_recv: UnixNanos,
}

/// The fields of an item, by their common names.
#[derive(Default)]
pub(super) struct Fields<'v, 'd, 't> {
    pub(super) asks: Option<Value<'v, 'd, 't>>,
    pub(super) bids: Option<Value<'v, 'd, 't>>,
    pub(super) inst_id: Option<Value<'v, 'd, 't>>,
    pub(super) ts: Option<Value<'v, 'd, 't>>,
    pub(super) checksum: Option<Value<'v, 'd, 't>>,
    pub(super) seq: Option<Value<'v, 'd, 't>>,
    pub(super) prev_seq: Option<Value<'v, 'd, 't>>,
    pub(super) side: Option<Value<'v, 'd, 't>>,
    pub(super) trade_id: Option<Value<'v, 'd, 't>>,
    pub(super) px: Option<Value<'v, 'd, 't>>,
    pub(super) sz: Option<Value<'v, 'd, 't>>,
    pub(super) count: Option<Value<'v, 'd, 't>>,
    pub(super) source: Option<Value<'v, 'd, 't>>,
}

/// The differences of the dialects inside an item.
#[derive(Clone, Copy)]
pub(super) struct ItemForm {
    /// The field of a key; `None` for a key that is not read.
    pub(super) field: for<'p, 'v, 'd, 't> fn(
        &'p mut Fields<'v, 'd, 't>,
        &str,
    ) -> Option<&'p mut Option<Value<'v, 'd, 't>>>,
    /// Parses the dialect's time text.
    pub(super) time: fn(&[u8]) -> Option<UnixNanos>,
}

/// Reads the items of `data` and emits each to the sink as an event.
///
/// A message is emitted completely or not at all: with several items, all are checked before the
/// first is emitted.
///
/// # Errors
/// If the message is malformed; then no event is emitted.
pub(super) fn emit<'t>(
    form: ItemForm,
    head: Head<'t>,
    action: Option<Value<'_, '_, 't>>,
    data: Value<'_, '_, 't>,
    scratch: &mut Scratch,
    sink: &mut impl EventSink,
) -> Result<u32, DecodeError> {
    let (len, items) = data.array()?;
    if len > MAX_ITEMS {
        return Err(data.error(Kind::TooManyItems));
    }
    if len > 1 {
        for item in items {
            event(form, head, action, item, scratch)?;
        }
    }
    scratch.unread = UnreadCounts::default();
    let mut count = 0;
    for item in items {
        sink.on_event(&event(form, head, action, item, scratch)?);
        count += 1;
    }
    Ok(count)
}

/// Reads one item as an event.
fn event<'e, 't: 'e>(
    form: ItemForm,
    head: Head<'t>,
    action: Option<Value<'_, '_, 't>>,
    item: Value<'_, '_, 't>,
    scratch: &'e mut Scratch,
) -> Result<Event<'e>, DecodeError> {
    let mut fields = Fields::default();
    for (key, value) in item.object()? {
        if let Some(field) = (form.field)(&mut fields, key) {
            // A side that is `null` is empty. Any other field that is `null` is absent.
            let is_side = matches!(key, "asks" | "bids");
            *field = (is_side || !value.is_null()).then_some(value);
        }
    }
    let reader = ItemReader { form, head, item, fields };
    let Scratch { book, trade, asks, bids, unread, .. } = scratch;
    match head.channel.kind() {
        ChannelKind::Book5 => reader.book(book, unread).map(Event::Book),
        ChannelKind::Trades => reader.trade(trade, unread).map(Event::Trade),
        ChannelKind::Depth => reader.depth(action, (asks, bids), unread).map(Event::Depth),
        // The messages of records are read by another function.
        ChannelKind::Latest(_) | ChannelKind::Stream(_) | ChannelKind::Raw => {
            Err(item.error(Kind::WrongType))
        }
    }
}

/// An item and its fields.
struct ItemReader<'v, 'd, 't> {
    form: ItemForm,
    head: Head<'t>,
    item: Value<'v, 'd, 't>,
    fields: Fields<'v, 'd, 't>,
}

impl<'v, 'd, 't> ItemReader<'v, 'd, 't> {
    /// Source: v3 `depth5` `{"asks":[…],"bids":[…],"instrument_id":"…","timestamp":"…"}`, v5
    /// `books5` `{"asks":[…],"bids":[…],"instId":"…","ts":"…"}` and `bbo-tbt` without the `instId`,
    /// both with a `seqId` later.
    ///
    /// A side that is not sorted best first is sorted. Of more than five levels the best are kept.
    fn book<'e>(
        &self,
        book: &'e mut Book5,
        unread: &mut UnreadCounts,
    ) -> Result<BookUpdate<'e>, DecodeError>
    where
        't: 'e,
    {
        book.clear();
        let numbers = Numbers { drop_zeros: true, ..Numbers::BY_VALUE };
        let mut sorted = true;
        read_side(self.need(self.fields.asks)?, numbers, unread, |level, _| {
            sorted &= book.insert_ask(level);
            true
        })?;
        read_side(self.need(self.fields.bids)?, numbers, unread, |level, _| {
            sorted &= book.insert_bid(level);
            true
        })?;
        book.ts_event = self.time()?;
        book.ts_recv = self.head.ts_recv;
        book.seq = self.optional_seq(unread);
        book.flag(sorted);
        let Head { channel, market, .. } = self.head;
        Ok(BookUpdate::new(Topic { channel, market, inst_id: self.book_inst_id()? }, book))
    }

    /// Source: v3 `{"side":"buy","trade_id":"5430565","price":"60059.7","qty":"20",…}` (`size` on
    /// spot and swap), v5
    /// `{"instId":…,"tradeId":"206","px":"0.0065","sz":"2","side":"sell","ts":…}`.
    fn trade<'e>(
        &self,
        trade: &'e mut Trade,
        unread: &mut UnreadCounts,
    ) -> Result<TradeUpdate<'e>, DecodeError>
    where
        't: 'e,
    {
        let side = self.need(self.fields.side)?;
        let taker =
            Side::from_name(side.str()?.as_bytes()).ok_or_else(|| side.error(Kind::Side))?;
        let px = self.need(self.fields.px)?.decimal()?;
        let sz = self.need(self.fields.sz)?.decimal()?;
        *trade = Trade::new(taker, px, sz);
        trade.ts_event = self.time()?;
        trade.ts_recv = self.head.ts_recv;
        trade.trade_id = self.need(self.fields.trade_id)?.integer()?;
        trade.seq = self.optional_seq(unread);
        let count = |value: Value<'_, '_, 't>| value.integer().ok().filter(|count| *count > 0);
        match optional(self.fields.count, OptionalField::Count, unread, count) {
            Some(count) => trade.count = count,
            None if self.fields.count.is_some() => trade.set_count_unread(),
            None => {}
        }
        let source = |value: Value<'_, '_, 't>| value.integer().ok();
        trade.source =
            optional(self.fields.source, OptionalField::Source, unread, source).unwrap_or(0);
        let Head { channel, market, .. } = self.head;
        let inst_id = self.trade_inst_id()?;
        let renamed_from = self.head.inst_id.filter(|id| *id != inst_id);
        let update = TradeUpdate::new(Topic { channel, market, inst_id }, trade);
        Ok(TradeUpdate { renamed_from, ..update })
    }

    /// Source: v3 `{"instrument_id":…,"asks":[…],"bids":[…],"timestamp":…,"checksum":…}`, v5
    /// `{"asks":[…],"bids":[…],"ts":…,"checksum":…,"seqId":…,"prevSeqId":…}`.
    fn depth<'e>(
        &self,
        action: Option<Value<'_, '_, 't>>,
        (asks, bids): (&'e mut DepthLevels, &'e mut DepthLevels),
        unread: &mut UnreadCounts,
    ) -> Result<DepthUpdate<'e>, DecodeError>
    where
        't: 'e,
    {
        let Head { channel, market, ts_recv, .. } = self.head;
        let integer = |value: Value<'_, '_, 't>| value.integer().ok();
        let checksum = optional(self.fields.checksum, OptionalField::Checksum, unread, integer);
        // A checksum covers the digits of the text. v5 sends 0 for none.
        let is_checked = checksum.is_some_and(|sum| sum != 0 || channel.dialect() == Dialect::V3);
        let has_non_rpi = channel.has_non_rpi();
        let numbers = Numbers { as_text: is_checked, has_non_rpi, ..Numbers::BY_VALUE };
        for (field, levels) in [(self.fields.asks, &mut *asks), (self.fields.bids, &mut *bids)] {
            levels.clear(has_non_rpi);
            read_side(self.need(field)?, numbers, unread, |level, non_rpi| {
                levels.push(level, non_rpi)
            })?;
        }
        let action = self.need(action)?;
        Ok(DepthUpdate {
            topic: Topic { channel, market, inst_id: self.book_inst_id()? },
            action: match action.str()? {
                "partial" | "snapshot" => DepthAction::Snapshot,
                "update" => DepthAction::Update,
                _ => return Err(action.error(Kind::Action)),
            },
            ts_event: self.time()?,
            ts_recv,
            seq: seq(self.fields.seq)?,
            prev_seq: seq(self.fields.prev_seq)?,
            checksum,
            asks: asks.as_slice(),
            bids: bids.as_slice(),
            non_rpi: non_rpi(asks, bids),
        })
    }

    /// The instrument of a book: the envelope's, or else the item's. If both are present and
    /// differ, the book cannot be assigned.
    fn book_inst_id(&self) -> Result<&'t str, DecodeError> {
        match (self.head.inst_id, self.own_inst_id()) {
            (Some(id), Some((own, value))) if own != id => Err(value.error(Kind::OtherInstrument)),
            _ => self.inst_id(self.head.inst_id),
        }
    }

    /// The instrument of a trade: the item's, or else the envelope's. After a rename of an
    /// instrument, subscriptions under the old id receive trades with the new id.
    fn trade_inst_id(&self) -> Result<&'t str, DecodeError> {
        self.inst_id(self.own_inst_id().map(|(own, _)| own).or(self.head.inst_id))
    }

    /// The instrument of the item, if it has one.
    fn own_inst_id(&self) -> Option<(&'t str, Value<'v, 'd, 't>)> {
        let value = self.fields.inst_id?;
        Some((value.str().ok().filter(|id| !id.is_empty())?, value))
    }

    /// The id `found`, or else the item's, which is required then.
    fn inst_id(&self, found: Option<&'t str>) -> Result<&'t str, DecodeError> {
        let (id, value) = match (found, self.fields.inst_id) {
            (Some(id), value) => (id, value.unwrap_or(self.item)),
            (None, value) => {
                let value = self.need(value)?;
                (value.str()?, value)
            }
        };
        if id.is_empty() || id.len() > MAX_ID_LEN {
            return Err(value.error(Kind::InstrumentId));
        }
        Ok(id)
    }

    fn time(&self) -> Result<UnixNanos, DecodeError> {
        let value = self.need(self.fields.ts)?;
        let text = value.number()?;
        (self.form.time)(text.bytes()).ok_or_else(|| value.error(Kind::Timestamp))
    }

    /// The sequence number of a message that may omit it.
    fn optional_seq(&self, unread: &mut UnreadCounts) -> i64 {
        let read = |value| seq(Some(value)).ok();
        optional(self.fields.seq, OptionalField::Seq, unread, read).unwrap_or(NO_SEQ)
    }

    fn need<'w, 'x>(
        &self,
        field: Option<Value<'w, 'x, 't>>,
    ) -> Result<Value<'w, 'x, 't>, DecodeError> {
        field.ok_or_else(|| self.item.error(Kind::MissingField))
    }
}

/// A sequence number, or [`DepthUpdate::NO_SEQ`] if the exchange sent none. The number that equals
/// `NO_SEQ` is rejected.
fn seq(field: Option<Value<'_, '_, '_>>) -> Result<i64, DecodeError> {
    let Some(field) = field else { return Ok(NO_SEQ) };
    match field.integer()? {
        NO_SEQ => Err(field.error(Kind::NumberOverflow)),
        seq => Ok(seq),
    }
}
