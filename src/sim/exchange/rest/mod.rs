//! The exchange's REST interface, sans I/O and clock: targets in, replies out.
//!
//! ```text
//! machine -> answers -> v5, v3 -> query -> reply
//!               \-> request_limits, caches
//! ```
//!
//! The same market as that of the WebSockets; it shares no code with the client's `rest`.

mod answers;
mod caches;
mod candles;
mod query;
mod reply;
mod request_limits;
mod seen;
mod v3;
mod v5;

pub(crate) use answers::{Rest, RestContext};
pub use reply::RestReply;
