//! The exchange's own addresses, by region and demo trading.

use crate::model::{ChannelPath, Dialect};

/// The region of an address of the exchange.
///
/// Market data that needs no key is the same in each, where the region is not blocked. A key is
/// accepted only at the address of its own account's region, and a demo key only in demo trading.
///
/// Source of the hosts: `docs/PROTOCOL.md` 2.1. All listen on port
/// 443; 8443 of older documents was closed on 2026-10-31.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Region {
    /// All other regions: `ws.okx.com`, in demo trading `wspap.okx.com`.
    #[default]
    Global,
    /// The European Economic Area: `wseea.okx.com`, in demo trading `wseeapap.okx.com`.
    Eea,
    /// The United States and Australia: `wsus.okx.com`, in demo trading `wsuspap.okx.com`.
    Us,
}

impl Region {
    /// All regions.
    pub const ALL: [Self; 3] = [Self::Global, Self::Eea, Self::Us];

    /// The host that serves the region.
    #[must_use]
    pub const fn host(self) -> &'static str {
        match self {
            Self::Global => "ws.okx.com",
            Self::Eea => "wseea.okx.com",
            Self::Us => "wsus.okx.com",
        }
    }

    /// The host that serves demo trading in the region.
    #[must_use]
    pub const fn demo_host(self) -> &'static str {
        match self {
            Self::Global => "wspap.okx.com",
            Self::Eea => "wseeapap.okx.com",
            Self::Us => "wsuspap.okx.com",
        }
    }

    /// The address of the region's public market data in v5.
    #[must_use]
    pub fn url(self) -> String {
        format!("wss://{}{}", self.host(), ChannelPath::Public)
    }

    /// The address of demo trading's public market data in v5.
    #[must_use]
    pub fn demo_url(self) -> String {
        format!("wss://{}{}", self.demo_host(), ChannelPath::Public)
    }
}

/// The exchange's own address for public market data, of no region and no demo trading.
///
/// Source: [`Region`] for v5. v3's last address no longer answers.
#[must_use]
pub const fn default_url(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V3 => "wss://real.okex.com:8443/ws/v3",
        Dialect::V5 => "wss://ws.okx.com/ws/v5/public",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_its_own_address_also_for_demo_trading() {
        let all: Vec<String> =
            Region::ALL.iter().flat_map(|region| [region.url(), region.demo_url()]).collect();
        assert_eq!(
            all,
            [
                "wss://ws.okx.com/ws/v5/public",
                "wss://wspap.okx.com/ws/v5/public",
                "wss://wseea.okx.com/ws/v5/public",
                "wss://wseeapap.okx.com/ws/v5/public",
                "wss://wsus.okx.com/ws/v5/public",
                "wss://wsuspap.okx.com/ws/v5/public",
            ]
        );
        assert_eq!(Region::default().url(), default_url(Dialect::V5));
    }
}
