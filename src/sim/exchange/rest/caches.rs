//! The caches of several instances: what was answered a while ago may be answered again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::model::MonoNanos;

/// How many answers are remembered for each target.
const MOST: usize = 8;
/// How many targets are remembered.
const TARGETS: usize = 1_024;

/// Earlier answers by target.
#[derive(Debug, Default)]
pub(super) struct Caches(HashMap<String, VecDeque<(MonoNanos, String)>>);

impl Caches {
    /// The oldest answer that is at most `by` old.
    pub(super) fn old(&self, target: &str, by: Duration, now: MonoNanos) -> Option<&str> {
        let answers = self.0.get(target)?;
        let found = answers.iter().find(|(at, _)| now.since(*at) <= by);
        found.map(|(_, body)| body.as_str())
    }

    /// Remembers an answer.
    pub(super) fn keep(&mut self, target: &str, body: &str, now: MonoNanos) {
        if self.0.len() >= TARGETS {
            self.0.clear();
        }
        let answers = self.0.entry(target.to_owned()).or_default();
        answers.push_back((now, body.to_owned()));
        while answers.len() > MOST {
            answers.pop_front();
        }
    }
}
