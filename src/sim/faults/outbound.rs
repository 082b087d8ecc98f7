//! What goes out to a client.

use std::time::Duration;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::model::Channel;
use crate::sim::market::InstIndex;

/// One message to a client. Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// A text frame (v5).
    Text(Utf8Bytes),
    /// A binary frame of raw DEFLATE (v3).
    Binary(Bytes),
    /// The exchange ends the connection; nothing comes after it.
    Close {
        /// The close code, such as 4004.
        code: u16,
        /// The reason, in words.
        reason: &'static str,
    },
    /// Something that only a fault sends.
    Fault(TransportFault),
}

/// A fault that the transport carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportFault {
    /// TCP ends in order; nothing comes after it.
    Drop,
    /// TCP is reset; nothing comes after it.
    Reset,
    /// The connection stays open, and nothing is sent or answered any more.
    HalfOpen,
    /// A frame whose opcode does not exist.
    BadFrame,
    /// A ping of the WebSocket protocol.
    Ping,
    /// A message in fragments with a ping between any two.
    Fragments {
        /// The message: text or binary.
        message: Box<Outbound>,
        /// The number of fragments, at least 1.
        parts: usize,
    },
    /// A message that is written in pieces.
    Trickle {
        /// The message: text or binary.
        message: Box<Outbound>,
        /// The bytes of a piece, at least 1.
        bytes: usize,
        /// The pause between pieces.
        gap: Duration,
    },
}

/// The reason that goes with a close code.
///
/// Source: `docs/PROTOCOL.md` 3.3; of 4009 the words are ours.
pub(crate) const fn close_reason(code: u16) -> &'static str {
    match code {
        1009 => "Request message exceeds the maximum frame length",
        4001 => "Login failed",
        4002 => "Invalid request",
        4003 => "APIKey subscription amount exceeds the limit 100",
        4004 => "No data received in 30s",
        4005 => "Buffer is full",
        4006 => "Abnormal disconnection",
        4007 => "API key has been updated or deleted",
        4008 => "The total subscribed channels exceed the maximum limit",
        4009 => "The subscribed channels of this connection exceed the limit",
        _ => "The exchange closes",
    }
}

/// What a message is about, for the faults that look for some and not for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// Any reply but an acknowledgement.
    Reply,
    /// An acknowledged subscription or its end.
    Ack(InstIndex, Channel),
    /// A push that stands alone: a trade, a whole book, a snapshot.
    Push(InstIndex, Channel),
    /// A push that continues others.
    Increment(InstIndex, Channel),
    /// A request from the client.
    Request,
    /// Something that a fault added, and that other faults leave alone.
    Added,
}

impl About {
    /// The topic of the message.
    pub(crate) const fn topic(self) -> Option<(InstIndex, Channel)> {
        match self {
            Self::Ack(inst, channel)
            | Self::Push(inst, channel)
            | Self::Increment(inst, channel) => Some((inst, channel)),
            Self::Reply | Self::Request | Self::Added => None,
        }
    }
}
