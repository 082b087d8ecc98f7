//! All faults: the name of each, what it happens to, its words and what it does.
//!
//! A new fault is one entry here and an arm where it is carried out: in `injector` for a
//! connection, in `exchange_faults` for the exchange.

use std::fmt;
use std::num::NonZero;
use std::time::Duration;

use super::value::{FaultSpecError, MessageFilter, ReplyId, Subject, Words};

/// What a fault happens at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opportunity {
    /// A time or any message. The connection is of no use afterwards.
    End,
    /// A time or any message. The connection goes on.
    Connection,
    /// A message to the client.
    Message,
    /// An increment of an order book, or any push of a channel that the rule names.
    Increment,
    /// An acknowledgement on its way out.
    Ack,
    /// A subscription, or its end, that would be acknowledged.
    Subscription,
    /// A time, or a subscription or its end, that would be acknowledged.
    Stray,
    /// A request; an argument of one where the rule names a channel or an instrument.
    Argument,
    /// A request.
    Request,
    /// A subscription beyond a limit. The connection is closed.
    Limit,
    /// An attempt to connect to the exchange.
    Attempt,
    /// A time, for the exchange itself.
    Exchange,
    /// A request to the REST interface.
    Rest,
}

impl Opportunity {
    /// Whether it can be a time, with no message.
    pub(super) const fn can_be_a_time(self) -> bool {
        matches!(self, Self::End | Self::Connection | Self::Stray | Self::Exchange)
    }

    /// Whether the exchange asks for the fault while it answers a request, so that it does not
    /// happen to messages on their way out.
    pub(super) const fn is_in_an_answer(self) -> bool {
        let of_one = matches!(self, Self::Subscription | Self::Stray | Self::Argument);
        of_one || matches!(self, Self::Request | Self::Limit)
    }

    /// Whether the fault happens every time where a rule does not say when.
    pub(super) const fn is_constant(self) -> bool {
        let in_an_answer = self.is_in_an_answer() && !self.can_be_a_time();
        in_an_answer || matches!(self, Self::Ack | Self::Attempt | Self::Rest)
    }
}

/// The columns that a kind's name and words have in front of its help text.
const USAGE: usize = 18;

/// Defines [`Fault`] and [`FaultKind`] from one list. An entry has the help text, the variant, its
/// name in the text form, the [`Opportunity`], and its fields: each with its word and the value
/// that stands in for the word. A word without such a value has to be given.
macro_rules! faults {
    ($(
        $(#[doc = $help:literal])+
        $kind:ident = $name:literal at $opportunity:ident
            $({ $($field:ident: $type:ty = $word:literal $($default:literal)?),+ })?;
    )+) => {
        /// The kinds of [`Fault`], without their values.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum FaultKind {
            $(#[doc = concat!("`", $name, "`:")] $(#[doc = $help])+ $kind,)+
        }

        /// What goes wrong. The text form is that of [`FaultRule`](super::FaultRule).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Fault {
            $(
                #[doc = concat!("`", $name, "`:")]
                $(#[doc = $help])+
                $kind $({ $(
                    #[doc = concat!("The word `", $word, "`.")]
                    $field: $type,
                )+ })?,
            )+
        }

        impl FaultKind {
            /// All kinds, in the order of their numbers.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$kind),+];

            /// The name in the text form.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }

            pub(super) const fn opportunity(self) -> Opportunity {
                match self { $(Self::$kind => Opportunity::$opportunity),+ }
            }

            /// The words of its own, each with the value that stands in for it; empty for one that
            /// has to be given.
            pub(super) const fn words(self) -> &'static [(&'static str, &'static str)] {
                match self { $(Self::$kind => &[$($(($word, concat!($($default)?))),+)?]),+ }
            }

            /// What it does, line by line.
            const fn help(self) -> &'static [&'static str] {
                match self { $(Self::$kind => &[$($help),+]),+ }
            }
        }

        impl Fault {
            /// The fault without its values.
            #[must_use]
            pub const fn kind(&self) -> FaultKind {
                match self { $(Self::$kind { .. } => FaultKind::$kind),+ }
            }

            /// Reads a kind's own words, and removes them from those of a rule.
            pub(super) fn read(
                kind: FaultKind,
                words: &mut Words<'_>,
            ) -> Result<Self, FaultSpecError> {
                Ok(match kind {
                    $(FaultKind::$kind => Self::$kind $({ $(
                        $field: words.read_own($word, concat!($($default)?))?,
                    )+ })?,)+
                })
            }
        }
    };
}

