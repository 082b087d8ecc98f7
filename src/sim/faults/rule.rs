//! Which fault, when, and on which connection: the rules of a plan and their text form.

use std::num::NonZero;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{Fault, FaultKind, Opportunity};
use super::value::{Chance, FaultSpecError, MessageFilter, Numbers, Period, Words, read};
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
///          p=0.01     at each opportunity with that probability
///          nth=3      at the third opportunity only
///          each=100   at every hundredth opportunity
///          times=2    at most so often on one connection
/// where    conn=3, conn=2-4, conn=5-    connections by number, from 1; of `refuse`: attempts
///          dialect=v3 | v5
///          channel=books  inst=BTC-USDT  messages of that channel, of that instrument
///          on=push | reply | any        kinds of messages (any)
/// how      the kind's own words, such as for=5s: see FaultPlan::help
/// ```
///
/// An opportunity is a message to a client that the rule fits, with these exceptions:
///
/// - `noack`, `error`, `nodata` and `stray`: a subscription that would be acknowledged, or its end;
/// - `ignore` and `reject`: a request;
/// - `maxsubs`: a request that would bring too many subscriptions;
/// - `refuse`: an attempt to connect;
/// - `lag`, `deny`, `short` and `holes`: a request to the REST interface, counted by `conn`;
/// - `gap`, `repeat`, `reorder` and `snapshot`: an increment of an order book, and another push
///   only where `channel` names its channel.
///
/// With `at` and `every`, a fault that needs a message waits for the next that fits. `noack`,
/// `ignore`, `error`, `nodata`, `reject`, `maxsubs`, `refuse` and those of the REST interface
/// happen at every opportunity unless they say when. `clock`, `resetseq`, `list` and `delist` count
/// from the exchange's start and know only `at` and `every`. Times are whole numbers of `us`, `ms`,
/// `s`, `m` or `h`.
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

    /// The text form explained to who types it, in lines of at most 100 columns: the kinds, the
    /// words of each with what stands in for them, and what each does.
    #[must_use]
    pub fn help() -> String {
        let mut help = "\
Faults: KIND:WORD,.. with ';' between them; seed=N fixes the chances.
When: at=5s every=5s p=0.01 nth=3 each=100, times=N. Where: conn=3 dialect=v3 channel=books
inst=BTC-USDT on=push|reply|any. Kinds, with their own words and what stands in for them:
"
        .to_owned();
        for kind in FaultKind::ALL {
            // Writing to a `String` can't fail.
            let _ = kind.write_help(&mut help);
        }
        // The caller ends the last line.
        help.truncate(help.trim_end().len());
        help
    }
}

impl Default for FaultPlan {
    /// Nothing goes wrong.
    fn default() -> Self {
        Self { seed: 1, rules: Vec::new() }
    }
}

/// One rule of a [`FaultPlan`], in the same text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRule {
    pub(super) fault: Fault,
    pub(super) when: Option<When>,
    pub(super) times: u64,
    /// The numbers of the connections that it is about.
    pub(super) conn: Numbers,
    pub(super) dialect: Option<Dialect>,
    pub(super) channel: Option<Channel>,
    pub(super) inst_id: Option<InstrumentId>,
    on: MessageFilter,
}

/// When a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    At(Duration),
    Every(Period),
    /// At each opportunity with that probability.
    Chance(Chance),
    /// At one opportunity, counted from 1.
    Nth(NonZero<u64>),
    /// At every so many opportunities.
    Each(NonZero<u64>),
}

