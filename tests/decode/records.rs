//! Records: one message of every channel, captured or documented, and its malformed neighbours.
//!
//! Sources: *captured* are messages that somebody published verbatim (roq-okx test suite, 2025-12;
//! cryptofeed samples, 2022-05; others as named), *documented* are in the exchange's documents of
//! 2026-07 or, of v3, of 2020-06, with their own keys.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as it does")]

use okx_feed::model::{
    Candle, FieldValue, FundingRate, IndexTicker, Liquidation, MarkPrice, PriceLimit, RecordData,
    RecordKind, Ticker,
};
use okx_feed::wire::TextPath;
use okx_feed::{
    Channel, DecodeErrorKind as Kind, Decoder, Dialect, Event, Frame, Record, UnixNanos,
};
use okx_feed_testkit::check::Checker;
use okx_feed_testkit::observed::Seen;

const V5: Dialect = Dialect::V5;
const V3: Dialect = Dialect::V3;

/// Dialect, message, key, record, some of its fields, and how many records the message has.
pub(crate) type Row =
    (Dialect, &'static str, &'static str, &'static str, &'static [&'static str], usize);

pub(crate) const ROWS: &[Row] = &[
    // Captured, 2025-12.
    (
        V5,
        r#"{"arg":{"channel":"tickers","instId":"BTC-USD"},"data":[{"instType":"SPOT","instId":"BTC-USD","last":"91517.2","lastSz":"0.00269444","askPx":"91527.3","askSz":"1.54613591","bidPx":"91527.2","bidSz":"0.0135","open24h":"88979.1","high24h":"92327.7","low24h":"87758.1","sodUtc0":"90420.2","sodUtc8":"89574.2","volCcy24h":"30744587.593360288","vol24h":"338.86622649","ts":"1765201256914"}]}"#,
        "BTC-USD",
        "Ticker",
        &["last=91517.2", "ask_sz=1.54613591", "vol24h=338.86622649", "sod_utc8=89574.2"],
        1,
    ),
    // Captured form of an option without bids, 2021: a missing side is an empty text.
    (
        V5,
        r#"{"arg":{"channel":"tickers","instId":"BTC-USD-210924-66000-C"},"data":[{"instType":"OPTION","instId":"BTC-USD-210924-66000-C","last":"","lastSz":"0","askPx":"0.001","askSz":"10","bidPx":"","bidSz":"","open24h":"","high24h":"","low24h":"","sodUtc0":"","sodUtc8":"","volCcy24h":"0","vol24h":"0","ts":"1632000000000"}]}"#,
        "BTC-USD-210924-66000-C",
        "Ticker",
        &["ask_px=0.001", "last_sz=0", "!bid_px", "!last"],
        1,
    ),
    // Documented.
    (
        V5,
        r#"{"arg":{"channel":"mark-price","instId":"LTC-USD-190628"},"data":[{"instType":"FUTURES","instId":"LTC-USD-190628","markPx":"0.1","ts":"1597026383085"}]}"#,
        "LTC-USD-190628",
        "MarkPrice",
        &["mark_px=0.1"],
        1,
    ),
    // Captured, 2025-12.
    (
        V5,
        r#"{"arg":{"channel":"index-tickers","instId":"LTC-USD"},"data":[{"instId":"LTC-USD","idxPx":"83.79","open24h":"81.74","high24h":"84.15","low24h":"79.93","sodUtc0":"81.44","sodUtc8":"81.65","ts":"1765201257112"}]}"#,
        "LTC-USD",
        "IndexTicker",
        &["idx_px=83.79", "low24h=79.93"],
        1,
    ),
    // Captured, 2025-12.
    (
        V5,
        r#"{"arg":{"channel":"funding-rate","instId":"LTC-USDT-SWAP"},"data":[{"formulaType":"withRate","fundingRate":"0.0001000000000000","fundingTime":"1765209600000","impactValue":"10000.0000000000000000","instId":"LTC-USDT-SWAP","instType":"SWAP","interestRate":"0.0001000000000000","maxFundingRate":"0.015","method":"current_period","minFundingRate":"-0.015","nextFundingRate":"","nextFundingTime":"1765238400000","premium":"-0.0004021053670636","settFundingRate":"0.0000697725497563","settState":"settled","ts":"1765201461438"}]}"#,
        "LTC-USDT-SWAP",
        "FundingRate",
        &[
            "funding_rate=0.0001000000000000",
            "impact_value=10000",
            "premium=-0.0004021053670636",
            "!next_funding_rate",
            "funding_time=1765209600000000000",
            "sett_state=settled",
        ],
        1,
    ),
    // Captured form, 2021: no time, and at times no rate.
    (
        V5,
        r#"{"arg":{"channel":"funding-rate","instId":"LTC-USDT-SWAP"},"data":[{"fundingTime":"1640851200000","instId":"LTC-USDT-SWAP","instType":"SWAP","nextFundingRate":"0.0003"}]}"#,
        "LTC-USDT-SWAP",
        "FundingRate",
        &["next_funding_rate=0.0003", "!funding_rate", "funding_time=1640851200000000000"],
        1,
    ),
    // Documented; the digits of `oi` as seen.
    (
        V5,
        r#"{"arg":{"channel":"open-interest","instId":"LTC-USD-SWAP"},"data":[{"instId":"LTC-USD-SWAP","instType":"SWAP","oi":"2216113.01000000309","oiCcy":"22161.1301000000309","oiUsd":"1939251795.54769270396321","ts":"1743041250440"}]}"#,
        "LTC-USD-SWAP",
        "OpenInterest",
        &["oi=2216113.01000000309", "oi_ccy=22161.1301000000309", "!oi_usd"],
        1,
    ),
    // Documented.
    (
        V5,
        r#"{"arg":{"channel":"open-interest","instId":"LTC-USD-SWAP"},"data":[{"instId":"LTC-USD-SWAP","instType":"SWAP","oi":"5000","oiCcy":"555.55","oiUsd":"50000","ts":"1743041250440"}]}"#,
        "LTC-USD-SWAP",
        "OpenInterest",
        &["oi=5000", "oi_ccy=555.55", "oi_usd=50000"],
        1,
    ),
    // Documented; limits are empty while there is none.
    (
        V5,
        r#"{"arg":{"channel":"price-limit","instId":"LTC-USD-190628"},"data":[{"instId":"LTC-USD-190628","instType":"FUTURES","buyLmt":"200","sellLmt":"","ts":"1597026383085","enabled":false}]}"#,
        "LTC-USD-190628",
        "PriceLimit",
        &["buy_lmt=200", "!sell_lmt", "enabled=false"],
        1,
    ),
    // Captured, 2025-09.
    (
        V5,
        r#"{"arg":{"channel":"candle1m","instId":"BTC-USDT"},"data":[["1757076060000","112600.1","112631.9","112477.1","112477.1","3.10944629","349947.335430728","349947.335430728","0"]]}"#,
        "BTC-USDT",
        "Candle",
        &[
            "start=1757076060000000000",
            "close=112477.1",
            "vol_ccy_quote=349947.335430728",
            "confirm=false",
        ],
        1,
    ),
    // Captured form of 2022: seven elements.
    (
        V5,
        r#"{"arg":{"channel":"candle1D","instId":"BTC-USDT"},"data":[["1652371200000","29600","31083.8","28500","30000.1","12345.6","370123456.7"]]}"#,
        "BTC-USDT",
        "Candle",
        &["high=31083.8", "vol_ccy=370123456.7", "!confirm"],
        1,
    ),
    // Documented.
    (
        V5,
        r#"{"arg":{"channel":"mark-price-candle1D","instId":"BTC-USD-190628"},"data":[["1597026383085","3.721","3.743","3.677","3.708","0"]]}"#,
        "BTC-USD-190628",
        "Candle",
        &["low=3.677", "!vol", "confirm=false"],
        1,
    ),
    (
        V5,
        r#"{"arg":{"channel":"index-candle30m","instId":"BTC-USD"},"data":[["1597026383085","3811.31","3811.31","3811.31","3811.31","1"]]}"#,
        "BTC-USD",
        "Candle",
        &["open=3811.31", "confirm=true"],
        1,
    ),
    (
        V5,
        r#"{"arg":{"channel":"sprd-candle1D","sprdId":"BTC-USDT_BTC-USDT-SWAP"},"data":[["1597026383085","8533","8553.74","8527.17","8548.26","45247","0"]]}"#,
        "BTC-USDT_BTC-USDT-SWAP",
        "Candle",
        &["vol=45247", "!vol_ccy", "confirm=false"],
        1,
    ),
    (
        V5,
        r#"{"arg":{"channel":"estimated-price","instType":"FUTURES","instFamily":"XRP-USDT"},"data":[{"instId":"XRP-USDT-250307","instType":"FUTURES","settlePx":"2.4230631578947368","settleType":"settlement","ts":"1741244598708"}]}"#,
        "FUTURES/XRP-USDT",
        "EstimatedPrice",
        &["inst_id=XRP-USDT-250307", "settle_px=2.4230631578947368", "settle_type=settlement"],
        1,
    ),
    // Captured form, 2026-10: details with keys in alphabetical order; two of one instrument.
    (
        V5,
        r#"{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"details":[{"bkLoss":"0","bkPx":"0.007831","ccy":"","posSide":"short","side":"buy","sz":"13","ts":"1692266434010"},{"bkLoss":"0","bkPx":"0.0079","ccy":"","posSide":"long","side":"sell","sz":"2","ts":"1692266434002"}],"instFamily":"IOST-USDT","instId":"IOST-USDT-SWAP","instType":"SWAP","uly":"IOST-USDT"}]}"#,
        "SWAP",
        "Liquidation",
        &["inst_id=IOST-USDT-SWAP", "bk_px=0.007831", "side=buy", "pos_side=short", "!ccy"],
        2,
    ),
    // Documented: all options of a family.
    (
        V5,
        r#"{"arg":{"channel":"opt-summary","instFamily":"BTC-USD"},"data":[{"instType":"OPTION","instId":"BTC-USD-241013-70000-P","uly":"BTC-USD","delta":"-1.1180902625","gamma":"2.2361957091","vega":"0.0000000001","theta":"0.0000032334","lever":"8.465747567","markVol":"0.3675503331","bidVol":"0","askVol":"1.1669998535","realVol":"","deltaBS":"-0.9999672034","gammaBS":"0.0000000002","thetaBS":"28.2649858387","vegaBS":"0.0000114332","ts":"1728703155650","fwdPx":"62604.6993093463","volLv":"0.2044711229"}]}"#,
        "BTC-USD",
        "OptionSummary",
        &["inst_id=BTC-USD-241013-70000-P", "delta_bs=-0.9999672034", "!real_vol", "bid_vol=0"],
        1,
    ),
    // Documented.
    (
        V5,
        r#"{"arg":{"channel":"option-trades","instType":"OPTION","instFamily":"BTC-USD"},"data":[{"fillVol":"0.5066007836914062","fwdPx":"16469.69928595038","idxPx":"16537.2","instFamily":"BTC-USD","instId":"BTC-USD-230224-18000-C","markPx":"0.04690107010619562","optType":"C","px":"0.045","side":"sell","sz":"2","tradeId":"38","ts":"1672286551080"}]}"#,
        "BTC-USD",
        "OptionTrade",
        &["inst_id=BTC-USD-230224-18000-C", "px=0.045", "opt_type=C", "trade_id=38"],
        1,
    ),
    // Captured, 2025-12.
    (
        V5,
        r#"{"arg":{"channel":"status"},"data":[{"begin":"1764666600000","end":"1764667800000","env":"1","href":"","maintType":"1","preOpenBegin":"","scheDesc":"","serviceType":"11","state":"completed","system":"unified","title":"Copy trading system scheduled maintenance","ts":"1764667948527"}]}"#,
        "",
        "Status",
        &["state=completed", "service_type=11", "!pre_open_begin", "end=1764667800000000000"],
        1,
    ),
    // Documented keys of 2026; a listing that was announced has most fields empty.
    (
        V5,
        r#"{"arg":{"channel":"instruments","instType":"SPOT"},"data":[{"alias":"","baseCcy":"BTC","ctMult":"","ctType":"","ctVal":"","ctValCcy":"","expTime":"","futureSettlement":false,"instFamily":"","instId":"BTC-USDT","instIdCode":3,"instType":"SPOT","listTime":"1606468572000","lotSz":"0.00000001","minSz":"0.00001","optType":"","quoteCcy":"USDT","settleCcy":"","state":"live","stk":"","tickSz":"0.1","tradeQuoteCcyList":["USDT"],"uly":"","upcChg":[]},{"instType":"SPOT","instId":"NEW-USDT","instIdCode":null,"listTime":"1790000000000","state":"preopen","tickSz":"","lotSz":""},{"instType":"SPOT","instId":"","state":"preopen"}]}"#,
        "SPOT",
        "Instrument",
        &["inst_id=BTC-USDT", "tick_sz=0.1", "inst_id_code=3", "!ct_val", "state=live"],
        2,
    ),
    // Documented: the pushed `arg` names no type.
    (
        V5,
        r#"{"arg":{"channel":"event-contract-markets","instType":"EVENTS"},"data":[{"seriesId":"BTC-ABOVE-DAILY","eventId":"BTC-ABOVE-DAILY-261130-1600","instId":"BTC-ABOVE-DAILY-261130-1600-84000","listTime":"1790000000000","fixTime":"","expTime":"1790086400000","state":"live","outcome":"","floorStrike":"84000","capStrike":"","settleValue":"","disputed":false,"hitDir":""}]}"#,
        "EVENTS",
        "EventContract",
        &["floor_strike=84000", "!cap_strike", "disputed=false"],
        1,
    ),
    (
        V5,
        r#"{"arg":{"channel":"call-auction-details","instId":"ONDO-USDC"},"data":[{"instId":"ONDO-USDC","unmatchedSz":"9988764","eqPx":"0.6","matchedSz":"44978","state":"continuous_trading","auctionEndTime":"1726542000000","ts":"1726542000007"}]}"#,
        "ONDO-USDC",
        "CallAuction",
        &["eq_px=0.6", "state=continuous_trading"],
        1,
    ),
    // Documented; most values are empty since 2026-06.
    (
        V5,
        r#"{"arg":{"channel":"adl-warning","instType":"FUTURES","instFamily":"BTC-USDT"},"data":[{"adlBal":"","adlRate":"","adlRecBal":"","adlRecRate":"","adlType":"","bal":"280784384.9564228289548144","ccy":"","decRate":"","instFamily":"BTC-USDT","instType":"FUTURES","maxBal":"","maxBalTs":"","state":"warning","ts":"1700210763001"}]}"#,
        "FUTURES/BTC-USDT",
        "AdlWarning",
        &["state=warning", "inst_family=BTC-USDT", "!bal", "!max_bal"],
        1,
    ),
    // Documented: the pushed `arg` names no instrument.
    (
        V5,
        r#"{"arg":{"channel":"block-tickers"},"data":[{"instType":"SWAP","instId":"LTC-USD-SWAP","volCcy24h":"0","vol24h":"5","ts":"1597026383085"}]}"#,
        "LTC-USD-SWAP",
        "BlockTicker",
        &["vol24h=5", "vol_ccy24h=0"],
        1,
    ),
    (
        V5,
        r#"{"arg":{"channel":"public-block-trades","instId":"BTC-USD-231020-5000-P"},"data":[{"fillVol":"5","fwdPx":"26808.16","groupId":"","idxPx":"27222.5","instId":"BTC-USD-231020-5000-P","markPx":"0.0022406326071111","px":"0.0048","side":"buy","sz":"1","tradeId":"633971452580106242","ts":"1697422572972"}]}"#,
        "BTC-USD-231020-5000-P",
        "BlockTrade",
        &["px=0.0048", "trade_id=633971452580106242", "fill_vol=5"],
        1,
    ),
    (
        V5,
        r#"{"arg":{"channel":"public-struc-block-trades"},"data":[{"cTime":"1608267227834","blockTdId":"1802896","groupId":"","legs":[{"px":"0.323","sz":"25.0","instId":"BTC-USD-20220114-13250-C","side":"sell","tradeId":"15102"},{"px":"0.666","sz":"25","instId":"BTC-USD-20220114-21125-C","side":"buy","tradeId":"15103"}]}]}"#,
        "",
        "BlockLeg",
        &["block_td_id=1802896", "sz=25.0", "trade_id=15102", "side=sell"],
        2,
    ),
    (
        V5,
        r#"{"arg":{"channel":"sprd-tickers","sprdId":"BTC-USDT_BTC-USDT-SWAP"},"data":[{"sprdId":"BTC-USDT_BTC-USDT-SWAP","last":"4","lastSz":"0.01","askPx":"19.7","askSz":"5.79","bidPx":"-5.9","bidSz":"5.79","open24h":"-7","high24h":"19.6","low24h":"-7","vol24h":"9.87","ts":"1715331406485"}]}"#,
        "BTC-USDT_BTC-USDT-SWAP",
        "Ticker",
        &["bid_px=-5.9", "open24h=-7", "!vol_ccy24h"],
        1,
    ),
    // v3, captured forms of 2021 and 2019.
    (
        V3,
        r#"{"table":"spot/ticker","data":[{"last":"58123.4","open_24h":"57000","best_bid":"58123.3","high_24h":"59000","low_24h":"56000.5","open_utc0":"57500","open_utc8":"57400","base_volume_24h":"1234.5","quote_volume_24h":"71234567.8","best_ask":"58123.4","instrument_id":"BTC-USDT","timestamp":"2021-04-20T10:11:12.345Z","best_bid_size":"0.5","best_ask_size":"1.25","last_qty":"0.001"}]}"#,
        "BTC-USDT",
        "Ticker",
        &["last=58123.4", "vol24h=1234.5", "vol_ccy24h=71234567.8", "sod_utc0=57500"],
        1,
    ),
    (
        V3,
        r#"{"table":"futures/ticker","data":[{"last":"10100.1","best_bid":"10100","high_24h":"10500","low_24h":"9900","volume_24h":"5000000","open_interest":"1500000","best_ask":"10100.1","instrument_id":"BTC-USD-190927","open_24h":"10000","timestamp":"2019-08-20T10:11:12.345Z","volume_token_24h":"49000.5"}]}"#,
        "BTC-USD-190927",
        "Ticker",
        &["vol24h=5000000", "vol_ccy24h=49000.5", "open_interest=1500000", "!bid_sz"],
        1,
    ),
    // v3, documented.
    (
        V3,
        r#"{"table":"index/ticker","data":[{"last":"3977.42","high_24h":"3980","low_24h":"3822","instrument_id":"BTC-USD","open_24h":"3850","timestamp":"2019-03-25T10:11:12.345Z"}]}"#,
        "BTC-USD",
        "IndexTicker",
        &["idx_px=3977.42", "open24h=3850"],
        1,
    ),
    (
        V3,
        r#"{"table":"spot/candle60s","data":[{"candle":["2021-04-20T10:11:00.000Z","58000","58100.5","57990","58050","12.5"],"instrument_id":"BTC-USDT"}]}"#,
        "BTC-USDT",
        "Candle",
        &["start=1618913460000000000", "high=58100.5", "vol=12.5", "!vol_ccy", "!confirm"],
        1,
    ),
    (
        V3,
        r#"{"table":"swap/candle86400s","data":[{"candle":["2020-06-08T16:00:00.000Z","9700","9800","9600","9750","100","1.03"],"instrument_id":"BTC-USD-SWAP"}]}"#,
        "BTC-USD-SWAP",
        "Candle",
        &["close=9750", "vol=100", "vol_ccy=1.03"],
        1,
    ),
    (
        V3,
        r#"{"table":"futures/mark_price","data":[{"instrument_id":"BTC-USD-190329","mark_price":"3591.82","timestamp":"2019-03-25T10:11:12.345Z"}]}"#,
        "BTC-USD-190329",
        "MarkPrice",
        &["mark_px=3591.82"],
        1,
    ),
    (
        V3,
        r#"{"table":"swap/price_range","data":[{"highest":"22391.96","instrument_id":"BTC-USD-SWAP","lowest":"20260.34","timestamp":"2019-03-25T10:11:12.345Z"}]}"#,
        "BTC-USD-SWAP",
        "PriceLimit",
        &["buy_lmt=22391.96", "sell_lmt=20260.34", "!enabled"],
        1,
    ),
    (
        V3,
        r#"{"table":"swap/funding_rate","data":[{"estimated_rate":"0.00019","funding_rate":"0.00018","funding_time":"2019-03-25T16:00:00.000Z","instrument_id":"BTC-USD-SWAP","interest_rate":"0.0002","settlement_time":"2019-03-26T00:00:00.000Z"}]}"#,
        "BTC-USD-SWAP",
        "FundingRate",
        &["next_funding_rate=0.00019", "funding_rate=0.00018", "interest_rate=0.0002"],
        1,
    ),
    (
        V3,
        r#"{"table":"futures/estimated_price","data":[{"instrument_id":"BTC-USD-190329","settlement_price":"3591.82","timestamp":"2019-03-29T07:11:12.345Z"}]}"#,
        "BTC-USD-190329",
        "EstimatedPrice",
        &["settle_px=3591.82", "!settle_type"],
        1,
    ),
    // Documented: a list inside the list, of all futures. The values are those of 2021-01, as a
    // program quotes them from the REST interface.
    (
        V3,
        r#"{"table":"futures/instruments","data":[[{"instrument_id":"BTC-USD-210108","underlying_index":"BTC","quote_currency":"USD","tick_size":"0.01","contract_val":"100","listing":"2020-12-25","delivery":"2021-01-08","trade_increment":"1","alias":"this_week","underlying":"BTC-USD","base_currency":"BTC","settlement_currency":"BTC","is_inverse":"true","contract_val_currency":"USD"},{"instrument_id":"LTC-USDT-210326","underlying":"LTC-USDT","contract_val":"1","tick_size":"0.01","trade_increment":"1","listing":"2020-09-11","delivery":"2021-03-26"}]]}"#,
        "",
        "Instrument",
        &[
            "inst_id=BTC-USD-210108",
            "inst_family=BTC-USD",
            "tick_sz=0.01",
            "lot_sz=1",
            "ct_val=100",
            "ct_val_ccy=USD",
            "list_time=1608854400000000000",
            "!state",
        ],
        2,
    ),
    // Documented: the fields of an option.
    (
        V3,
        r#"{"table":"option/instruments","data":[{"instrument_id":"BTC-USD-200110-9000-P","underlying":"BTC-USD","settlement_currency":"BTC","contract_val":"0.1","option_type":"P","strike":"9000","tick_size":"0.0005","lot_size":"1","listing":"2019-12-27T08:00:00.000Z","delivery":"2020-01-10T08:00:00.000Z","state":"2","trading_start_time":"2019-12-27T08:05:00.000Z","timestamp":"2019-12-31T08:13:28.794Z"}]}"#,
        "BTC-USD",
        "Instrument",
        &["stk=9000", "opt_type=P", "state=2", "exp_time=1578643200000000000", "lot_sz=1"],
        1,
    ),
    // Documented.
    (
        V3,
        r#"{"table":"option/summary","data":[{"instrument_id":"BTC-USD-200110-9000-P","underlying":"BTC-USD","best_ask":"0.2495","best_bid":"0.2395","best_ask_size":"35","best_bid_size":"35","change_rate":"0","delta":"-1.204251749","gamma":"1.9206755384","high_24h":"0","highest_buy":"0.398","realized_vol":"0","bid_vol":"","ask_vol":"0.957","mark_vol":"0.7243","last":"0","leverage":"4.0922","low_24h":"0","lowest_sell":"0.0905","mark_price":"0.013","theta":"-0.0005075296","vega":"0.0001420339","volume_24h":"0","open_interest":"0","estimated_price":"0","timestamp":"2019-12-31T08:13:28.794Z"}]}"#,
        "BTC-USD",
        "OptionDetail",
        &[
            "inst_id=BTC-USD-200110-9000-P",
            "ask_px=0.2495",
            "bid_sz=35",
            "delta=-1.204251749",
            "mark_vol=0.7243",
            "!bid_vol",
            "lever=4.0922",
            "est_px=0",
        ],
        1,
    ),
    // Captured form of an option that expires, 2020-07: what is infinite is absent.
    (
        V3,
        r#"{"table":"option/summary","data":[{"instrument_id":"ETH-USD-200724-310-P","underlying":"ETH-USD","best_ask":"","best_bid":"","delta":"-∞","gamma":"∞","highest_buy":"4611686018427388","mark_vol":"2.5227","mark_price":"∞","vega":"0","timestamp":"2020-07-24T07:00:00.001Z"}]}"#,
        "ETH-USD",
        "OptionDetail",
        &["!delta", "!gamma", "!mark_px", "!ask_px", "vega=0", "mark_vol=2.5227"],
        1,
    ),
];

fn frame(text: &str) -> Frame<'_> {
    Frame::Text(text.as_bytes())
}

/// The decoders agree with the reference on every row, and its values are those of the row.
#[test]
fn every_channel_is_read_as_the_reference_reads_it() {
    let mut checkers = [Checker::new(V3), Checker::new(V5)];
    for (dialect, text, key, record, fields, count) in ROWS {
        let checker = &mut checkers[usize::from(*dialect == V5)];
        let seen = checker.check(frame(text)).unwrap_or_else(|| panic!("refused: {text}"));
        assert_eq!(seen.len(), *count, "{text}");
        let Some(Seen::Record(name, head, values)) = seen.first() else { panic!("{seen:?}") };
        assert_eq!((name.as_str(), head.inst_id.as_str()), (*record, *key), "{text}");
        for field in *fields {
            if let Some(absent) = field.strip_prefix('!') {
                assert!(!values.iter().any(|(name, _)| name == absent), "{absent}: {text}");
                continue;
            }
            let (name, value) = field.split_once('=').unwrap();
            let found = values.iter().find(|(field, _)| field == name);
            assert_eq!(found.map(|(_, value)| value.as_str()), Some(value), "{name}: {text}");
        }
    }
}

/// The channel's name in a message of the usual order.
pub(crate) fn channel_name(text: &str) -> &str {
    let mut parts = text.split('"').skip(1);
    let nth = if parts.next() == Some("table") { 1 } else { 3 };
    let name = parts.nth(nth).unwrap_or_default();
    name.split_once('/').map_or(name, |(_, name)| name)
}

/// Every channel of the table has a row, a bar of each kind of candle included.
#[test]
fn no_channel_is_without_a_message() {
    let names: Vec<&str> = ROWS.iter().map(|(_, text, ..)| channel_name(text)).collect();
    let family = |name: &str| match name.find("candle") {
        Some(at) if !name.ends_with('s') || name.contains('-') => name[..at + 6].to_owned(),
        Some(at) => name[..at + 6].to_owned() + "s",
        None => name.to_owned(),
    };
    let shown: std::collections::BTreeSet<_> = names.iter().map(|name| family(name)).collect();
    for channel in Channel::ALL.into_iter().filter(|channel| channel.kind().record().is_some()) {
        let wanted = family(channel.name());
        assert!(shown.contains(&wanted), "{channel} has no message here");
    }
}

/// Each message with one byte changed, removed or added: decoders and reference agree.
#[test]
fn malformed_neighbours_are_read_or_refused_alike() {
    let mut checkers = [Checker::new(V3), Checker::new(V5)];
    let (mut refused, mut read) = (0, 0);
    for (dialect, text, ..) in ROWS {
        let checker = &mut checkers[usize::from(*dialect == V5)];
        let step = if cfg!(miri) { 97 } else { 4 };
        for at in (0..text.len()).step_by(step) {
            for with in ["", "\"", "x", "-", "9", ".", "null", "{", "]", "\\u0031"] {
                let mut changed = text.as_bytes().to_vec();
                changed.splice(at..=at, with.bytes());
                match checker.check(Frame::Text(&changed)) {
                    Some(_) => read += 1,
                    None => refused += 1,
                }
            }
        }
    }
    assert!(refused > 3_000 && read > 3_000, "{refused} refused, {read} read");
}

fn error(dialect: Dialect, text: &str) -> Kind {
    let mut decoder = Decoder::new(dialect);
    let mut events = 0;
    let result = decoder.decode(frame(text), UnixNanos(1), &mut |_: &Event<'_>| events += 1);
    assert_eq!(events, 0, "a refused message gave an event: {text}");
    result.unwrap_err().kind
}

#[test]
fn each_fault_has_its_kind() {
    let of = |item: &str| {
        let arg = r#"{"channel":"mark-price","instId":"A"}"#;
        error(V5, &format!(r#"{{"arg":{arg},"data":[{item}]}}"#))
    };
    assert_eq!(of(r#"{"instId":"A","markPx":"x","ts":"1"}"#), Kind::Number);
    assert_eq!(of(r#"{"instId":"A","markPx":"","ts":"1"}"#), Kind::Number);
    assert_eq!(of(r#"{"instId":"A","markPx":{},"ts":"1"}"#), Kind::WrongType);
    assert_eq!(
        of(r#"{"instId":"A","markPx":"99999999999999999999","ts":"1"}"#),
        Kind::NumberOverflow
    );
    assert_eq!(
        of(r#"{"instId":"A","markPx":"0.0000000000000000001","ts":"1"}"#),
        Kind::NumberScale
    );
    assert_eq!(of(r#"{"instId":"A","ts":"1"}"#), Kind::MissingField);
    assert_eq!(of(r#"{"instId":"A","markPx":"1"}"#), Kind::MissingField);
    assert_eq!(of(r#"{"instId":"A","markPx":"1","ts":"soon"}"#), Kind::Timestamp);
    assert_eq!(of(r#"{"instId":"B","markPx":"1","ts":"1"}"#), Kind::OtherInstrument);
    assert_eq!(of("7"), Kind::WrongType);
    let candle = |bar: &str| {
        error(V5, &format!(r#"{{"arg":{{"channel":"candle1m","instId":"A"}},"data":[{bar}]}}"#))
    };
    assert_eq!(candle(r#"["1","2","3","4"]"#), Kind::LevelShape);
    assert_eq!(candle(r#"["1","2","3","x","4","5"]"#), Kind::Number);
    assert_eq!(candle(r#"["1","2","3","3","4","yes"]"#), Kind::WrongType);
    let liquidation = r#"{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"instId":"A","details":[{"bkPx":"1","side":"both","sz":"1","ts":"1"}]}]}"#;
    assert_eq!(error(V5, liquidation), Kind::Side);
    let lacks =
        r#"{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"instId":"A"}]}"#;
    assert_eq!(error(V5, lacks), Kind::MissingField);
}

/// The flat records of the exchange's usual form take the scanner, whatever the order of keys.
#[test]
fn usual_forms_are_scanned() {
    let mut decoder = Decoder::new(V5);
    let mut scanned = 0;
    for (_, text, _, record, ..) in ROWS.iter().filter(|(dialect, ..)| *dialect == V5) {
        let decoded = decoder.decode(frame(text), UnixNanos(1), &mut |_: &Event<'_>| {}).unwrap();
        let hot = ["Ticker", "MarkPrice", "IndexTicker", "FundingRate", "PriceLimit"];
        if hot.contains(record) && text.contains("\"ts\"") {
            assert_eq!(decoded.parsed, TextPath::Scanned, "{text}");
            scanned += 1;
        }
    }
    assert!(scanned >= 6);
}

#[test]
fn a_record_is_made_of_the_names_and_values_of_its_fields() {
    let mut decoders = [V3, V5].map(Decoder::new);
    let mut kinds = std::collections::BTreeSet::new();
    for (dialect, text, ..) in ROWS {
        let decoder = &mut decoders[usize::from(*dialect == V5)];
        let mut records = Vec::new();
        let mut sink = |event: &Event<'_>| {
            if let Event::Record(update) = event {
                records.push(*update.record);
            }
        };
        decoder.decode(frame(text), UnixNanos(1), &mut sink).unwrap();
        for Record { data, .. } in records {
            let kind = data.kind().unwrap();
            let mut made = RecordData::empty(kind);
            data.fields(&mut |name, value| assert!(made.set_field(name, value), "{name}: {text}"));
            assert_eq!(made, data, "{text}");
            assert!(!made.set_field("no_such_field", FieldValue::Absent));
            kinds.insert(kind);
        }
    }
    assert_eq!(kinds.len(), RecordKind::ALL.len());
}

#[test]
fn records_are_taken_by_their_type() {
    let record = |text: &str| -> Record {
        let mut found = None;
        let mut decoder = Decoder::new(V5);
        decoder
            .decode(frame(text), UnixNanos(7), &mut |event: &Event<'_>| {
                if let Event::Record(update) = event {
                    found = Some(*update.record);
                }
            })
            .unwrap();
        found.unwrap()
    };
    let ticker = record(ROWS[0].1);
    assert_eq!(ticker.get::<Ticker>().unwrap().ask_px.unwrap().to_string(), "91527.3");
    assert!(ticker.get::<MarkPrice>().is_none() && ticker.ts_recv == UnixNanos(7));
    assert_eq!(ticker.ts_event, UnixNanos(1_765_201_256_914_000_000));
    let of = |name: &str| record(ROWS.iter().find(|row| row.3 == name).unwrap().1);
    assert_eq!(of("MarkPrice").get::<MarkPrice>().unwrap().mark_px.to_string(), "0.1");
    assert_eq!(of("IndexTicker").get::<IndexTicker>().unwrap().idx_px.to_string(), "83.79");
    assert_eq!(of("FundingRate").get::<FundingRate>().unwrap().next_funding_rate, None);
    assert_eq!(of("PriceLimit").get::<PriceLimit>().unwrap().enabled, Some(false));
    assert_eq!(of("Candle").get::<Candle>().unwrap().confirm, Some(false));
    assert_eq!(of("Liquidation").get::<Liquidation>().unwrap().sz.to_string(), "2");
    assert_eq!(of("Candle").data.kind(), Some(RecordKind::Candle));
}
