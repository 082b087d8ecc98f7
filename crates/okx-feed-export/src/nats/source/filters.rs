//! The subjects that a source reads.

use crate::nats::error::NatsError;
use crate::nats::subject::{PREFIX, WATERMARK_PREFIX};

/// How many tokens the subject of a topic has: `md.okx.v5.books5.BTC-USDT`.
const TOKENS: usize = 5;

/// The subjects to read for what a user writes: those of a topic's snapshots and states too, and
/// none that another one covers, which a consumer of a stream must not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filters {
    all: Vec<String>,
    /// Whether a subject may fit two of them. A stream delivers its messages once; core NATS, once
    /// for each subscription.
    overlap: bool,
}

impl Filters {
    /// # Errors
    /// [`NatsError::Subject`] if a subject is none of markets.
    pub(super) fn new(subjects: &[String]) -> Result<Self, NatsError> {
        if let Some(wrong) = subjects.iter().find(|subject| !is_valid(subject)) {
            return Err(NatsError::Subject(wrong.clone()));
        }
        if subjects.is_empty() {
            return Err(NatsError::Subject(String::new()));
        }
        let watermarks = format!("{WATERMARK_PREFIX}.*");
        let all = subjects.iter().flat_map(|subject| with_others(subject));
        let mut all: Vec<_> = all.chain([watermarks]).collect();
        all.sort();
        all.dedup();
        let is_covered = |one: &String| all.iter().any(|of| of != one && covers(of, one));
        let all: Vec<_> = all.iter().filter(|one| !is_covered(one)).cloned().collect();
        let overlaps = |(at, one): (usize, &String)| all.iter().take(at).any(|of| overlap(of, one));
        let overlap = all.iter().enumerate().any(overlaps);
        Ok(Self { all, overlap })
    }

    /// What is subscribed.
    pub(super) fn all(&self) -> &[String] {
        &self.all
    }

    /// Whether a subject that came by the filter of that place is to be read: by the first one that
    /// it fits.
    #[inline]
    pub(super) fn is_first(&self, place: usize, subject: &str) -> bool {
        !self.overlap || !self.all.iter().take(place).any(|of| overlap(of, subject))
    }
}

/// A pattern with those of the snapshots, states and last values of its topics.
fn with_others(pattern: &str) -> Vec<String> {
    match pattern.ends_with('>') {
        true => vec![pattern.to_owned()],
        false => {
            ["", ".snapshot", ".state.*", ".last.*"].map(|end| format!("{pattern}{end}")).to_vec()
        }
    }
}

/// Whether a text is a subject of topics, with `*` and `>`.
fn is_valid(subject: &str) -> bool {
    let rest = subject.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.'));
    let tokens: Vec<_> = subject.split('.').collect();
    let is_token = |token: &&str| !token.is_empty() && !token.contains(char::is_whitespace);
    rest.is_some()
        && tokens.iter().all(is_token)
        && tokens.iter().rev().skip(1).all(|token| *token != ">")
        && (tokens.len() == TOKENS || (tokens.len() < TOKENS && tokens.last() == Some(&">")))
}

/// Whether every subject of one pattern is of another.
fn covers(of: &str, one: &str) -> bool {
    let (mut of, mut one) = (of.split('.'), one.split('.'));
    loop {
        match (of.next(), one.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(of), Some(token)) if of == token => {}
            _ => return false,
        }
    }
}

/// Whether a subject fits both patterns, or a subject a pattern.
fn overlap(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        match (a.next(), b.next()) {
            (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(subjects: &[&str]) -> Filters {
        Filters::new(&subjects.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_another_subject_covers_is_left_out() {
        let all = of(&["md.okx.v5.books.A", "md.okx.>", "md.okx.v5.>"]);
        assert_eq!(all.all, ["md.okx.>"]);
        let both = of(&["md.okx.v5.books5.*", "md.okx.v5.books5.A", "md.okx.v5.*.*"]);
        assert_eq!(both, of(&["md.okx.v5.*.*"]));
        let apart = of(&["md.okx.v5.books5.A", "md.okx.v5.books.*", "md.okx.v5.books5.B"]);
        assert_eq!((apart.all.len(), apart.overlap), (13, false), "{apart:?}");
        assert!(covers("a.>", "a.>") && covers("a.*", "a.*") && !covers("a.*", "a.>"));
        assert!(!covers("a.>", "a") && !covers("a.b", "a.*") && !covers("a.b", "a.b.c"));
    }

    /// By trying all patterns of few tokens with all subjects of them.
    #[test]
    fn each_message_is_read_once_by_whatever_patterns() {
        let tuples = |parts: &[&str]| {
            let mut all = Vec::new();
            for x in parts {
                for y in parts {
                    all.extend(parts.iter().map(|z| format!("md.okx.{x}.{y}.{z}")));
                }
            }
            all
        };
        let (subjects, mut patterns) = (tuples(&["a", "b"]), tuples(&["a", "b", "*"]));
        patterns.extend(["md.okx.>", "md.okx.a.>", "md.okx.*.>", "md.okx.b.*.>"].map(String::from));
        for a in &patterns {
            for b in &patterns {
                for c in ["md.okx.a.b.a", "md.okx.b.*.b"] {
                    let wanted = [a, b.as_str(), c];
                    let filters = of(&wanted);
                    for (subject, end) in subjects
                        .iter()
                        .flat_map(|of| ["", ".snapshot", ".state.W"].map(|end| (of, end)))
                    {
                        let is_wanted = wanted.iter().any(|pattern| overlap(pattern, subject));
                        let subject = format!("{subject}{end}");
                        let places = 0..filters.all.len();
                        let read = places.filter(|place| {
                            overlap(&filters.all[*place], &subject)
                                && filters.is_first(*place, &subject)
                        });
                        let read = read.count();
                        assert_eq!(read, usize::from(is_wanted), "{wanted:?} {subject}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_topic_is_read_with_its_snapshots_and_states() {
        let of = |subject: &str| Filters::new(&[subject.to_owned()]).ok();
        let books = "md.okx.v5.books.*";
        let all = ["", ".last.*", ".snapshot", ".state.*"].map(|end| format!("{books}{end}"));
        let all = [&all[..], &["md.okx.writer.*".to_owned()]].concat();
        assert_eq!(of(books).unwrap().all, all);
        assert_eq!(of("md.okx.>").unwrap().all, ["md.okx.>"]);
        let wrong = [
            "",
            "md.okx.v5",
            "okx.v5.books.A",
            "md.okx.>.A",
            "md.okx.v5.books.A B",
            "md.okx.v5.b..A",
        ];
        assert!(wrong.into_iter().all(|subject| of(subject).is_none()));
        assert!(Filters::new(&[]).is_err());
    }
}
