//! Subscriptions by what an instrument is, not by its id.

use std::fmt;
use std::str::FromStr;

use super::channel::Channel;
use super::channel_kind::ChannelKey;
use super::dialect::Dialect;
use super::record::reference::Instrument;
use super::shard::Shard;
use super::subscription::Subscription;

/// A channel of all instruments that fit: `books5:*-USDT-SWAP`.
///
/// After the colon stand conditions between commas, all of which an instrument must meet:
///
/// | condition | fits |
/// |---|---|
/// | `*-USDT-SWAP` | ids of that form; `*` stands for any characters |
/// | `type=SWAP` | instruments of that type: `SPOT`, `SWAP`, `FUTURES`, `OPTION` |
/// | `family=BTC-USD` | those of that family |
/// | `state=live` | those in that state |
/// | `shard=2/4` | those whose id is of that part of all ([`Shard`]) |
///
/// Without `type`, options do not fit: their lists are by family, so they need `type=OPTION` and
/// `family`. Only v5's channels that are keyed by an instrument can be selected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selection {
    channel: Channel,
    /// The form of the id; empty for any.
    id: String,
    inst_type: Option<String>,
    family: Option<String>,
    state: Option<String>,
    shard: Option<Shard>,
}

/// The error of a text that is not a [`Selection`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// There is no colon, or nothing after it.
    #[error("{0:?} selects nothing; write CHANNEL:CONDITIONS, such as books5:*-USDT-SWAP")]
    Empty(String),
    /// There is no such channel of v5.
    #[error("{0:?} is no channel of v5")]
    Channel(String),
    /// The channel is not keyed by an instrument of the catalogue.
    #[error("{0} is not keyed by an instrument, so there is nothing to select")]
    NotByInstrument(Channel),
    /// There is no such condition, or there are two of it.
    #[error(
        "{0:?} is no condition; there are an id with *, type=, family=, state= and shard=1/2, each once"
    )]
    Condition(String),
    /// The exchange gives no list of such instruments.
    #[error("{0:?} has no list; there are SPOT, SWAP, FUTURES, and OPTION with family=")]
    Type(String),
}

/// The types whose lists are complete without a family.
const TYPES: [&str; 3] = ["SPOT", "SWAP", "FUTURES"];

impl Selection {
    /// Whether a text is to be read as a selection and not as a subscription: the part after the
    /// colon has a `*`, or begins with a condition.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        let Some((head, conditions)) = text.split_once(':') else { return false };
        let names = ["type=", "family=", "state=", "shard="];
        let by_name = |word: &str| names.iter().any(|name| word.starts_with(name));
        !head.contains('/')
            && !head.starts_with("raw")
            && (conditions.contains('*') || conditions.split(',').any(by_name))
    }

    /// The channel.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// The same selection of a part of all instruments.
    #[must_use]
    pub const fn in_shard(mut self, shard: Shard) -> Self {
        self.shard = Some(shard);
        self
    }

    /// Whether an instrument fits and can be subscribed ([`Instrument::is_open`]).
    #[must_use]
    pub fn matches(&self, instrument: &Instrument) -> bool {
        instrument.is_open() && self.fits(instrument)
    }

    /// Whether an instrument fits, open or not.
    #[must_use]
    pub fn fits(&self, instrument: &Instrument) -> bool {
        let is = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|w| w == own);
        let inst_type = instrument.inst_type.as_str();
        let is_of_type = match &self.inst_type {
            Some(wanted) => wanted == inst_type,
            None => TYPES.contains(&inst_type),
        };
        is_of_type
            && is(&self.family, instrument.inst_family.as_str())
            && is(&self.state, instrument.state.as_str())
            && fits(&self.id, instrument.inst_id.as_str())
            && self.shard.is_none_or(|shard| shard.has(instrument.inst_id.as_str()))
    }

    /// The subscription of an instrument, if it fits.
    #[must_use]
    pub fn subscription(&self, instrument: &Instrument) -> Option<Subscription> {
        let fits = self.matches(instrument);
        fits.then(|| Subscription::v5(self.channel, instrument.inst_id).ok()).flatten()
    }

    /// The types, each with its family where the list needs one, whose instruments may fit.
    pub fn lists(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let given = self.inst_type.as_deref();
        let all = TYPES.iter().copied().filter(move |_| given.is_none());
        let family = self.family.as_deref().filter(|_| given == Some("OPTION"));
        given.into_iter().chain(all).map(move |inst_type| (inst_type, family))
    }
}

