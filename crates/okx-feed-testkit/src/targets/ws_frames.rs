//! The reader of WebSocket frames against tungstenite's, on the same bytes at any split.

use std::io::{self, Read, Write};

use okx_feed::internals::{Inbound, Incoming};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use crate::choices::Choices;

/// The longest message. Short, so that a fuzzer comes near it.
const MAX_LEN: usize = 1000;

/// What a reader makes of a stream of bytes.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, Vec<u8>),
    Refused,
}

/// Choices: frames, most of them valid, as a stream that comes in parts. Both readers give the same
/// messages in the same order, or refuse the same frame.
pub fn ws_frames(bytes: &[u8]) {
    let mut choices = Choices::bytes(bytes);
    let stream = match choices.one_in(4) {
        true => choices.rest(),
        false => frames(&mut choices),
    };
    let mut splits = vec![stream.len()];
    (0..choices.below(8)).for_each(|_| splits.push(choices.below(stream.len() + 1)));
    splits.sort_unstable();
    let (ours, theirs) = (read_ours(&stream, &splits), read_theirs(&stream));
    // A text that is no UTF-8 is refused by tungstenite, where it begins to be none, and left to
    // the decoder by ours.
    let is_text = |seen: &Seen| match seen {
        Seen::Text(text) => std::str::from_utf8(text).is_ok(),
        _ => true,
    };
    if theirs.is_utf8_error {
        let agree = theirs.seen.len() - 1;
        assert_eq!(ours.get(..agree), theirs.seen.get(..agree), "{stream:x?}");
        return;
    }
    assert!(ours.iter().all(is_text), "{stream:x?}");
    // Ours refuses a frame by its head, tungstenite once it is there in whole.
    if let Some((Seen::Refused, before)) = ours.split_last()
        && before == theirs.seen
    {
        return;
    }
    assert_eq!(ours, theirs.seen, "{stream:x?}");
}

/// A stream of frames: fragments, control frames between them, and now and then a fault.
fn frames(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    while !choices.is_spent() && stream.len() < 1 << 14 {
        let opcode = choices.pick(&[1, 1, 2, 0, 0, 9, 10, 8, 3, 11]);
        let mut first = opcode | if choices.one_in(3) { 0 } else { 0x80 };
        if choices.one_in(40) {
            first |= choices.pick(&[0x10, 0x20, 0x40]);
        }
        let len = match choices.below(8) {
            0 => choices.below(MAX_LEN + 10),
            1 => choices.pick(&[0, 1, 2, 125, 126, 127, MAX_LEN, MAX_LEN + 1]),
            _ => choices.below(20),
        };
        stream.push(first);
        let mask = if choices.one_in(50) { 0x80 } else { 0 };
        // Lengths that are longer than they need be are accepted by both.
        match (len, choices.below(12)) {
            (_, 11) => {
                stream.push(mask | 127);
                stream.extend_from_slice(&(len as u64).to_be_bytes());
            }
            (126.., _) | (_, 10) => {
                stream.push(mask | 126);
                stream.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
            }
            (len, _) => stream.push(mask | u8::try_from(len).unwrap()),
        }
        if opcode == 8 && len >= 2 {
            let code = choices.pick(&[1000_u16, 1001, 1002, 1006, 1012, 1015, 3000, 4999, 5000, 7]);
            stream.extend_from_slice(&code.to_be_bytes());
            stream.extend((2..len).map(|_| b'c'));
        } else {
            let byte = choices.pick(b"a\"\xc3\xbf");
            stream.extend(std::iter::repeat_n(byte, len));
        }
    }
    stream
}

fn read_ours(stream: &[u8], splits: &[usize]) -> Vec<Seen> {
    let mut inbound = Inbound::new(MAX_LEN, None);
    let (mut seen, mut out, mut start) = (Vec::new(), Vec::new(), 0);
    for end in splits {
        inbound.push(&stream[start..*end]);
        start = *end;
        loop {
            match inbound.next(&mut out) {
                Ok(None) => break,
                Ok(Some(incoming)) => seen.push(match incoming {
                    Incoming::Text(at) => Seen::Text(inbound.bytes(at).to_vec()),
                    Incoming::Binary(at) => Seen::Binary(inbound.bytes(at).to_vec()),
                    Incoming::Ping(at) => Seen::Ping(inbound.bytes(at).to_vec()),
                    Incoming::Pong(at) => Seen::Pong(inbound.bytes(at).to_vec()),
                    Incoming::Close(code, at) => {
                        seen.push(Seen::Close(code, inbound.bytes(at).to_vec()));
                        return seen;
                    }
                }),
                Err(_) => {
                    seen.push(Seen::Refused);
                    return seen;
                }
            }
        }
    }
    seen
}

/// The stream, then nothing for now. What is written goes nowhere.
struct Stream<'b>(&'b [u8]);

impl Read for Stream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buf)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            len => Ok(len),
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Theirs {
    seen: Vec<Seen>,
    /// Whether the last of it is a refusal of a text that is no UTF-8.
    is_utf8_error: bool,
}

fn read_theirs(stream: &[u8]) -> Theirs {
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_LEN)).max_frame_size(Some(MAX_LEN));
    let mut context = WebSocketContext::new(Role::Client, Some(config));
    let (mut stream, mut seen, mut is_utf8_error) = (Stream(stream), Vec::new(), false);
    loop {
        seen.push(match context.read(&mut stream) {
            Ok(Message::Text(text)) => Seen::Text(text.as_bytes().to_vec()),
            Ok(Message::Binary(bytes)) => Seen::Binary(bytes.to_vec()),
            Ok(Message::Ping(bytes)) => Seen::Ping(bytes.to_vec()),
            Ok(Message::Pong(bytes)) => Seen::Pong(bytes.to_vec()),
            Ok(Message::Close(frame)) => {
                // It answers a code that must not be sent with one of its own, and shows that.
                let frame = frame.map(|frame| (u16::from(frame.code), frame.reason.to_string()));
                seen.push(match frame {
                    Some((1002, reason)) if reason == "Protocol violation" => Seen::Refused,
                    Some((code, reason)) => Seen::Close(Some(code), reason.into_bytes()),
                    None => Seen::Close(None, Vec::new()),
                });
                return Theirs { seen, is_utf8_error };
            }
            Ok(Message::Frame(_)) => unreachable!(),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return Theirs { seen, is_utf8_error };
            }
            Err(error) => {
                is_utf8_error = matches!(error, Error::Utf8(_));
                seen.push(Seen::Refused);
                return Theirs { seen, is_utf8_error };
            }
        });
    }
}
