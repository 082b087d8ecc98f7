//! One wanted subscription, and how far it has come.

use super::config::SessionConfig;
use super::leaving::{Leaving, names_one};
use super::pace::Pace;
use super::requests::names;
use crate::model::{ChannelKind, MonoNanos, Subscription};

pub(super) const NEVER: MonoNanos = MonoNanos(u64::MAX);

/// One wanted subscription.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) subscription: Subscription,
    pub(super) stage: Stage,
    pub(super) pace: Pace,
    /// When the deep book is to be fetched anew.
    pub(super) resync_at: Option<MonoNanos>,
    /// Since when a deep book's snapshot is awaited.
    pub(super) awaits: Option<MonoNanos>,
    /// How often it was asked for alone on this connection and not answered.
    pub(super) silences: u8,
}

/// How far a subscription has come on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// To be asked for; alone in its request where `alone`.
    Unsent { alone: bool },
    /// To be asked for later: the exchange was too busy.
    Paused { until: MonoNanos },
    /// Asked for and not answered.
    Sent { at: MonoNanos, id: u64, alone: bool },
    /// Acknowledged.
    Acknowledged,
    /// Refused; not asked for again on this connection.
    Rejected(Refusal),
}

/// Why a subscription is not asked for again, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The exchange refused it: until it is asked for by hand.
    Answer,
    /// The exchange refused it to a session that is not logged in: until a login succeeds.
    Login,
    /// It was asked for alone again and again and never answered: until the next connection.
    Silence,
}

impl Wanted {
    pub(super) const fn new(subscription: Subscription) -> Self {
        let stage = Stage::Unsent { alone: false };
        Self { subscription, stage, pace: Pace::NEW, resync_at: None, awaits: None, silences: 0 }
    }

    /// Whether the exchange may send for it, as far as we know.
    pub(super) const fn asked(&self) -> bool {
        matches!(self.stage, Stage::Sent { .. } | Stage::Acknowledged)
    }

    /// The request that asked for it and is not answered.
    pub(super) const fn request(&self) -> Option<u64> {
        match self.stage {
            Stage::Sent { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Whether it is in flight in a request of its own.
    pub(super) const fn is_lone(&self) -> bool {
        matches!(self.stage, Stage::Sent { alone: true, .. })
    }

    pub(super) fn acknowledge(&mut self, now: MonoNanos) {
        (self.stage, self.silences) = (Stage::Acknowledged, 0);
        // Other channels bring the next book or trade of themselves.
        let deep = self.subscription.channel().kind() == ChannelKind::Depth;
        self.awaits = deep.then_some(now);
    }

    /// Has it asked for once more, and given up first where that is needed.
    pub(super) fn ask_anew(&mut self, leaving: &mut Leaving, open: bool) {
        if self.asked() && open {
            leaving.push(self.subscription);
        }
        self.stage = Stage::Unsent { alone: false };
        (self.resync_at, self.awaits) = (None, None);
    }

    /// Whether an error that is about a request may be about this part of it: its text names it,
    /// or nothing at all.
    pub(super) fn is_meant(&self, message: &str) -> bool {
        !names_one(message) || names(message, &self.subscription)
    }

    /// When something but a resync is to be done about it without anything coming in.
    pub(super) fn due(&self, config: &SessionConfig) -> MonoNanos {
        match self.stage {
            Stage::Unsent { .. } | Stage::Rejected(_) => NEVER,
            Stage::Paused { until } => until,
            Stage::Sent { at, .. } => at + config.ack_within,
            Stage::Acknowledged => self.awaits.map_or(NEVER, |at| at + config.snapshot_within),
        }
    }

    /// When it is to be fetched anew.
    pub(super) fn resync_due(&self) -> Option<MonoNanos> {
        self.resync_at.filter(|_| self.stage == Stage::Acknowledged)
    }
}
