//! The names that logs, `decode` and `watch --json` show: others parse them.

use std::collections::HashSet;

use okx_feed::book::{BookSide, BookSync, Checksum, DesyncCause, Sequence};
use okx_feed::model::{ChannelKey, SubscriptionError};
use okx_feed::session::DisconnectReason;
use okx_feed::{
    BookState, Channel, Decimal, DecodeErrorKind, Dialect, DownReason, InstrumentId, Market, Side,
    Subscription, Trade,
};

#[test]
fn names_are_those_of_the_documentation() {
    let sequences =
        [Sequence::None, Sequence::Ok, Sequence::Heartbeat, Sequence::Reset, Sequence::Gap];
    assert_eq!(sequences.map(Sequence::name), ["none", "ok", "heartbeat", "reset", "gap"]);
    let faults = [
        DesyncCause::Gap,
        DesyncCause::Checksum,
        DesyncCause::NegativeSize,
        DesyncCause::Lost,
        DesyncCause::Truncated,
    ];
    let names = ["gap", "checksum", "negative_size", "lost", "truncated"];
    assert_eq!(faults.map(DesyncCause::name), names);
    let syncs = [BookSync::NoSnapshot, BookSync::Live, BookSync::Broken(DesyncCause::Gap)];
    assert_eq!(syncs.map(BookSync::name), ["no_snapshot", "live", "broken"]);
    assert_eq!([BookSide::Ask, BookSide::Bid].map(BookSide::name), ["ask", "bid"]);
    let checksums = [Checksum::None, Checksum::Ok, Checksum::Mismatch];
    assert_eq!(checksums.map(Checksum::name), ["none", "ok", "mismatch"]);
    assert_eq!([Dialect::V3, Dialect::V5].map(Dialect::name), ["v3", "v5"]);
    assert_eq!(format!("{:>3}|{}", Dialect::V3, Dialect::V5), " v3|v5");
    let states = [
        BookState::Connecting,
        BookState::AwaitingSnapshot,
        BookState::Live,
        BookState::Stale,
        BookState::Resyncing,
        BookState::Down(DownReason::Rejected),
        BookState::Down(DownReason::Unsubscribed),
        BookState::Down(DownReason::Stopped),
    ];
    let names = [
        "connecting",
        "awaiting_snapshot",
        "live",
        "stale",
        "resyncing",
        "down_rejected",
        "down_unsubscribed",
        "down_stopped",
    ];
    assert_eq!(states.map(BookState::name), names);
}

#[test]
fn a_subscription_is_made_of_its_parts_as_of_its_name() {
    let inst_id = InstrumentId::try_from("BTC-USD-190517").unwrap();
    assert_eq!(
        Subscription::v5(Channel::Status, inst_id),
        Err(SubscriptionError::NoKey(Channel::Status))
    );
    assert!(Subscription::v5(Channel::Tickers, InstrumentId::NONE).is_err());
    assert!(
        "tickers".parse::<Subscription>().is_err() && "status:A".parse::<Subscription>().is_err()
    );
    for channel in Channel::ALL {
        let inst_id = match channel.key_in(Some(Market::Futures)) {
            ChannelKey::Nothing => InstrumentId::NONE,
            ChannelKey::Raw => InstrumentId::new("books-elp-all:BTC-USDT").unwrap(),
            _ => inst_id,
        };
        let v3 = Subscription::v3(Market::Futures, channel, inst_id);
        let v5 = Subscription::v5(channel, inst_id);
        let (made, refused, other) = match channel.dialect() {
            Dialect::V3 => (v3, v5, Dialect::V5),
            Dialect::V5 => (v5, v3, Dialect::V3),
        };
        let made = made.unwrap();
        assert_eq!(made.to_string().parse(), Ok(made));
        assert_eq!((made.channel(), made.inst_id()), (channel, &inst_id));
        let wrong = refused.unwrap_err();
        assert_eq!(wrong, SubscriptionError::Channel(channel.to_string(), other));
    }
}

#[test]
fn reasons_can_be_distinguished() {
    let reasons = [
        DisconnectReason::ConnectFailed,
        DisconnectReason::ConnectTimeout,
        DisconnectReason::HandshakeTimeout,
        DisconnectReason::Closed,
        DisconnectReason::PongTimeout,
        DisconnectReason::AckTimeout,
        DisconnectReason::ServiceUpgrade,
        DisconnectReason::ControlFlood,
    ];
    assert_eq!(HashSet::from(reasons.map(|reason| reason.to_string())).len(), reasons.len());
    assert_eq!(format!("{:>6}|", DecodeErrorKind::Json), "  json|");
}

/// The `Debug` output of the market's types in assertions and logs.
#[test]
fn debug_output_names_the_content() {
    let px: Decimal = "31841.20".parse().unwrap();
    assert!(format!("{px:?}").contains("31841.20"));
    let id: InstrumentId = "BTC-USDT".parse().unwrap();
    assert_eq!(format!("{id:?}"), "\"BTC-USDT\"");
    let mut trade = Trade::new(Side::Sell, px, px);
    trade.trade_id = 4711;
    let text = format!("{trade:?}");
    assert!(["4711", "Sell", "31841.20"].iter().all(|part| text.contains(part)), "{text}");
}
