//! Faults: what goes wrong, when, and how often, from a text and a seed.
//!
//! ```text
//! spec -> rule -> trigger -> injector (one a connection), venue (the exchange itself) -> log
//! ```
//!
//! Messages are damaged on their way to a connection's queue; the exchange's own books and numbers
//! stay the truth. Without rules nothing of this runs.

mod damage;
mod injector;
mod kind;
mod log;
mod rule;
mod spec;
mod trigger;
mod venue;

pub use kind::FaultKind;
pub use log::{FaultLog, Injected};
pub use rule::{FaultPlan, FaultRule};
pub use spec::FaultSpecError;
pub use venue::Admission;

pub(crate) use injector::{Identity, Injector};
pub(crate) use venue::{VenueAct, VenueFaults};
