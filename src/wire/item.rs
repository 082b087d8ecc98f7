//! The items of a data message: one shape for both dialects, filled by key, never by position.

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

/// The most items that the `data` of one message may have.
///
/// All captured messages have one; the format allows more.
pub(crate) const MAX_ITEMS: usize = 1024;

/// What the envelope of a data message says about all of its items.
#[derive(Clone, Copy)]
pub(super) struct Head<'t> {
    pub(super) channel: Channel,
    pub(super) market: Option<Market>,
    /// v5's `arg.instId`; v3 names the instrument in each item.
    pub(super) inst_id: Option<&'t str>,
    pub(super) ts_recv: UnixNanos,
}

/// The members of an item that matter, whatever the dialect calls them.
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

/// What differs between the dialects inside an item.
#[derive(Clone, Copy)]
pub(super) struct ItemForm {
    /// The place of a member by its key; `None` for a key that is not read.
    pub(super) place: for<'p, 'v, 'd, 't> fn(
        &'p mut Fields<'v, 'd, 't>,
        &str,
    ) -> Option<&'p mut Option<Value<'v, 'd, 't>>>,
    /// The time of the exchange's own form.
    pub(super) time: fn(&[u8]) -> Option<UnixNanos>,
}

/// Reads the items of `data` and gives each to the sink as an event.
///
/// A message is taken whole or not at all: with several items, all are checked before the first
/// is given.
///
/// # Errors
/// Where the message is malformed; then nothing was given.
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

/// One item as an event.
fn event<'e, 't: 'e>(
    form: ItemForm,
    head: Head<'t>,
    action: Option<Value<'_, '_, 't>>,
    item: Value<'_, '_, 't>,
    scratch: &'e mut Scratch,
) -> Result<Event<'e>, DecodeError> {
    let mut fields = Fields::default();
    for (key, value) in item.object()? {
        if let Some(place) = (form.place)(&mut fields, key) {
            // Of a side, `null` says that it is empty; of anything else that it is absent.
            let is_side = matches!(key, "asks" | "bids");
            *place = (is_side || !value.is_null()).then_some(value);
        }
    }
    let reader = ItemReader { form, head, item, fields };
    let Scratch { book, trade, asks, bids, unread } = scratch;
    match head.channel.kind() {
        ChannelKind::Book5 => reader.book(book, unread).map(Event::Book),
        ChannelKind::Trades => reader.trade(trade, unread).map(Event::Trade),
        ChannelKind::Depth => reader.depth(action, (asks, bids), unread).map(Event::Depth),
    }
}

/// One item, its members found.
struct ItemReader<'v, 'd, 't> {
    form: ItemForm,
    head: Head<'t>,
    item: Value<'v, 'd, 't>,
    fields: Fields<'v, 'd, 't>,
}

impl<'v, 'd, 't> ItemReader<'v, 'd, 't> {
    /// Source: v3 `depth5` `{"asks":[…],"bids":[…],"instrument_id":"…","timestamp":"…"}`, v5 `books5`
    /// `{"asks":[…],"bids":[…],"instId":"…","ts":"…"}` and `bbo-tbt` without the `instId`, both with
    /// a `seqId` later.
    ///
    /// A side that is not best first is sorted, and of more than five levels the best are kept.
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

    /// Source: v3 `{"side":"buy","trade_id":"5430565","price":"60059.7","qty":"20",…}` (`size` on spot
    /// and swap), v5 `{"instId":…,"tradeId":"206","px":"0.0065","sz":"2","side":"sell","ts":…}`.
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
        trade.count = optional(self.fields.count, OptionalField::Count, unread, count).unwrap_or(1);
        let source = |value: Value<'_, '_, 't>| value.integer().ok();
        trade.source =
            optional(self.fields.source, OptionalField::Source, unread, source).unwrap_or(0);
        let Head { channel, market, .. } = self.head;
        Ok(TradeUpdate::new(Topic { channel, market, inst_id: self.trade_inst_id()? }, trade))
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
        // A checksum is over the digits of the text. v5 sends 0 for none.
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

    /// The instrument of a book: the envelope's, else the item's. Where both are there and differ,
    /// nothing tells whose book it is.
    fn book_inst_id(&self) -> Result<&'t str, DecodeError> {
        match (self.head.inst_id, self.own_inst_id()) {
            (Some(id), Some((own, place))) if own != id => Err(place.error(Kind::OtherInstrument)),
            _ => self.inst_id(self.head.inst_id),
        }
    }

    /// The instrument of a trade: the item's, else the envelope's. After an instrument was renamed,
    /// subscriptions under its old id go on with trades that have the new one.
    fn trade_inst_id(&self) -> Result<&'t str, DecodeError> {
        self.inst_id(self.own_inst_id().map(|(own, _)| own).or(self.head.inst_id))
    }

    /// What the item itself says of its instrument, where it says so.
    fn own_inst_id(&self) -> Option<(&'t str, Value<'v, 'd, 't>)> {
        let place = self.fields.inst_id?;
        Some((place.str().ok().filter(|id| !id.is_empty())?, place))
    }

    /// An id that has been found, else the item's own, which then must be there.
    fn inst_id(&self, found: Option<&'t str>) -> Result<&'t str, DecodeError> {
        let (id, place) = match (found, self.fields.inst_id) {
            (Some(id), place) => (id, place.unwrap_or(self.item)),
            (None, place) => {
                let place = self.need(place)?;
                (place.str()?, place)
            }
        };
        if id.is_empty() || id.len() > MAX_ID_LEN {
            return Err(place.error(Kind::InstrumentId));
        }
        Ok(id)
    }

    fn time(&self) -> Result<UnixNanos, DecodeError> {
        let place = self.need(self.fields.ts)?;
        let text = place.number()?;
        (self.form.time)(text.bytes()).ok_or_else(|| place.error(Kind::Timestamp))
    }

    /// The sequence number of what can do without.
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

/// A sequence number, or [`DepthUpdate::NO_SEQ`] where the exchange sent none. A number that is the one which
/// stands for none is refused.
fn seq(field: Option<Value<'_, '_, '_>>) -> Result<i64, DecodeError> {
    let Some(field) = field else { return Ok(NO_SEQ) };
    match field.integer()? {
        NO_SEQ => Err(field.error(Kind::NumberOverflow)),
        seq => Ok(seq),
    }
}