impl FaultRule {
    /// The fault with its values.
    #[must_use]
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The kind of fault.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        self.fault.kind()
    }

    /// The instrument that the rule is about.
    #[must_use]
    pub const fn inst_id(&self) -> Option<&InstrumentId> {
        self.inst_id.as_ref()
    }

    /// Which messages the rule is about.
    pub(super) const fn on(&self) -> MessageFilter {
        match self.fault {
            Fault::Silence { on, .. } => on,
            _ => self.on,
        }
    }

    /// Whether the rule names a channel or an instrument.
    pub(super) const fn is_named(&self) -> bool {
        self.channel.is_some() || self.inst_id.is_some()
    }

    /// Whether the rule is about a connection of that number and dialect.
    pub(super) fn covers(&self, number: u64, dialect: Dialect) -> bool {
        let spoken = self.dialect.or_else(|| self.channel.map(Channel::dialect));
        self.conn.contain(number) && spoken.is_none_or(|spoken| spoken == dialect)
    }

    /// Sets what a word says that is common to all kinds.
    fn set(&mut self, word: &str, value: &str) -> Result<(), FaultSpecError> {
        match word {
            "at" => self.when = Some(When::At(read(word, value)?)),
            "every" => self.when = Some(When::Every(read(word, value)?)),
            "p" => self.when = Some(When::Chance(read(word, value)?)),
            "nth" => self.when = Some(When::Nth(read(word, value)?)),
            "each" => self.when = Some(When::Each(read(word, value)?)),
            "times" => self.times = read::<NonZero<u64>>(word, value)?.get(),
            "conn" => self.conn = read(word, value)?,
            "dialect" => self.dialect = Some(read(word, value)?),
            "channel" => self.channel = Some(read(word, value)?),
            "inst" => self.inst_id = Some(read(word, value)?),
            "on" => self.on = read(word, value)?,
            _ => {
                let own = self.kind().words().iter().map(|(name, _)| *name);
                let known = own.chain(COMMON).collect::<Vec<_>>().join(", ");
                let (kind, word) = (self.kind().name(), word.to_owned());
                return Err(FaultSpecError::Word { kind, word, known });
            }
        }
        Ok(())
    }
}

/// The words of all kinds.
const COMMON: [&str; 11] =
    ["at", "every", "p", "nth", "each", "times", "conn", "dialect", "channel", "inst", "on"];

impl FromStr for FaultRule {
    type Err = FaultSpecError;

    /// Reads one rule. Alone, it need not say when: then it happens at the next opportunity.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, words) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim();
        let kind = FaultKind::from_name(name).ok_or_else(|| {
            let known = FaultKind::ALL.map(FaultKind::name).join(", ");
            FaultSpecError::Kind { name: name.to_owned(), known }
        })?;
        let mut words = Words::split(words)?;
        let mut rule = Self {
            fault: Fault::read(kind, &mut words)?,
            when: None,
            times: u64::MAX,
            conn: Numbers::ALL,
            dialect: None,
            channel: None,
            inst_id: None,
            on: MessageFilter::Any,
        };
        words.0.into_iter().try_for_each(|(word, value)| rule.set(word, value))?;
        let timed = matches!(rule.when, Some(When::At(_) | When::Every(_)));
        match kind.opportunity() {
            Opportunity::Exchange if rule.when.is_some() && !timed => {
                Err(FaultSpecError::WrongTime(kind.name(), "at=5s or every=5s"))
            }
            Opportunity::Attempt if timed => {
                Err(FaultSpecError::WrongTime(kind.name(), "p=0.1, nth=3, each=2 or conn=1-3"))
            }
            _ => Ok(rule),
        }
    }
}

impl FromStr for FaultPlan {
    type Err = FaultSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut plan = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            if let Some(seed) = part.strip_prefix("seed=") {
                plan.seed = read("seed", seed)?;
                continue;
            }
            let rule: FaultRule = part.parse()?;
            if rule.when.is_none() && !rule.kind().opportunity().is_constant() {
                return Err(FaultSpecError::NoTime(rule.kind().name()));
            }
            plan.rules.push(rule);
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::faults::value::{ReplyId, Subject};

    const SEC: Duration = Duration::from_secs(1);

    fn rule(text: &str) -> FaultRule {
        text.parse().unwrap()
    }

    #[test]
    fn plans_are_read() {
        let text =
            "drop:every=5s; corrupt:p=0.001 ;gap:p=0.01,channel=books;seed=9;refuse:conn=1-3";
        let plan: FaultPlan = text.parse().unwrap();
        assert_eq!((plan.seed, plan.rules.len()), (9, 4));
        assert_eq!(plan.rules[0].when, Some(When::Every(Period(SEC * 5))));
        assert_eq!(plan.rules[1].when, Some(When::Chance(Chance(1_000_000))));
        assert_eq!(plan.rules[2].channel, Some(Channel::Books));
        assert_eq!((plan.rules[3].conn, plan.rules[3].when), (Numbers(1, 3), None));
        assert_eq!("".parse(), Ok(FaultPlan::default()));
    }

    #[test]
    fn every_kind_reads_back_with_and_without_its_own_words() {
        let help = FaultPlan::help();
        for kind in FaultKind::ALL {
            let words = kind.words().iter().map(|(word, default)| match *default {
                "" => format!("{word}=-1500us"),
                default => format!("{word}={default}"),
            });
            let words: Vec<_> = words.collect();
            let full = rule(&format!("{kind}:{}", words.join(",")));
            assert_eq!(full.kind(), kind);
            if kind != FaultKind::Clock {
                assert_eq!(rule(kind.name()), full);
            }
            assert!(help.contains(&format!("\n  {kind}")), "{kind}");
        }
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
    }

