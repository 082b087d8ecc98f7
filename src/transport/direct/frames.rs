//! The frames of a WebSocket, read where they lie (RFC 6455, section 5). Sans-IO.

use std::ops::Range;

/// The longest payload of a control frame (RFC 6455, section 5.5).
pub const MAX_CONTROL_LEN: usize = 125;

/// Bits of the first byte of a frame.
const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
/// Bits of the second byte.
const MASKED: u8 = 0x80;
const LEN: u8 = 0x7f;

/// The kinds of frames.
mod opcode {
    pub(super) const CONTINUATION: u8 = 0x0;
    pub(super) const TEXT: u8 = 0x1;
    pub(super) const BINARY: u8 = 0x2;
    pub(super) const CLOSE: u8 = 0x8;
    pub(super) const PING: u8 = 0x9;
    pub(super) const PONG: u8 = 0xa;
}

/// Why the frames of the other side are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A reserved bit is set, though no extension was agreed on.
    #[error("a frame has a reserved bit set")]
    ReservedBit,
    /// The opcode is reserved.
    #[error("a frame has the reserved opcode {0:#x}")]
    ReservedOpcode(u8),
    /// A server must not mask its frames.
    #[error("a frame of the server is masked")]
    Masked,
    /// A control frame is in several parts.
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// A control frame has more than [`MAX_CONTROL_LEN`] bytes.
    #[error("a control frame is too long")]
    LongControl,
    /// A continuation without a beginning.
    #[error("a continuation frame continues nothing")]
    NothingToContinue,
    /// A message begins within another.
    #[error("a message begins before the one before it has ended")]
    Unfinished,
    /// The message is longer than the limit.
    #[error("a message is longer than {0} bytes")]
    TooLong(usize),
    /// The payload of a close frame is one byte, its code must not be sent, or its reason is not
    /// UTF-8.
    #[error("a close frame is invalid")]
    Close,
}

impl FrameError {
    /// The code of the close frame that answers it (RFC 6455, section 7.4.1).
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::TooLong(_) => 1009,
            _ => 1002,
        }
    }
}

/// What comes next on a connection. Ranges are of the buffer, and hold until the next call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A message of text. Whether it is UTF-8 is left to who reads it: the decoder refuses what is
    /// not JSON.
    Text(Range<usize>),
    /// A binary message.
    Binary(Range<usize>),
    /// A ping, to be answered with the same payload.
    Ping(Range<usize>),
    /// A pong.
    Pong(Range<usize>),
    /// A close frame: its code, where it has one, and its reason. Nothing is read behind it.
    Close(Option<u16>, Range<usize>),
}

/// Reads the frames of a server out of a buffer, wherever its bytes are split.
///
/// A message in one frame is given where it lies. The fragments of a longer one are moved together
/// in the buffer: nothing is allocated. Non-minimal lengths are accepted, as by tungstenite.
#[derive(Debug)]
pub struct FrameReader {
    max_len: usize,
    partial: Option<Partial>,
    is_closed: bool,
}

/// A message whose last fragment has not come yet.
#[derive(Debug)]
struct Partial {
    is_text: bool,
    range: Range<usize>,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug)]
struct Head {
    is_last: bool,
    opcode: u8,
    head_len: usize,
    len: usize,
}

impl FrameReader {
    /// A reader of messages of at most `max_len` bytes.
    #[must_use]
    pub const fn new(max_len: usize) -> Self {
        Self { max_len, partial: None, is_closed: false }
    }

