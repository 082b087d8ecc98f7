//! Records of the general parser: what is neither a book nor a trade.

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::json::{Digits, Value};
use super::scratch::Scratch;
use super::unread::{OptionalField, UnreadCounts};
use crate::event::{Event, EventSink, RecordUpdate};
use crate::model::{
    Channel, ChannelKey, DecimalError, Dialect, FieldError, MAX_ID_LEN, Market, RawValue, Record,
    RecordData, RecordKind, Topic, UnixNanos,
};

/// The largest number of records in one message: there are fewer instruments of a type.
const MAX_RECORDS: usize = 8192;

/// The elements of a bar after its start, by their number.
///
/// Source: v5 candles of 2023 and later, of 2022, of mark price and index, of spreads; v3, of spot
/// and derivatives.
const BAR: [&[&str]; 5] = [
    &["o", "h", "l", "c", "confirm"],
    &["o", "h", "l", "c", "vol"],
    &["o", "h", "l", "c", "vol", "volCcy"],
    &["o", "h", "l", "c", "vol", "confirm"],
    &["o", "h", "l", "c", "vol", "volCcy", "volCcyQuote", "confirm"],
];

/// Reads the items of `data` and emits each record to the sink. A message is emitted completely or
/// not at all.
///
/// # Errors
/// If the message is malformed; then no event is emitted.
pub(super) fn emit(
    mut head: RecordHead<'_>,
    data: Value<'_, '_, '_>,
    scratch: &mut Scratch,
    sink: &mut impl EventSink,
) -> Result<u32, DecodeError> {
    // v3's ticker of an index is one of index prices.
    if (head.kind, head.market) == (RecordKind::Ticker, Some(Market::Index)) {
        head.kind = RecordKind::IndexTicker;
    }
    let (mut len, mut items) = data.array()?;
    // v3 has its futures in a list inside the list.
    if (head.channel, len) == (Channel::InstrumentsV3, 1)
        && let Some((inner_len, inner)) = { items }.next().and_then(|item| item.array().ok())
    {
        (len, items) = (inner_len, inner);
    }
    if len > MAX_RECORDS {
        return Err(data.error(Kind::TooManyItems));
    }
    let reader = RecordReader { kind: head.kind, head, dialect: head.channel.dialect() };
    let Scratch { record, unread, .. } = scratch;
    let mut count = 0;
    for item in items {
        reader.read(item, record, unread, &mut |_, _| count += 1)?;
        if count > MAX_RECORDS {
            return Err(data.error(Kind::TooManyItems));
        }
    }
    *unread = UnreadCounts::default();
    for item in items {
        reader.read(item, record, unread, &mut |topic, record| {
            sink.on_event(&Event::Record(RecordUpdate::new(topic, record)));
        })?;
    }
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The envelope of a message, which applies to all its records.
#[derive(Clone, Copy)]
pub(super) struct RecordHead<'h> {
    pub(super) kind: RecordKind,
    pub(super) channel: Channel,
    pub(super) market: Option<Market>,
    /// What v5's `arg` names; v3 names the instrument in each item.
    pub(super) key: Option<&'h str>,
    pub(super) ts_recv: UnixNanos,
}

impl RecordHead<'_> {
    const fn key_kind(&self) -> ChannelKey {
        self.channel.key_in(self.market)
    }
}

struct RecordReader<'h> {
    kind: RecordKind,
    head: RecordHead<'h>,
    dialect: Dialect,
}

/// What has been read of an item.
#[derive(Clone, Copy, Default)]
struct Read<'t> {
    ts_event: Option<UnixNanos>,
    /// The instrument, or what else the channel is keyed by.
    key: Option<&'t str>,
    /// The bits of the fields that were there.
    seen: u32,
}

