//! Each integrity fault, by name, on each order-book channel. After every message the book is
//! either not live or equal to the exchange's as of that message. In the end it is live.
//!
//! The exchange's book is taken from a second connection without faults, maintained by separate
//! code, and from the market of the exchange.

use std::rc::Rc;
use std::time::Duration;

use okx_feed::feed::StaleLimits;
use okx_feed::publish::DepthSnapshot;
use okx_feed::session::{Action, SessionConfig};
use okx_feed::sim::{
    ConnectionId, Endpoint, Exchange, ExchangeConfig, FaultKind, Listing, MarketConfig, Outbound,
    PushIntervals,
};
use okx_feed::{BookState, Channel, DepthReader, Dialect, Level, MonoNanos, Subscription};

use super::client::{Client, Outcome};
use super::host::moment;
use super::mirror::{Mirror, Truth};

const SECOND: Duration = Duration::from_secs(1);
const END: MonoNanos = MonoNanos(20_000_000_000);
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a fault happens in a run, unless chance decides it.
const TIMES: u64 = 12;

/// The levels over which the exchange's checksum goes.
const CHECKSUM_LEVELS: usize = 25;

/// Levels a side of a market that a checksum covers whole, and of one that it does not. The order
/// flow adds an eighth.
const SHALLOW: usize = 20;
const DEEP: usize = 60;

/// The faults that make messages wrong, or come without one being wrong and must do no harm.
const KINDS: [FaultKind; 8] = [
    FaultKind::Gap,
    FaultKind::Repeat,
    FaultKind::Reorder,
    FaultKind::Checksum,
    FaultKind::Corrupt,
    FaultKind::Truncate,
    FaultKind::Snapshot,
    FaultKind::ResetSeq,
];

/// The settings of a run.
#[derive(Clone, Copy, Debug)]
struct Case {
    channel: Channel,
    /// `None` for all of them together.
    kind: Option<FaultKind>,
    /// Levels a side of the market.
    depth: usize,
    v5_checksums: bool,
    seed: u64,
}

/// The check that detects a broken book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Gap,
    Mismatch,
    /// A message that can't be read, where no number would show that one is missing.
    Lost,
    /// By nothing: the book is correct in spite of the fault.
    Nothing,
    /// The fault can't happen on this channel.
    NoFault,
}

impl Case {
    /// Whether the messages are numbered: all of v5 are, and none of v3.
    fn numbered(self) -> bool {
        self.channel.dialect() == Dialect::V5
    }

    /// Whether the messages have a checksum that is not 0. `books-elp` and `books-rpi` have none.
    fn summed(self) -> bool {
        match self.channel {
            Channel::Depth | Channel::DepthL2Tbt => true,
            Channel::BooksElp | Channel::BooksRpi => false,
            _ => self.v5_checksums,
        }
    }

    fn cause(self, kind: FaultKind) -> Cause {
        match (kind, self.numbered()) {
            (FaultKind::Checksum, _) if !self.summed() => Cause::NoFault,
            (FaultKind::Checksum, _) => Cause::Mismatch,
            // Legal: a snapshot replaces the book, and the chain of numbers holds over a reset. v3
            // has no numbers to reset.
            (FaultKind::Snapshot | FaultKind::ResetSeq, _) => Cause::Nothing,
            (_, true) => Cause::Gap,
            // Sizes are absolute: an update of v3 that comes twice changes nothing the second time,
            // and nothing shows that it did. The book is right.
            (FaultKind::Repeat, false) => Cause::Nothing,
            (FaultKind::Corrupt | FaultKind::Truncate, false) => Cause::Lost,
            (_, false) => Cause::Mismatch,
        }
    }

    /// The levels a side that are guaranteed in a live book.
    ///
    /// v3 has no sequence numbers, so that only the checksum detects a lost or late message. It
    /// does not if the message changed only levels below the best 25. In a market of fewer levels
    /// all are covered.
    fn promised(self) -> usize {
        let hidden = matches!(self.kind, None | Some(FaultKind::Gap | FaultKind::Reorder));
        if hidden && !self.numbered() { CHECKSUM_LEVELS } else { usize::MAX }
    }

