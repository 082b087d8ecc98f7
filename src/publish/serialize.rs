//! Serde implementations for snapshots. `Serialize` only, because only a publisher makes one.

use serde::ser::{Serialize, Serializer};

use super::depth::DepthSnapshot;
use crate::model::{BookState, Level, UnixNanos};

#[derive(serde::Serialize)]
#[serde(rename = "DepthSnapshot")]
struct DepthSnapshotRef<'s> {
    state: BookState,
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
    seq: Option<i64>,
    version: u64,
    asks: &'s [Level],
    bids: &'s [Level],
}

impl Serialize for DepthSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { state, ts_event, ts_recv, seq, version, .. } = *self;
        let (asks, bids) = (self.asks(), self.bids());
        DepthSnapshotRef { state, ts_event, ts_recv, seq, version, asks, bids }
            .serialize(serializer)
    }
}
