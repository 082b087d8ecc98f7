//! The subjects that a source reads.

use crate::nats::error::NatsError;
use crate::nats::subject::PREFIX;

/// How many tokens the subject of a topic has: `md.okx.v5.books5.BTC-USDT`.
const TOKENS: usize = 5;

/// What a source reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filters {
    /// What is subscribed. No subject fits two of them: a server delivers a message to each
    /// subscription that it fits, and refuses a consumer of a stream with such filters.
    pub(super) subscribed: Vec<String>,
    /// What a user writes, if more is subscribed than that.
    wanted: Option<Vec<String>>,
}

impl Filters {
    /// The filters for what a user writes: with the subjects of a topic's snapshots and states.
    ///
    /// Subjects that another one covers are left out. Two that overlap in part are subscribed as
    /// one that covers both, and what fits neither is left out by [`Filters::wants`].
    ///
    /// # Errors
    /// [`NatsError::Subject`] if a subject is none of markets.
    pub(super) fn new(subjects: &[String]) -> Result<Self, NatsError> {
        if let Some(wrong) = subjects.iter().find(|subject| !is_valid(subject)) {
            return Err(NatsError::Subject(wrong.clone()));
        }
        let (mut disjoint, mut is_wider) = (Vec::<String>::new(), false);
        for subject in subjects {
            let mut all = subject.clone();
            // What is joined may overlap with what did not before.
            while let Some(at) = disjoint.iter().position(|other| overlap(other, &all)) {
                let other = disjoint.swap_remove(at);
                let joined = join(&other, &all);
                is_wider |= joined != other && joined != all;
                all = joined;
            }
            disjoint.push(all);
        }
        disjoint.sort();
        let subscribed: Vec<_> = disjoint.iter().flat_map(|subject| with_others(subject)).collect();
        match subscribed.is_empty() {
            true => Err(NatsError::Subject(String::new())),
            false => Ok(Self { subscribed, wanted: is_wider.then(|| subjects.to_vec()) }),
        }
    }

    /// Whether a subject, of a topic or of its snapshots and states, is one that a user wants.
    #[inline]
    pub(super) fn wants(&self, subject: &str) -> bool {
        match &self.wanted {
            None => true,
            Some(wanted) => wanted.iter().any(|pattern| fits(pattern, subject)),
        }
    }
}

/// A pattern with those of the snapshots and states of its topics.
fn with_others(pattern: &str) -> Vec<String> {
    match pattern.ends_with('>') {
        true => vec![pattern.to_owned()],
        false => ["", ".snapshot", ".state.*"].map(|end| format!("{pattern}{end}")).to_vec(),
    }
}

/// Whether a text is a subject of topics, with `*` and `>`.
fn is_valid(subject: &str) -> bool {
    let rest = subject.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.'));
    let tokens: Vec<_> = subject.split('.').collect();
    let is_token = |token: &&str| !token.is_empty() && !token.contains(char::is_whitespace);
    let is_whole = tokens.len() == TOKENS;
    rest.is_some()
        && tokens.iter().all(is_token)
        && tokens.iter().rev().skip(1).all(|token| *token != ">")
        && (is_whole || (tokens.len() < TOKENS && tokens.last() == Some(&">")))
}

/// Whether a subject fits both patterns.
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

/// The narrowest pattern that covers two which overlap.
fn join(a: &str, b: &str) -> String {
    let mut joined = Vec::new();
    for (a, b) in a.split('.').zip(b.split('.')) {
        let token = match (a, b) {
            (">", _) | (_, ">") => ">",
            (a, b) if a == b => a,
            _ => "*",
        };
        joined.push(token);
        if token == ">" {
            break;
        }
    }
    joined.join(".")
}

