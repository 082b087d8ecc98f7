//! The login: sent before the first subscription, retried where the exchange was too busy.

use super::{Link, Session};
use crate::event::Control;
use crate::model::MonoNanos;
use crate::session::reply_match::{is_transient, refuses_key};
use crate::session::types::{Action, SessionEvent};

/// How often a login is retried on one connection where the key was not the cause.
const RELOGINS: u32 = 3;

/// The connections in a row on which a key is refused until no login is tried any more.
const KEY_REFUSALS: u32 = 3;

impl Session {
    /// Whether a new connection logs in: not with a key that was refused on several connections.
    pub(super) const fn may_log_in(&self) -> bool {
        self.config.login && self.key_refusals < KEY_REFUSALS
    }

    pub(super) fn login(&mut self, now: MonoNanos) {
        let Link::Open { login, .. } = &mut self.link else { return };
        if !self.subscriptions.try_acquire_request(now) {
            // The hour's requests are spent: the login takes the next one.
            self.relogin = Some(self.subscriptions.request_ready_at());
            return;
        }
        *login = Some(now);
        self.stats.requests += 1;
        self.actions.push_back(Action::Login);
    }

    pub(super) const fn login_waits(&self) -> bool {
        matches!(self.link, Link::Open { login: Some(_), .. })
    }

    pub(super) fn login_answered(&mut self, success: bool, control: &Control<'_>, now: MonoNanos) {
        let Link::Open { login, .. } = &mut self.link else { return };
        let waited = login.take().is_some();
        if success {
            // However late it comes: from now on, channels that need a login can be subscribed.
            self.key_refusals = 0;
            return self.subscriptions.on_logged_in();
        }
        if !waited {
            return;
        }
        self.refusals += 1;
        if is_transient(control.code) && self.refusals <= RELOGINS {
            // About the exchange's own state, not about the key. Channels that need no login do not
            // wait.
            let pause = self.config.resync.first.saturating_mul(1 << (self.refusals - 1));
            self.relogin = Some(now + pause);
            return;
        }
        self.key_refusals += u32::from(refuses_key(control.code));
        let message = control.message.unwrap_or_default().to_owned();
        self.events.push_back(SessionEvent::LoginRefused { code: control.code, message });
    }
}
