//! Decodes a binary frame into events.

use std::sync::Arc;

use super::label::Label;
use super::message::{Header, Message, Template};
use super::schema::SCHEMA_ID;
use super::values::{Values, code};
use crate::book::DepthUpdate;
use crate::event::{BookUpdate, Event, Skipped, TradeUpdate};
use crate::model::{Channel, InstrumentCodes, Topic, UnixNanos};
use crate::wire::error::{DecodeError, DecodeErrorKind as Kind};
use crate::wire::head::MessageHead;
use crate::wire::prefetch_hint::PrefetchHint;
use crate::wire::scratch::Scratch;
use crate::wire::unread::UnreadCounts;

/// The channel name under which messages of template 1003 and 1004 are counted.
const ELP_CHANNEL: &str = "books-l2-tbt-elp";

/// The name under which bytes after a message are counted that are neither zeros nor a message.
const TAIL: &str = "sbe-tail";

/// Decodes SBE frames. Borrows from the frame, copies only levels, allocates nothing.
#[derive(Debug)]
pub(in crate::wire) struct SbeDecoder {
    codes: Arc<InstrumentCodes>,
    /// The channel and the instrument of the last frame, if it was malformed and held one message.
    malformed: Option<(Channel, i64)>,
}

impl SbeDecoder {
    pub(in crate::wire) const fn new(codes: Arc<InstrumentCodes>) -> Self {
        Self { codes, malformed: None }
    }

    pub(in crate::wire) fn codes(&self) -> &InstrumentCodes {
        &self.codes
    }

    /// The head of the last frame, if it was malformed and names its subscription.
    pub(in crate::wire) fn last_head(&self) -> Option<MessageHead<'_>> {
        let (channel, code) = self.malformed?;
        let inst_id = self.codes.id(code)?;
        Some(MessageHead { channel, market: None, inst_id: Some(inst_id) })
    }

    /// Emits the events of one frame to the sink. Returns their number.
    ///
    /// # Errors
    /// If a message is malformed; then no event of the frame is emitted.
    #[inline]
    pub(in crate::wire) fn decode(
        &mut self,
        frame: &[u8],
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
        sink: &mut impl PrefetchHint,
    ) -> Result<u32, DecodeError> {
        self.malformed = None;
        scratch.unread = UnreadCounts::default();
        let too_short = || DecodeError::new(Kind::Truncated, frame.len());
        let header = Header::of(frame).ok_or_else(too_short)?;
        let Some(template) = header.template() else {
            return Ok(skip(frame, ts_recv, sink));
        };
        let Self { codes, malformed } = self;
        let message = match Message::of(frame, template, header.block_len) {
            Ok(message) => message,
            Err((kind, at)) => {
                *malformed = head(frame, template);
                return Err(DecodeError::new(kind, at));
            }
        };
        let code = code(message.root);
        let id = codes.id(code);
        if let (Template::Bbo, Some(id)) = (template, id) {
            sink.prefetch(Channel::BboTbt, id);
        }
        let values = match Values::read(&message, ts_recv, scratch) {
            Ok(values) => values,
            Err(kind) => {
                *malformed = head(frame, template);
                return Err(DecodeError::new(kind, 0));
            }
        };
        if !is_padding(message.rest) {
            return self.decode_all(frame, ts_recv, scratch, sink);
        }
        emit((code, id), values, ts_recv, scratch, sink);
        Ok(1)
    }

    /// Decodes a frame with bytes after its first message: all of it is checked first.
    #[cold]
    #[inline(never)]
    fn decode_all(
        &self,
        frame: &[u8],
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
        sink: &mut impl PrefetchHint,
    ) -> Result<u32, DecodeError> {
        self.each(frame, ts_recv, scratch, |_, _, _| {})?;
        scratch.unread = UnreadCounts::default();
        let mut events = 0;
        let rest = self.each(frame, ts_recv, scratch, |message, values, scratch| {
            let code = code(message.root);
            emit((code, self.codes.id(code)), values, ts_recv, scratch, sink);
            events += 1;
        })?;
        Ok(events + if is_padding(rest) { 0 } else { skip(rest, ts_recv, sink) })
    }

    /// Reads the messages of a frame one by one. Returns the bytes after the last.
    fn each<'f>(
        &self,
        frame: &'f [u8],
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
        mut take: impl FnMut(&Message<'f>, Values, &Scratch),
    ) -> Result<&'f [u8], DecodeError> {
        let mut rest = frame;
        while !is_padding(rest) {
            let Some((header, template)) = next(rest) else { break };
            let start = frame.len() - rest.len();
            let at = |(kind, at)| DecodeError::new(kind, start + at);
            let message = Message::of(rest, template, header.block_len).map_err(at)?;
            let values = Values::read(&message, ts_recv, scratch).map_err(|kind| at((kind, 0)))?;
            take(&message, values, scratch);
            rest = message.rest;
        }
        Ok(rest)
    }
}

