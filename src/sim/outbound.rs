//! What goes out to a client.

use std::time::Duration;

use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};

use super::market::InstIndex;
use crate::model::Channel;

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
