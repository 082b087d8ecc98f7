//! Serde implementations for snapshots. `Serialize` only, because only a publisher makes one.

use serde::ser::{Serialize, Serializer};

use super::depth::DepthSnapshot;
use crate::model::{Level, UnixNanos};

#[derive(serde::Serialize)]
#[serde(rename = "DepthSnapshot")]
struct DepthSnapshotRef<'s> {
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
    seq: Option<i64>,
    asks: &'s [Level],
    bids: &'s [Level],
}

impl Serialize for DepthSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { ts_event, ts_recv, seq, .. } = *self;
        let (asks, bids) = (self.asks(), self.bids());
        DepthSnapshotRef { ts_event, ts_recv, seq, asks, bids }.serialize(serializer)
    }
}