/// Whether a subject, of a topic or of its snapshots and states, fits the pattern of a topic.
fn fits(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    pattern.split('.').all(|part| {
        let token = tokens.next();
        matches!(part, ">" | "*") && token.is_some() || token == Some(part)
    })
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
        assert_eq!(all.subscribed, ["md.okx.>"]);
        let both = of(&["md.okx.v5.books5.*", "md.okx.v5.books5.A", "md.okx.v5.*.*"]);
        assert_eq!(both, of(&["md.okx.v5.*.*"]));
        let apart = of(&["md.okx.v5.books5.A", "md.okx.v5.books.*", "md.okx.v5.books5.B"]);
        assert_eq!((apart.subscribed.len(), &apart.wanted), (9, &None), "{apart:?}");
    }

    #[test]
    fn subjects_that_overlap_in_part_are_one_and_only_what_is_wanted_is_read() {
        let both = of(&["md.okx.v5.books5.*", "md.okx.v5.*.BTC-USDT"]);
        assert_eq!(both.subscribed, of(&["md.okx.v5.*.*"]).subscribed);
        for (subject, is_wanted) in [
            ("md.okx.v5.books5.A", true),
            ("md.okx.v5.trades.BTC-USDT", true),
            ("md.okx.v5.books.BTC-USDT.snapshot", true),
            ("md.okx.v5.books5.A.state.W", true),
            ("md.okx.v5.trades.A", false),
            ("md.okx.v5.books.A.snapshot", false),
        ] {
            assert_eq!(both.wants(subject), is_wanted, "{subject}");
        }
        // What is joined overlaps with a third; a `>` takes all behind it.
        let three = of(&["md.okx.v5.trades.A", "md.okx.v5.books5.*", "md.okx.v5.*.B"]);
        assert_eq!(three.subscribed, both.subscribed);
        assert!(three.wants("md.okx.v5.trades.A") && !three.wants("md.okx.v5.trades.C"));
        let rest = of(&["md.okx.v5.>", "md.okx.*.books5.A"]);
        assert_eq!(rest.subscribed, ["md.okx.*.>"]);
        assert!(rest.wants("md.okx.v5.trades.A.state.W") && !rest.wants("md.okx.v3.trades.A"));
    }

    /// By trying all patterns of few tokens with all subjects of them.
    #[test]
    fn no_subject_fits_two_of_what_is_subscribed_and_all_that_is_wanted_fits_one() {
        let tokens = ["a", "b"];
        let subjects: Vec<_> = tokens
            .iter()
            .flat_map(|x| tokens.iter().flat_map(move |y| tokens.map(|z| [*x, *y, z])))
            .map(|part| format!("md.okx.{}", part.join(".")))
            .collect();
        let parts = ["a", "b", "*"];
        let mut patterns: Vec<_> = parts
            .iter()
            .flat_map(|x| parts.iter().flat_map(move |y| parts.map(|z| [*x, *y, z])))
            .map(|part| format!("md.okx.{}", part.join(".")))
            .collect();
        patterns.extend(["md.okx.>", "md.okx.a.>", "md.okx.*.>", "md.okx.b.*.>"].map(String::from));
        let ends = ["", ".snapshot", ".state.W"];
        for a in &patterns {
            for b in &patterns {
                for c in ["md.okx.a.b.a", "md.okx.b.*.b"] {
                    let wanted = [a.clone(), b.clone(), c.to_owned()];
                    let filters = Filters::new(&wanted).unwrap();
                    for subject in
                        subjects.iter().flat_map(|of| ends.map(|end| format!("{of}{end}")))
                    {
                        let is_wanted = wanted.iter().any(|pattern| fits(pattern, &subject));
                        let count = filters.subscribed.iter().filter(|of| overlap(of, &subject));
                        let count = count.count();
                        assert!(count <= 1, "{wanted:?} {subject}: {filters:?}");
                        let is_read = count == 1 && filters.wants(&subject);
                        assert_eq!(is_read, is_wanted, "{wanted:?} {subject}: {filters:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_topic_is_read_with_its_snapshots_and_states() {
        let of = |subject: &str| Filters::new(&[subject.to_owned()]).ok();
        let books = "md.okx.v5.books.*";
        let all = [books.to_owned(), format!("{books}.snapshot"), format!("{books}.state.*")];
        assert_eq!(of(books).unwrap().subscribed, all);
        assert_eq!(of("md.okx.>").unwrap().subscribed, ["md.okx.>"]);
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
