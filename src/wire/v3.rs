//! Dialect v3 ("OKEX", 2018 to 2022).
//!
//! Data: `{"table":"<market>/<channel>","data":[…]}`, with `"action"` between the two if the
//! channel is incremental. Replies: `{"event":…}`.

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::item::{Fields, Head, ItemForm, emit};
use super::json::{Document, Value};
use super::record::{self, RecordHead};
use super::request_op::{RequestOp, quoted};
use super::scratch::Scratch;
use crate::event::{Control, ControlKind, Event, EventSink, Skipped};
use crate::model::{Channel, Dialect, Market, Subscription, UnixNanos};

/// Emits the events of one message to the sink. Returns their number.
///
/// # Errors
/// If the message is malformed; then no event is emitted.
pub(super) fn parse(
    document: &Document<'_, '_>,
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    sink: &mut impl EventSink,
) -> Result<u32, DecodeError> {
    let root = document.root();
    let (mut table, mut action, mut data) = (None, None, None);
    let mut event = None;
    let mut control = Control { ts_recv, ..Control::new(ControlKind::Error) };
    for (key, value) in root.object()? {
        // Of a repeated key the last occurrence is used, and `null` is treated as absent.
        let value = Some(value).filter(|value| !value.is_null());
        let text = value.and_then(|value| value.str().ok());
        match key {
            "table" => table = value.map(|value| value.str()).transpose()?,
            "action" => action = value,
            "data" => data = value,
            "event" => event = value.map(|value| value.str()).transpose()?,
            // The other fields of a reply are optional and ignored if they cannot be read.
            "channel" => set_channel(&mut control, text.unwrap_or_default()),
            "message" => control.message = text,
            "errorCode" | "error_code" => {
                control.code = value.and_then(|value| value.integer().ok());
            }
            "success" => control.success = value.and_then(|value| value.bool()),
            _ => {}
        }
    }
    let Some(table) = table else {
        return Ok(other(event, control, sink));
    };
    let (market, channel) = table.split_once('/').unwrap_or(("", table));
    let known = Market::from_name(market.as_bytes())
        .zip(Channel::from_name(Dialect::V3, channel.as_bytes()));
    let Some((market, channel)) = known else {
        sink.on_event(&Event::Skipped(Skipped { channel, key: "", text: "", ts_recv }));
        return Ok(1);
    };
    let data = data.ok_or_else(|| root.error(Kind::MissingField))?;
    if let Some(kind) = channel.kind().record() {
        let head = RecordHead { kind, channel, market: Some(market), key: None, ts_recv };
        return record::emit(head, data, scratch, sink);
    }
    let head = Head { channel, market: Some(market), inst_id: None, ts_recv };
    emit(FORM, head, action, data, scratch, sink)
}

/// A message without a table: a reply, or an unknown message.
fn other<'t>(event: Option<&'t str>, mut control: Control<'t>, sink: &mut impl EventSink) -> u32 {
    match event {
        Some(name) => control.kind = ControlKind::from_name(name),
        None if control.code.is_some() => {}
        None => {
            let ts_recv = control.ts_recv;
            sink.on_event(&Event::Skipped(Skipped { channel: "", key: "", text: "", ts_recv }));
            return 1;
        }
    }
    sink.on_event(&Event::Control(control));
    1
}

/// Splits `spot/trade:DOT-USD` into its parts; a missing part stays `None`.
fn set_channel<'t>(control: &mut Control<'t>, text: &'t str) {
    (control.market, control.channel, control.inst_id) = (None, None, None);
    if text.is_empty() {
        return;
    }
    let (head, inst_id) = match text.split_once(':') {
        Some((head, inst_id)) => (head, Some(inst_id)),
        None => (text, None),
    };
    let (market, channel) = match head.split_once('/') {
        Some((market, channel)) => (Some(market), channel),
        None => (None, head),
    };
    (control.market, control.channel, control.inst_id) = (market, Some(channel), inst_id);
}

const FORM: ItemForm = ItemForm { field, time: UnixNanos::parse_iso_ms };

/// Source: `docs/PROTOCOL.md` 7.1: `qty` for futures and options, `size` elsewhere.
fn field<'p, 'v, 'd, 't>(
    fields: &'p mut Fields<'v, 'd, 't>,
    key: &str,
) -> Option<&'p mut Option<Value<'v, 'd, 't>>> {
    Some(match key {
        "asks" => &mut fields.asks,
        "bids" => &mut fields.bids,
        "instrument_id" => &mut fields.inst_id,
        "timestamp" => &mut fields.ts,
        "checksum" => &mut fields.checksum,
        "side" => &mut fields.side,
        "trade_id" => &mut fields.trade_id,
        "price" => &mut fields.px,
        "size" | "qty" => &mut fields.sz,
        _ => return None,
    })
}

/// Writes `{"op":"subscribe","args":["futures/depth5:BTC-USD-190517",…]}`.
pub(super) fn write_request(out: &mut String, op: RequestOp, subscriptions: &[Subscription]) {
    let arguments: Vec<_> = subscriptions.iter().map(argument).collect();
    out.push_str(&format!(r#"{{"op":"{}","args":[{}]}}"#, op.name(), arguments.join(",")));
}

/// One argument of a request: `"futures/depth5:BTC-USD-190517"`.
pub(super) fn argument(subscription: &Subscription) -> String {
    quoted(&subscription.to_string())
}
