//! Decodes a frame into events.

use std::sync::Arc;

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::frame::Frame;
use super::head::{self, HEAD_LEN, MessageHead};
use super::inflate::{INFLATE_SPACE, InflatePath, Inflater};
use super::json::JsonParser;
use super::limits::DecodeLimits;
use super::prefetch_hint::{NoPrefetch, PrefetchHint};
use super::sbe::SbeDecoder;
use super::scan::{PADDING, PaddedText, Scanner, TextEnd};
use super::scan_sink::ScanSink;
use super::scratch::Scratch;
use super::unread::UnreadCounts;
use super::{v3, v5};
use crate::event::{Control, Event, EventSink, Skipped};
use crate::model::{Dialect, InstrumentCodes, Subscription, UnixNanos};

/// Texts up to this length, in bytes, are parsed without allocating.
const WARM_TEXT_LEN: usize = 32 << 10;

/// Which parser read a frame's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextPath {
    /// No parser: `ping`, `pong`, or a message of an unknown channel that is over the limit.
    Bare,
    /// The scanner for the usual form of books and trades.
    Scanned,
    /// The general JSON parser.
    General,
    /// No text: the frame is SBE.
    Sbe,
}

/// The result of one decoded frame. Frames that leave the fast path show a change of the exchange's
/// format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The number of events.
    pub events: u32,
    /// The length of the text in bytes, after inflating.
    pub text_len: usize,
    /// Which decoder inflated it; `None` if it was not compressed.
    pub inflated: Option<InflatePath>,
    /// Which parser read the text.
    pub parsed: TextPath,
}

/// Decodes the frames of one connection into events.
///
/// Allocates all buffers when it is made. Decoding allocates only for a frame that is larger or
/// denser than 32 KiB of ordinary JSON and than all frames before it. Buffers then grow, bounded by
/// the limits.
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
    /// `None` if the fast path is off.
    scanner: Option<Scanner>,
    text: Box<[u8]>,
    /// The length of the last frame's text in `text`; 0 if it did not inflate or was scanned in
    /// place.
    text_len: usize,
    /// The end of a text that is scanned in place.
    end: TextEnd,
    parser: JsonParser,
    scratch: Scratch,
    /// `None` if binary frames are not SBE.
    sbe: Option<SbeDecoder>,
}

