//! Faults of the transport, applied to a socket.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

use super::tls::ByteStream;
use crate::sim::faults::{Outbound, TransportFault};

/// How long a dropped client may take to end its side.
const LINGER: Duration = Duration::from_secs(1);
/// An opcode that WebSocket keeps for later.
const NO_OPCODE: u8 = 3;

/// Applies a fault below the WebSocket protocol. True where the connection goes on.
///
/// # Errors
/// What the transport says where the client is gone.
pub(crate) async fn apply<S: ByteStream>(
    fault: TransportFault,
    socket: &mut WebSocketStream<S>,
) -> io::Result<bool> {
    match fault {
        TransportFault::Drop => {
            socket.get_mut().shutdown().await?;
            // What is unread when a socket goes turns the orderly end into a reset.
            timeout(LINGER, discard(socket.get_mut())).await.unwrap_or(Ok(()))?;
            Ok(false)
        }
        TransportFault::Reset => {
            socket.get_ref().tcp().set_zero_linger()?;
            Ok(false)
        }
        TransportFault::HalfOpen => {
            discard(socket.get_mut()).await?;
            Ok(false)
        }
        TransportFault::Trickle { message, bytes, gap } => {
            trickle(*message, bytes.max(1), gap, socket.get_mut()).await?;
            Ok(true)
        }
        // These are frames.
        TransportFault::BadFrame | TransportFault::Ping | TransportFault::Fragments { .. } => {
            Ok(true)
        }
    }
}

/// The frames of a fault that the WebSocket layer can send; `None` for one below it.
pub(crate) fn frames(fault: &TransportFault) -> Option<Vec<Message>> {
    match fault {
        TransportFault::BadFrame => {
            let opcode = OpCode::Data(Data::Reserved(NO_OPCODE));
            let header = FrameHeader { opcode, ..FrameHeader::default() };
            let frame = Frame::from_payload(header, Bytes::from_static(b"no such frame"));
            Some(vec![Message::Frame(frame)])
        }
        TransportFault::Ping => Some(vec![Message::Ping(Bytes::from_static(b"proxy"))]),
        TransportFault::Fragments { message, parts } => Some(fragments(message, *parts)),
        _ => None,
    }
}

fn fragments(message: &Outbound, parts: usize) -> Vec<Message> {
    let Some((mut rest, first)) = payload(message) else { return Vec::new() };
    let parts = parts.clamp(1, rest.len().max(1));
    let len = rest.len().div_ceil(parts);
    let mut frames = Vec::with_capacity(2 * parts);
    let mut opcode = first;
    loop {
        let part = rest.split_to(len.min(rest.len()));
        frames.push(Message::Frame(Frame::message(part, OpCode::Data(opcode), rest.is_empty())));
        if rest.is_empty() {
            return frames;
        }
        opcode = Data::Continue;
        frames.push(Message::Frame(Frame::ping(Bytes::from_static(b"between fragments"))));
    }
}

async fn trickle<S: ByteStream>(
    message: Outbound,
    bytes: usize,
    gap: Duration,
    stream: &mut S,
) -> io::Result<()> {
    let Some((payload, data)) = payload(&message) else { return Ok(()) };
    let mut wire = Vec::with_capacity(payload.len() + 16);
    let frame = Frame::message(payload, OpCode::Data(data), true);
    frame.format(&mut wire).map_err(io::Error::other)?;
    for piece in wire.chunks(bytes) {
        stream.write_all(piece).await?;
        stream.flush().await?;
        sleep(gap).await;
    }
    Ok(())
}

/// The bytes of a message and the opcode of its frame.
fn payload(message: &Outbound) -> Option<(Bytes, Data)> {
    match message {
        Outbound::Text(text) => Some((Bytes::from(text.clone()), Data::Text)),
        Outbound::Binary(bytes) => Some((bytes.clone(), Data::Binary)),
        Outbound::Close { .. } | Outbound::Fault(_) => None,
    }
}

/// Reads and drops everything until the client ends its side.
async fn discard<S: ByteStream>(stream: &mut S) -> io::Result<()> {
    let mut bytes = [0; 1024];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::frame::coding::Control;

    use super::*;

    fn parts_of(text: &'static str, parts: usize) -> Vec<(OpCode, bool, usize)> {
        let message = Box::new(Outbound::Text(text.into()));
        let frames = frames(&TransportFault::Fragments { message, parts }).unwrap();
        let frames = frames.into_iter().map(|message| match message {
            Message::Frame(frame) => frame,
            other => panic!("{other:?}"),
        });
        frames.map(|f| (f.header().opcode, f.header().is_final, f.payload().len())).collect()
    }

    #[test]
    fn fragments_have_pings_between_them_and_end_once() {
        let (text, more) = (OpCode::Data(Data::Text), OpCode::Data(Data::Continue));
        let ping = (OpCode::Control(Control::Ping), true, 17);
        assert_eq!(
            parts_of("0123456789", 3),
            [(text, false, 4), ping, (more, false, 4), ping, (more, true, 2)]
        );
        assert_eq!(parts_of("0123", 1), [(text, true, 4)]);
        assert_eq!(parts_of("ab", 9), [(text, false, 1), ping, (more, true, 1)]);
        assert_eq!(parts_of("", 3), [(text, true, 0)]);
    }
}
