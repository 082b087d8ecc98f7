//! What other threads see of a source.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use okx_feed::publish::{BookReader, DepthReader, RecordReader, RecordRingReader, TradeReader};
use okx_feed::{BookState, Subscription};

use super::position::Position;

/// The readers of a topic.
#[derive(Clone, Debug, Default)]
pub(super) struct TopicReaders {
    pub(super) state: BookState,
    pub(super) book: Option<BookReader>,
    pub(super) depth: Option<DepthReader>,
    pub(super) trades: Option<TradeReader>,
    pub(super) record: Option<RecordReader>,
    pub(super) records: Option<RecordRingReader>,
}

/// What a source's thread and its handle share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) topics: Mutex<HashMap<Subscription, TopicReaders>>,
    pub(super) stats: SourceStats,
    pub(super) stop: AtomicBool,
    position: Mutex<Position>,
}

impl Shared {
    pub(super) fn with<R>(
        &self,
        act: impl FnOnce(&mut HashMap<Subscription, TopicReaders>) -> R,
    ) -> R {
        act(&mut self.topics.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn position(&self) -> Position {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_position(&self, to: Position) {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }

    /// Sets the position unless it is further on already.
    pub(super) fn advance_to(&self, to: Position) {
        let mut position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        if position.sequence < to.sequence {
            *position = to;
        }
    }
}

/// The counters of a source, for any thread.
#[derive(Debug, Default)]
pub struct SourceStats {
    pub(super) messages: AtomicU64,
    pub(super) duplicates: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) left_out: AtomicU64,
    pub(super) gaps: AtomicU64,
    pub(super) missed: AtomicU64,
    pub(super) missing: AtomicU64,
    pub(super) compared: AtomicU64,
    pub(super) different: AtomicU64,
    pub(super) connects: AtomicU64,
    pub(super) is_current: AtomicBool,
    pub(super) last_error: Mutex<Option<String>>,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        impl SourceStats {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> u64 {
                self.$name.load(Ordering::Relaxed)
            })*
        }
    };
}

counters! {
    /// Messages that were received.
    messages,
    /// Messages among them that brought nothing new: another writer's, or older than what is shown.
    duplicates,
    /// Messages among them that could not be read.
    malformed,
    /// Messages among them of topics beyond [`SourceOptions::max_topics`](super::SourceOptions).
    left_out,
    /// Places where a writer's messages are missing: dropped before they were sent, or lost.
    gaps,
    /// Events that writers say are missing in what they sent; another writer may have sent them.
    missed,
    /// Messages that the stream had deleted before they were read.
    missing,
    /// Order books that were compared with a whole one of the same number.
    compared,
    /// Order books among them that were different, and were replaced.
    different,
    /// How often a connection was made.
    connects,
}

impl SourceStats {
    /// Whether all that the stream has was read. Without that, nothing is live.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.is_current.load(Ordering::Relaxed)
    }

    /// Why the last attempt or connection ended. Has no secret.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note_error(&self, why: String) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub(super) fn count(counter: &AtomicU64) {
        Self::add(counter, 1);
    }

    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