impl FromStr for Selection {
    type Err = SelectionError;

    /// Reads a channel of v5, a colon and conditions.
    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let empty = || SelectionError::Empty(text.to_owned());
        let (name, conditions) = text.split_once(':').ok_or_else(empty)?;
        let channel = Channel::from_name(Dialect::V5, name.as_bytes())
            .ok_or_else(|| SelectionError::Channel(name.to_owned()))?;
        let is_of_index = matches!(channel, Channel::IndexTickers | Channel::IndexCandle(_));
        if channel.key() != ChannelKey::InstId || is_of_index {
            return Err(SelectionError::NotByInstrument(channel));
        }
        let (id, inst_type, family, state) = (String::new(), None, None, None);
        let mut selection = Self { channel, id, inst_type, family, state, shard: None };
        for word in conditions.split(',') {
            let bad = || SelectionError::Condition(word.to_owned());
            let place = match word.split_once('=') {
                Some(("type", value)) => selection.inst_type.replace(value.to_owned()),
                Some(("family", value)) => selection.family.replace(value.to_owned()),
                Some(("state", value)) => selection.state.replace(value.to_owned()),
                Some(("shard", value)) => {
                    let shard = value.parse().map_err(|_| bad())?;
                    selection.shard.replace(shard).map(|_| String::new())
                }
                Some(_) => return Err(bad()),
                None => {
                    let old = std::mem::replace(&mut selection.id, word.to_owned());
                    Some(old).filter(|old| !old.is_empty())
                }
            };
            if place.is_some() {
                return Err(bad());
            }
            if word.is_empty() || word.ends_with('=') {
                return Err(empty());
            }
        }
        match (selection.inst_type.as_deref(), &selection.family) {
            (Some("OPTION"), Some(_)) | (None, _) => Ok(selection),
            (Some(inst_type), _) if TYPES.contains(&inst_type) => Ok(selection),
            (Some(inst_type), _) => Err(SelectionError::Type(inst_type.to_owned())),
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.channel)?;
        let id = Some(&self.id).filter(|id| !id.is_empty());
        let shard = self.shard.map(|shard| shard.to_string());
        let named = [
            ("type", &self.inst_type),
            ("family", &self.family),
            ("state", &self.state),
            ("shard", &shard),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let words = id.map(|id| ("", id)).into_iter().chain(named);
        for (n, (name, value)) in words.enumerate() {
            f.write_str(if n == 0 { "" } else { "," })?;
            f.write_str(name)?;
            f.write_str(if name.is_empty() { "" } else { "=" })?;
            f.write_str(value)?;
        }
        Ok(())
    }
}

