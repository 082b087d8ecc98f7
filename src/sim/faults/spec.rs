//! The text form of faults.

use std::str::FromStr;
use std::time::Duration;

use super::kind::{FaultKind, Names, ReplyId};
use super::rule::{FaultPlan, FaultRule, On, When};
use crate::model::{Channel, Decimal, Dialect, InstrumentId};

/// Parts of a probability of 1.
pub(super) const CERTAIN: u64 = 1_000_000_000;
/// The decimals of a probability that are told apart.
const CHANCE_SCALE: u8 = 9;

/// The most bytes of a frame: a limit on what a rule makes the exchange hold in memory.
const MAX_SIZE: usize = 1 << 30;

/// Why a text is no [`FaultPlan`] or [`FaultRule`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultSpecError {
    /// There is no such kind of fault.
    #[error("unknown fault {0:?}; there are {names}", names = kind_names())]
    Kind(String),
    /// A kind has no such word.
    #[error("{kind} has no {word:?}; it has {known}")]
    Word {
        /// The kind of fault.
        kind: FaultKind,
        /// The word as it was written.
        word: String,
        /// The words that there are.
        known: String,
    },
    /// A word's value can't be read.
    #[error("{word}={value:?} can't be read; write {right}")]
    Value {
        /// The word.
        word: String,
        /// Its value as it was written.
        value: String,
        /// What would be right.
        right: &'static str,
    },
    /// A word that has no value.
    #[error("{0:?} has no value; write {0}=...")]
    NoValue(String),
    /// A fault that does not say when it happens.
    #[error("{0} does not say when; add at=5s, every=5s, p=0.01, nth=3 or each=100")]
    NoTime(FaultKind),
    /// A fault that can't happen then.
    #[error("{0} can't happen then; write {1}")]
    WrongTime(FaultKind, &'static str),
    /// A clock that does not say how far it jumps.
    #[error("clock does not say how far; add by=5s or by=-5s")]
    NoJump,
}

fn kind_names() -> String {
    FaultKind::ALL.map(FaultKind::name).join(", ")
}

impl FromStr for FaultPlan {
    type Err = FaultSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut plan = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            if let Some(seed) = part.strip_prefix("seed=") {
                plan.seed = number("seed", seed)?;
                continue;
            }
            let rule: FaultRule = part.parse()?;
            if rule.when.is_none() && !rule.kind.is_constant() {
                return Err(FaultSpecError::NoTime(rule.kind));
            }
            plan.rules.push(rule);
        }
        Ok(plan)
    }
}

impl FromStr for FaultRule {
    type Err = FaultSpecError;

    /// Reads one rule. Alone, it need not say when: then it happens at the next occasion.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, words) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim();
        let kind = FaultKind::ALL.into_iter().find(|kind| kind.name() == name);
        let mut rule = Self::new(kind.ok_or_else(|| FaultSpecError::Kind(name.to_owned()))?);
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let pair = word.split_once('=');
            let (word, value) = pair.ok_or_else(|| FaultSpecError::NoValue(word.to_owned()))?;
            rule.set(word.trim(), value.trim())?;
        }
        rule.check()?;
        Ok(rule)
    }
}

impl FaultRule {
    fn new(kind: FaultKind) -> Self {
        let words = kind.words();
        Self {
            kind,
            when: None,
            times: u64::MAX,
            conn: (1, u64::MAX),
            dialect: None,
            channel: None,
            inst_id: None,
            // What makes connections look well is that replies and pongs go on.
            on: if kind == FaultKind::Silence { On::Push } else { On::Any },
            span: words.span.map(|(_, span)| span).unwrap_or_default(),
            size: words.size.map(|(_, size)| size).unwrap_or_default(),
            code: words.code.map(|(_, code)| code).unwrap_or_default(),
            by: 0,
            names: Names::default(),
            id: words.id.unwrap_or_default(),
        }
    }

