//! Which fault, when, and to whom.

use std::time::Duration;

use super::kind::{FaultKind, Names, ReplyId};
use crate::model::{Channel, Dialect, InstrumentId};

/// Everything that shall go wrong, with a seed that fixes every random choice.
///
/// The text form is a list of rules between semicolons, and perhaps `seed=N` (else 1):
///
/// ```text
/// PLAN = PART *( ";" PART )            PART = "seed=" N | RULE
/// RULE = KIND [ ":" WORD *( "," WORD ) ]
///
/// when     at=5s      once, that long after the connection was opened
///          every=5s   again and again
///          p=0.01     at each occasion with that probability
///          nth=3      at the third occasion only
///          each=100   at every hundredth occasion
///          times=2    at most so often on one connection
/// where    conn=3, conn=2-4, conn=5-    connections by number, from 1; of `refuse`: attempts
///          dialect=v3 | v5
///          channel=books  inst=BTC-USDT  messages of that channel, of that instrument
///          on=push | reply | any        kinds of messages (any)
/// how      what the kind takes, such as for=5s: see FaultKind
/// ```
///
/// An occasion is a message to a client that the rule fits; of `noack`, `error`, `stray` and `nodata`
/// it is a subscription that would be acknowledged, of `ignore` and `reject` a request, of `refuse` an
/// attempt to connect, of `maxsubs` a request that would bring too many. `gap`, `repeat`, `reorder` and `snapshot` fit increments of deep books, and other
/// pushes only where `channel` names theirs. With `at` and `every`, a fault that needs a message waits for
/// the next that fits. `noack`, `ignore`, `error`, `nodata`, `reject`, `maxsubs` and `refuse` happen at
/// every occasion unless they say when. `clock` and `resetseq` count from the exchange's start and know only `at` and `every`.
/// Times are whole numbers of `us`, `ms`, `s`, `m` or `h`.
///
/// ```
/// use okx_feed::sim::FaultPlan;
///
/// let plan: FaultPlan = "drop:every=5s;corrupt:p=0.001;gap:p=0.01,channel=books".parse()?;
/// assert_eq!(plan.rules().len(), 3);
/// # Ok::<(), okx_feed::sim::FaultSpecError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultPlan {
    pub(super) seed: u64,
    pub(super) rules: Vec<FaultRule>,
}

impl FaultPlan {
    /// The rules in their order, which is the order in which they are applied to a message.
    #[must_use]
    pub fn rules(&self) -> &[FaultRule] {
        &self.rules
    }
}

impl Default for FaultPlan {
    /// Nothing goes wrong.
    fn default() -> Self {
        Self { seed: 1, rules: Vec::new() }
    }
}

/// One rule of a [`FaultPlan`], in the same text form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    pub(super) kind: FaultKind,
    pub(super) when: Option<When>,
    pub(super) times: u64,
    /// The first and the last connection's number.
    pub(super) conn: (u64, u64),
    pub(super) dialect: Option<Dialect>,
    pub(super) channel: Option<Channel>,
    pub(super) inst_id: Option<InstrumentId>,
    pub(super) on: On,
    pub(super) span: Duration,
    pub(super) size: usize,
    pub(super) code: u16,
    /// Nanoseconds, for `clock`.
    pub(super) by: i64,
    pub(super) names: Names,
    pub(super) id: ReplyId,
}

impl FaultRule {
    /// The kind of fault.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        self.kind
    }

    /// How far the exchange's clock jumps by it, in nanoseconds, and after how long it jumps back;
    /// `None` where it does not.
    #[must_use]
    pub fn clock_jump(&self) -> Option<(i64, Option<Duration>)> {
        let back = (!self.span.is_zero()).then_some(self.span);
        (self.kind == FaultKind::Clock).then_some((self.by, back))
    }

    /// Whether the rule names a channel or an instrument.
    pub(super) const fn is_named(&self) -> bool {
        self.channel.is_some() || self.inst_id.is_some()
    }

    /// Whether the rule is about a connection of that number and dialect.
    pub(super) fn covers(&self, number: u64, dialect: Dialect) -> bool {
        let (first, last) = self.conn;
        let spoken = self.dialect.or_else(|| self.channel.map(Channel::dialect));
        (first..=last).contains(&number) && spoken.is_none_or(|spoken| spoken == dialect)
    }
}

/// When a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    At(Duration),
    Every(Duration),
    /// Parts per billion of the occasions.
    Chance(u64),
    Nth(u64),
    Each(u64),
}

/// Which messages a fault happens to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum On {
    #[default]
    Any,
    Push,
    Reply,
}
