//! Records: all channels that are neither books nor trades.

use okx_feed::Dialect;

use super::fields::{Field, RECORDS, Type};
use super::times::{iso, iso_or_date, millis};
use crate::big::{self, Big, Refused};
use crate::json::Json;
use crate::observed::{Head, Seen};

/// The most records of a message.
const MAX_RECORDS: usize = 8192;

/// What a channel is keyed by.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Key {
    Instrument,
    Spread,
    Family,
    Underlying,
    Kind,
    KindAndFamily,
    Nothing,
}

/// The record and the key of a channel; `None` if it has none.
pub(super) fn of_channel(
    dialect: Dialect,
    market: Option<&str>,
    channel: &str,
) -> Option<(&'static str, Key)> {
    let is_bar = |name: &str| {
        let plain = name.strip_suffix("utc").unwrap_or(name);
        let of_utc = ["6H", "12H", "1D", "2D", "3D", "5D", "1W", "1M", "3M"].contains(&plain);
        let hours = ["1s", "1m", "3m", "5m", "15m", "30m", "1H", "2H", "4H"].contains(&plain);
        of_utc || hours && plain == name
    };
    Some(match (dialect, channel) {
        (Dialect::V3, "ticker") if market == Some("index") => ("IndexTicker", Key::Instrument),
        (Dialect::V3, "ticker") => ("Ticker", Key::Instrument),
        (Dialect::V3, "mark_price") => ("MarkPrice", Key::Instrument),
        (Dialect::V3, "price_range") => ("PriceLimit", Key::Instrument),
        (Dialect::V3, "funding_rate") => ("FundingRate", Key::Instrument),
        (Dialect::V3, "estimated_price") => ("EstimatedPrice", Key::Instrument),
        (Dialect::V3, "instruments") if market == Some("futures") => ("Instrument", Key::Nothing),
        (Dialect::V3, "instruments") => ("Instrument", Key::Underlying),
        (Dialect::V3, "summary") => ("OptionDetail", Key::Underlying),
        (Dialect::V3, name) => {
            let seconds = name.strip_prefix("candle")?.strip_suffix('s')?;
            let bars = ["60", "180", "300", "900", "1800", "3600", "7200", "14400"];
            let days = ["21600", "43200", "86400", "604800"];
            let is_bar = bars.contains(&seconds) || days.contains(&seconds);
            return is_bar.then_some(("Candle", Key::Instrument));
        }
        (_, "tickers") => ("Ticker", Key::Instrument),
        (_, "sprd-tickers") => ("Ticker", Key::Spread),
        (_, "mark-price") => ("MarkPrice", Key::Instrument),
        (_, "index-tickers") => ("IndexTicker", Key::Instrument),
        (_, "funding-rate") => ("FundingRate", Key::Instrument),
        (_, "open-interest") => ("OpenInterest", Key::Instrument),
        (_, "price-limit") => ("PriceLimit", Key::Instrument),
        (_, "estimated-price") => ("EstimatedPrice", Key::KindAndFamily),
        (_, "liquidation-orders") => ("Liquidation", Key::Kind),
        (_, "opt-summary") => ("OptionSummary", Key::Family),
        (_, "option-trades") => ("OptionTrade", Key::Family),
        (_, "status") => ("Status", Key::Nothing),
        (_, "instruments") => ("Instrument", Key::Kind),
        (_, "event-contract-markets") => ("EventContract", Key::Kind),
        (_, "call-auction-details") => ("CallAuction", Key::Instrument),
        (_, "adl-warning") => ("AdlWarning", Key::KindAndFamily),
        (_, "block-tickers") => ("BlockTicker", Key::Instrument),
        (_, "public-block-trades") => ("BlockTrade", Key::Instrument),
        (_, "public-struc-block-trades") => ("BlockLeg", Key::Nothing),
        (_, name) => {
            let families = ["mark-price-candle", "index-candle", "sprd-candle", "candle"];
            let (family, bar) = families
                .into_iter()
                .find_map(|family| Some((family, name.strip_prefix(family)?)))?;
            let key = if family == "sprd-candle" { Key::Spread } else { Key::Instrument };
            return is_bar(bar).then_some(("Candle", key));
        }
    })
}

/// The members of `arg` besides the channel.
#[derive(Default)]
pub(super) struct Arg {
    pub(super) inst_id: Option<String>,
    pub(super) inst_type: Option<String>,
    pub(super) inst_family: Option<String>,
    pub(super) sprd_id: Option<String>,
}

