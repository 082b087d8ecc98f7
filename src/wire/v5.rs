//! Dialect v5 ("OKX", 2021 to today).
//!
//! Data: `{"arg":{"channel":…,"instId":…},"data":[…]}`, with `"action"` between the two if the
//! channel is incremental. Replies: `{"event":…}`, with the `arg` of the request.

use super::arg::{Arg, KeyText, argument};
use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::item::{Fields, Head, ItemForm, emit};
use super::json::{Document, Value};
use super::record::{self, RecordHead};
use super::request_op::RequestOp;
use super::scratch::Scratch;
use crate::event::{Control, ControlKind, Event, EventSink, Skipped};
use crate::model::{InstrumentCodes, Subscription, UnixNanos};

/// Emits the events of one message to the sink. Returns their number.
///
/// # Errors
/// If the message is malformed; then no event is emitted.
pub(super) fn parse(
    document: &Document<'_, '_>,
    ts_recv: UnixNanos,
    codes: Option<&InstrumentCodes>,
    scratch: &mut Scratch,
    sink: &mut impl EventSink,
) -> Result<u32, DecodeError> {
    let root = document.root();
    let (mut action, mut data, mut event, mut named) = (None, None, None, None);
    let mut arg = Arg::default();
    let mut control = Control { ts_recv, ..Control::new(ControlKind::Error) };
    for (key, value) in root.object()? {
        // Of a repeated key the last occurrence is used, and `null` is treated as absent.
        let value = Some(value).filter(|value| !value.is_null());
        let text = value.and_then(|value| value.str().ok());
        match key {
            "arg" => arg = Arg::read(value)?,
            "action" => action = value,
            "data" => data = value,
            "event" => event = value.map(|value| value.str()).transpose()?,
            // The other fields of a reply are optional and ignored if they cannot be read.
            "channel" => named = text,
            "msg" => control.message = text,
            "code" => control.code = value.and_then(|value| value.integer().ok()),
            "id" => control.id = text,
            _ => {}
        }
    }
    let channel = arg.known();
    let mut room = KeyText::new();
    let key = arg.key(channel, &mut room);
    if event.is_some() || (data.is_none() && control.code.is_some()) {
        // The reply to a rejected key has no event: {"msg":"Invalid apiKey","code":"60005",…}.
        (control.channel, control.inst_id) = (arg.channel.or(named), key);
        control.inst_id_code = arg.inst_id_code;
        control.kind = event.map_or(ControlKind::Error, ControlKind::from_name);
        if control.kind == ControlKind::Login {
            control.success = control.code.map(|code| code == 0);
        }
        let coded = control.inst_id_code.and_then(|code| codes?.id(code));
        let inst_id = control.inst_id.or(coded);
        sink.on_event(&Event::Control(Control { inst_id, ..control }));
        return Ok(1);
    }
    let Some(channel) = channel else {
        let channel = arg.channel.unwrap_or_default();
        let key = arg.raw_key(&mut room).unwrap_or_default();
        let text = if key.is_empty() { "" } else { document.text() };
        sink.on_event(&Event::Skipped(Skipped { channel, key, text, ts_recv }));
        return Ok(1);
    };
    let data = data.ok_or_else(|| root.error(Kind::MissingField))?;
    if let Some(kind) = channel.kind().record() {
        let head = RecordHead { kind, channel, market: None, key, ts_recv };
        return record::emit(head, data, scratch, sink);
    }
    let head = Head { channel, market: None, inst_id: arg.instrument(), ts_recv };
    emit(FORM, head, action, data, scratch, sink)
}

const FORM: ItemForm = ItemForm { field, time: UnixNanos::parse_millis };

/// Source: `docs/PROTOCOL.md` 6 to 8.
fn field<'p, 'v, 'd, 't>(
    fields: &'p mut Fields<'v, 'd, 't>,
    key: &str,
) -> Option<&'p mut Option<Value<'v, 'd, 't>>> {
    Some(match key {
        "asks" => &mut fields.asks,
        "bids" => &mut fields.bids,
        "instId" | "sprdId" => &mut fields.inst_id,
        "ts" => &mut fields.ts,
        "checksum" => &mut fields.checksum,
        "seqId" => &mut fields.seq,
        "prevSeqId" => &mut fields.prev_seq,
        "side" => &mut fields.side,
        "tradeId" => &mut fields.trade_id,
        "px" => &mut fields.px,
        "sz" => &mut fields.sz,
        "count" => &mut fields.count,
        "source" => &mut fields.source,
        _ => return None,
    })
}

/// Writes `{"id":"1","op":"subscribe","args":[{"channel":"books5","instId":"BTC-USDT"},…]}`.
pub(super) fn write_request(
    out: &mut String,
    op: RequestOp,
    id: u64,
    subscriptions: &[Subscription],
) {
    write(out, op, id, subscriptions.iter().map(argument));
}

/// Writes `{"id":"1","op":"subscribe","args":[{"channel":"trades","instIdCode":211874},…]}`.
pub(super) fn write_sbe_request(
    out: &mut String,
    op: RequestOp,
    id: u64,
    subscriptions: &[Subscription],
    codes: &InstrumentCodes,
) {
    let coded = |subscription: &Subscription| match codes.code(subscription.inst_id()) {
        Some(code) => {
            format!(r#"{{"channel":"{}","instIdCode":{code}}}"#, subscription.channel())
        }
        None => argument(subscription),
    };
    write(out, op, id, subscriptions.iter().map(coded));
}

fn write(out: &mut String, op: RequestOp, id: u64, arguments: impl Iterator<Item = String>) {
    let arguments: Vec<_> = arguments.collect();
    let (op, arguments) = (op.name(), arguments.join(","));
    out.push_str(&format!(r#"{{"id":"{id}","op":"{op}","args":[{arguments}]}}"#));
}
