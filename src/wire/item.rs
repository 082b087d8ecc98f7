//! The items of a data message: one shape for both dialects, filled by key, never by position.

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::json::Value;
use super::scratch::Scratch;
use crate::model::{
    Book5, BookUpdate, Channel, ChannelKind, DepthAction, DepthUpdate, Event, Level, MAX_ID_LEN,
    Market, NO_SEQ, Side, Sink, Trade, TradeUpdate, UnixNanos,
};

/// The most items that the `data` of one message may have.
///
/// All captured messages have one; the format allows more.
pub const MAX_ITEMS: usize = 1024;

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
    sink: &mut impl Sink,
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
            *place = (!value.is_null()).then_some(value);
        }
    }
    let reader = ItemReader { form, head, item, fields };
    match head.channel.kind() {
        ChannelKind::Book5 => reader.book(&mut scratch.book).map(Event::Book),
        ChannelKind::Trades => reader.trade().map(Event::Trade),
        ChannelKind::Depth => reader.depth(action, scratch).map(Event::Depth),
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
    fn book<'e>(&self, book: &'e mut Book5) -> Result<BookUpdate<'e>, DecodeError>
    where
        't: 'e,
    {
        book.clear();
        read_side(self.need(self.fields.asks)?, |level| book.push_ask(level))?;
        read_side(self.need(self.fields.bids)?, |level| book.push_bid(level))?;
        book.ts_event = self.time()?;
        book.ts_recv = self.head.ts_recv;
        book.seq = seq(self.fields.seq)?;
        book.flag();
        let Head { channel, market, .. } = self.head;
        Ok(BookUpdate { channel, market, inst_id: self.inst_id()?, book })
    }

    /// Source: v3 `{"side":"buy","trade_id":"5430565","price":"60059.7","qty":"20",…}` (`size` on spot
    /// and swap), v5 `{"instId":…,"tradeId":"206","px":"0.0065","sz":"2","side":"sell","ts":…}`.
    fn trade(&self) -> Result<TradeUpdate<'t>, DecodeError> {
        let side = self.need(self.fields.side)?;
        let taker =
            Side::from_name(side.str()?.as_bytes()).ok_or_else(|| side.error(Kind::Side))?;
        let px = self.need(self.fields.px)?.decimal()?;
        let sz = self.need(self.fields.sz)?.decimal()?;
        let mut trade = Trade::new(taker, px, sz);
        trade.ts_event = self.time()?;
        trade.ts_recv = self.head.ts_recv;
        trade.trade_id = self.need(self.fields.trade_id)?.integer()?;
        trade.seq = seq(self.fields.seq)?;
        trade.count = self.fields.count.map_or(Ok(1), Value::integer)?;
        trade.source = self.fields.source.map_or(Ok(0), Value::integer)?;
        let Head { channel, market, .. } = self.head;
        Ok(TradeUpdate { channel, market, inst_id: self.inst_id()?, trade })
    }

    /// Source: v3 `{"instrument_id":…,"asks":[…],"bids":[…],"timestamp":…,"checksum":…}`, v5
    /// `{"asks":[…],"bids":[…],"ts":…,"checksum":…,"seqId":…,"prevSeqId":…}`.
    fn depth<'e>(
        &self,
        action: Option<Value<'_, '_, 't>>,
        scratch: &'e mut Scratch,
    ) -> Result<DepthUpdate<'e>, DecodeError>
    where
        't: 'e,
    {
        let Scratch { asks, bids, .. } = scratch;
        for (field, levels) in [(self.fields.asks, &mut *asks), (self.fields.bids, &mut *bids)] {
            levels.clear();
            read_side(self.need(field)?, |level| levels.push(level))?;
        }
        let action = self.need(action)?;
        let Head { channel, market, ts_recv, .. } = self.head;
        Ok(DepthUpdate {
            channel,
            market,
            inst_id: self.inst_id()?,
            action: match action.str()? {
                "partial" | "snapshot" => DepthAction::Snapshot,
                "update" => DepthAction::Update,
                _ => return Err(action.error(Kind::Action)),
            },
            ts_event: self.time()?,
            ts_recv,
            seq: seq(self.fields.seq)?,
            prev_seq: seq(self.fields.prev_seq)?,
            checksum: self.fields.checksum.map(Value::integer).transpose()?,
            asks: asks.as_slice(),
            bids: bids.as_slice(),
        })
    }

    /// The instrument: the envelope's, else the item's.
    fn inst_id(&self) -> Result<&'t str, DecodeError> {
        let (id, place) = match (self.head.inst_id, self.fields.inst_id) {
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

    fn need<'w, 'x>(
        &self,
        field: Option<Value<'w, 'x, 't>>,
    ) -> Result<Value<'w, 'x, 't>, DecodeError> {
        field.ok_or_else(|| self.item.error(Kind::MissingField))
    }
}

/// A sequence number, or [`NO_SEQ`] where the exchange sent none. A number that is the one which
/// stands for none is refused.
fn seq(field: Option<Value<'_, '_, '_>>) -> Result<i64, DecodeError> {
    let Some(field) = field else { return Ok(NO_SEQ) };
    match field.integer()? {
        NO_SEQ => Err(field.error(Kind::NumberOverflow)),
        seq => Ok(seq),
    }
}

/// Reads the levels of a side in the order of the text.
///
/// # Errors
/// Where a level is malformed, or `push` says that the side is full.
fn read_side(
    side: Value<'_, '_, '_>,
    mut push: impl FnMut(Level) -> bool,
) -> Result<(), DecodeError> {
    for level in side.array()?.1 {
        if !push(read_level(level)?) {
            return Err(level.error(Kind::TooManyLevels));
        }
    }
    Ok(())
}

/// One level: `[px, sz, orders]` or `[px, sz, third, orders]`, each a string or a JSON number.
///
/// The third of four was a count of liquidation orders, and is a size in v5 `books-rpi`: checked,
/// not kept.
fn read_level(level: Value<'_, '_, '_>) -> Result<Level, DecodeError> {
    let (len, mut elements) = level.array()?;
    if len != 3 && len != 4 {
        return Err(level.error(Kind::LevelShape));
    }
    let mut next = || elements.next().ok_or_else(|| level.error(Kind::LevelShape));
    let px = next()?.decimal()?;
    let sz = next()?.decimal()?;
    if len == 4 {
        next()?.decimal()?;
    }
    let orders = next()?.integer()?;
    Ok(Level::new(px, sz, orders))
}
