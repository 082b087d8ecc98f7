//! Channels that need a login or a fee tier, and channels that exclude each other.

use okx_feed::sim::{Endpoint, ExchangeConfig, TbtAccess};

use crate::exchange::bench::*;

const LOGIN: &str = r#"{"op":"login","args":[{"apiKey":"x"}]}"#;

/// The code of the reply to a subscription; `None` if it was acknowledged.
fn code(bench: &mut Bench, channel: &str) -> Option<String> {
    let reply = bench.replies(&v5_request("subscribe", &[(channel, "BTC-USDT")])).remove(0);
    reply["code"].as_str().map(str::to_owned)
}

fn bench(tbt_access: TbtAccess) -> Bench {
    let config = ExchangeConfig { tbt_access, accept_logins: true, ..busy() };
    Bench::new(Endpoint::V5Public, &config)
}

#[test]
fn tick_by_tick_books_are_open_unless_gated() {
    for channel in ["books-l2-tbt", "books50-l2-tbt"] {
        let mut open = bench(TbtAccess::Open);
        assert_eq!(code(&mut open, channel), None);

        let mut gated = bench(TbtAccess::LoggedIn);
        assert_eq!(code(&mut gated, channel).as_deref(), Some("60011"));
        assert_eq!(code(&mut gated, "books5"), None);
        assert_eq!(gated.replies(LOGIN)[0]["code"], "0");
        assert_eq!(code(&mut gated, channel), None);

        let mut closed = bench(TbtAccess::TierTooLow);
        assert_eq!(code(&mut closed, channel).as_deref(), Some("60011"));
        closed.replies(LOGIN);
        assert_eq!(code(&mut closed, channel).as_deref(), Some("64003"));
        assert_eq!(code(&mut closed, "books"), None);
    }
}

#[test]
fn a_login_that_is_refused_opens_nothing() {
    let config = ExchangeConfig { tbt_access: TbtAccess::LoggedIn, ..busy() };
    let mut bench = Bench::new(Endpoint::V5Public, &config);
    assert_eq!(bench.replies(LOGIN)[0]["code"], "60032");
    assert_eq!(code(&mut bench, "books-l2-tbt").as_deref(), Some("60011"));
}

#[test]
fn books_l2_tbt_excludes_books_and_books50_of_the_same_instrument() {
    for other in ["books", "books50-l2-tbt"] {
        for pair in [[other, "books-l2-tbt"], ["books-l2-tbt", other]] {
            let mut bench = bench(TbtAccess::Open);
            assert_eq!(code(&mut bench, pair[0]), None);
            assert_eq!(code(&mut bench, pair[1]).as_deref(), Some("64004"));
            // Again is no clash, another instrument neither, and leaving the one lets the other in.
            assert_eq!(code(&mut bench, pair[0]), None);
            let reply = bench.replies(&v5_request("subscribe", &[(pair[1], "ETH-USDT")]));
            assert_eq!(reply[0]["event"], "subscribe");
            bench.send(&v5_request("unsubscribe", &[(pair[0], "BTC-USDT")]));
            assert_eq!(code(&mut bench, pair[1]), None);
        }
    }
    let mut bench = bench(TbtAccess::Open);
    assert_eq!(code(&mut bench, "books"), None);
    assert_eq!(code(&mut bench, "books50-l2-tbt"), None);
    assert_eq!(code(&mut bench, "books-rpi"), None);
}
