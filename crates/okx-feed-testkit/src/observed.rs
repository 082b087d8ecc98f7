//! Events as plain owned data, so that two decoders can be compared.

use okx_feed::book::BookFlags;
use okx_feed::model::{FieldValue, RecordKind};
use okx_feed::wire::Decoded;
use okx_feed::{
    Control, DecodeError, Decoder, Event, Frame, Level, Price, RecordUpdate, UnixNanos,
};

/// The time of receipt of all frames of these tests.
pub const TS_RECV: UnixNanos = UnixNanos(77);

/// One event, with numbers as text.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Book(Head, Vec<[String; 3]>, Vec<[String; 3]>, Flags),
    Trade(Head, [String; 6]),
    Depth(Head, Change, Vec<[String; 3]>, Vec<[String; 3]>),
    /// The record's type, and its fields that are there.
    Record(String, Head, Vec<(String, String)>),
    Control(Box<Reply>),
    Skipped(String),
}

/// The common members of books, trades and changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub market: Option<String>,
    pub channel: String,
    pub inst_id: String,
    pub ts_event: u64,
    pub seq: i64,
}

/// A book's flags: crossed, unsorted, with an empty level.
pub type Flags = [bool; 3];

#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub snapshot: bool,
    pub prev_seq: i64,
    pub checksum: Option<i32>,
    /// The sizes of asks and bids without RPI orders.
    pub non_rpi: Option<[Vec<String>; 2]>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    pub kind: String,
    pub code: Option<i64>,
    pub message: Option<String>,
    pub market: Option<String>,
    pub channel: Option<String>,
    pub inst_id: Option<String>,
    pub id: Option<String>,
    pub success: Option<bool>,
}

/// The result of a decoder for a frame, and the path that it took.
pub fn decode(
    decoder: &mut Decoder,
    frame: Frame<'_>,
) -> Result<(Vec<Seen>, Decoded), DecodeError> {
    let mut seen = Vec::new();
    let decoded = decoder.decode(frame, TS_RECV, &mut |event: &Event<'_>| {
        assert_eq!(event.ts_recv(), TS_RECV);
        seen.push(see(event));
    });
    match decoded {
        Ok(decoded) => {
            assert_eq!(usize::try_from(decoded.events).unwrap(), seen.len());
            Ok((seen, decoded))
        }
        Err(error) => {
            assert!(seen.is_empty(), "a refused frame gave events: {seen:?}");
            Err(error)
        }
    }
}

fn see(event: &Event<'_>) -> Seen {
    match event {
        Event::Book(update) => {
            let book = update.book;
            let head = Head {
                market: update.topic.market.map(|market| market.to_string()),
                channel: update.topic.channel.to_string(),
                inst_id: update.topic.inst_id.to_owned(),
                ts_event: book.ts_event.0,
                seq: book.seq,
            };
            let flags = book.flags();
            let flags = [BookFlags::CROSSED, BookFlags::UNSORTED, BookFlags::EMPTY_LEVEL]
                .map(|flag| flags.contains(flag));
            Seen::Book(head, levels(book.asks()), levels(book.bids()), flags)
        }
        Event::Trade(update) => {
            let trade = &update.trade;
            assert!(!update.replayed && update.missed == 0, "a decoder knows of no trade before");
            let head = Head {
                market: update.topic.market.map(|market| market.to_string()),
                channel: update.topic.channel.to_string(),
                inst_id: update.topic.inst_id.to_owned(),
                ts_event: trade.ts_event.0,
                seq: trade.seq,
            };
            let (side, id) = (trade.side().to_string(), trade.trade_id.to_string());
            let (count, source) = (trade.count.to_string(), trade.source.to_string());
            Seen::Trade(head, [side, id, number(trade.px()), number(trade.sz()), count, source])
        }
        Event::Depth(update) => {
            let head = Head {
                market: update.topic.market.map(|market| market.to_string()),
                channel: update.topic.channel.to_string(),
                inst_id: update.topic.inst_id.to_owned(),
                ts_event: update.ts_event.0,
                seq: update.seq,
            };
            let change = Change {
                snapshot: update.action.name() != "update",
                prev_seq: update.prev_seq,
                checksum: update.checksum,
                non_rpi: update.non_rpi.map(|sizes| {
                    [sizes.asks, sizes.bids].map(|s| s.iter().map(|sz| number(*sz)).collect())
                }),
            };
            Seen::Depth(head, change, levels(update.asks), levels(update.bids))
        }
        Event::Record(update) => record(update),
        Event::Control(control) => Seen::Control(Box::new(reply(control))),
        Event::Skipped(skipped) => Seen::Skipped(skipped.channel.to_owned()),
        other => panic!("no decoder gives this: {other:?}"),
    }
}

fn record(update: &RecordUpdate<'_>) -> Seen {
    let head = Head {
        market: update.topic.market.map(|market| market.to_string()),
        channel: update.topic.channel.to_string(),
        inst_id: update.topic.inst_id.to_owned(),
        ts_event: update.record.ts_event.0,
        seq: 0,
    };
    let mut fields = Vec::new();
    update.record.data.fields(&mut |name, value| {
        let text = match value {
            FieldValue::Absent | FieldValue::AbsentTime => return,
            FieldValue::Decimal(value) => number(value),
            FieldValue::Text(text) => text.to_owned(),
            FieldValue::Time(time) => time.0.to_string(),
            FieldValue::Bool(value) => value.to_string(),
            FieldValue::Integer(value) => value.to_string(),
            other => panic!("a new kind of value: {other:?}"),
        };
        fields.push((name.to_owned(), text));
    });
    let kind = update.record.data.kind().map_or("", RecordKind::name);
    Seen::Record(kind.to_owned(), head, fields)
}

fn reply(control: &Control<'_>) -> Reply {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Reply {
        kind: control.kind.name().to_owned(),
        code: control.code,
        message: owned(control.message),
        market: owned(control.market),
        channel: owned(control.channel),
        inst_id: owned(control.inst_id),
        id: owned(control.id),
        success: control.success,
    }
}

fn levels(levels: &[Level]) -> Vec<[String; 3]> {
    levels.iter().map(|l| [number(l.px()), number(l.sz()), l.orders().to_string()]).collect()
}

/// A number's text by its parts, not by the crate's own way to print it.
fn number(number: Price) -> String {
    let scale = usize::from(number.scale());
    let sign = if number.mantissa() < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", number.mantissa().unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}