    /// The next message or control frame of `bytes[unread]`, which is shortened by what was read;
    /// `None` where more bytes are needed first.
    ///
    /// # Errors
    /// [`FrameError`]; the connection is of no use any more then. A head is refused as soon as it
    /// is there, before its payload.
    #[inline]
    pub fn next(
        &mut self,
        bytes: &mut [u8],
        unread: &mut Range<usize>,
    ) -> Result<Option<Incoming>, FrameError> {
        while !self.is_closed {
            let Some(head) = self.head(bytes.get(unread.clone()).unwrap_or_default())? else {
                return Ok(None);
            };
            let start = unread.start + head.head_len;
            let payload = start..start + head.len;
            if payload.end > unread.end {
                return Ok(None);
            }
            unread.start = payload.end;
            let is_whole = head.is_last && self.partial.is_none();
            match head.opcode {
                opcode::TEXT if is_whole => return Ok(Some(Incoming::Text(payload))),
                opcode::BINARY if is_whole => return Ok(Some(Incoming::Binary(payload))),
                opcode::PING => return Ok(Some(Incoming::Ping(payload))),
                opcode::PONG => return Ok(Some(Incoming::Pong(payload))),
                opcode::CLOSE => return self.close(bytes, payload).map(Some),
                _ => {
                    if let Some(message) = self.fragment(head, bytes, payload) {
                        return Ok(Some(message));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether some fragments of a message have come, but not all.
    #[inline]
    #[must_use]
    pub const fn has_partial(&self) -> bool {
        self.partial.is_some()
    }

    /// The first byte of the buffer that is still needed, where `unread` begins at `start`.
    #[must_use]
    pub fn keeps_from(&self, start: usize) -> usize {
        self.partial.as_ref().map_or(start, |partial| partial.range.start)
    }

    /// Follows a move of what is kept by so many bytes to the front.
    pub fn moved(&mut self, by: usize) {
        if let Some(Partial { range, .. }) = &mut self.partial {
            *range = range.start - by..range.end - by;
        }
    }

    /// The head of the frame at the front; `None` where it is incomplete.
    #[inline]
    fn head(&self, bytes: &[u8]) -> Result<Option<Head>, FrameError> {
        let &[first, second, ref rest @ ..] = bytes else {
            return match bytes.first() {
                Some(first) => self.check_first(*first).map(|()| None),
                None => Ok(None),
            };
        };
        self.check_first(first)?;
        if second & MASKED != 0 {
            return Err(FrameError::Masked);
        }
        let is_control = first & 0x8 != 0;
        let (head_len, len) = match (second & LEN, rest) {
            (126, &[a, b, ..]) => (4, u64::from(u16::from_be_bytes([a, b]))),
            (127, &[a, b, c, d, e, f, g, h, ..]) => {
                (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
            (126 | 127, _) => return Ok(None),
            (len, _) => (2, u64::from(len)),
        };
        let so_far = match &self.partial {
            Some(partial) if !is_control => partial.range.len(),
            _ => 0,
        };
        let too_long = FrameError::TooLong(self.max_len);
        let len = usize::try_from(len).map_err(|_| too_long)?;
        if is_control && len > MAX_CONTROL_LEN {
            return Err(FrameError::LongControl);
        }
        if !is_control && len > self.max_len.saturating_sub(so_far) {
            return Err(too_long);
        }
        Ok(Some(Head { is_last: first & FIN != 0, opcode: first & OPCODE, head_len, len }))
    }

    /// Refuses what the first byte alone shows to be invalid.
    #[inline]
    fn check_first(&self, first: u8) -> Result<(), FrameError> {
        if first & RESERVED != 0 {
            return Err(FrameError::ReservedBit);
        }
        match first & OPCODE {
            opcode::TEXT | opcode::BINARY if self.partial.is_some() => Err(FrameError::Unfinished),
            opcode::TEXT | opcode::BINARY => Ok(()),
            opcode::CONTINUATION if self.partial.is_none() => Err(FrameError::NothingToContinue),
            opcode::CONTINUATION => Ok(()),
            opcode::CLOSE | opcode::PING | opcode::PONG if first & FIN == 0 => {
                Err(FrameError::FragmentedControl)
            }
            opcode::CLOSE | opcode::PING | opcode::PONG => Ok(()),
            other => Err(FrameError::ReservedOpcode(other)),
        }
    }

    /// Moves a fragment behind those before it; the message where it was the last one.
    #[cold]
    fn fragment(
        &mut self,
        head: Head,
        bytes: &mut [u8],
        payload: Range<usize>,
    ) -> Option<Incoming> {
        let partial = match &mut self.partial {
            Some(partial) => {
                let end = partial.range.end;
                partial.range.end += payload.len();
                bytes.copy_within(payload, end);
                partial
            }
            None => {
                let is_text = head.opcode == opcode::TEXT;
                self.partial.insert(Partial { is_text, range: payload })
            }
        };
        if !head.is_last {
            return None;
        }
        let (is_text, range) = (partial.is_text, partial.range.clone());
        self.partial = None;
        Some(if is_text { Incoming::Text(range) } else { Incoming::Binary(range) })
    }

    #[cold]
    fn close(&mut self, bytes: &[u8], payload: Range<usize>) -> Result<Incoming, FrameError> {
        self.is_closed = true;
        match bytes.get(payload.clone()).unwrap_or_default() {
            [] => Ok(Incoming::Close(None, payload)),
            [a, b, reason @ ..] => {
                let code = u16::from_be_bytes([*a, *b]);
                let may_be_sent = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
                if !may_be_sent || std::str::from_utf8(reason).is_err() {
                    return Err(FrameError::Close);
                }
                Ok(Incoming::Close(Some(code), payload.start + 2..payload.end))
            }
            [_] => Err(FrameError::Close),
        }
    }
}

/// The kinds of frames that a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outgoing {
    /// A message of text.
    Text = opcode::TEXT,
    /// A binary message.
    Binary = opcode::BINARY,
    /// A close frame.
    Close = opcode::CLOSE,
    /// A ping.
    Ping = opcode::PING,
    /// A pong.
    Pong = opcode::PONG,
}

/// Appends a frame of a client to `out`: whole, and masked with `mask`, which must be
/// unpredictable and used once (RFC 6455, section 5.3).
pub fn write_frame(out: &mut Vec<u8>, kind: Outgoing, payload: &[u8], mask: [u8; 4]) {
    out.push(FIN | kind as u8);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len), _) if len < 126 => out.push(MASKED | len),
        (_, Ok(len)) => {
            out.push(MASKED | 126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader makes of bytes that come in two parts, and the bytes that it leaves.
    fn read_split(bytes: &[u8], split: usize, max: usize) -> (Vec<String>, Option<FrameError>) {
        let mut reader = FrameReader::new(max);
        let mut buffer = vec![0; bytes.len()];
        let (mut seen, mut unread) = (Vec::new(), 0..0);
        for end in [split, bytes.len()] {
            buffer[unread.end..end].copy_from_slice(&bytes[unread.end..end]);
            unread.end = end;
            loop {
                let text = |range: Range<usize>, buffer: &[u8]| {
                    String::from_utf8_lossy(&buffer[range]).into_owned()
                };
                assert!(unread.is_empty() || reader.keeps_from(unread.start) <= unread.start);
                match reader.next(&mut buffer, &mut unread) {
                    Ok(Some(incoming)) => seen.push(match incoming {
                        Incoming::Text(at) => format!("text {}", text(at, &buffer)),
                        Incoming::Binary(at) => format!("binary {}", text(at, &buffer)),
                        Incoming::Ping(at) => format!("ping {}", text(at, &buffer)),
                        Incoming::Pong(at) => format!("pong {}", text(at, &buffer)),
                        Incoming::Close(code, at) => {
                            format!("close {code:?} {}", text(at, &buffer))
                        }
                    }),
                    Ok(None) => break,
                    Err(error) => return (seen, Some(error)),
                }
            }
        }
        (seen, None)
    }

    fn read(bytes: &[u8]) -> (Vec<String>, Option<FrameError>) {
        let whole = read_split(bytes, 0, 1000);
        for split in 1..bytes.len() {
            assert_eq!(read_split(bytes, split, 1000), whole, "split at {split}");
        }
        whole
    }

    #[test]
    fn messages_and_control_frames_are_given_in_order_wherever_the_bytes_are_split() {
        let long = [b"\x82\x7e\x01\x2c".as_slice(), &[b'x'; 300]].concat();
        let huge = [b"\x81\x7f\0\0\0\0\0\0\x01\x2c".as_slice(), &[b'y'; 300]].concat();
        let bytes = [
            b"\x81\x05hello\x81\x00\x89\x02ab\x8a\x00".as_slice(),
            &long,
            &huge,
            b"\x88\x05\x03\xe8bye\x81\x01never",
        ]
        .concat();
        let (seen, error) = read(&bytes);
        assert_eq!(error, None);
        assert_eq!(seen[..4], ["text hello", "text ", "ping ab", "pong "]);
        assert_eq!(
            seen[4..6],
            [format!("binary {}", "x".repeat(300)), format!("text {}", "y".repeat(300))]
        );
        assert_eq!(seen[6..], ["close Some(1000) bye"]);
    }

    #[test]
    fn fragments_are_moved_together_around_control_frames() {
        let bytes =
            b"\x01\x03hel\x89\x01p\x00\x00\x00\x02lo\x8a\x01q\x80\x01!\x02\x01a\x80\x01b\x81\x01c";
        let (seen, error) = read(bytes);
        assert_eq!(
            (seen.join(", ").as_str(), error),
            ("ping p, pong q, text hello!, binary ab, text c", None)
        );
    }

    #[test]
    fn a_close_frame_may_be_empty_and_its_code_is_checked() {
        assert_eq!(read(b"\x88\x00").0, ["close None "]);
        for code in [1000_u16, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999] {
            let bytes = [b"\x88\x02".as_slice(), &code.to_be_bytes()].concat();
            assert_eq!(read(&bytes).0, [format!("close Some({code}) ")]);
        }
        for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            let bytes = [b"\x88\x02".as_slice(), &code.to_be_bytes()].concat();
            assert_eq!(read(&bytes), (vec![], Some(FrameError::Close)), "{code}");
        }
        assert_eq!(read(b"\x88\x01x").1, Some(FrameError::Close));
        assert_eq!(read(b"\x88\x03\x03\xe8\xff").1, Some(FrameError::Close));
    }

    #[test]
    fn what_the_protocol_forbids_is_refused_with_its_first_bytes() {
        for (bytes, error) in [
            (b"\xc1".as_slice(), FrameError::ReservedBit),
            (b"\xa1", FrameError::ReservedBit),
            (b"\x91", FrameError::ReservedBit),
            (b"\x83", FrameError::ReservedOpcode(3)),
            (b"\x8b", FrameError::ReservedOpcode(11)),
            (b"\x81\x81", FrameError::Masked),
            (b"\x09", FrameError::FragmentedControl),
            (b"\x89\x7e\0\x7e", FrameError::LongControl),
            (b"\x88\x7f\0\0\0\0\0\0\0\x7e", FrameError::LongControl),
            (b"\x80", FrameError::NothingToContinue),
            (b"\x00", FrameError::NothingToContinue),
            (b"\x01\x01a\x81", FrameError::Unfinished),
            (b"\x02\x01a\x02", FrameError::Unfinished),
            (b"\x81\x7e\x03\xe9", FrameError::TooLong(1000)),
            (b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", FrameError::TooLong(1000)),
        ] {
            assert_eq!(read(bytes), (vec![], Some(error)), "{bytes:x?}");
            let code = if matches!(error, FrameError::TooLong(_)) { 1009 } else { 1002 };
            assert_eq!(error.close_code(), code);
        }
    }

    #[test]
    fn the_limit_counts_all_fragments_and_no_control_frame() {
        let bytes = b"\x01\x03abc\x89\x04ping\x80\x02de";
        assert_eq!(read_split(bytes, 0, 5).0, ["ping ping", "text abcde"]);
        let (seen, error) = read_split(bytes, 0, 4);
        assert_eq!((seen.len(), error), (1, Some(FrameError::TooLong(4))));
    }

    #[test]
    fn written_frames_are_masked_and_have_the_shortest_length() {
        for (len, head) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let payload: Vec<u8> = (0..len).map(|n: usize| n.to_le_bytes()[0]).collect();
            let (mask, mut out) = ([1, 2, 3, 250], vec![9]);
            write_frame(&mut out, Outgoing::Binary, &payload, mask);
            assert_eq!((out.len(), out[1]), (1 + head + 4 + len, 0x82));
            assert_eq!(out[2] & MASKED, MASKED);
            assert_eq!(out[1 + head..][..4], mask);
            let unmasked: Vec<u8> =
                out[1 + head + 4..].iter().enumerate().map(|(at, b)| b ^ mask[at % 4]).collect();
            assert_eq!(unmasked, payload);
        }
    }
}