faults! {
    /// TCP ends in order, with no close frame before.
    Drop = "drop" at End;
    /// TCP is reset.
    Rst = "rst" at End;
    /// The connection stays, and nothing is sent or answered any more.
    HalfOpen = "halfopen" at End;
    /// Nothing is sent for a time, then all that waited.
    Stall = "stall" at Connection { duration: Duration = "for" "5s" };
    /// A message is written `bytes` at a time, with pauses of `gap`.
    Trickle = "trickle" at Message { bytes: usize = "bytes" "1", gap: Duration = "gap" "10ms" };
    /// A message comes in `parts`, with a ping of the WebSocket protocol between them.
    Fragment = "fragment" at Message { parts: usize = "parts" "3" };
    /// A frame comes whose opcode the WebSocket protocol does not have.
    BadFrame = "badframe" at End;
    /// Bytes of a message are overwritten such that it can't be read.
    Corrupt = "corrupt" at Message;
    /// A message, in v3 its compressed stream, ends too early.
    Truncate = "truncate" at Message;
    /// A frame of `bytes` comes that no channel sends.
    Giant = "giant" at End { bytes: usize = "bytes" "33554432" };
    /// v3 only: a small frame comes that inflates to `bytes`.
    Bomb = "bomb" at Connection { bytes: usize = "bytes" "33554432" };
    /// A subscription, or its end, is carried out and not acknowledged.
    NoAck = "noack" at Ack;
    /// A request other than a ping is not answered, as if it had not been received.
    /// With `channel` or `inst`, only the arguments that fit are not.
    Ignore = "ignore" at Argument;
    /// A subscription, or its end, is refused with `code` and the text that goes with
    /// it. The error has the request's own id, that of an earlier one (`other`) or
    /// none.
    Error = "error" at Subscription { code: u16 = "code" "63999", id: ReplyId = "id" "own" };
    /// The exchange closes with `code`.
    Close = "close" at End { code: u16 = "code" "4004" };
    /// v5 announces an upgrade (64008); the exchange closes with `code` a while
    /// `after`.
    Notice = "notice" at End { after: Duration = "after" "60s", code: u16 = "code" "1001" };
    /// A snapshot that nobody asked for follows a message.
    Snapshot = "snapshot" at Increment;
    /// A message is not sent.
    Gap = "gap" at Increment;
    /// A message is sent twice.
    Repeat = "repeat" at Increment;
    /// A message is sent after the next one.
    Reorder = "reorder" at Increment;
    /// A message has a wrong checksum. One without a checksum, or with 0, is left
    /// alone.
    Checksum = "checksum" at Message;
    /// A connection is refused by HTTP `status`, with a `Retry-After` where `retry` is
    /// not 0. With status 0 it is cut before the handshake.
    Refuse = "refuse" at Attempt {
        status: Option<u16> = "status" "0", retry_after: Option<Duration> = "retry" "0s"
    };
    /// The exchange's clock steps `by` a time with a sign, such as -5s, and back after
    /// `for` where that is not 0.
    Clock = "clock" at Exchange {
        by: NonZero<i64> = "by", back_after: Option<Duration> = "for" "0s"
    };
    /// Sequence numbers start again at 1, as after maintenance. No fault: it is legal.
    ResetSeq = "resetseq" at Exchange;
    /// The instrument that `inst` names is listed; until then it is announced. One
    /// that there is not is made up.
    List = "list" at Exchange;
    /// The instrument that `inst` names is delisted: what is subscribed of it ends.
    Delist = "delist" at Exchange;
    /// No data for a time, or until the connection ends where that is 0, while replies
    /// and pongs go on. With on=any those stop too, with on=reply only those.
    Silence = "silence" at Connection {
        duration: Option<Duration> = "for" "0s", on: MessageFilter = "on" "push"
    };
    /// The exchange forgets a subscription: no data until it is asked for again.
    /// Without `channel` and `inst` it is one of the connection's by chance, else all
    /// that fit.
    Forget = "forget" at Connection;
    /// As forget, and the exchange acknowledges an end that nobody asked for.
    Unsub = "unsub" at Connection;
    /// A subscription is acknowledged, and no data comes until it is asked for again.
    NoData = "nodata" at Subscription;
    /// An error about something else. With `at` or `every` nobody asked for it, else it
    /// comes before an answer. It names a subscription that the connection does not
    /// have (`other`), one that it has (`live`) or none. Its id is none, or as with
    /// error.
    Stray = "stray" at Stray {
        code: u16 = "code" "60018", names: Subject = "names" "other", id: ReplyId = "id" "none"
    };
    /// A request other than a ping is refused as a whole, with one error.
    Reject = "reject" at Request { code: u16 = "code" "60014", id: ReplyId = "id" "own" };
    /// A ping of the WebSocket protocol, as from a proxy.
    WsPing = "wsping" at Connection;
    /// The exchange closes with `code` where a connection would have more than `most`
    /// subscriptions.
    MaxSubs = "maxsubs" at Limit { most: usize = "most" "20", code: u16 = "code" "4008" };
    /// A REST reply comes from a cache that is up to `by` old.
    Lag = "lag" at Rest { by: Duration = "by" "2s" };
    /// A REST request is refused by HTTP `status` with `code`, with a `Retry-After`
    /// where `retry` is not 0.
    Deny = "deny" at Rest {
        status: u16 = "status" "429", code: u16 = "code" "50011",
        retry_after: Option<Duration> = "retry" "0s"
    };
    /// A REST reply ends in the middle, with its connection.
    Short = "short" at Rest;
    /// A page of a REST reply lacks `rows`.
    Holes = "holes" at Rest { rows: usize = "rows" "1" };
}

