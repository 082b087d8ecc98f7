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
    /// `ignore`: a request other than a ping is taken for not received; where `channel` or `inst` is
    /// named, only its arguments that fit are, and the others are answered.
    Ignore,
    /// `error`: a subscription, or its end, is refused with `code` (63999) and the text that goes with
    /// it; with the request's id (`id=own`), an earlier one's (`id=other`) or none (`id=none`).
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
    /// `refuse`: a connection is refused: by HTTP `status`, with a `Retry-After` where it has a
    /// `retry`, or cut before the handshake (0).
    Refuse,
    /// `clock`: the exchange's clock jumps `by` a time, to and fro where it has a `for`.
    Clock,
    /// `resetseq`: sequence numbers start anew, as after maintenance. No fault: it is legal.
    ResetSeq,
    /// `silence`: data is not sent for a time (`for`), else until the connection ends; TCP, replies
    /// and pongs go on. `on=any` keeps those back too, `on=reply` only those.
    Silence,
    /// `forget`: the exchange forgets a subscription: nothing is sent for it until it is asked for
    /// again. Where neither `channel` nor `inst` is named, one of the connection's by chance; else all
    /// that fit.
    Forget,
    /// `unsub`: as `forget`, and the exchange says `unsubscribe` though nobody asked for it.
    Unsub,
    /// `nodata`: a subscription is acknowledged, and nothing is sent for it until it is asked for
    /// again.
    NoData,
    /// `stray`: an error with `code` (60018) that is not about what it seems to be about. With `at` or
    /// `every` nobody asked for it; else it comes before the answer to a subscription or to its end.
    /// It names one that the connection does not have (`names=other`), one that it has (`names=live`)
    /// or none (`names=none`). Its id is none, or as with `error`.
    Stray,
    /// `reject`: a request other than a ping is refused whole, with one error with `code` (60014).
    Reject,
    /// `wsping`: a ping of the WebSocket protocol, as a proxy sends it.
    WsPing,
    /// `maxsubs`: the exchange closes with `code` (4008) where a connection would have more than
    /// `most` (20) subscriptions.
    MaxSubs,
}

/// The words that a kind takes besides when and where: their names and what stands in for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    pub(super) span: Option<(&'static str, Duration)>,
    pub(super) size: Option<(&'static str, usize)>,
    pub(super) code: Option<(&'static str, u16)>,
    pub(super) by: bool,
    pub(super) names: bool,
    pub(super) id: Option<ReplyId>,
}

const NONE: Words = Words { span: None, size: None, code: None, by: false, names: false, id: None };
const MIB: usize = 1 << 20;

/// Which subscription a stray error names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Names {
    /// One that the connection does not have.
    #[default]
    Other,
    /// One that the connection has, other than the one that is being answered.
    Live,
    /// None.
    None,
}

/// Which request's id an error has, in v5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyId {
    /// That of the request that is being answered.
    Own,
    /// That of an earlier request, which has been answered.
    Other,
    #[default]
    None,
}

impl FaultKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 32] = [
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
        Self::Silence,
        Self::Forget,
        Self::Unsub,
        Self::NoData,
        Self::Stray,
        Self::Reject,
        Self::WsPing,
        Self::MaxSubs,
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
            Self::Silence => "silence",
            Self::Forget => "forget",
            Self::Unsub => "unsub",
            Self::NoData => "nodata",
            Self::Stray => "stray",
            Self::Reject => "reject",
            Self::WsPing => "wsping",
            Self::MaxSubs => "maxsubs",
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
            Self::Error => Words { code: Some(("code", 63_999)), id: Some(ReplyId::Own), ..NONE },
            Self::Reject => Words { code: Some(("code", 60_014)), id: Some(ReplyId::Own), ..NONE },
            Self::Stray => {
                Words { code: Some(("code", 60_018)), names: true, id: Some(ReplyId::None), ..NONE }
            }
            Self::Silence => Words { span: Some(("for", Duration::ZERO)), ..NONE },
            Self::MaxSubs => {
                Words { size: Some(("most", 20)), code: Some(("code", 4_008)), ..NONE }
            }
            Self::Close => Words { code: Some(("code", 4_004)), ..NONE },
            Self::Notice => Words {
                span: Some(("after", Duration::from_secs(60))),
                code: Some(("code", 1_001)),
                ..NONE
            },
            Self::Refuse => {
                Words { span: Some(("retry", Duration::ZERO)), code: Some(("status", 0)), ..NONE }
            }
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
                | Self::Silence
                | Self::Forget
                | Self::Unsub
                | Self::Stray
                | Self::WsPing
        )
    }

    /// Whether the fault happens at every occasion where nothing is said about when.
    pub(super) const fn is_constant(self) -> bool {
        matches!(
            self,
            Self::NoAck
                | Self::Ignore
                | Self::Error
                | Self::Refuse
                | Self::NoData
                | Self::Reject
                | Self::MaxSubs
        )
    }

    /// Whether the exchange asks for the fault while it answers a request, so that it does not happen
    /// to messages on their way out.
    pub(super) const fn is_of_answers(self) -> bool {
        matches!(
            self,
            Self::Ignore | Self::Error | Self::NoData | Self::Stray | Self::Reject | Self::MaxSubs
        )
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
