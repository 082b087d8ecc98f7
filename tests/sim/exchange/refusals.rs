//! Requests that are refused, refused because of another, or never answered.

use okx_feed::sim::{Endpoint, FaultKind};
use serde_json::Value;

use crate::exchange::bench::*;
use crate::exchange::faulty::*;

const V5: Endpoint = Endpoint::V5Public;

fn bench(endpoint: Endpoint, faults: &str) -> Bench {
    Bench::new(endpoint, &config(faults))
}

/// The replies to a subscription with an id, as (event, code, id, name).
fn replies(bench: &mut Bench, id: &str, channel: &str, inst_id: &str) -> Vec<[String; 4]> {
    let request = v5_request("subscribe", &[(channel, inst_id)]);
    let request = request.replacen('{', &format!(r#"{{"id":"{id}","#), 1);
    bench.replies(&request).iter().map(parts).collect()
}

fn parts(reply: &Value) -> [String; 4] {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let message = text(&reply["msg"]);
    let named = message.split_once("channel:").map_or_else(String::new, |(_, rest)| {
        rest.split_once(" doesn't").unwrap().0.replace(",instId", "")
    });
    let code = reply["errorCode"].as_i64().map_or_else(|| text(&reply["code"]), |n| n.to_string());
    [text(&reply["event"]), code, text(&reply["id"]), named]
}

fn strs(parts: &[[String; 4]]) -> Vec<[&str; 4]> {
    parts.iter().map(|parts| parts.each_ref().map(String::as_str)).collect()
}

#[test]
fn every_code_comes_with_its_words_and_the_requests_id() {
    for code in [
        60018u16, 50001, 50004, 50011, 50013, 50026, 50040, 50061, 60012, 60014, 64003, 63999,
        64007,
    ] {
        let mut bench = bench(V5, &format!("error:code={code}"));
        let reply = replies(&mut bench, "7", "books", "BTC-USDT");
        let named = if code == 60018 { "books:BTC-USDT" } else { "" };
        assert_eq!(strs(&reply), [["error", &code.to_string(), "7", named]]);
        bench.wait(5_000 * MS);
        assert_eq!(bench.inbox, []);
    }
    for (id, echoed) in [("own", "b"), ("other", "a"), ("none", "")] {
        let mut bench = bench(V5, &format!("error:nth=2,id={id}"));
        replies(&mut bench, "a", "books", "BTC-USDT");
        let reply = replies(&mut bench, "b", "books5", "BTC-USDT");
        assert_eq!(strs(&reply), [["error", "63999", echoed, ""]]);
    }
    for code in [30040, 30041, 30026, 30039, 30043] {
        let mut bench = bench(Endpoint::V3, &format!("error:code={code}"));
        let reply = bench.replies(&v3_request("subscribe", &["spot/depth5:BTC-USDT".to_owned()]));
        assert_eq!((&reply[0]["event"], &reply[0]["errorCode"]), (&"error".into(), &code.into()));
        let named = reply[0]["message"].as_str().unwrap().contains("spot/depth5:BTC-USDT");
        assert_eq!(named, code == 30040);
    }
}

#[test]
fn a_request_may_be_refused_whole_and_repeated_in_the_text() {
    let mut bench = bench(V5, "reject:nth=2,code=60012;reject:nth=2,code=50011");
    assert_eq!(bench.replies(&request(V5)).len(), 3);
    bench.inbox.clear();
    let reply = bench.replies(&request(V5));
    assert_eq!(reply.len(), 1);
    assert_eq!(reply[0]["code"], "60012");
    assert_eq!(reply[0]["msg"], format!("Invalid request: {}", request(V5)));
    assert_eq!(bench.replies(&request(V5))[0]["code"], "50011");
    assert_eq!(bench.replies(&request(V5)).len(), 3);
    assert_eq!(count(&bench, FaultKind::Reject), 2);
}

#[test]
fn a_stray_error_comes_before_the_answer_and_takes_nothing_away() {
    let other = "books:BTC-USDT-SWAP";
    for (rule, code, id, named) in [
        ("stray:nth=2", "60018", "", other),
        ("stray:nth=2,id=own", "60018", "b", other),
        ("stray:nth=2,id=other,code=50011", "50011", "a", other),
        ("stray:nth=2,names=live", "60018", "", "books5:BTC-USDT"),
        ("stray:nth=2,names=none,code=50026", "50026", "", ""),
    ] {
        let mut bench = bench(V5, rule);
        replies(&mut bench, "a", "books5", "BTC-USDT");
        let reply = replies(&mut bench, "b", "books", "BTC-USDT");
        let (error, ack) = (["error", code, id, named], ["subscribe", "", "b", ""]);
        assert_eq!(strs(&reply), [error, ack], "{rule}");
        bench.wait(1_000 * MS);
        let channels: Vec<_> = bench.texts().iter().filter_map(|text| data_of(text)).collect();
        for channel in ["books", "books5"] {
            assert!(channels.iter().any(|(name, ..)| name == channel), "{rule}");
        }
    }
    // With nothing to name there is none.
    let mut bench = bench(V5, "stray:nth=1,names=live");
    assert_eq!(replies(&mut bench, "a", "books5", "BTC-USDT").len(), 1);
    assert_eq!(count(&bench, FaultKind::Stray), 0);
}

#[test]
fn an_error_may_come_unasked() {
    for endpoint in BOTH {
        for (names, is_named) in [("other", false), ("live", true), ("none", false)] {
            let mut bench = after(endpoint, &format!("stray:at=1s,names={names}"), 2);
            let errors: Vec<_> = bench
                .texts()
                .into_iter()
                .filter(|text| text.contains(r#""event":"error""#))
                .collect();
            let [error] = &errors[..] else { panic!("{errors:?}") };
            let ours = [":BTC-USDT ", "instId:BTC-USDT "].iter().any(|id| error.contains(id));
            assert_eq!(ours, is_named, "{error}");
            assert_eq!(error.contains("exist"), names != "none", "{error}");
            assert_eq!(count(&bench, FaultKind::Stray), 1);
            // No subscription was ended.
            bench.wait(2_000 * MS);
            let data = bench.texts().into_iter().filter_map(|text| data_of(&text));
            let channels: std::collections::BTreeSet<_> = data.map(|(name, ..)| name).collect();
            assert_eq!(channels.len(), 3);
        }
    }
}

#[test]
fn an_argument_may_never_be_answered_while_the_others_are() {
    let mut bench = bench(V5, "ignore:channel=books5");
    let replies = bench.replies(&request(V5));
    assert_eq!(replies.len(), 2);
    bench.wait(2_000 * MS);
    let data = bench.texts().into_iter().filter_map(|text| data_of(&text));
    assert!(data.map(|(name, ..)| name).all(|name| name != "books5"));
    assert_eq!(count(&bench, FaultKind::Ignore), 1);
}

#[test]
fn more_subscriptions_than_allowed_close_the_connection() {
    for (rule, code) in [("maxsubs:most=2", 4008), ("maxsubs:most=2,code=4009", 4009)] {
        let mut bench = bench(V5, rule);
        bench.replies(&v5_request("subscribe", &[("books", "BTC-USDT"), ("trades", "BTC-USDT")]));
        // Those that it has are no more.
        bench.send(&v5_request("subscribe", &[("trades", "BTC-USDT")]));
        assert_eq!(bench.close_code(), None);
        bench.send(&v5_request("subscribe", &[("books5", "BTC-USDT")]));
        assert_eq!(bench.close_code(), Some(code));
        assert_eq!(count(&bench, FaultKind::MaxSubs), 1);
    }
    let mut whole = bench(V5, "maxsubs:most=2");
    whole.send(&request(V5));
    assert_eq!((whole.inbox.len(), whole.close_code()), (3, Some(4008)));
}

#[test]
fn a_notice_comes_on_every_connection() {
    let mut bench = bench(V5, "notice:at=1s,after=60s");
    for _ in 0..3 {
        bench.wait(1_000 * MS);
        assert!(bench.texts()[0].contains("64008"));
        bench.exchange.disconnect(bench.id);
        bench.id = bench.exchange.connect(V5, bench.now);
    }
}