/// Whether a text is of a form in which `*` stands for any characters; an empty form fits all.
fn fits(form: &str, text: &str) -> bool {
    let mut parts = form.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return form.is_empty() };
    let Some(last) = parts.next_back() else { return form.is_empty() || rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{InstrumentId, RecordData, RecordKind, RecordType, Text};

    fn instrument(id: &str, inst_type: &str, family: &str, state: &str) -> Instrument {
        let empty = RecordData::empty(RecordKind::Instrument);
        Instrument {
            inst_id: InstrumentId::new(id).unwrap(),
            inst_type: Text::cut(inst_type),
            inst_family: Text::cut(family),
            state: Text::cut(state),
            ..*Instrument::of(&empty).unwrap()
        }
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (form, text, is_fit) in [
            ("", "ANY", true),
            ("*", "", true),
            ("*", "ANY", true),
            ("A", "A", true),
            ("A", "AB", false),
            ("A*", "AB", true),
            ("*-USDT-SWAP", "BTC-USDT-SWAP", true),
            ("*-USDT-SWAP", "BTC-USDT", false),
            ("BTC-*-C", "BTC-USD-C", true),
            ("BTC-*-C", "BTC-C", false),
            ("*B*B*", "AB", false),
            ("*B*B*", "ABAB", true),
            ("A*A", "A", false),
            ("A**A", "AxA", true),
        ] {
            assert_eq!(fits(form, text), is_fit, "{form} {text}");
        }
    }

    #[test]
    fn conditions_are_read_printed_and_met() {
        let swap = instrument("BTC-USDT-SWAP", "SWAP", "BTC-USDT", "live");
        let perp = instrument("BTC-USD_UM_XPERP-310404", "FUTURES", "BTC-USD_UM", "live");
        let gone = instrument("OLD-USDT-SWAP", "SWAP", "OLD-USDT", "expired");
        let option = instrument("BTC-USD-261225-90000-C", "OPTION", "BTC-USD", "live");
        for (text, fitting) in [
            ("books5:*-USDT-SWAP", [true, false, false]),
            ("trades:type=FUTURES", [false, true, false]),
            ("tickers:*", [true, true, false]),
            ("tickers:BTC*,family=BTC-USDT,state=live", [true, false, false]),
            ("tickers:state=suspend", [false, false, false]),
            ("tickers:type=OPTION,family=BTC-USD", [false, false, true]),
            ("tickers:*,shard=1/1", [true, true, false]),
        ] {
            let selection: Selection = text.parse().unwrap();
            assert!(Selection::is_one(text));
            assert_eq!(selection.to_string().parse(), Ok(selection.clone()), "{text}");
            let found = [swap, perp, option].map(|row| selection.matches(&row));
            assert_eq!(found, fitting, "{text}");
            assert!(!selection.matches(&gone), "{text}");
        }
        let in_shard = |n: u32| {
            let selection: Selection = "books5:*".parse().unwrap();
            selection.in_shard(format!("{n}/3").parse().unwrap()).matches(&swap)
        };
        assert_eq!((1..=3).filter(|n| in_shard(*n)).count(), 1);
        let lists = |text: &str| {
            let selection: Selection = text.parse().unwrap();
            selection.lists().map(|(of, family)| format!("{of} {family:?}")).collect::<Vec<_>>()
        };
        assert_eq!(lists("books5:*"), ["SPOT None", "SWAP None", "FUTURES None"]);
        assert_eq!(lists("books5:type=SWAP,family=A"), ["SWAP None"]);
        assert_eq!(lists("books5:type=OPTION,family=A"), ["OPTION Some(\"A\")"]);
    }

    #[test]
    fn other_texts_are_no_selections() {
        let error = |text: &str| text.parse::<Selection>().unwrap_err();
        assert!(matches!(error("books5"), SelectionError::Empty(_)));
        assert!(matches!(error("books5:type="), SelectionError::Empty(_)));
        assert!(matches!(error("books9:*"), SelectionError::Channel(_)));
        assert!(matches!(error("status:*"), SelectionError::NotByInstrument(_)));
        assert!(matches!(error("index-tickers:*"), SelectionError::NotByInstrument(_)));
        assert!(matches!(error("books5:*,*"), SelectionError::Condition(_)));
        assert!(matches!(error("books5:colour=red"), SelectionError::Condition(_)));
        assert!(matches!(error("books5:shard=3/2"), SelectionError::Condition(_)));
        assert!(matches!(error("books5:type=OPTION"), SelectionError::Type(_)));
        assert!(matches!(error("books5:type=EVENTS"), SelectionError::Type(_)));
        for text in ["books5:BTC-USDT", "status", "raw:x:a=b", "spot/depth5:A", "books5:"] {
            assert!(!Selection::is_one(text), "{text}");
        }
    }
}
