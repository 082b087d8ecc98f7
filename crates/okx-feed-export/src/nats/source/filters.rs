//! The subjects that a source reads.

use crate::nats::error::NatsError;
use crate::nats::subject::PREFIX;

/// How many tokens the subject of a topic has: `md.okx.v5.books5.BTC-USDT`.
const TOKENS: usize = 5;

/// The subjects to read for what a user writes: those of a topic's snapshots and states too, and
/// none that another one covers, which a consumer of a stream must not have.
pub(super) fn filters(subjects: &[String]) -> Result<Vec<String>, NatsError> {
    let mut all = Vec::new();
    for subject in subjects {
        let rest = subject.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.'));
        let tokens: Vec<_> = subject.split('.').collect();
        let is_valid = rest.is_some()
            && tokens.iter().all(|token| !token.is_empty() && !token.contains(char::is_whitespace))
            && tokens.iter().rev().skip(1).all(|token| *token != ">");
        match tokens.last() {
            Some(&">") if is_valid && tokens.len() <= TOKENS => all.push(subject.clone()),
            Some(_) if is_valid && tokens.len() == TOKENS => {
                all.push(subject.clone());
                all.push(format!("{subject}.snapshot"));
                all.push(format!("{subject}.state.*"));
            }
            _ => return Err(NatsError::Subject(subject.clone())),
        }
    }
    all.sort();
    all.dedup();
    let wild: Vec<_> = all.iter().filter(|one| one.contains(['*', '>'])).collect();
    let is_covered = |one: &String| wild.iter().any(|of| *of != one && covers(of, one));
    let all: Vec<_> = all.iter().filter(|one| !is_covered(one)).cloned().collect();
    match all.is_empty() {
        true => Err(NatsError::Subject(String::new())),
        false => Ok(all),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_subject_covers_is_left_out() {
        let of = |subjects: &[&str]| {
            filters(&subjects.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(of(&["md.okx.v5.books.A", "md.okx.>", "md.okx.v5.>"]), ["md.okx.>"]);
        let both = of(&["md.okx.v5.books5.*", "md.okx.v5.books5.A", "md.okx.v5.*.*"]);
        assert_eq!(both, of(&["md.okx.v5.*.*"]));
        let apart = of(&["md.okx.v5.books5.A", "md.okx.v5.books.*", "md.okx.v5.books5.B"]);
        assert_eq!(apart.len(), 9, "{apart:?}");
        assert!(covers("a.>", "a.>") && covers("a.*", "a.*") && !covers("a.*", "a.>"));
        assert!(!covers("a.>", "a") && !covers("a.b", "a.*") && !covers("a.b", "a.b.c"));
    }

    #[test]
    fn a_topic_is_read_with_its_snapshots_and_states() {
        let of = |subject: &str| filters(&[subject.to_owned()]).ok();
        let books = "md.okx.v5.books.*";
        let all = [books.to_owned(), format!("{books}.snapshot"), format!("{books}.state.*")];
        assert_eq!(of(books), Some(all.to_vec()));
        assert_eq!(of("md.okx.>"), Some(vec!["md.okx.>".to_owned()]));
        let wrong = [
            "",
            "md.okx.v5",
            "okx.v5.books.A",
            "md.okx.>.A",
            "md.okx.v5.books.A B",
            "md.okx.v5.b..A",
        ];
        assert!(wrong.into_iter().all(|subject| of(subject).is_none()));
    }
}
