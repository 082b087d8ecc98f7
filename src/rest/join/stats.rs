//! What a join of trades has done.

/// What a [`TradeJoin`](super::TradeJoin) has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinStats {
    /// Live trades that were passed on.
    pub live: u64,
    /// Trades of the history that were passed on.
    pub history: u64,
    /// Live trades that had been passed on before.
    pub duplicates: u64,
    /// Gaps that were filled, the first one from the past to the live feed included.
    pub gaps: u64,
    /// Ids that neither the live feed nor the history has.
    pub missing: u64,
    /// Pages that could not be read however often they were requested: their ids are missing.
    pub unreadable: u64,
    /// Live trades that nothing before or after them confirms, so that they were dropped.
    pub unconfirmed: u64,
    /// How often the exchange began again with lower ids.
    pub resets: u64,
}