    fn faults(self) -> String {
        let rule = |kind: FaultKind| match (kind, self.kind) {
            (FaultKind::ResetSeq, _) => "resetseq:every=1s".to_owned(),
            (kind, Some(_)) => format!("{kind}:each=5,times={TIMES},conn=2,on=push"),
            (kind, None) => format!("{kind}:p=0.05,times=5,conn=2,on=push"),
        };
        let rules: Vec<_> = KINDS
            .into_iter()
            .filter(|k| self.kind.is_none_or(|kind| kind == *k))
            .map(rule)
            .collect();
        format!("seed={};{}", self.seed + 1, rules.join(";"))
    }

    fn run(self) {
        Run::new(self).run();
    }
}

struct Run {
    case: Case,
    exchange: Exchange,
    subscription: Subscription,
    mirror: Mirror,
    /// The connections of the mirror and of the client. The rules name the client's as the second
    /// one.
    ids: [ConnectionId; 2],
    client: Client,
    reader: DepthReader,
    /// The exchange's book as of the last message that the client could read.
    truth: Rc<Truth>,
    now: MonoNanos,
    live_checks: u64,
}

impl Run {
    fn new(case: Case) -> Self {
        let listing = Listing::defaults().into_iter().next().unwrap();
        let dialect = case.channel.dialect();
        let heartbeat = Duration::from_millis(200);
        let mut exchange = ExchangeConfig {
            market: MarketConfig {
                seed: case.seed,
                listings: vec![listing],
                depth: case.depth,
                events_per_sec: 25,
                ..MarketConfig::default()
            },
            intervals: PushIntervals {
                heartbeat_v3: heartbeat,
                heartbeat_v5: heartbeat,
                ..PushIntervals::EVERY_CHANGE
            },
            v5_checksums: case.v5_checksums,
            faults: case.faults().parse().unwrap(),
            ..ExchangeConfig::default()
        };
        exchange.limits.idle = None;
        let mut exchange = Exchange::new(&exchange);
        let endpoint = if dialect == Dialect::V3 { Endpoint::V3 } else { Endpoint::V5Public };
        let ids = [0; 2].map(|_| exchange.connect(endpoint, MonoNanos::ZERO));
        let (id, market) = (listing.inst_id(), listing.market());
        let (subscription, arg) = match dialect {
            Dialect::V3 => {
                let name = format!("{market}/{}:{id}", case.channel);
                (name.clone(), format!(r#""{name}""#))
            }
            Dialect::V5 => {
                let arg = format!(r#"{{"channel":"{}","instId":"{id}"}}"#, case.channel);
                (format!("{}:{id}", case.channel), arg)
            }
        };
        let subscribe = format!(r#"{{"op":"subscribe","args":[{arg}]}}"#);
        exchange.receive(ids[0], subscribe.as_bytes(), MonoNanos::ZERO);

        let subscription: Subscription = subscription.parse().unwrap();
        let mut config = SessionConfig::new(dialect);
        (config.ack_timeout, config.snapshot_timeout) = (SECOND, SECOND);
        (config.resync.first, config.resync.cap) = (SECOND / 10, SECOND / 2);
        let mut client = Client::new(&config, StaleLimits::NONE, case.seed, &[subscription]);
        let reader = client.feed.depth_reader(&subscription).unwrap();
        Self {
            case,
            exchange,
            subscription,
            mirror: Mirror::default(),
            ids,
            client,
            reader,
            truth: Rc::default(),
            now: MonoNanos::ZERO,
            live_checks: 0,
        }
    }

    fn run(mut self) {
        loop {
            self.collect();
            let timeout = self.client.session.poll_timeout().unwrap_or(MonoNanos(u64::MAX));
            let next = self.exchange.next_at().min(timeout);
            // There is time to recover from a fault right before the end.
            if next > END && (self.is_live() || next > END + RECOVERY_TIMEOUT) {
                break;
            }
            self.now = self.now.max(next);
            // One event at a time, so that each message is compared with the market of its time.
            self.exchange.step(self.now);
            self.collect();
            self.client.session.handle_timeout(self.now);
        }
        self.check_end();
    }

    fn is_live(&self) -> bool {
        let slot = self.client.feed.slots().get(&self.subscription);
        slot.is_some_and(|slot| slot.state() == BookState::Live)
    }

    /// Delivers all messages to the mirror and to the client, and the client's requests back.
    fn collect(&mut self) {
        loop {
            self.pump();
            let mut changed = false;
            while let Some(message) = self.exchange.poll_transmit(self.ids[0]) {
                changed |= self.mirror.apply(&message);
            }
            if changed {
                self.check_mirror();
            }
            // No action of the client can come between these: they wait for it already.
            let Some(message) = self.exchange.poll_transmit(self.ids[1]) else { return };
            self.deliver(message);
        }
    }

    fn deliver(&mut self, message: Outbound) {
        if let Some(truth) = self.mirror.as_of(&message) {
            self.truth = truth;
        }
        let outcome = self.client.handle_message(&message, moment(self.now), &mut |_| {});
        assert!(matches!(outcome, Outcome::Handled), "no fault of this kind ends a connection");
        self.client.handle_session_events(moment(self.now), &mut |_| {});
        self.check();
    }

    fn pump(&mut self) {
        while let Some(action) = self.client.session.poll_action() {
            match action {
                Action::Connect => self.client.session.handle_connected(self.now),
                Action::Send(text) => {
                    self.exchange.receive(self.ids[1], text.as_bytes(), self.now);
                }
                other => panic!("{other:?}: {:?}", self.case),
            }
            self.client.handle_session_events(moment(self.now), &mut |_| {});
        }
    }

    /// Checks that the mirror equals the market's book. The retail orders of `books-elp` and
    /// `books-rpi` are not in it.
    fn check_mirror(&self) {
        if matches!(self.case.channel, Channel::BooksElp | Channel::BooksRpi) {
            return;
        }
        let market = self.exchange.market();
        let inst = market.find(self.subscription.inst_id().as_str()).unwrap();
        let (listing, book) = (market.listing(inst).unwrap(), market.book(inst).unwrap());
        let shown = if self.case.channel == Channel::Books50L2Tbt { 50 } else { 400 };
        let asks: Vec<Level> = book.asks(listing).take(shown).collect();
        let bids: Vec<Level> = book.bids(listing).take(shown).collect();
        let mirror = self.mirror.now();
        assert_eq!((&mirror.asks, &mirror.bids), (&asks, &bids), "{:?}", self.case);
    }

    /// Checks that a live book is the exchange's as of the last message, here and for readers.
    fn check(&mut self) {
        let Self { case, truth, .. } = self;
        let slot = self.client.feed.slots().get(&self.subscription).unwrap();
        let seen = self.reader.snapshot();
        assert_eq!(seen.state, slot.state(), "{case:?}");
        let live = slot.depth().unwrap().live();
        assert_eq!(live.is_some(), slot.state() == BookState::Live, "{case:?}");
        let Some(view) = live else { return };
        let promised = case.promised();
        let same = |have: &[Level], truth: &[Level], levels: usize| {
            have.iter().take(levels).eq(truth.iter().take(levels))
        };
        let now = self.now;
        for (have, truth, seen) in
            [(view.asks(), &truth.asks, seen.asks()), (view.bids(), &truth.bids, seen.bids())]
        {
            assert!(
                same(have, truth, promised),
                "live and wrong at {now:?}: {case:?}\nhave {have:?}\ntruth {truth:?}"
            );
            assert_eq!(seen.len(), have.len().min(DepthSnapshot::LEVELS));
            assert!(
                same(seen, truth, DepthSnapshot::LEVELS),
                "wrong for readers at {now:?}: {case:?}"
            );
        }
        assert_eq!(view.seq(), truth.seq, "{case:?}");
        self.live_checks += 1;
    }

    /// Checks that the book is live again, equals the exchange's, and that the faults were counted.
    fn check_end(&mut self) {
        let case = self.case;
        let state = self.client.feed.slots().get(&self.subscription).unwrap().state();
        assert_eq!(state, BookState::Live, "{case:?}: {:#?}", self.client.session);
        assert!(
            Rc::ptr_eq(&self.truth, self.mirror.now()),
            "the last message is not known: {case:?}"
        );
        self.check();
        assert!(self.live_checks > 50, "{} live checks: {case:?}", self.live_checks);

        let (stats, session) = (self.client.feed.stats(), self.client.session.stats());
        let Client { breaks, recovery, resets, losses, .. } = &self.client;
        assert_eq!(*losses, 0, "{case:?}");
        assert_eq!(recovery.resync_us.len(), *breaks, "each has come back: {case:?}");
        assert!(stats.gaps + stats.mismatches + stats.broken >= *breaks, "{case:?}");
        let log = self.exchange.faults();
        let happened = |kind| log.count(kind);
        let Some(kind) = case.kind else {
            let possible = KINDS.into_iter().filter(|kind| case.cause(*kind) != Cause::NoFault);
            possible.for_each(|kind| assert!(happened(kind) > 0, "{kind}: {case:?}"));
            assert!(*breaks > 0 && session.resyncs > 0, "{case:?}");
            return;
        };
        let cause = case.cause(kind);
        let expected = if cause == Cause::NoFault { 0 } else { TIMES };
        assert!(happened(kind) >= expected, "{} of {case:?}", happened(kind));
        assert!(expected > 0 || happened(kind) == 0, "{case:?}");
        let damaged = matches!(kind, FaultKind::Corrupt | FaultKind::Truncate);
        assert_eq!(stats.malformed(), if damaged { TIMES } else { 0 }, "{case:?}");
        let reset = kind == FaultKind::ResetSeq && case.numbered();
        assert_eq!(*resets > 0, reset, "{case:?}");
        let found = [stats.gaps, stats.mismatches, stats.broken].map(|count| count > 0);
        let by =
            |cause: Cause| found == [Cause::Gap, Cause::Mismatch, Cause::Lost].map(|c| c == cause);
        // A damaged message breaks its book at once where its head can be read, else at the next.
        let either = damaged && case.numbered() && (by(Cause::Gap) || found == [true, false, true]);
        // A change of v3 that comes too late is seen by its time, unless the clock stood still.
        let late = kind == FaultKind::Reorder && !case.numbered() && !found[0];
        let known = by(cause) || either || damaged && by(Cause::Lost) || late && found[2];
        assert!(known, "found {found:?} of {case:?}");
        let broken = !matches!(cause, Cause::Nothing | Cause::NoFault);
        assert_eq!(*breaks > 0, broken, "{case:?}");
        assert_eq!(session.resyncs > 0, broken, "{case:?}");
    }
}

/// Runs every kind of fault on these channels.
fn run(channels: &[Channel], depths: &[usize], checksums: &[bool]) {
    let seeds = super::runs().div_ceil(100);
    let kinds = || KINDS.into_iter().map(Some).chain([None]);
    for seed in 0..seeds {
        for channel in channels {
            for (kind, depth) in kinds().flat_map(|kind| depths.iter().map(move |d| (kind, *d))) {
                for v5_checksums in checksums.iter().copied() {
                    Case { channel: *channel, kind, depth, v5_checksums, seed }.run();
                }
            }
        }
    }
}

#[test]
fn no_fault_makes_a_v3_book_live_and_wrong() {
    run(&[Channel::Depth, Channel::DepthL2Tbt], &[SHALLOW, DEEP], &[false]);
}

#[test]
fn no_fault_makes_a_v5_book_live_and_wrong() {
    run(&[Channel::Books, Channel::BooksL2Tbt, Channel::Books50L2Tbt], &[DEEP], &[true, false]);
    run(&[Channel::BooksElp, Channel::BooksRpi], &[DEEP], &[false]);
}