impl RecordReader<'_> {
    /// Reads one item, which may hold several records, into `record`, and passes each on.
    fn read<'t>(
        &self,
        item: Value<'_, '_, 't>,
        record: &mut Record,
        unread: &mut UnreadCounts,
        each: &mut dyn FnMut(Topic<'_>, &Record),
    ) -> Result<(), DecodeError> {
        *record = Record { ts_recv: self.head.ts_recv, ..Record::EMPTY };
        record.data = RecordData::empty(self.kind);
        let mut read = Read::default();
        if self.kind == RecordKind::Candle && self.dialect == Dialect::V5 {
            self.bar(item, record, unread, &mut read)?;
            return self.finish(item, record, read, each);
        }
        let mut nested = None;
        for (key, value) in item.object()? {
            match (self.kind, key) {
                (RecordKind::Candle, "candle") => self.bar(value, record, unread, &mut read)?,
                (RecordKind::Liquidation, "details") | (RecordKind::BlockLeg, "legs") => {
                    nested = Some(value);
                }
                // An announced listing may have no id yet; the others must not wait for it.
                (RecordKind::Instrument, "instId" | "instrument_id")
                    if value.is_null() || value.str().is_ok_and(str::is_empty) =>
                {
                    return Ok(());
                }
                _ => self.member(key, value, record, unread, &mut read)?,
            }
        }
        let is_nested = matches!(self.kind, RecordKind::Liquidation | RecordKind::BlockLeg);
        if !is_nested {
            return self.finish(item, record, read, each);
        }
        // Each element has what the item has, and its own.
        let (outer, read) = (*record, read);
        let nested = nested.ok_or_else(|| item.error(Kind::MissingField))?;
        for element in nested.array()?.1 {
            let mut read = read;
            *record = outer;
            for (key, value) in element.object()? {
                self.member(key, value, record, unread, &mut read)?;
            }
            self.finish(element, record, read, each)?;
        }
        Ok(())
    }

    fn member<'t>(
        &self,
        key: &'t str,
        value: Value<'_, '_, 't>,
        record: &mut Record,
        unread: &mut UnreadCounts,
        read: &mut Read<'t>,
    ) -> Result<(), DecodeError> {
        let is_key = match self.head.channel.key() {
            ChannelKey::InstId | ChannelKey::SprdId => {
                matches!(key, "instId" | "instrument_id" | "sprdId")
            }
            ChannelKey::InstType => key == "instType",
            ChannelKey::Underlying => key == "underlying",
            ChannelKey::InstFamily | ChannelKey::OptionFamily => key == "instFamily",
            ChannelKey::TypeAndFamily | ChannelKey::Nothing | ChannelKey::Raw => false,
        };
        if is_key {
            read.key = if value.is_null() { None } else { Some(value.str()?) };
        }
        match key {
            "ts" | "timestamp" => read.ts_event = self.time(value)?,
            "cTime" if self.kind == RecordKind::BlockLeg => read.ts_event = self.time(value)?,
            _ => read.seen |= self.set(key, value, record, unread)?,
        }
        Ok(())
    }

    fn time(&self, value: Value<'_, '_, '_>) -> Result<Option<UnixNanos>, DecodeError> {
        if value.is_null() {
            return Ok(None);
        }
        let text = value.number()?;
        let time = match self.dialect {
            Dialect::V3 => UnixNanos::parse_iso_ms(text.bytes()),
            Dialect::V5 => UnixNanos::parse_millis(text.bytes()),
        };
        time.map(Some).ok_or_else(|| value.error(Kind::Timestamp))
    }

    /// Sets a field, if the key is one of a field.
    fn set(
        &self,
        key: &str,
        value: Value<'_, '_, '_>,
        record: &mut Record,
        unread: &mut UnreadCounts,
    ) -> Result<u32, DecodeError> {
        let digits;
        let raw = if value.is_null() {
            RawValue::Text("")
        } else if let Ok(text) = value.str() {
            RawValue::Text(text)
        } else if let Some(bool) = value.bool() {
            RawValue::Bool(bool)
        } else if let Ok(number) = value.number() {
            digits = number;
            match &digits {
                Digits::Quoted(bytes) | Digits::Bare(bytes) => RawValue::Number(bytes),
            }
        } else {
            RawValue::Nested
        };
        match record.data.set(key, raw, self.dialect) {
            Ok(bit) => Ok(bit),
            Err(FieldError::Number(error))
                if (matches!(error, DecimalError::Overflow | DecimalError::Scale)
                    || matches!(raw, RawValue::Text("∞" | "-∞")))
                    && record.data.set(key, RawValue::Text(""), self.dialect).is_ok() =>
            {
                // An optional number that does not fit is absent, never rounded. v3 sends infinite
                // greeks of an option that expires.
                unread.count(OptionalField::Value);
                Ok(0)
            }
            Err(error) => Err(value.error(kind_of(error))),
        }
    }

    /// Reads a bar: its start, then what [`BAR`] names.
    fn bar<'t>(
        &self,
        bar: Value<'_, '_, 't>,
        record: &mut Record,
        unread: &mut UnreadCounts,
        read: &mut Read<'t>,
    ) -> Result<(), DecodeError> {
        let (len, mut elements) = bar.array()?;
        let has_volume = !matches!(self.head.channel.key(), ChannelKey::SprdId);
        let keys = match (self.dialect, len) {
            (Dialect::V5, 6) => BAR[0],
            (Dialect::V3, 6) => BAR[1],
            (Dialect::V5, 7) if !has_volume => BAR[3],
            (_, 7) => BAR[2],
            (Dialect::V5, 9..) => BAR[4],
            _ => return Err(bar.error(Kind::LevelShape)),
        };
        let start = elements.next().ok_or_else(|| bar.error(Kind::LevelShape))?;
        read.seen |= self.set("start", start, record, unread)?;
        for (key, value) in keys.iter().zip(elements) {
            read.seen |= self.set(key, value, record, unread)?;
        }
        Ok(())
    }

    /// Checks a record that has been read, and passes it on.
    fn finish<'t>(
        &self,
        item: Value<'_, '_, 't>,
        record: &mut Record,
        read: Read<'t>,
        each: &mut dyn FnMut(Topic<'_>, &Record),
    ) -> Result<(), DecodeError> {
        if self.kind.required() & !read.seen != 0 {
            return Err(item.error(Kind::MissingField));
        }
        record.ts_event = match read.ts_event {
            Some(ts_event) => ts_event,
            None if self.may_lack_time() => UnixNanos::UNKNOWN,
            None => return Err(item.error(Kind::MissingField)),
        };
        let key = match (self.head.key, read.key) {
            _ if self.head.key_kind() == ChannelKey::Nothing => "",
            (Some(key), Some(own))
                if self.head.channel.key() == ChannelKey::InstId && own != key =>
            {
                return Err(item.error(Kind::OtherInstrument));
            }
            (Some(key), _) | (None, Some(key)) => key,
            (None, None) => return Err(item.error(Kind::MissingField)),
        };
        let is_keyed = self.head.key_kind() != ChannelKey::Nothing;
        if is_keyed && key.is_empty() || key.len() > MAX_ID_LEN {
            return Err(item.error(Kind::InstrumentId));
        }
        let RecordHead { channel, market, .. } = self.head;
        each(Topic { channel, market, inst_id: key }, record);
        Ok(())
    }

    /// Whether messages of this kind have no time of their own.
    const fn may_lack_time(&self) -> bool {
        match self.kind {
            RecordKind::Candle | RecordKind::Instrument | RecordKind::EventContract => true,
            // v3's, and v5's of 2021, have the time of the payment alone.
            RecordKind::FundingRate => true,
            _ => false,
        }
    }
}

const fn kind_of(error: FieldError) -> Kind {
    match error {
        FieldError::Type => Kind::WrongType,
        FieldError::Number(DecimalError::Overflow) => Kind::NumberOverflow,
        FieldError::Number(DecimalError::Scale) => Kind::NumberScale,
        FieldError::Number(_) => Kind::Number,
        FieldError::Time => Kind::Timestamp,
        FieldError::Side => Kind::Side,
        FieldError::Id => Kind::InstrumentId,
    }
}
