//! One frame to events.

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::head::{self, HEAD_LEN, MessageHead};
use super::inflate::{INFLATE_SPACE, InflatePath, Inflater};
use super::json::JsonParser;
use super::prefetch_hint::{NoPrefetch, PrefetchHint};
use super::scan::{PADDING, PaddedText, Scanned, Scanner, Target, TextEnd};
use super::scratch::{Scratch, non_rpi};
use super::unread::UnreadCounts;
use super::{v3, v5};
use crate::book::DepthUpdate;
use crate::event::{BookUpdate, Control, Event, EventSink, Skipped, TradeUpdate};
use crate::model::{Channel, Dialect, Subscription, Topic, UnixNanos};

/// The longest frame that is taken by default, in bytes.
pub(crate) const MAX_FRAME_LEN: usize = 1 << 20;

/// The longest compressed body that is taken by default, in bytes.
///
/// Real bodies end at about 10 KB. A body can be nothing but the heads of empty blocks, each of
/// which has its tables built anew, so that a byte of it costs eighty times a byte of text. At this
/// length the worst body takes no longer than three of the longest texts.
pub(crate) const MAX_BODY_LEN: usize = 32 << 10;

/// The longest text that a compressed body may inflate to by default, in bytes.
///
/// Real texts end at about 30 KB (a 400-level snapshot).
pub(crate) const MAX_INFLATED_LEN: usize = 1 << 20;

/// Texts up to this length are parsed with buffers that are there from the start, in bytes.
const WARM_TEXT_LEN: usize = 32 << 10;

/// One WebSocket message, as the socket gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A text message: JSON, or `pong`.
    Text(&'a [u8]),
    /// A binary message: in v3 the raw DEFLATE of the same, or the same as it is.
    Binary(&'a [u8]),
}

impl Frame<'_> {
    /// The number of payload bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is no payload.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the bytes of a connection may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The longest frame, in bytes; [`DecodeLimits::MAX_FRAME_LEN`] by default.
    pub frame_len: usize,
    /// The longest compressed body, in bytes; [`DecodeLimits::MAX_BODY_LEN`] by default.
    pub body_len: usize,
    /// The longest inflated text, in bytes; [`DecodeLimits::MAX_INFLATED_LEN`] by default.
    pub inflated_len: usize,
}

impl DecodeLimits {
    /// The longest compressed body that is taken by default, in bytes.
    ///
    /// Real bodies end at about 10 KB. A body can be nothing but the heads of empty blocks, each of
    /// which has its tables built anew, so that a byte of it costs eighty times a byte of text. At this
    /// length the worst body takes no longer than three of the longest texts.
    pub const MAX_BODY_LEN: usize = MAX_BODY_LEN;

    /// The longest frame that is taken by default, in bytes.
    pub const MAX_FRAME_LEN: usize = MAX_FRAME_LEN;

    /// The longest text that a compressed body may inflate to by default, in bytes.
    ///
    /// Real texts end at about 30 KB (a 400-level snapshot).
    pub const MAX_INFLATED_LEN: usize = MAX_INFLATED_LEN;

    /// The most items that the `data` of one message may have.
    ///
    /// All captured messages have one; the format allows more.
    pub const MAX_ITEMS: usize = super::item::MAX_ITEMS;

    /// The most arrays and objects that may be nested in each other.
    ///
    /// Real messages nest five deep. The engine keeps a stack, so that depth costs memory, never the
    /// thread's own stack.
    pub const MAX_JSON_DEPTH: usize = super::json::MAX_JSON_DEPTH;

    /// The most levels that a side of a deep-book message may have.
    ///
    /// The largest recorded snapshot has 452, the largest update 163.
    pub const MAX_DEPTH_LEVELS: usize = super::scratch::MAX_DEPTH_LEVELS;
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { frame_len: MAX_FRAME_LEN, body_len: MAX_BODY_LEN, inflated_len: MAX_INFLATED_LEN }
    }
}

/// Which parser read a frame's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextPath {
    /// It was `ping` or `pong`, or a message of an unread channel that is over the limit: what needs
    /// none.
    Bare,
    /// The scanner that knows the usual shape of books and trades.
    Scanned,
    /// The general JSON parser.
    General,
}

/// What one decoded frame was, and which way it took: a change of the exchange's format shows as
/// frames that leave the fast one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// How many events it held.
    pub events: u32,
    /// The length of its text in bytes, inflated where it was compressed.
    pub text_len: usize,
    /// Which decoder inflated it; `None` for a text frame.
    pub inflated: Option<InflatePath>,
    /// Which parser read its text.
    pub parsed: TextPath,
}