    fn set(&mut self, word: &str, value: &str) -> Result<(), FaultSpecError> {
        let own = self.kind.words();
        match word {
            _ if own.span.is_some_and(|(name, _)| name == word) => self.span = span(word, value)?,
            _ if own.size.is_some_and(|(name, _)| name == word) => {
                let size = positive(word, value).ok().filter(|size| *size <= MAX_SIZE);
                let right = "a whole number from 1 to 1073741824";
                self.size = size.ok_or_else(|| bad(word, value, right))?;
            }
            _ if own.code.is_some_and(|(name, _)| name == word) => self.code = number(word, value)?,
            "by" if own.by => self.by = jump(value)?,
            "names" if own.names => self.names = names(value)?,
            "id" if own.id.is_some() => self.id = reply_id(value)?,
            "at" => self.when = Some(When::At(span(word, value)?)),
            "every" => {
                let period = span(word, value)?;
                if period.is_zero() {
                    return Err(bad(word, value, "a time above 0, such as 5s"));
                }
                self.when = Some(When::Every(period));
            }
            "p" => self.when = Some(When::Chance(chance(value)?)),
            "nth" => self.when = Some(When::Nth(positive(word, value)?)),
            "each" => self.when = Some(When::Each(positive(word, value)?)),
            "times" => self.times = positive(word, value)?,
            "conn" => self.conn = connections(value)?,
            "dialect" => self.dialect = Some(dialect(value)?),
            "channel" => self.channel = Some(channel(value)?),
            "inst" => {
                let id = InstrumentId::new(value);
                self.inst_id = Some(id.map_err(|_| bad(word, value, "an id such as BTC-USDT"))?);
            }
            "on" => self.on = on(value)?,
            _ => return Err(self.unknown(word)),
        }
        Ok(())
    }

    fn unknown(&self, word: &str) -> FaultSpecError {
        let words = self.kind.words();
        let own = [
            words.span.map(|(name, _)| name),
            words.size.map(|(name, _)| name),
            words.code.map(|(name, _)| name),
            words.by.then_some("by"),
            words.names.then_some("names"),
            words.id.map(|_| "id"),
        ];
        let common = ["at", "every", "p", "nth", "each", "times"];
        let place = ["conn", "dialect", "channel", "inst", "on"];
        let known: Vec<_> = own.into_iter().flatten().chain(common).chain(place).collect();
        FaultSpecError::Word { kind: self.kind, word: word.to_owned(), known: known.join(", ") }
    }

    fn check(&self) -> Result<(), FaultSpecError> {
        let timed = matches!(self.when, Some(When::At(_) | When::Every(_)));
        match self.kind {
            FaultKind::Clock if self.by == 0 => Err(FaultSpecError::NoJump),
            FaultKind::Clock | FaultKind::ResetSeq if self.when.is_some() && !timed => {
                Err(FaultSpecError::WrongTime(self.kind, "at=5s or every=5s"))
            }
            FaultKind::Refuse if timed => {
                Err(FaultSpecError::WrongTime(self.kind, "p=0.1, nth=3, each=2 or conn=1-3"))
            }
            _ => Ok(()),
        }
    }
}

fn bad(word: &str, value: &str, right: &'static str) -> FaultSpecError {
    FaultSpecError::Value { word: word.to_owned(), value: value.to_owned(), right }
}

fn number<T: FromStr>(word: &str, value: &str) -> Result<T, FaultSpecError> {
    value.parse().map_err(|_| bad(word, value, "a whole number"))
}

fn positive<T: FromStr + Default + PartialEq>(
    word: &str,
    value: &str,
) -> Result<T, FaultSpecError> {
    let number = value.parse().ok().filter(|number| *number != T::default());
    number.ok_or_else(|| bad(word, value, "a whole number above 0"))
}

fn span(word: &str, value: &str) -> Result<Duration, FaultSpecError> {
    let wrong = || bad(word, value, "a time such as 500ms, 5s, 2m or 1h");
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = value.split_at_checked(digits).ok_or_else(wrong)?;
    let count: u64 = count.parse().map_err(|_| wrong())?;
    let nanos = match unit {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(wrong()),
    };
    count.checked_mul(nanos).map(Duration::from_nanos).ok_or_else(wrong)
}

/// A time with a sign, in nanoseconds.
fn jump(value: &str) -> Result<i64, FaultSpecError> {
    let (sign, rest) = match value.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, value.strip_prefix('+').unwrap_or(value)),
    };
    let wrong = || bad("by", value, "a time with a sign, such as 5s or -500ms");
    let nanos = span("by", rest).map_err(|_| wrong())?.as_nanos();
    Ok(sign * i64::try_from(nanos).map_err(|_| wrong())?)
}

