//! Names of exchanges, instruments and days in the paths of exported files.

use crate::model::{Market, Topic, UnixNanos};

const NANOS_PER_DAY: u64 = 86_400_000_000_000;

/// The day of a time, counted from 1970, in UTC.
pub(super) const fn day_of(at: UnixNanos) -> u64 {
    at.0 / NANOS_PER_DAY
}

/// The text of a day, `2026-11-30`.
pub(super) fn day_text(day: u64) -> String {
    let mut text = UnixNanos(day.saturating_mul(NANOS_PER_DAY)).iso_ms().to_string();
    text.truncate(10);
    text
}

/// The time of a row: of receipt, or the exchange's where there is none.
pub(super) fn local_time(ts_event: UnixNanos, ts_recv: UnixNanos) -> UnixNanos {
    if ts_recv == UnixNanos::UNKNOWN { ts_event } else { ts_recv }
}

/// An instrument's id as a file name. Ids come from the wire: what is no letter, digit, `-`, `_` or
/// inner `.` becomes `_`.
pub(super) fn file_name(inst_id: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = inst_id.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    if name.starts_with('.') { name.replacen('.', "_", 1) } else { name }
}

/// Tardis' name of the exchange's part that an instrument belongs to: `okex`, `okex-swap`,
/// `okex-futures` or `okex-options`.
///
/// v5 says the kind by the id alone: `BTC-USDT`, `BTC-USDT-SWAP`, `BTC-USD-261225`,
/// `BTC-USD-261225-50000-C`.
pub(super) fn tardis_exchange(topic: &Topic<'_>) -> &'static str {
    let of_id = || {
        let parts: Vec<&str> = topic.inst_id.split('-').collect();
        match parts.as_slice() {
            [.., "SWAP"] => "okex-swap",
            [.., "C" | "P"] => "okex-options",
            [_, _, expiry] if expiry.bytes().all(|byte| byte.is_ascii_digit()) => "okex-futures",
            _ => "okex",
        }
    };
    match topic.market {
        None | Some(Market::Index) => of_id(),
        Some(Market::Spot) => "okex",
        Some(Market::Swap) => "okex-swap",
        Some(Market::Futures) => "okex-futures",
        Some(Market::Option) => "okex-options",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Channel;

    #[test]
    fn a_name_from_the_wire_leaves_no_folder() {
        for (id, name) in [
            ("BTC-USDT", "BTC-USDT"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            (".", "_"),
            ("..", "_."),
            ("a/b\\c:d\0é", "a_b_c_d__"),
        ] {
            let made = file_name(id);
            assert!(!made.contains('/') && made != "." && made != "..", "{made}");
            assert_eq!(made, name);
        }
    }

    #[test]
    fn the_kind_of_an_instrument_is_in_its_id() {
        for (id, exchange) in [
            ("BTC-USDT", "okex"),
            ("BTC-USDT-SWAP", "okex-swap"),
            ("BTC-USD-261225", "okex-futures"),
            ("BTC-USD-261225-50000-C", "okex-options"),
        ] {
            assert_eq!(tardis_exchange(&Topic::v5(Channel::Trades, id)), exchange);
        }
        let v3 = Topic::v3(Market::Swap, Channel::Trade, "BTC-USD-SWAP");
        assert_eq!(tardis_exchange(&v3), "okex-swap");
    }

    #[test]
    fn days_are_of_utc() {
        assert_eq!(day_text(day_of(UnixNanos(1_795_996_800_000_000_000))), "2026-11-30");
        assert_eq!(day_text(day_of(UnixNanos(1_795_996_799_999_999_999))), "2026-11-29");
    }
}
