//! The embedded exchange: speaks v3 and v5 to any client, from a seed.
//!
//! ```text
//! server, socket  ->  exchange  ->  answers  ->  engine  ->  publisher, topic  ->  market  ->  order flow
//!                                                   \              v3, v5  \
//!                                                    ------------------------->  connection  ->  faults
//! ```
//!
//! Only `server`, `socket` and `carry` do I/O, and only `server` reads a clock. None of it shares
//! code with the decoder of this crate.

mod access;
mod answers;
mod book;
mod cadence;
mod carry;
mod connection;
mod connections;
mod deflate;
mod depth;
mod depth_text;
mod engine;
mod exchange;
mod faults;
mod listing;
mod market;
mod order_flow;
mod outbound;
mod print;
mod publisher;
mod record;
mod refusal;
mod request;
mod rng;
mod server;
mod socket;
mod thread;
mod tls;
mod topic;
mod v3;
mod v5;

pub use access::TbtAccess;
pub use book::SimBook;
pub use cadence::PushIntervals;
pub use connection::{ConnectionId, Endpoint, Limits};
pub use exchange::{Exchange, ExchangeConfig};
pub use faults::{Admission, FaultKind, FaultLog, FaultPlan, FaultRule, FaultSpecError, Injected};
pub use listing::{Listing, ListingError};
pub use market::{InstIndex, MarketConfig, SimMarket};
pub use outbound::{Outbound, TransportFault};
pub use print::Print;
pub use record::record;
pub use server::{Server, ServerHandle};
pub use thread::ServerThread;
