//! The kinds of faults, and the words that each takes.

use std::fmt;
use std::time::Duration;

/// What can go wrong. The names are those of the text form, see [`FaultPlan`](super::FaultPlan).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum FaultKind {
    /// `drop`: TCP ends in order, with no close frame before.
    Drop = 0,
    /// `rst`: TCP is reset.
    Rst,
    /// `halfopen`: the connection stays, and nothing is sent or answered any more.
    HalfOpen,
    /// `stall`: nothing is sent for a time (`for`, 5 s), then all that waited.
    Stall,
    /// `trickle`: a message is written `bytes` (1) at a time with a pause (`gap`, 10 ms).
    Trickle,
    /// `fragment`: a message comes in `parts` (3) with a ping of the WebSocket between them.
    Fragment,
    /// `badframe`: a frame with an opcode that WebSocket does not have comes before a message.
    BadFrame,
    /// `corrupt`: bytes of a message are overwritten such that it can't be read.
    Corrupt,
    /// `truncate`: a message, in v3 its compressed stream, ends too early.
    Truncate,
    /// `giant`: a frame of `bytes` (32 MiB) comes before a message.
    Giant,
    /// `bomb`: v3 only: a small frame that inflates to `bytes` (32 MiB) comes before a message.
    Bomb,
    /// `noack`: a subscription, or its end, is carried out and not acknowledged.
    NoAck,
    /// `ignore`: a request other than a ping is taken for not received.
    Ignore,
    /// `error`: a subscription, or its end, is refused with `code` (63999).
    Error,
    /// `close`: the exchange closes with `code` (4004).
    Close,
    /// `notice`: v5's notice 64008, and a close with `code` (1001) a while `after` (60 s).
    Notice,
    /// `snapshot`: a snapshot that nobody asked for follows a message.
    Snapshot,
    /// `gap`: an increment is not sent.
    Gap,
    /// `repeat`: an increment is sent twice.
    Repeat,
    /// `reorder`: an increment is sent after the next one.
    Reorder,
    /// `checksum`: a checksum other than 0 is told wrong.
    Checksum,
    /// `refuse`: a connection is refused: by HTTP `status`, or cut before the handshake (0).
    Refuse,
    /// `clock`: the exchange's clock jumps `by` a time, to and fro where it has a `for`.
    Clock,
    /// `resetseq`: sequence numbers start anew, as after maintenance. No fault: it is legal.
    ResetSeq,
}

/// The words that a kind takes besides when and where: their names and what stands in for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    pub(super) span: Option<(&'static str, Duration)>,
    pub(super) size: Option<(&'static str, usize)>,
    pub(super) code: Option<(&'static str, u16)>,
    pub(super) by: bool,
}

const NONE: Words = Words { span: None, size: None, code: None, by: false };
const MIB: usize = 1 << 20;

impl FaultKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 24] = [
        Self::Drop,
        Self::Rst,
        Self::HalfOpen,
        Self::Stall,
        Self::Trickle,
        Self::Fragment,
        Self::BadFrame,
        Self::Corrupt,
        Self::Truncate,
        Self::Giant,
        Self::Bomb,
        Self::NoAck,
        Self::Ignore,
        Self::Error,
        Self::Close,
        Self::Notice,
        Self::Snapshot,
        Self::Gap,
        Self::Repeat,
        Self::Reorder,
        Self::Checksum,
        Self::Refuse,
        Self::Clock,
        Self::ResetSeq,
    ];

    /// The kind's name in the text form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Rst => "rst",
            Self::HalfOpen => "halfopen",
            Self::Stall => "stall",
            Self::Trickle => "trickle",
            Self::Fragment => "fragment",
            Self::BadFrame => "badframe",
            Self::Corrupt => "corrupt",
            Self::Truncate => "truncate",
            Self::Giant => "giant",
            Self::Bomb => "bomb",
            Self::NoAck => "noack",
            Self::Ignore => "ignore",
            Self::Error => "error",
            Self::Close => "close",
            Self::Notice => "notice",
            Self::Snapshot => "snapshot",
            Self::Gap => "gap",
            Self::Repeat => "repeat",
            Self::Reorder => "reorder",
            Self::Checksum => "checksum",
            Self::Refuse => "refuse",
            Self::Clock => "clock",
            Self::ResetSeq => "resetseq",
        }
    }

    pub(super) const fn words(self) -> Words {
        match self {
            Self::Stall => Words { span: Some(("for", Duration::from_secs(5))), ..NONE },
            Self::Trickle => Words {
                span: Some(("gap", Duration::from_millis(10))),
                size: Some(("bytes", 1)),
                ..NONE
            },
            Self::Fragment => Words { size: Some(("parts", 3)), ..NONE },
            Self::Giant | Self::Bomb => Words { size: Some(("bytes", 32 * MIB)), ..NONE },
            Self::Error => Words { code: Some(("code", 63_999)), ..NONE },
            Self::Close => Words { code: Some(("code", 4_004)), ..NONE },
            Self::Notice => Words {
                span: Some(("after", Duration::from_secs(60))),
                code: Some(("code", 1_001)),
                ..NONE
            },
            Self::Refuse => Words { code: Some(("status", 0)), ..NONE },
            Self::Clock => Words { span: Some(("for", Duration::ZERO)), by: true, ..NONE },
            _ => NONE,
        }
    }

    /// Whether the fault concerns the exchange and not one of its connections.
    #[must_use]
    pub const fn is_of_venue(self) -> bool {
        matches!(self, Self::Refuse | Self::Clock | Self::ResetSeq)
    }

    /// Whether the fault needs no message to happen to.
    pub(super) const fn is_moment(self) -> bool {
        matches!(
            self,
            Self::Drop
                | Self::Rst
                | Self::HalfOpen
                | Self::Stall
                | Self::BadFrame
                | Self::Giant
                | Self::Bomb
                | Self::Close
                | Self::Notice
                | Self::Clock
                | Self::ResetSeq
        )
    }

    /// Whether the fault happens at every occasion where nothing is said about when.
    pub(super) const fn is_constant(self) -> bool {
        matches!(self, Self::NoAck | Self::Ignore | Self::Error | Self::Refuse)
    }

    /// Whether the fault happens to increments, and to other pushes only where a channel is named.
    pub(super) const fn is_of_increments(self) -> bool {
        matches!(self, Self::Snapshot | Self::Gap | Self::Repeat | Self::Reorder)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_the_list() {
        for (n, kind) in FaultKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, n);
            assert!(FaultKind::ALL.iter().skip(n + 1).all(|other| other.name() != kind.name()));
        }
    }
}
