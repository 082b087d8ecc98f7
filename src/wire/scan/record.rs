//! Records of flat objects: any order of keys, no SIMD.
//!
//! Source: `{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT",…}]}`.

use super::cursor::declined;
use super::scanned::{Scanned, Target};
use super::text::PaddedText;
use crate::model::{
    Channel, ChannelKey, ChannelKind, Dialect, MAX_ID_LEN, RawValue, RecordData, RecordKind,
    UnixNanos,
};
use crate::wire::scratch::Scratch;

/// What is left of a text.
struct Rest<'t>(&'t [u8]);

impl<'t> Rest<'t> {
    fn expect(&mut self, literal: &[u8]) -> Option<()> {
        let Some(rest) = self.0.strip_prefix(literal) else { return declined() };
        self.0 = rest;
        Some(())
    }

    fn accept(&mut self, literal: &[u8]) -> bool {
        let rest = self.0.strip_prefix(literal);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// The text up to the next quote, which is skipped. Declines what needs unescaping and what is
    /// not ASCII.
    fn text(&mut self) -> Option<&'t str> {
        let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'"' && *byte != b'\\';
        let len = self.0.iter().position(|byte| !is_plain(byte))?;
        let (text, rest) = self.0.split_at_checked(len)?;
        let Some((b'"', rest)) = rest.split_first() else { return declined() };
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn value(&mut self) -> Option<RawValue<'t>> {
        if self.accept(b"\"") {
            return self.text().map(RawValue::Text);
        }
        if self.accept(b"true") {
            return Some(RawValue::Bool(true));
        }
        if self.accept(b"false") {
            return Some(RawValue::Bool(false));
        }
        // An integer or a plain decimal; any other number is for the general parser.
        let is_of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'.');
        let len = self.0.iter().position(|byte| !is_of_number(byte))?;
        let (digits, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        crate::model::Decimal::parse(digits).ok()?;
        Some(RawValue::Number(digits))
    }
}

/// Reads a message of one flat record. Not inlined: the code of books does not pay for it.
#[inline(never)]
pub(super) fn read<'t>(
    text: PaddedText<'t>,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> Option<()> {
    let (channel, inst_id) = scan(text.bytes(), scratch)?;
    target.take(Scanned::Record { channel, inst_id }, scratch);
    Some(())
}

fn scan<'t>(text: &'t [u8], scratch: &mut Scratch) -> Option<(Channel, &'t str)> {
    let rest = &mut Rest(text);
    rest.expect(b"{\"arg\":{\"channel\":\"")?;
    let channel = Channel::from_name(Dialect::V5, rest.text()?.as_bytes())?;
    let ChannelKind::Latest(kind) = channel.kind() else { return declined() };
    match channel.key() {
        ChannelKey::InstId => rest.expect(b",\"instId\":\"")?,
        ChannelKey::SprdId => rest.expect(b",\"sprdId\":\"")?,
        _ => return declined(),
    }
    let id = rest.text().filter(|id| (1..=MAX_ID_LEN).contains(&id.len()))?;
    rest.expect(b"},\"data\":[{")?;
    // Bars are arrays.
    if kind == RecordKind::Candle {
        return declined();
    }
    let record = &mut scratch.record;
    record.data = RecordData::empty(kind);
    let (mut ts_event, mut seen) = (None, 0);
    loop {
        rest.expect(b"\"")?;
        let key = rest.text()?;
        rest.expect(b":")?;
        let value = rest.value()?;
        match (key, value) {
            ("ts", RawValue::Text(text)) => {
                ts_event = Some(UnixNanos::parse_millis(text.as_bytes())?);
            }
            ("ts", _) => return declined(),
            ("instId" | "sprdId", RawValue::Text(own)) if own == id => {}
            ("instId" | "sprdId", _) => return declined(),
            _ => seen |= record.data.set(key, value, Dialect::V5).ok()?,
        }
        if !rest.accept(b",") {
            break;
        }
    }
    rest.expect(b"}]}")?;
    if !rest.0.is_empty() || kind.required() & !seen != 0 {
        return declined();
    }
    record.ts_event = ts_event?;
    Some((channel, id))
}
