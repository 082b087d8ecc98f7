//! The bars of candles.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

macro_rules! bars {
    ($($(#[$doc:meta])* $bar:ident $name:literal,)*) => {
        /// The length of a candle's bar.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Bar {
            $($(#[$doc])* $bar,)*
        }

        impl Bar {
            /// All bars, in declaration order.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$bar),*];

            /// The name in v5's channels, such as `1m`, `4H` or `1Dutc`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$bar => $name,)* }
            }

            pub(super) const fn candle(self) -> &'static str {
                match self { $(Self::$bar => concat!("candle", $name),)* }
            }

            pub(super) const fn mark_price_candle(self) -> &'static str {
                match self { $(Self::$bar => concat!("mark-price-candle", $name),)* }
            }

            pub(super) const fn index_candle(self) -> &'static str {
                match self { $(Self::$bar => concat!("index-candle", $name),)* }
            }

            pub(super) const fn sprd_candle(self) -> &'static str {
                match self { $(Self::$bar => concat!("sprd-candle", $name),)* }
            }
        }
    };
}

bars! {
    /// One second.
    S1 "1s",
    /// One minute.
    M1 "1m",
    /// Three minutes.
    M3 "3m",
    /// Five minutes.
    M5 "5m",
    /// Fifteen minutes.
    M15 "15m",
    /// Thirty minutes.
    M30 "30m",
    /// One hour.
    H1 "1H",
    /// Two hours.
    H2 "2H",
    /// Four hours.
    H4 "4H",
    /// Six hours, from midnight of Hong Kong.
    H6 "6H",
    /// Twelve hours, from midnight of Hong Kong.
    H12 "12H",
    /// A day of Hong Kong.
    D1 "1D",
    /// Two days of Hong Kong.
    D2 "2D",
    /// Three days of Hong Kong.
    D3 "3D",
    /// Five days of Hong Kong.
    D5 "5D",
    /// A week of Hong Kong.
    W1 "1W",
    /// A month of Hong Kong.
    Month1 "1M",
    /// Three months of Hong Kong.
    Month3 "3M",
    /// Six hours, from midnight UTC.
    H6Utc "6Hutc",
    /// Twelve hours, from midnight UTC.
    H12Utc "12Hutc",
    /// A day, UTC.
    D1Utc "1Dutc",
    /// Two days, UTC.
    D2Utc "2Dutc",
    /// Three days, UTC.
    D3Utc "3Dutc",
    /// Five days, UTC.
    D5Utc "5Dutc",
    /// A week, UTC.
    W1Utc "1Wutc",
    /// A month, UTC.
    Month1Utc "1Mutc",
    /// Three months, UTC.
    Month3Utc "3Mutc",
}

impl Bar {
    /// The bar of v5's name; `None` if there is no such bar.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|bar| bar.name().as_bytes() == name)
    }

    /// The length; of months, the shortest.
    #[must_use]
    pub const fn shortest(self) -> Duration {
        Duration::from_millis(self.millis())
    }

    /// The length in milliseconds; of months, the shortest.
    pub(crate) const fn millis(self) -> u64 {
        const HOUR: u64 = 3_600;
        const DAY: u64 = 24 * HOUR;
        let secs = match self {
            Self::S1 => 1,
            Self::M1 => 60,
            Self::M3 => 180,
            Self::M5 => 300,
            Self::M15 => 900,
            Self::M30 => 1_800,
            Self::H1 => HOUR,
            Self::H2 => 2 * HOUR,
            Self::H4 => 4 * HOUR,
            Self::H6 | Self::H6Utc => 6 * HOUR,
            Self::H12 | Self::H12Utc => 12 * HOUR,
            Self::D1 | Self::D1Utc => DAY,
            Self::D2 | Self::D2Utc => 2 * DAY,
            Self::D3 | Self::D3Utc => 3 * DAY,
            Self::D5 | Self::D5Utc => 5 * DAY,
            Self::W1 | Self::W1Utc => 7 * DAY,
            Self::Month1 | Self::Month1Utc => 28 * DAY,
            Self::Month3 | Self::Month3Utc => 89 * DAY,
        };
        secs * 1_000
    }

    /// Whether each bar follows the one before by exactly its length.
    #[must_use]
    pub const fn is_fixed(self) -> bool {
        !matches!(self, Self::Month1 | Self::Month1Utc | Self::Month3 | Self::Month3Utc)
    }

    /// The name of v3's channel, `candle60s` to `candle604800s`; `None` if v3 has no such bar.
    pub(super) const fn candle_seconds(self) -> Option<&'static str> {
        Some(match self {
            Self::M1 => "candle60s",
            Self::M3 => "candle180s",
            Self::M5 => "candle300s",
            Self::M15 => "candle900s",
            Self::M30 => "candle1800s",
            Self::H1 => "candle3600s",
            Self::H2 => "candle7200s",
            Self::H4 => "candle14400s",
            Self::H6 => "candle21600s",
            Self::H12 => "candle43200s",
            Self::D1 => "candle86400s",
            Self::W1 => "candle604800s",
            _ => return None,
        })
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that is the name of no [`Bar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBar;

impl fmt::Display for UnknownBar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no such bar; there are {}", Bar::ALL.map(Bar::name).join(" "))
    }
}

impl std::error::Error for UnknownBar {}

impl FromStr for Bar {
    type Err = UnknownBar;

    /// Reads v5's name: `1m` is a minute and `1M` a month.
    ///
    /// # Errors
    /// [`UnknownBar`] if there is no such bar.
    fn from_str(text: &str) -> Result<Self, UnknownBar> {
        Self::from_name(text.as_bytes()).ok_or(UnknownBar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_no_month() {
        let secs = |name: &str| name.parse::<Bar>().map(|bar| bar.shortest().as_secs());
        let month = 28 * 86_400;
        assert_eq!((secs("1m"), secs("1M"), secs("1h")), (Ok(60), Ok(month), Err(UnknownBar)));
    }
}