impl FaultKind {
    /// The kind of that name in the text form.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the fault concerns the exchange and not one of its connections.
    #[must_use]
    pub const fn is_of_exchange(self) -> bool {
        matches!(self.opportunity(), Opportunity::Attempt | Opportunity::Exchange)
            || self.is_of_rest()
    }

    /// Whether the fault happens to a request to the REST interface.
    #[must_use]
    pub const fn is_of_rest(self) -> bool {
        matches!(self.opportunity(), Opportunity::Rest)
    }

    /// Whether a connection is of no use after the fault, so that its client needs another.
    #[must_use]
    pub const fn ends_connection(self) -> bool {
        matches!(self.opportunity(), Opportunity::End | Opportunity::Limit)
    }

    /// The name with the kind's own words, and what it does, as lines of a help text.
    pub(super) fn write_help(self, out: &mut impl fmt::Write) -> fmt::Result {
        let words = self.words().iter().map(|(word, default)| match *default {
            "" => format!("{word}=.."),
            default => format!("{word}={default}"),
        });
        let colon = if self.words().is_empty() { "" } else { ":" };
        let mut usage = format!("{self}{colon}{}", words.collect::<Vec<_>>().join(","));
        if usage.len() > USAGE - 2 {
            writeln!(out, "  {usage}")?;
            usage.clear();
        }
        for line in self.help() {
            writeln!(out, "  {usage:USAGE$}{}", line.trim_start())?;
            usage.clear();
        }
        Ok(())
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
        for (n, kind) in FaultKind::ALL.into_iter().enumerate() {
            assert_eq!((kind as usize, FaultKind::from_name(kind.name())), (n, Some(kind)));
        }
    }
}