/// Turns the frames of one connection into events.
///
/// All buffers are made here, once. Decoding allocates nothing, save where a frame is larger or
/// denser than 32 KiB of ordinary JSON and than all before it; then buffers grow, bounded by the
/// limits.
///
/// # Example
/// ```
/// use okx_feed::{Decoder, Dialect, Event, Frame, UnixNanos};
///
/// let mut decoder = Decoder::new(Dialect::V5);
/// let text = br#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["31774.7",
///     "0.14","0","3"]],"bids":[["31774.6","0.33","0","3"]],"ts":"1654032991947"}]}"#;
/// decoder.decode(Frame::Text(text), UnixNanos::UNKNOWN, &mut |event: &Event<'_>| {
///     if let Event::Book(update) = event {
///         assert_eq!(update.book.mid().unwrap().to_string(), "31774.65");
///     }
/// })?;
/// # Ok::<(), okx_feed::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    dialect: Dialect,
    limits: DecodeLimits,
    inflater: Inflater,
    /// `None` where the fast path is switched off.
    scanner: Option<Scanner>,
    text: Box<[u8]>,
    /// How much of it is the last frame's; 0 where that did not inflate or was scanned in place.
    text_len: usize,
    /// The end of a text that is scanned in place.
    end: TextEnd,
    parser: JsonParser,
    scratch: Scratch,
}

