//! Records as JSON: each field by its name in the library.

use super::members::{Stamp, close, market, open};
use super::text::{key, put_bool, put_decimal, put_optional, put_str, put_u64};
use okx_feed::RecordUpdate;
use okx_feed::model::{ChannelKey, FieldValue, Instrument, RecordData, RecordKind};

/// The longest name of an event.
const NAME_LEN: usize = 32;

/// Appends a record as one object and a line end. Its event is the kind in snake case.
///
/// `inst_id` is the instrument that the record is of; `key`, of channels that are not keyed by
/// instrument, what else they are keyed by.
pub fn write_record(out: &mut Vec<u8>, stamp: Stamp, update: &RecordUpdate<'_>) {
    let (data, topic) = (&update.record.data, update.topic);
    let mut name = [0; NAME_LEN];
    open(out, stamp, snake_case(data.kind().map_or("", RecordKind::name), &mut name));
    key(out, b"channel");
    put_str(out, topic.channel.name());
    let is_by_id = matches!(topic.channel.key(), ChannelKey::InstId | ChannelKey::SprdId);
    key(out, b"inst_id");
    let at = out.len();
    put_optional(out, is_by_id.then_some(topic.inst_id), put_str);
    data.fields(&mut |name, value| {
        if let ("inst_id", FieldValue::Text(own)) = (name, value) {
            out.truncate(at);
            put_str(out, own);
        }
    });
    if !is_by_id {
        key(out, b"key");
        put_str(out, topic.inst_id);
    }
    key(out, b"ts_ns");
    put_u64(out, update.record.ts_event.0);
    data.fields(&mut |name, value| {
        if name != "inst_id" {
            member(out, name, value);
        }
    });
    market(out, topic.market);
    close(out, stamp);
}

/// Appends an instrument of the catalogue as one object and a line end.
pub fn write_instrument(out: &mut Vec<u8>, row: &Instrument) {
    out.extend_from_slice(b"{\"event\":\"instrument\"");
    RecordData::Instrument(*row).fields(&mut |name, value| member(out, name, value));
    out.extend_from_slice(b"}\n");
}

fn member(out: &mut Vec<u8>, name: &str, value: FieldValue<'_>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    let is_time = matches!(value, FieldValue::Time(_) | FieldValue::AbsentTime);
    out.extend_from_slice(if is_time { b"_ns\":" } else { b"\":" });
    match value {
        FieldValue::Decimal(number) => put_decimal(out, number),
        FieldValue::Text(text) => put_str(out, text),
        FieldValue::Time(time) => put_u64(out, time.0),
        FieldValue::Bool(value) => put_bool(out, value),
        FieldValue::Integer(value) => put_u64(out, value),
        _ => out.extend_from_slice(b"null"),
    }
}

/// The kind of record that an event of this name has.
#[must_use]
pub fn kind_of(event: &str) -> Option<RecordKind> {
    let name = |kind: &RecordKind| snake_case(kind.name(), &mut [0; NAME_LEN]) == event.as_bytes();
    RecordKind::ALL.into_iter().find(name)
}

/// `MarkPrice` as `mark_price`.
fn snake_case<'n>(name: &str, room: &'n mut [u8; NAME_LEN]) -> &'n [u8] {
    let mut len = 0;
    let mut put = |byte| {
        if let Some(place) = room.get_mut(len) {
            *place = byte;
            len += 1;
        }
    };
    for (at, byte) in name.bytes().enumerate() {
        if byte.is_ascii_uppercase() && at > 0 {
            put(b'_');
        }
        put(byte.to_ascii_lowercase());
    }
    room.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_that_fits() {
        for kind in RecordKind::ALL {
            let mut room = [0; NAME_LEN];
            let name = String::from_utf8(snake_case(kind.name(), &mut room).to_vec()).unwrap();
            assert_eq!(name.replace('_', ""), kind.name().to_lowercase());
        }
        assert_eq!(snake_case("MarkPrice", &mut [0; NAME_LEN]), b"mark_price");
    }
}
