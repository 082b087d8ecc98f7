//! The members that the JSON of every event has.

use super::text::{key, put_str, put_u64};
use okx_feed::{Market, UnixNanos};

/// The members before those of an event: its line, or its time of receipt.
///
/// `decode` begins with `"line"`, `watch` with `"ts_recv_ns"`; `decode` ends with `"ts_recv_ns"`
/// if the input has the time of receipt.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// The name of the first member.
    pub key: &'static str,
    /// Its value.
    pub value: u64,
    /// The last member, if there is one.
    pub ts_recv: Option<UnixNanos>,
}

/// Begins an object with its stamp and the event's name; both are plain ASCII.
pub(super) fn open(out: &mut Vec<u8>, stamp: Stamp, event: &[u8]) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(stamp.key.as_bytes());
    out.extend_from_slice(b"\":");
    put_u64(out, stamp.value);
    out.extend_from_slice(b",\"event\":\"");
    out.extend_from_slice(event);
    out.push(b'"');
}

/// Ends an object with the stamp's last member, and the line.
pub(super) fn close(out: &mut Vec<u8>, stamp: Stamp) {
    if let Some(at) = stamp.ts_recv {
        key(out, b"ts_recv_ns");
        put_u64(out, at.0);
    }
    out.extend_from_slice(b"}\n");
}

/// The market, which only v3 names.
pub(super) fn market(out: &mut Vec<u8>, market: Option<Market>) {
    if let Some(market) = market {
        key(out, b"market");
        put_str(out, market.name());
    }
}