impl Decoder {
    /// Makes a decoder with the default limits.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self::with_limits(dialect, DecodeLimits::default())
    }

    /// Makes a decoder with limits of one's own.
    ///
    /// # Panics
    /// Where a limit is longer than memory can be.
    #[must_use]
    pub fn with_limits(dialect: Dialect, limits: DecodeLimits) -> Self {
        let text_len = limits.frame_len.max(limits.inflated_len);
        // What wraps would be no room at all, and no panic.
        let room = text_len.max(INFLATE_SPACE).saturating_add(PADDING);
        Self {
            dialect,
            limits,
            inflater: Inflater::new(),
            scanner: Some(Scanner::new()),
            // Zeroed memory is mapped when it is touched: the limit costs nothing until it is used.
            text: vec![0; room].into_boxed_slice(),
            text_len: 0,
            end: TextEnd::default(),
            parser: JsonParser::new(text_len.min(WARM_TEXT_LEN)),
            scratch: Scratch::new(),
        }
    }

    /// The dialect, fixed for the connection.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Decodes one frame and gives its events to the sink, in order.
    ///
    /// v3 takes binary frames of raw DEFLATE, and text as it is in frames of either kind; v5 takes text
    /// frames. What is not known (channels, events, fields) is skipped and is no error, be it longer
    /// than the limit; `ping` and `pong` are replies in any case of letters.
    ///
    /// # Errors
    /// [`DecodeError`] where the frame is malformed. The sink was given nothing of it, the decoder
    /// is as good as before, and the next frame is decoded as if nothing had been.
    pub fn decode(
        &mut self,
        frame: Frame<'_>,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) -> Result<Decoded, DecodeError> {
        self.decode_with_hint(frame, ts_recv, &mut NoPrefetch(sink))
    }

    /// As [`Decoder::decode`], with word of a book's subscription before its levels are read.
    #[inline]
    pub(crate) fn decode_with_hint(
        &mut self,
        frame: Frame<'_>,
        ts_recv: UnixNanos,
        sink: &mut impl PrefetchHint,
    ) -> Result<Decoded, DecodeError> {
        self.text_len = 0;
        let tried = self.scan_in_place(frame, ts_recv, sink);
        if tried == Some(true) {
            let (text_len, parsed) = (frame.len(), TextPath::Scanned);
            return Ok(Decoded { events: 1, text_len, inflated: None, parsed });
        }
        let (text_len, inflated) = match self.take_text(frame) {
            Ok(taken) => taken,
            Err(error) => return self.decode_otherwise(frame, error, ts_recv, sink),
        };
        self.text_len = text_len;
        let (events, parsed) = match tried.is_none() && self.scan(text_len, ts_recv, sink) {
            true => (1, TextPath::Scanned),
            false => match self.parse(text_len, ts_recv, sink) {
                Ok(parsed) => parsed,
                Err(error) => return self.decode_otherwise(frame, error, ts_recv, sink),
            },
        };
        Ok(Decoded { events, text_len, inflated, parsed })
    }

    /// What a frame is after all that could not be read in the usual way: plain text where v3 has
    /// DEFLATE, or a message that is too long and that nobody reads.
    #[cold]
    #[inline(never)]
    fn decode_otherwise(
        &mut self,
        frame: Frame<'_>,
        error: DecodeError,
        ts_recv: UnixNanos,
        sink: &mut impl PrefetchHint,
    ) -> Result<Decoded, DecodeError> {
        if let (Frame::Binary(body), Dialect::V3) = (frame, self.dialect)
            && matches!(error.kind, Kind::Deflate | Kind::Json | Kind::FrameTooLarge)
            && frame.len() <= self.limits.frame_len
            && head::is_plain(body)
        {
            let (text_len, _) = self.take_text(Frame::Text(body))?;
            self.text_len = text_len;
            let (events, parsed) = self.parse(text_len, ts_recv, sink)?;
            return Ok(Decoded { events, text_len, inflated: None, parsed });
        }
        if !matches!(error.kind, Kind::FrameTooLarge | Kind::InflatedTooLarge) {
            return Err(error);
        }
        self.take_head(frame);
        let channel = head::unread_channel(self.dialect, self.last_text()).ok_or(error)?;
        sink.on_event(&Event::Skipped(Skipped { channel, ts_recv }));
        Ok(Decoded { events: 1, text_len: frame.len(), inflated: None, parsed: TextPath::Bare })
    }

    /// Brings the first bytes of a text that is too long to where the others are.
    fn take_head(&mut self, frame: Frame<'_>) {
        let Some(start) = self.text.get_mut(..HEAD_LEN) else { return };
        // Nothing of the frame before may be taken for this one's.
        start.fill(0);
        match frame {
            Frame::Text(text) => {
                start.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
            }
            Frame::Binary(body) => {
                // The beginning of a stream ends too early or does not fit, but its own beginning is
                // there by then.
                let body = body.get(..self.limits.body_len).unwrap_or(body);
                let _ =
                    self.inflater.inflate_general(body, &mut self.text, self.limits.inflated_len);
            }
        }
        self.text_len = HEAD_LEN;
    }

    /// Switches the fast path for texts on or off, to compare it with the general one.
    #[doc(hidden)]
    pub fn set_scanner(&mut self, scanner: Option<Scanner>) {
        self.scanner = scanner;
    }

    /// Switches the decoder of small frames on or off, to compare it with libdeflate.
    #[doc(hidden)]
    pub const fn set_small_inflate(&mut self, on: bool) {
        self.inflater.set_small(on);
    }

    /// Takes the paths of a processor without SIMD, to compare them.
    #[doc(hidden)]
    pub fn set_portable(&mut self) {
        self.scanner = Some(Scanner::portable());
        self.inflater.set_portable();
    }

    /// Tries the fast path over a text where it lies; `None` where a copy of it is to be tried, false
    /// where the general one has to decide.
    #[inline]
    fn scan_in_place(
        &mut self,
        frame: Frame<'_>,
        ts_recv: UnixNanos,
        sink: &mut impl PrefetchHint,
    ) -> Option<bool> {
        let Self { dialect: dialect @ Dialect::V5, limits, scanner, scratch, end, .. } = self
        else {
            return None;
        };
        let Frame::Text(text) = frame else { return None };
        if text.len() > limits.frame_len {
            return None;
        }
        let (scanner, text) = scanner.zip(PaddedText::in_place(text, end))?;
        let target = &mut Telling { sink, ts_recv };
        let is_read = scanner.scan_to(*dialect, text, ts_recv, scratch, target);
        (is_read || !text.is_tried_again()).then_some(is_read)
    }

    /// Tries the fast path; false where the general one has to decide.
    #[inline]
    fn scan(&mut self, text_len: usize, ts_recv: UnixNanos, sink: &mut impl PrefetchHint) -> bool {
        let Self { dialect, scanner, text, scratch, .. } = self;
        let text = scanner.zip(PaddedText::new(text, text_len));
        let target = &mut Telling { sink, ts_recv };
        text.is_some_and(|(scanner, text)| {
            scanner.scan_to(*dialect, text, ts_recv, scratch, target)
        })
    }

    /// Reads any text: everything that the fast path has declined.
    fn parse(
        &mut self,
        text_len: usize,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) -> Result<(u32, TextPath), DecodeError> {
        self.scratch.unread = UnreadCounts::default();
        let text = self.text.get(..text_len).unwrap_or_default();
        if let Some(kind) = head::bare_word(text) {
            let control = Control { ts_recv, ..Control::new(kind) };
            sink.on_event(&Event::Control(control));
            return Ok((1, TextPath::Bare));
        }
        let (dialect, scratch) = (self.dialect, &mut self.scratch);
        let events = self.parser.parse(text, |document| match dialect {
            Dialect::V3 => v3::parse(document, ts_recv, scratch, sink),
            Dialect::V5 => v5::parse(document, ts_recv, scratch, sink),
        })?;
        Ok((events, TextPath::General))
    }

    /// The text of the frame decoded last, inflated where it was compressed; empty where it did not
    /// inflate, and where the scanner read a text frame without a copy of it. Of a text over the limit
    /// its first bytes.
    #[must_use]
    pub fn last_text(&self) -> &[u8] {
        self.text.get(..self.text_len).unwrap_or_default()
    }

    /// The subscription that the last frame names, which was refused for `refused`; `None` where its
    /// bytes do not say it.
    #[cold]
    #[must_use]
    pub fn last_subscription(&self, refused: Kind) -> Option<Subscription> {
        self.last_head(refused)?.subscription()
    }

    /// What the last frame, which was refused for this, says of its subscription all the same.
    #[cold]
    pub(crate) fn last_head(&self, refused: Kind) -> Option<MessageHead<'_>> {
        let head = MessageHead::of(self.dialect, self.last_text())?;
        // Of a text that is not whole, or no JSON, nothing but its beginning can be believed.
        let is_whole =
            !matches!(refused, Kind::Json | Kind::FrameTooLarge | Kind::InflatedTooLarge);
        Some(if is_whole { head.with_instrument(self.last_text()) } else { head })
    }

    /// What of the last frame could not be read, and need not be. Of use where the general parser has
    /// read it.
    #[inline]
    pub(crate) const fn last_unread(&self) -> &UnreadCounts {
        &self.scratch.unread
    }

    /// Brings the frame's text into the one scratch buffer and gives its length.
    #[inline]
    fn take_text(&mut self, frame: Frame<'_>) -> Result<(usize, Option<InflatePath>), DecodeError> {
        if frame.len() > self.limits.frame_len {
            return Err(DecodeError::new(Kind::FrameTooLarge, self.limits.frame_len));
        }
        match frame {
            Frame::Text(bytes) => {
                if let Some(place) = self.text.get_mut(..bytes.len()) {
                    place.copy_from_slice(bytes);
                }
                Ok((bytes.len(), None))
            }
            Frame::Binary(_) if self.dialect == Dialect::V5 => {
                Err(DecodeError::new(Kind::UnexpectedBinary, 0))
            }
            Frame::Binary(body) if body.len() > self.limits.body_len => {
                Err(DecodeError::new(Kind::FrameTooLarge, self.limits.body_len))
            }
            Frame::Binary(body) => {
                let limit = self.limits.inflated_len;
                let (len, path) = self.inflater.inflate(body, &mut self.text, limit)?;
                Ok((len, Some(path)))
            }
        }
    }
}