fn chance(value: &str) -> Result<u64, FaultSpecError> {
    let wrong = || bad("p", value, "a probability from 0 to 1, such as 0.01");
    let decimal: Decimal = value.parse().map_err(|_| wrong())?;
    let parts = decimal.rescale(CHANCE_SCALE).map_err(|_| wrong())?.mantissa();
    u64::try_from(parts).ok().filter(|parts| *parts <= CERTAIN).ok_or_else(wrong)
}

fn connections(value: &str) -> Result<(u64, u64), FaultSpecError> {
    let wrong = || bad("conn", value, "numbers from 1, such as 3, 2-4 or 5-");
    let (first, last) = value.split_once('-').unwrap_or((value, value));
    let first: u64 = first.parse().map_err(|_| wrong())?;
    let last = if last.is_empty() { u64::MAX } else { last.parse().map_err(|_| wrong())? };
    if first == 0 || last < first { Err(wrong()) } else { Ok((first, last)) }
}

fn dialect(value: &str) -> Result<Dialect, FaultSpecError> {
    let found = [Dialect::V3, Dialect::V5].into_iter().find(|dialect| dialect.name() == value);
    found.ok_or_else(|| bad("dialect", value, "v3 or v5"))
}

fn channel(value: &str) -> Result<Channel, FaultSpecError> {
    let found = Channel::ALL.into_iter().find(|channel| channel.name() == value);
    found.ok_or_else(|| bad("channel", value, "a channel without market, such as books or depth5"))
}

fn on(value: &str) -> Result<On, FaultSpecError> {
    match value {
        "any" => Ok(On::Any),
        "push" => Ok(On::Push),
        "reply" => Ok(On::Reply),
        _ => Err(bad("on", value, "push, reply or any")),
    }
}

fn names(value: &str) -> Result<Names, FaultSpecError> {
    match value {
        "other" => Ok(Names::Other),
        "live" => Ok(Names::Live),
        "none" => Ok(Names::None),
        _ => Err(bad("names", value, "other, live or none")),
    }
}

fn reply_id(value: &str) -> Result<ReplyId, FaultSpecError> {
    match value {
        "own" => Ok(ReplyId::Own),
        "other" => Ok(ReplyId::Other),
        "none" => Ok(ReplyId::None),
        _ => Err(bad("id", value, "own, other or none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> FaultRule {
        text.parse().unwrap()
    }

    #[test]
    fn plans_are_read() {
        let text =
            "drop:every=5s; corrupt:p=0.001 ;gap:p=0.01,channel=books;seed=9;refuse:conn=1-3";
        let plan: FaultPlan = text.parse().unwrap();
        assert_eq!((plan.seed, plan.rules.len()), (9, 4));
        assert_eq!(plan.rules[0].when, Some(When::Every(Duration::from_secs(5))));
        assert_eq!(plan.rules[1].when, Some(When::Chance(1_000_000)));
        assert_eq!(plan.rules[2].channel, Some(Channel::Books));
        assert_eq!((plan.rules[3].conn, plan.rules[3].when), ((1, 3), None));
        assert_eq!("".parse(), Ok(FaultPlan::default()));
    }

    #[test]
    fn every_kind_reads_back_and_takes_its_own_words() {
        for kind in FaultKind::ALL {
            let by = if kind.words().by { ":by=1s" } else { "" };
            assert_eq!(rule(&format!("{kind}{by}")).kind, kind);
        }
        let notice = rule("notice:after=2m,code=4006,on=push,times=3,conn=2-,dialect=v5");
        assert_eq!((notice.span, notice.code, notice.times), (Duration::from_secs(120), 4006, 3));
        assert_eq!((notice.conn, notice.on), ((2, u64::MAX), On::Push));
        assert_eq!(rule("clock:by=-1500us").by, -1_500_000);
        assert_eq!(rule("trickle:bytes=7,gap=1h").span, Duration::from_secs(3_600));
        assert_eq!(rule("gap:p=1").when, Some(When::Chance(CERTAIN)));
        let stray = rule("stray:nth=1,code=50011,names=live,id=other");
        assert_eq!((stray.code, stray.names, stray.id), (50_011, Names::Live, ReplyId::Other));
        assert_eq!((rule("error").id, rule("stray").id), (ReplyId::Own, ReplyId::None));
        assert_eq!((rule("silence").on, rule("silence:on=any").on), (On::Push, On::Any));
        assert_eq!(rule("refuse:status=429,retry=30s").span, Duration::from_secs(30));
        assert_eq!((rule("maxsubs:most=3").size, rule("maxsubs").code), (3, 4_008));
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