impl Decoder {
    /// Makes a decoder with the default limits.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self::with_limits(dialect, DecodeLimits::default())
    }

    /// Makes a decoder with the given limits.
    ///
    /// # Panics
    /// If a limit exceeds the largest possible allocation.
    #[must_use]
    pub fn with_limits(dialect: Dialect, limits: DecodeLimits) -> Self {
        let text_len = limits.frame_len.max(limits.inflated_len);
        // Saturates: a sum that wraps would allocate too little instead of panicking.
        let room = text_len.max(INFLATE_SPACE).saturating_add(PADDING);
        Self {
            dialect,
            limits,
            inflater: Inflater::new(),
            scanner: Some(Scanner::new()),
            // Zeroed memory is mapped on first use, so an unused limit costs no memory.
            text: vec![0; room].into_boxed_slice(),
            text_len: 0,
            end: TextEnd::default(),
            parser: JsonParser::new(text_len.min(WARM_TEXT_LEN)),
            scratch: Scratch::new(),
            sbe: None,
        }
    }

    /// Decodes the binary frames of a v5 connection as SBE, as on the path `/ws/v5/public-sbe`.
    /// Text frames stay JSON: the replies on that path are.
    ///
    /// `codes` gives the instruments their ids. Of an instrument that is not in it, the id is the
    /// code's digits. May be called again with a newer catalogue. Without effect in v3.
    pub fn set_sbe(&mut self, codes: Arc<InstrumentCodes>) {
        if self.dialect == Dialect::V5 {
            self.sbe = Some(SbeDecoder::new(codes));
        }
    }

    /// Whether binary frames are decoded as SBE.
    #[must_use]
    pub const fn is_sbe(&self) -> bool {
        self.sbe.is_some()
    }

    /// The dialect, fixed for the connection.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Decodes one frame and emits its events to the sink, in order.
    ///
    /// - v3 accepts binary frames of raw DEFLATE, and plain text in frames of either kind.
    /// - v5 accepts text frames, and after [`Decoder::set_sbe`] binary frames of SBE.
    /// - Unknown channels, events and fields are skipped. They are not an error, even if the frame
    ///   exceeds the size limit.
    /// - `ping` and `pong` are control messages in upper and lower case.
    ///
    /// # Errors
    /// [`DecodeError`] if the frame is malformed. No event of it is emitted, and the decoder's
    /// state is not affected.
    pub fn decode(
        &mut self,
        frame: Frame<'_>,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) -> Result<Decoded, DecodeError> {
        self.decode_with_hint(frame, ts_recv, &mut NoPrefetch(sink))
    }

    /// As [`Decoder::decode`], with a prefetch hint for a book's subscription before its levels are
    /// read.
    #[inline]
    pub(crate) fn decode_with_hint(
        &mut self,
        frame: Frame<'_>,
        ts_recv: UnixNanos,
        sink: &mut impl PrefetchHint,
    ) -> Result<Decoded, DecodeError> {
        self.text_len = 0;
        if let (Frame::Binary(body), true) = (frame, self.sbe.is_some()) {
            return self.decode_sbe(body, ts_recv, sink);
        }
        let tried = self.scan_in_place(frame, ts_recv, sink);
        if tried == Some(true) {
            let (text_len, parsed) = (frame.len(), TextPath::Scanned);
            return Ok(Decoded { events: 1, text_len, inflated: None, parsed });
        }
        let (text_len, inflated) = match self.load_text(frame) {
            Ok(loaded) => loaded,
            Err(error) => return self.decode_exception(frame, error, ts_recv, sink),
        };
        self.text_len = text_len;
        let (events, parsed) = match tried.is_none() && self.scan(text_len, ts_recv, sink) {
            true => (1, TextPath::Scanned),
            false => match self.parse(text_len, ts_recv, sink) {
                Ok(parsed) => parsed,
                Err(error) => return self.decode_exception(frame, error, ts_recv, sink),
            },
        };
        Ok(Decoded { events, text_len, inflated, parsed })
    }

    /// Decodes an SBE frame.
    #[inline]
    fn decode_sbe(
        &mut self,
        body: &[u8],
        ts_recv: UnixNanos,
        sink: &mut impl PrefetchHint,
    ) -> Result<Decoded, DecodeError> {
        let Self { limits, scratch, sbe, .. } = self;
        let limit = limits.frame_len;
        let too_large = DecodeError::new(Kind::FrameTooLarge, limit);
        let sbe = sbe.as_mut().filter(|_| body.len() <= limit).ok_or(too_large)?;
        let events = sbe.decode(body, ts_recv, scratch, sink)?;
        Ok(Decoded { events, text_len: 0, inflated: None, parsed: TextPath::Sbe })
    }

    /// Decodes the exceptions: plain text in a binary v3 frame, or a message over the limit of an
    /// unknown channel.
    #[cold]
    #[inline(never)]
    fn decode_exception(
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
            let (text_len, _) = self.load_text(Frame::Text(body))?;
            self.text_len = text_len;
            let (events, parsed) = self.parse(text_len, ts_recv, sink)?;
            return Ok(Decoded { events, text_len, inflated: None, parsed });
        }
        if !matches!(error.kind, Kind::FrameTooLarge | Kind::InflatedTooLarge) {
            return Err(error);
        }
        self.load_head(frame);
        let channel = head::unread_channel(self.dialect, self.last_text()).ok_or(error)?;
        sink.on_event(&Event::Skipped(Skipped { channel, key: "", text: "", ts_recv }));
        Ok(Decoded { events: 1, text_len: frame.len(), inflated: None, parsed: TextPath::Bare })
    }

    /// Loads the first bytes of a text over the limit into the text buffer.
    fn load_head(&mut self, frame: Frame<'_>) {
        let Some(start) = self.text.get_mut(..HEAD_LEN) else { return };
        // Clears the previous frame's text.
        start.fill(0);
        match frame {
            Frame::Text(text) => {
                start.iter_mut().zip(text).for_each(|(to, byte)| *to = *byte);
            }
            Frame::Binary(body) => {
                // Inflating a part of the stream fails, but writes the first bytes of the text.
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

    /// Switches to the code for processors without SIMD, to compare it.
    #[doc(hidden)]
    pub fn set_portable(&mut self) {
        self.scanner = Some(Scanner::portable());
        self.inflater.set_portable();
    }

    /// Tries the fast path on a text in place. `None`: try it on a copy. `Some(false)`: use the
    /// general parser.
    #[inline]
    fn scan_in_place(
        &mut self,
        frame: Frame<'_>,
        ts_recv: UnixNanos,
        sink: &mut impl PrefetchHint,
    ) -> Option<bool> {
        let Self { dialect, limits, scanner, scratch, end, .. } = self;
        let (Dialect::V5, Frame::Text(text)) = (*dialect, frame) else { return None };
        if text.len() > limits.frame_len {
            return None;
        }
        let target = &mut ScanSink { sink, ts_recv };
        (*scanner)?.scan_in_place(text, end, ts_recv, scratch, target)
    }

    /// Tries the fast path on the copied text. Returns false if the general parser must be used.
    #[inline]
    fn scan(&mut self, text_len: usize, ts_recv: UnixNanos, sink: &mut impl PrefetchHint) -> bool {
        let Self { dialect, scanner, text, scratch, .. } = self;
        let text = scanner.zip(PaddedText::new(text, text_len));
        let target = &mut ScanSink { sink, ts_recv };
        text.is_some_and(|(scanner, text)| {
            scanner.scan_to(*dialect, text, ts_recv, scratch, target)
        })
    }

    /// Parses a text that the fast path did not accept.
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
        let codes = self.sbe.as_ref().map(SbeDecoder::codes);
        let events = self.parser.parse(text, |document| match dialect {
            Dialect::V3 => v3::parse(document, ts_recv, scratch, sink),
            Dialect::V5 => v5::parse(document, ts_recv, codes, scratch, sink),
        })?;
        Ok((events, TextPath::General))
    }

    /// The inflated text of the last frame. Empty if it did not inflate, and if it was scanned in
    /// place. For a text over the limit: its first bytes.
    #[must_use]
    pub fn last_text(&self) -> &[u8] {
        self.text.get(..self.text_len).unwrap_or_default()
    }

    /// The subscription of the last frame, which failed with `refused`; `None` if its readable
    /// bytes do not name it.
    #[cold]
    #[must_use]
    pub fn last_subscription(&self, refused: Kind) -> Option<Subscription> {
        self.last_head(refused)?.subscription()
    }

    /// The head of the last frame, which failed with `refused`.
    #[cold]
    pub(crate) fn last_head(&self, refused: Kind) -> Option<MessageHead<'_>> {
        if let Some(head) = self.sbe.as_ref().and_then(SbeDecoder::last_head) {
            return Some(head);
        }
        let head = MessageHead::find(self.dialect, self.last_text())?;
        // Of a truncated or invalid text, only the beginning is reliable.
        let is_whole =
            !matches!(refused, Kind::Json | Kind::FrameTooLarge | Kind::InflatedTooLarge);
        Some(if is_whole { head.with_instrument(self.last_text()) } else { head })
    }

    /// The optional values of the last frame that could not be read. Valid if the general parser
    /// read the frame.
    #[inline]
    pub(crate) const fn last_unread(&self) -> &UnreadCounts {
        &self.scratch.unread
    }

    /// Loads the frame's text into the text buffer. Returns its length.
    #[inline]
    fn load_text(&mut self, frame: Frame<'_>) -> Result<(usize, Option<InflatePath>), DecodeError> {
        if frame.len() > self.limits.frame_len {
            return Err(DecodeError::new(Kind::FrameTooLarge, self.limits.frame_len));
        }
        match frame {
            Frame::Text(bytes) => {
                if let Some(target) = self.text.get_mut(..bytes.len()) {
                    target.copy_from_slice(bytes);
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