impl Arg {
    /// The key as a subscription writes it.
    pub(super) fn key(&self, key: Option<Key>) -> Option<String> {
        let Self { inst_id, inst_type, inst_family, sprd_id } = self;
        match key {
            None => {
                [inst_id, inst_family, sprd_id, inst_type].into_iter().flatten().next().cloned()
            }
            Some(Key::Instrument) => inst_id.clone(),
            Some(Key::Spread) => sprd_id.clone(),
            Some(Key::Family) => inst_family.clone(),
            Some(Key::Kind) => inst_type.clone(),
            Some(Key::Nothing | Key::Underlying) => None,
            Some(Key::KindAndFamily) => match inst_family.as_ref().or(inst_id.as_ref()) {
                None => inst_type.clone(),
                Some(second) => {
                    let both = format!("{}/{second}", inst_type.as_ref()?);
                    (both.len() <= 63).then_some(both)
                }
            },
        }
    }
}

/// The envelope of a message of records.
pub(super) struct Records<'m> {
    pub(super) dialect: Dialect,
    pub(super) market: Option<&'m str>,
    pub(super) channel: &'m str,
    pub(super) name: &'static str,
    pub(super) key: Key,
    pub(super) arg_key: Option<String>,
}

/// A record that is being read.
#[derive(Clone, Default)]
struct Reading {
    ts: Option<u64>,
    key: Option<String>,
    values: Vec<Option<String>>,
}

