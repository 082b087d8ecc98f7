//! Faults: what goes wrong, when, and how often, from a text and a seed.
//!
//! ```text
//! spec -> rule -> trigger -> rules -> injector (one a connection) -> log
//!                    \------------> venue (the exchange itself) ---/
//! ```
//!
//! Messages are damaged on their way to a connection's queue; the exchange's own books and numbers
//! stay the truth. Without rules nothing of this runs.

mod act;
mod damage;
mod injector;
mod kind;
mod log;
mod rule;
mod rules;
mod silence;
mod spec;
mod trigger;
mod venue;

pub use kind::FaultKind;
pub use log::{FaultLog, Injected};
pub use rule::{FaultPlan, FaultRule};
pub use spec::FaultSpecError;
pub use venue::Admission;

pub(crate) use act::{FaultAct, Named, Stray, Verdict};
pub(crate) use injector::{Identity, Injector, Subscribed};
pub(crate) use kind::ReplyId;
pub(crate) use venue::{VenueAct, VenueFaults};