/// Emits the event of a message of an instrument: its code, and its id if that is known.
#[inline(always)]
fn emit(
    (code, id): (i64, Option<&str>),
    values: Values,
    ts_recv: UnixNanos,
    scratch: &Scratch,
    sink: &mut impl PrefetchHint,
) {
    match id {
        Some(id) => emit_of(id, values, ts_recv, scratch, sink),
        None => emit_unnamed(code, values, ts_recv, scratch, sink),
    }
}

/// The event of an instrument without an id.
#[cold]
#[inline(never)]
fn emit_unnamed(
    code: i64,
    values: Values,
    ts_recv: UnixNanos,
    scratch: &Scratch,
    sink: &mut impl PrefetchHint,
) {
    emit_of(Label::of(format_args!("{code}")).as_str(), values, ts_recv, scratch, sink);
}

#[inline(always)]
fn emit_of(
    inst_id: &str,
    values: Values,
    ts_recv: UnixNanos,
    scratch: &Scratch,
    sink: &mut impl PrefetchHint,
) {
    let topic = |channel| Topic::v5(channel, inst_id);
    match values {
        Values::Book => {
            let update = BookUpdate::new(topic(Channel::BboTbt), &scratch.book);
            sink.on_event(&Event::Book(update));
        }
        Values::Trade => {
            let update = TradeUpdate::new(topic(Channel::Trades), &scratch.trade);
            sink.on_event(&Event::Trade(update));
        }
        Values::Depth { action, ts_event, seq, prev_seq } => {
            sink.on_event(&Event::Depth(DepthUpdate {
                topic: topic(Channel::BooksL2Tbt),
                action,
                ts_event,
                ts_recv,
                seq,
                prev_seq,
                checksum: None,
                asks: scratch.asks.as_slice(),
                bids: scratch.bids.as_slice(),
                non_rpi: None,
            }));
        }
        Values::OtherChannel => {
            sink.on_event(&Event::Skipped(Skipped {
                key: "",
                text: "",
                channel: ELP_CHANNEL,
                ts_recv,
            }));
        }
    }
}

/// The header at the start of the bytes after a message, if they are plausibly another one.
fn next(bytes: &[u8]) -> Option<(Header, Template)> {
    let header = Header::of(bytes)?;
    let template = header.template()?;
    (header.block_len >= template.root_len()).then_some((header, template))
}

/// Whether the bytes after a message are padding. The captured frame has ten zeros.
#[inline]
fn is_padding(rest: &[u8]) -> bool {
    rest.iter().all(|byte| *byte == 0)
}

/// Emits that the rest of a frame is skipped: its length is not known.
#[cold]
fn skip(bytes: &[u8], ts_recv: UnixNanos, sink: &mut impl PrefetchHint) -> u32 {
    let label = Header::of(bytes).map(|header| match header.schema_id {
        SCHEMA_ID => Label::of(format_args!("sbe-template-{}", header.template_id)),
        other => Label::of(format_args!("sbe-schema-{other}")),
    });
    let channel = label.as_ref().map_or(TAIL, Label::as_str);
    sink.on_event(&Event::Skipped(Skipped { channel, key: "", text: "", ts_recv }));
    1
}

/// The channel and the instrument of a malformed frame.
#[cold]
fn head(frame: &[u8], template: Template) -> Option<(Channel, i64)> {
    let channel = match template {
        Template::Bbo => Channel::BboTbt,
        Template::Trade => Channel::Trades,
        Template::BookUpdate | Template::ExponentUpdate | Template::Snapshot => Channel::BooksL2Tbt,
        Template::ElpBookUpdate | Template::ElpExponentUpdate => return None,
    };
    let root = frame.get(super::schema::HEADER_LEN..)?;
    Some((channel, i64::from_le_bytes(*root.first_chunk()?)))
}
