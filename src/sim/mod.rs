//! The embedded exchange: speaks v3 and v5 to any client, from a seed.
//!
//! ```text
//! server  ->  exchange  ->  faults  ->  market
//! ```
//!
//! Only `server` does I/O and reads a clock. None of it shares code with the decoder of this crate.

mod exchange;
mod faults;
mod market;
mod server;

pub use exchange::{
    ConnectionId, Endpoint, Exchange, ExchangeConfig, Limits, PushIntervals, RestReply, TbtAccess,
    record,
};
pub use faults::{
    Admission, Fault, FaultKind, FaultLog, FaultPlan, FaultRule, FaultSpecError, Injected,
    MessageFilter, Outbound, ReplyId, Subject, TransportFault,
};
pub use market::{
    InstIndex, Listing, ListingError, ListingState, MarketConfig, Print, SimBook, SimMarket,
};
pub use server::{
    Arrivals, FrameSender, SendPlan, SentFrame, Server, ServerHandle, ServerThread, server_config,
};