    #[test]
    fn values_are_those_that_were_written() {
        let notice = rule("notice:after=2m,code=4006,on=push,times=3,conn=2-,dialect=v5");
        assert_eq!(notice.fault, Fault::Notice { after: SEC * 120, code: 4006 });
        assert_eq!((notice.times, notice.conn), (3, Numbers(2, u64::MAX)));
        assert_eq!((notice.on(), notice.dialect), (MessageFilter::Push, Some(Dialect::V5)));
        let by = NonZero::new(-1_500_000).unwrap();
        assert_eq!(rule("clock:by=-1500us").fault, Fault::Clock { by, back_after: None });
        let trickle = Fault::Trickle { bytes: 7, gap: SEC * 3_600 };
        assert_eq!(rule("trickle:bytes=7,gap=1h").fault, trickle);
        assert_eq!(rule("gap:p=1").when, Some(When::Chance(Chance(Chance::CERTAIN))));
        let stray = Fault::Stray { code: 50_011, names: Subject::Live, id: ReplyId::Other };
        assert_eq!(rule("stray:nth=1,code=50011,names=live,id=other").fault, stray);
        let silence = [rule("silence"), rule("silence:on=any"), rule("gap")];
        let filters = [MessageFilter::Push, MessageFilter::Any, MessageFilter::Any];
        assert_eq!(silence.map(|rule| rule.on()), filters);
        let refuse = Fault::Refuse { status: Some(429), retry_after: Some(SEC * 30) };
        assert_eq!(rule("refuse:status=429,retry=30s").fault, refuse);
        assert_eq!(rule("maxsubs:most=3").fault, Fault::MaxSubs { most: 3, code: 4_008 });
        // Of a word that comes twice, the last one holds.
        assert_eq!(rule("stall:for=1s,for=2s,at=1s,p=1").fault, Fault::Stall { duration: SEC * 2 });
        assert_eq!(rule("stall:at=1s,nth=2").when, NonZero::new(2).map(When::Nth));
    }

    #[test]
    fn errors_say_what_would_be_right() {
        let message = |text: &str| match text.parse::<FaultPlan>() {
            Ok(plan) => panic!("{text} was read as {plan:?}"),
            Err(error) => error.to_string(),
        };
        assert!(message("explode:at=5s").contains("drop, rst, halfopen"));
        assert!(message("drop").contains("at=5s, every=5s"));
        assert!(message("drop:at").contains("at=..."));
        assert!(message("drop:parts=3").contains("it has at, every"));
        assert!(message("fragment:bytes=3").contains("it has parts, at"));
        for (text, right) in [
            ("drop:at=5", "500ms, 5s"),
            ("drop:at=99999999999h", "500ms, 5s"),
            ("drop:every=0s", "above 0"),
            ("drop:p=1.5", "from 0 to 1"),
            ("drop:p=-0.5", "from 0 to 1"),
            ("drop:nth=0", "above 0"),
            ("drop:at=5s,conn=4-2", "2-4"),
            ("drop:at=5s,conn=0", "2-4"),
            ("drop:at=5s,dialect=v4", "v3 or v5"),
            ("drop:at=5s,channel=spot/depth", "without market"),
            ("drop:at=5s,inst=", "BTC-USDT"),
            ("drop:at=5s,on=both", "push, reply or any"),
            ("close:at=5s,code=x", "whole number"),
            ("giant:at=5s,bytes=1073741825", "1073741824"),
            ("fragment:p=1,parts=0", "from 1"),
            ("seed=x", "whole number"),
            ("clock:at=5s,by=x", "a sign"),
            ("clock:at=5s", "add by=5s"),
            ("clock:at=5s,by=0s", "not 0"),
            ("clock:by=1s,p=0.5", "at=5s or every=5s"),
            ("resetseq:nth=1", "at=5s or every=5s"),
            ("silence", "add at=5s"),
            ("stray:at=5s,names=me", "other, live or none"),
            ("error:id=x", "own, other or none"),
            ("maxsubs:most=0", "from 1"),
            ("refuse:at=5s", "conn=1-3"),
        ] {
            assert!(message(text).contains(right), "{text}: {}", message(text));
        }
    }
}
