//! Faults: what goes wrong, when, and how often, from a text and a seed.
//!
//! ```text
//! injector (one a connection)  -> rules -> trigger -> rule -> fault -> value
//! exchange_faults (the exchange itself) ----^
//! ```
//!
//! Faults happen to messages on their way to a connection's queue; the exchange's own books and
//! numbers stay correct. Without rules nothing of this runs.

mod action;
mod exchange_faults;
mod fault;
mod injector;
mod log;
mod mutate;
mod outbound;
mod rule;
mod rules;
mod silence;
mod trigger;
mod value;

pub use exchange_faults::Admission;
pub use fault::{Fault, FaultKind};
pub use log::{FaultLog, Injected};
pub use outbound::{Outbound, TransportFault};
pub use rule::{FaultPlan, FaultRule};
pub use value::{FaultSpecError, MessageFilter, ReplyId, Subject};

pub(crate) use action::{FaultAction, InjectedError, Named, StrayError};
pub(crate) use exchange_faults::{ExchangeAction, ExchangeFaults, RestFaults};
pub(crate) use injector::{Identity, Injector, Subscribed};
pub(crate) use outbound::{About, close_reason};
