//! The parameters of a request.

use super::reply::RestReply;
use crate::model::UnixNanos;
use crate::sim::market::{InstIndex, SimMarket};

/// The query of a request, by key. The exchange's own keys and values need no escapes, and a value
/// with one is unknown to it.
#[derive(Debug)]
pub(super) struct Query<'t>(Vec<(&'t str, &'t str)>);

impl<'t> Query<'t> {
    pub(super) fn new(query: &'t str) -> Self {
        Self(query.split('&').filter_map(|pair| pair.split_once('=')).collect())
    }

    /// The value of a key; `None` where it is missing or empty.
    pub(super) fn text(&self, key: &str) -> Option<&'t str> {
        let found = self.0.iter().find(|(name, value)| *name == key && !value.is_empty());
        found.map(|(_, value)| *value)
    }

    /// A number; `None` where the key is missing.
    pub(super) fn number(&self, key: &str) -> Result<Option<u64>, RestReply> {
        let bad = |_| RestReply::v5_error(400, 51_000, &format!("Parameter {key} error"));
        self.text(key).map(|text| text.parse().map_err(bad)).transpose()
    }

    /// A limit: at most `most`, else `usual`.
    pub(super) fn limit(&self, key: &str, usual: u64, most: u64) -> Result<usize, RestReply> {
        let limit = self.number(key)?.unwrap_or(usual).clamp(1, most);
        Ok(usize::try_from(limit).unwrap_or_default())
    }

    /// A time of v3, where it is given.
    pub(super) fn iso(&self, key: &str) -> Option<UnixNanos> {
        let text = self.text(key)?.replace("%3A", ":");
        UnixNanos::parse_iso_ms(text.as_bytes())
    }

    /// The instrument that is named and listed.
    pub(super) fn inst(&self, market: &SimMarket) -> Result<InstIndex, RestReply> {
        let Some(id) = self.text("instId") else {
            let text = "Parameter instId can not be empty";
            return Err(RestReply::v5_error(400, 50_014, text));
        };
        let unknown =
            || RestReply::v5_error(200, 51_001, "Instrument ID or Spread ID doesn't exist");
        market.find(id).ok_or_else(unknown)
    }
}
