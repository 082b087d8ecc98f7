//! Faults: what goes wrong, when, and how often, from a text and a seed.
//!
//! ```text
//! spec -> rule -> trigger -> rules -> injector (one a connection) -> log
//!                    \------------> venue (the exchange itself) ---/
//! ```
//!
//! Messages are damaged on their way to a connection's queue; the exchange's own books and numbers
//! stay the truth. Without rules nothing of this runs.

mod action;
mod exchange_faults;
mod injector;
mod kind;
mod log;
mod mutate;
mod outbound;
mod rule;
mod rules;
mod silence;
mod spec;
mod trigger;

pub use exchange_faults::Admission;
pub use kind::FaultKind;
pub use log::{FaultLog, Injected};
pub use outbound::{Outbound, TransportFault};
pub use rule::{FaultPlan, FaultRule};
pub use spec::FaultSpecError;

pub(crate) use action::{FaultAct, Named, Stray, Verdict};
pub(crate) use exchange_faults::{VenueAct, VenueFaults};
pub(crate) use injector::{Identity, Injector, Subscribed};
pub(crate) use kind::ReplyId;
pub(crate) use outbound::{About, close_reason};