/// A scanner's target that tells the sink.
struct Telling<'s, S> {
    sink: &'s mut S,
    ts_recv: UnixNanos,
}

impl<'t, S: PrefetchHint> Target<'t> for Telling<'_, S> {
    #[inline(always)]
    fn prefetch(&mut self, channel: Channel, inst_id: &str) {
        self.sink.prefetch(channel, inst_id);
    }

    #[inline(always)]
    fn take(&mut self, scanned: Scanned<'t>, scratch: &Scratch) {
        let held;
        let event = match scanned {
            Scanned::Book { channel, market, inst_id } => {
                Event::Book(BookUpdate::new(Topic { channel, market, inst_id }, &scratch.book))
            }
            Scanned::Trade { channel, market, inst_id, trade } => {
                held = trade;
                Event::Trade(TradeUpdate::new(Topic { channel, market, inst_id }, &held))
            }
            Scanned::Depth {
                channel,
                market,
                inst_id,
                action,
                ts_event,
                seq,
                prev_seq,
                checksum,
            } => Event::Depth(DepthUpdate {
                topic: Topic { channel, market, inst_id },
                action,
                ts_event,
                ts_recv: self.ts_recv,
                seq,
                prev_seq,
                checksum,
                asks: scratch.asks.as_slice(),
                bids: scratch.bids.as_slice(),
                non_rpi: non_rpi(&scratch.asks, &scratch.bids),
            }),
        };
        self.sink.on_event(&event);
    }
}
