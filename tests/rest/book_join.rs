//! Order books from a REST snapshot and the updates of the WebSocket: seeded runs under faults.

use std::collections::HashMap;
use std::time::Duration;

use okx_feed::book::{BookSync, Sequence};
use okx_feed::model::Origin;
use okx_feed::rest::join::{BookJoin, BookJoinStep};
use okx_feed::sim::{Endpoint, Exchange, ExchangeConfig, Listing, MarketConfig};
use okx_feed::{Event, FeedHandler, Level, Market, MonoNanos, Subscription};

use crate::world::{Line, Rest};

const SEEDS: u64 = 400;
const RUN: Duration = Duration::from_secs(8);

fn exchange(seed: u64) -> Exchange {
    let listing = Listing::new("BTC-USDT", Market::Spot, ["0.1", "0.0001", "60000", "0.02"]);
    let market = MarketConfig {
        seed,
        listings: vec![listing.unwrap()],
        depth: 12,
        events_per_sec: 150,
        ..MarketConfig::default()
    };
    // The first connection loses messages, the second one none.
    let faults = format!(
        "seed={seed};gap:p=0.08,conn=1;repeat:p=0.03,conn=1;reorder:p=0.03,conn=1;\
         lag:p=0.4,by=800ms;short:p=0.05;deny:p=0.05"
    );
    let faults = faults.parse().unwrap();
    Exchange::new(&ExchangeConfig { market, faults, ..ExchangeConfig::default() })
}

type Levels = (Vec<Level>, Vec<Level>);

fn levels(handler: &FeedHandler, subscription: &Subscription) -> Option<(i64, Levels)> {
    let book = handler.depth(subscription)?.live()?;
    Some((book.seq()?, (book.asks().to_vec(), book.bids().to_vec())))
}

#[derive(Debug, Default)]
struct Tally {
    requested: u32,
    joined: u32,
    old: u32,
    waited: u32,
    renewed: u32,
    compared: u32,
}

/// Joins every gap of one line by REST, and compares its book with that of a line without faults.
#[expect(clippy::too_many_lines, reason = "one loop over a virtual clock")]
fn run(seed: u64, tally: &mut Tally) {
    let mut exchange = exchange(seed);
    let subscription: Subscription = "books:BTC-USDT".parse().unwrap();
    let inst_id = *subscription.inst_id();
    let mut line = Line::new(Endpoint::V5Public, subscription);
    let mut clean = Line::new(Endpoint::V5Public, subscription);
    let mut nothing = |_: &Event<'_>| {};
    line.change(&mut exchange, MonoNanos::ZERO, &mut nothing);
    clean.change(&mut exchange, MonoNanos::ZERO, &mut nothing);
    let mut rest = Rest::new(seed);
    let mut join: Option<BookJoin> = None;
    let mut real: HashMap<i64, Levels> = HashMap::new();
    let mut now = MonoNanos::ZERO;
    while now < MonoNanos::ZERO + RUN {
        now = exchange.next_at().min(rest.next_at(now)).max(now);
        exchange.advance(now);
        clean.receive(&mut exchange, now, &mut nothing);
        real.extend(levels(&clean.handler, &subscription));
        let mut steps = Vec::new();
        line.receive(&mut exchange, now, &mut |event: &Event<'_>| {
            if let Event::DepthBook(change) = event {
                if join.is_none() && change.outcome.sync != BookSync::Live {
                    join = Some(BookJoin::new(inst_id));
                }
                match join.as_mut().map(|join| join.on_applied(&change.outcome)) {
                    Some(BookJoinStep::Joined) => {
                        tally.joined += 1;
                        join = None;
                    }
                    step => steps.extend(step),
                }
            }
        });
        let rows = rest.step(&mut exchange, now).map(Result::unwrap);
        if let Some((waiting, rows)) = join.as_mut().zip(rows) {
            let (wall, handler) = (exchange.market().wall(now), &mut line.handler);
            let step = waiting.on_rows(subscription.topic(), &rows, wall, |snapshot| {
                let mut outcome = None;
                handler.apply_depth(snapshot, Origin::History, &mut |event: &Event<'_>| {
                    if let Event::DepthBook(change) = event {
                        assert_eq!(change.origin, Origin::History);
                        outcome = Some(change.outcome);
                    }
                });
                tally.old += u32::from(outcome.unwrap().sequence == Sequence::Old);
                outcome
            });
            steps.push(step.unwrap());
        }
        for step in steps {
            match step {
                BookJoinStep::Request(pause) => {
                    rest.start(join.as_ref().unwrap().request(), pause, now);
                    tally.requested += 1;
                }
                BookJoinStep::Wait => tally.waited += 1,
                BookJoinStep::Joined => {
                    assert!(levels(&line.handler, &subscription).is_some(), "seed {seed}");
                    tally.joined += 1;
                    join = None;
                }
                BookJoinStep::Failed => {
                    tally.renewed += 1;
                    line.subscribe(&mut exchange, now, &mut nothing);
                }
            }
        }
        if let Some((seq, book)) = levels(&line.handler, &subscription)
            && let Some(real) = real.get(&seq)
        {
            assert_eq!(&book, real, "seed {seed} at {seq}");
            tally.compared += 1;
        }
    }
}

#[test]
fn gaps_of_books_are_filled_by_a_snapshot_without_a_request_to_subscribe() {
    let mut tally = Tally::default();
    (0..SEEDS).for_each(|seed| run(seed, &mut tally));
    println!("{SEEDS} runs: {tally:?}");
    let Tally { requested, joined, old, waited, renewed, compared } = tally;
    assert!(joined > 1_000 && old > 100 && waited > 100 && compared > 100_000);
    assert!(requested < 3 * joined && renewed * 20 < joined, "{renewed}");
}
