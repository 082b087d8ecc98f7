//! Decodes a binary frame into events.

use std::sync::Arc;

use super::label::Label;
use super::message::{Header, Message, Template};
use super::schema::SCHEMA_ID;
use super::values::{DepthValues, Values, code};
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
        // One copy of the code for each of the frequent templates, without its rules for others.
        match template {
            Template::Bbo => self.decode_one(Template::Bbo, header, frame, ts_recv, scratch, sink),
            Template::Trade => {
                self.decode_one(Template::Trade, header, frame, ts_recv, scratch, sink)
            }
            Template::BookUpdate => {
                self.decode_one(Template::BookUpdate, header, frame, ts_recv, scratch, sink)
            }
            other => self.decode_rare(other, header, frame, ts_recv, scratch, sink),
        }
    }

    /// As [`SbeDecoder::decode_one`].
    #[cold]
    #[inline(never)]
    fn decode_rare(
        &mut self,
        template: Template,
        header: Header,
        frame: &[u8],
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
        sink: &mut impl PrefetchHint,
    ) -> Result<u32, DecodeError> {
        self.decode_one(template, header, frame, ts_recv, scratch, sink)
    }

    /// Decodes a frame that begins with a message of a template.
    #[inline(always)]
    fn decode_one(
        &mut self,
        template: Template,
        header: Header,
        frame: &[u8],
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
        sink: &mut impl PrefetchHint,
    ) -> Result<u32, DecodeError> {
        let Self { codes, malformed } = self;
        let message = match Message::of(frame, template, header.block_len) {
            Ok(message) => message,
            Err((kind, at)) => {
                *malformed = head(frame, template);
                return Err(DecodeError::new(kind, at));
            }
        };
        let code = code(message.root);
        if matches!(template, Template::Bbo) {
            sink.prefetch_numbered(Channel::BboTbt, code);
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
        emit((code, codes.id(code)), values, ts_recv, scratch, sink);
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
    let Some(inst_id) = id else { return emit_unnamed(code, values, ts_recv, scratch, sink) };
    match values {
        Values::Book => sink.on_numbered_book(code, &book(inst_id, scratch)),
        Values::Trade => sink.on_numbered_trade(code, &trade(inst_id, scratch)),
        Values::Depth(message) => {
            sink.on_numbered_depth(code, &depth(inst_id, message, ts_recv, scratch));
        }
        Values::OtherChannel => emit_other(ts_recv, sink),
    }
}

/// The event of an instrument without an id: its code stands for it.
#[cold]
#[inline(never)]
fn emit_unnamed(
    code: i64,
    values: Values,
    ts_recv: UnixNanos,
    scratch: &Scratch,
    sink: &mut impl PrefetchHint,
) {
    let label = Label::of(format_args!("{code}"));
    let inst_id = label.as_str();
    match values {
        Values::Book => sink.on_event(&Event::Book(book(inst_id, scratch))),
        Values::Trade => sink.on_event(&Event::Trade(trade(inst_id, scratch))),
        Values::Depth(message) => {
            sink.on_event(&Event::Depth(depth(inst_id, message, ts_recv, scratch)));
        }
        Values::OtherChannel => emit_other(ts_recv, sink),
    }
}

#[cold]
fn emit_other(ts_recv: UnixNanos, sink: &mut impl PrefetchHint) {
    let channel = ELP_CHANNEL;
    sink.on_event(&Event::Skipped(Skipped { key: "", text: "", channel, ts_recv }));
}

#[inline(always)]
const fn book<'f>(inst_id: &'f str, scratch: &'f Scratch) -> BookUpdate<'f> {
    BookUpdate::new(Topic::v5(Channel::BboTbt, inst_id), &scratch.book)
}

#[inline(always)]
const fn trade<'f>(inst_id: &'f str, scratch: &'f Scratch) -> TradeUpdate<'f> {
    TradeUpdate::new(Topic::v5(Channel::Trades, inst_id), &scratch.trade)
}

#[inline(always)]
fn depth<'f>(
    inst_id: &'f str,
    DepthValues { action, ts_event, seq, prev_seq }: DepthValues,
    ts_recv: UnixNanos,
    scratch: &'f Scratch,
) -> DepthUpdate<'f> {
    DepthUpdate {
        topic: Topic::v5(Channel::BooksL2Tbt, inst_id),
        action,
        ts_event,
        ts_recv,
        seq,
        prev_seq,
        checksum: None,
        asks: scratch.asks.as_slice(),
        bids: scratch.bids.as_slice(),
        non_rpi: None,
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
    let (words, bytes) = rest.as_chunks::<8>();
    words.iter().all(|word| *word == [0; 8]) && bytes.iter().all(|byte| *byte == 0)
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