impl Records<'_> {
    /// The records of a message; `None` if it must be refused.
    pub(super) fn all(&self, data: &Json) -> Option<Vec<Seen>> {
        let mut items = data.list()?;
        if let (Dialect::V3, "instruments", [only]) = (self.dialect, self.channel, items)
            && let Some(inner) = only.list()
        {
            items = inner;
        }
        if items.len() > MAX_RECORDS {
            return None;
        }
        let mut seen = Vec::new();
        for item in items {
            self.item(item, &mut seen)?;
        }
        (seen.len() <= MAX_RECORDS).then_some(seen)
    }

    fn fields(&self) -> &'static [Field] {
        RECORDS.iter().find(|(name, _)| *name == self.name).unwrap().1
    }

    fn item(&self, item: &Json, seen: &mut Vec<Seen>) -> Option<()> {
        let mut reading = Reading { values: vec![None; self.fields().len()], ..Reading::default() };
        if self.name == "Candle" && self.dialect == Dialect::V5 {
            self.bar(item, &mut reading)?;
            seen.push(self.finish(&reading)?);
            return Some(());
        }
        let inner = match self.name {
            "Liquidation" => Some("details"),
            "BlockLeg" => Some("legs"),
            _ => None,
        };
        let mut list = None;
        for (key, value) in item.members()? {
            let is_empty = *value == Json::Null || value.text() == Some("");
            if self.name == "Instrument"
                && ["instId", "instrument_id"].contains(&key.as_str())
                && is_empty
            {
                // Announced, without an id yet.
                return Some(());
            }
            if Some(&**key) == inner {
                list = Some(value);
            } else if self.name == "Candle" && key == "candle" {
                self.bar(value, &mut reading)?;
            } else {
                self.member(key, value, &mut reading)?;
            }
        }
        if inner.is_none() {
            seen.push(self.finish(&reading)?);
            return Some(());
        }
        for element in list?.list()? {
            let mut reading = reading.clone();
            for (key, value) in element.members()? {
                self.member(key, value, &mut reading)?;
            }
            seen.push(self.finish(&reading)?);
        }
        Some(())
    }

    fn member(&self, key: &str, value: &Json, reading: &mut Reading) -> Option<()> {
        let is_key = match self.key {
            Key::Instrument | Key::Spread => ["instId", "instrument_id", "sprdId"].contains(&key),
            Key::Kind => key == "instType",
            Key::Family => key == "instFamily",
            Key::Underlying => key == "underlying",
            Key::KindAndFamily | Key::Nothing => false,
        };
        if is_key {
            reading.key = if *value == Json::Null { None } else { Some(value.text()?.to_owned()) };
        }
        if ["ts", "timestamp"].contains(&key) || key == "cTime" && self.name == "BlockLeg" {
            reading.ts =
                if *value == Json::Null { None } else { Some(self.time(value.number()?)?) };
            return Some(());
        }
        self.set(key, value, reading)
    }

    fn time(&self, text: &str) -> Option<u64> {
        if self.dialect == Dialect::V3 { iso(text) } else { millis(text) }
    }

    fn field_time(&self, text: &str) -> Option<u64> {
        if self.dialect == Dialect::V3 { iso_or_date(text) } else { millis(text) }
    }

    /// Reads a field; `None` if the message must be refused.
    fn set(&self, key: &str, value: &Json, reading: &mut Reading) -> Option<()> {
        let fields = self.fields();
        let Some(at) = fields.iter().position(|(_, keys, _)| keys.contains(&key)) else {
            return Some(());
        };
        reading.values[at] = self.value(fields[at].2, value)?;
        Some(())
    }

    /// The value of a field, the inner `None` if it is absent.
    fn value(&self, kind: Type, value: &Json) -> Option<Option<String>> {
        let is_empty = *value == Json::Null || value.text() == Some("");
        let number = |text: &str| match Big::decimal(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Big::value(text),
        };
        Some(match kind {
            Type::NeedsNumber => Some(number(value.number()?).ok()?),
            Type::NeedsTime => Some(self.field_time(value.number()?)?.to_string()),
            Type::Id => Some(value.text()?.to_owned()).filter(|id| (1..=63).contains(&id.len())),
            Type::Side => Some(value.text()?.to_owned()).filter(|s| s == "buy" || s == "sell"),
            _ if is_empty => return Some(None),
            Type::Number if matches!(value.text(), Some("∞" | "-∞")) => return Some(None),
            Type::Number => match number(value.number()?) {
                Ok(text) => return Some(Some(text)),
                Err(Refused::Syntax) => return None,
                Err(Refused::Overflow | Refused::Scale) => return Some(None),
            },
            Type::Time => Some(self.field_time(value.number()?)?.to_string()),
            Type::Count => match big::integer(value.number()?, "0", "9223372036854775807") {
                Some(text) => Some(text),
                None if too_large(value.number()?) => return Some(None),
                None => return None,
            },
            Type::Flag => Some(match (value, value.text()) {
                (_, Some("1" | "true")) => "true".to_owned(),
                (_, Some("0" | "false")) => "false".to_owned(),
                (_, Some(_)) => return None,
                _ => match value.flag() {
                    Some(flag) => flag.to_string(),
                    None => match value.number()? {
                        "1" => "true".to_owned(),
                        "0" => "false".to_owned(),
                        _ => return None,
                    },
                },
            }),
            Type::Text(most) => {
                let mut text = value.text()?.to_owned();
                while text.len() > most {
                    text.pop();
                }
                return Some(Some(text).filter(|text| !text.is_empty()));
            }
        })
        .filter(Option::is_some)
    }

    fn bar(&self, bar: &Json, reading: &mut Reading) -> Option<()> {
        let elements = bar.list()?;
        let keys: &[&str] = match (self.dialect, elements.len()) {
            (Dialect::V5, 6) => &["o", "h", "l", "c", "confirm"],
            (Dialect::V3, 6) => &["o", "h", "l", "c", "vol"],
            (Dialect::V5, 7) if self.key == Key::Spread => &["o", "h", "l", "c", "vol", "confirm"],
            (_, 7) => &["o", "h", "l", "c", "vol", "volCcy"],
            (Dialect::V5, 9..) => &["o", "h", "l", "c", "vol", "volCcy", "volCcyQuote", "confirm"],
            _ => return None,
        };
        for (key, value) in ["start"].iter().chain(keys).zip(elements) {
            self.set(key, value, reading)?;
        }
        Some(())
    }

    fn finish(&self, reading: &Reading) -> Option<Seen> {
        let fields = self.fields();
        let needs = |kind: Type| {
            matches!(kind, Type::NeedsNumber | Type::NeedsTime | Type::Side | Type::Id)
        };
        let lacks = |(field, value): (&Field, &Option<String>)| needs(field.2) && value.is_none();
        if fields.iter().zip(&reading.values).any(lacks) {
            return None;
        }
        let is_timeless =
            ["Candle", "Instrument", "EventContract", "FundingRate"].contains(&self.name);
        let ts_event = reading.ts.or_else(|| is_timeless.then_some(0))?;
        let inst_id = match (&self.arg_key, &reading.key) {
            _ if self.key == Key::Nothing => String::new(),
            (Some(arg), Some(own)) if self.key == Key::Instrument && arg != own => return None,
            (Some(key), _) | (None, Some(key)) => key.clone(),
            (None, None) => return None,
        };
        if inst_id.is_empty() && self.key != Key::Nothing || inst_id.len() > 63 {
            return None;
        }
        let head = Head {
            market: self.market.map(str::to_owned),
            channel: self.channel.to_owned(),
            inst_id,
            ts_event,
            seq: 0,
        };
        let named = fields.iter().zip(&reading.values);
        let values = named.filter_map(|(field, value)| Some((field.0.to_owned(), value.clone()?)));
        Some(Seen::Record(self.name.to_owned(), head, values.collect()))
    }
}

/// Whether a text is a whole number that is too large.
fn too_large(text: &str) -> bool {
    Big::decimal(text) == Err(Refused::Overflow) || Big::decimal(text) == Err(Refused::Scale)
}
