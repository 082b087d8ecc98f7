//! Subscriptions by selection: the catalogue of instruments, and what it adds and ends.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::error::ClientError;
use super::messages::ConnectionEvent;
use crate::event::{RecordUpdate, StateChange};
use crate::model::{
    BookState, CatalogueChange, Channel, Dialect, Instrument, InstrumentId, Instruments, Market,
    Selection, Subscription, UnixNanos,
};
use crate::rest::{Request, RestError, instrument_rows};

/// When a list that could not be fetched, or lacks what there was, is asked for again.
const RETRY: Duration = Duration::from_secs(60);

/// A list of the REST interface, and the subscription that keeps it up to date.
struct List {
    channel: Subscription,
    inst_type: String,
    /// The family that the list is of; `None` if it is complete.
    family: Option<String>,
    request: Request,
    has_come: bool,
    /// What the channel has named since the list was asked for: it is newer than the list, which
    /// comes from a cache.
    named: BTreeSet<InstrumentId>,
    /// What the last list lacked.
    missing: BTreeSet<InstrumentId>,
}

/// What is to be fetched after a pause: the number of a list.
pub(super) struct ListAsk {
    pub(super) list: usize,
    pub(super) request: Request,
    pub(super) pause: Duration,
}

/// The selections of a client, and the instruments that there are.
///
/// A list is fetched each time that the channel `instruments` of its type is acknowledged, since
/// what changed before is not pushed. What is missing in a list is delisted if its expiry is over,
/// else if the next list, a minute later, lacks it too: a cache may be older than a listing.
pub(super) struct Selections {
    selections: Vec<Selection>,
    lists: Vec<List>,
    instruments: Instruments,
    /// What the selections have subscribed.
    joined: BTreeSet<Subscription>,
    /// What they have ended, until it is known whether its instrument has a new id.
    ended: BTreeSet<Subscription>,
    /// What the caller has subscribed: a delisting does not end it.
    own: BTreeSet<Subscription>,
    asks: Vec<ListAsk>,
    supervisor: Option<UnboundedSender<ConnectionEvent>>,
}

impl Selections {
    /// The selections of a client, with what it has subscribed otherwise; `None` where it never has
    /// any.
    ///
    /// # Errors
    /// [`ClientError::WrongDialect`] for v3, and [`ClientError::Subscription`] if a type's name is
    /// too long.
    pub(super) fn new(
        dialect: Dialect,
        selections: Option<Vec<Selection>>,
        own: &[Subscription],
    ) -> Result<Option<Self>, ClientError> {
        let Some(selections) = selections else { return Ok(None) };
        if dialect == Dialect::V3 {
            let wrong = |first: &Selection| Err(ClientError::WrongDialect(first.to_string()));
            return selections.first().map_or(Ok(None), wrong);
        }
        let mut made = Self {
            selections: Vec::new(),
            lists: Vec::new(),
            instruments: Instruments::new(),
            joined: BTreeSet::new(),
            ended: BTreeSet::new(),
            own: own.iter().copied().collect(),
            asks: Vec::new(),
            supervisor: None,
        };
        made.add_lists(&selections)?;
        made.selections = selections;
        Ok(Some(made))
    }

    /// Adds the lists that selections need and that there are not yet.
    fn add_lists(&mut self, selections: &[Selection]) -> Result<(), ClientError> {
        for (inst_type, family) in selections.iter().flat_map(Selection::lists) {
            let is_same =
                |list: &List| list.inst_type == inst_type && list.family.as_deref() == family;
            let market = Market::from_name(inst_type.to_ascii_lowercase().as_bytes());
            let Some(market) = market.filter(|_| !self.lists.iter().any(is_same)) else { continue };
            self.lists.push(List {
                channel: Subscription::parse(Dialect::V5, &format!("instruments:{inst_type}"))?,
                inst_type: inst_type.to_owned(),
                family: family.map(str::to_owned),
                request: Request::instruments(market, family, None),
                has_come: false,
                named: BTreeSet::new(),
                missing: BTreeSet::new(),
            });
        }
        Ok(())
    }

    /// Replaces the selections, and returns the channels that these need besides. A list that is
    /// not needed any more is kept up to date.
    ///
    /// # Errors
    /// [`ClientError::Subscription`] if a type's name is too long; nothing has changed then.
    pub(super) fn replace(
        &mut self,
        selections: Vec<Selection>,
    ) -> Result<Vec<Subscription>, ClientError> {
        let before = self.lists.len();
        let known: BTreeSet<_> = self.channels().collect();
        self.add_lists(&selections)?;
        for (list, of) in self.lists.iter().enumerate().skip(before) {
            // Its channel may be acknowledged already.
            let (request, pause) = (of.request.clone(), Duration::ZERO);
            self.asks.push(ListAsk { list, request, pause });
        }
        self.selections = selections;
        self.report(ConnectionEvent::MissingLists(self.missing_lists()));
        let unwanted: Vec<_> = self.joined.iter().filter(|of| !self.selects(of)).copied().collect();
        for subscription in unwanted {
            self.joined.remove(&subscription);
            tracing::info!(%subscription, "not selected any more");
            self.report(ConnectionEvent::Deselected(subscription));
        }
        let ids: Vec<_> = self.instruments.iter().map(|row| row.inst_id).collect();
        ids.iter().for_each(|id| self.settle(id));
        let new: BTreeSet<_> = self.channels().filter(|of| !known.contains(of)).collect();
        Ok(new.into_iter().collect())
    }

    /// How many lists that the selections need have not come yet.
    pub(super) fn missing_lists(&self) -> usize {
        let needs = |list: &List, selection: &Selection| {
            let is_it =
                |(of, family): (&str, _)| of == list.inst_type && family == list.family.as_deref();
            selection.lists().any(is_it)
        };
        let missing = self.lists.iter().filter(|list| !list.has_come);
        missing.filter(|list| self.selections.iter().any(|of| needs(list, of))).count()
    }

    /// Whether any selection wants a subscription, as its instrument is known.
    fn selects(&self, subscription: &Subscription) -> bool {
        let Some(row) = self.instruments.get(subscription.inst_id()) else { return false };
        self.selections.iter().any(|of| of.subscription(row) == Some(*subscription))
    }

    fn report(&self, event: ConnectionEvent) {
        if let Some(supervisor) = &self.supervisor {
            // Without a supervisor everything is about to end.
            let _ = supervisor.send(event);
        }
    }

    /// The channels that keep the catalogue up to date.
    pub(super) fn channels(&self) -> impl Iterator<Item = Subscription> {
        self.lists.iter().map(|list| list.channel)
    }

    /// Sets where changes are reported.
    pub(super) fn set_supervisor(&mut self, supervisor: UnboundedSender<ConnectionEvent>) {
        self.supervisor = Some(supervisor);
    }

    /// Notes that the caller has subscribed something itself, which then stays, or has ended it.
    pub(super) fn set_own(&mut self, subscription: &Subscription, is_own: bool) {
        self.joined.remove(subscription);
        match is_own {
            true => self.own.insert(*subscription),
            false => self.own.remove(subscription),
        };
    }

    /// What is to be fetched.
    pub(super) fn take_asks(&mut self) -> Vec<ListAsk> {
        std::mem::take(&mut self.asks)
    }

    /// Asks for the lists of a channel that was acknowledged.
    #[cold]
    pub(super) fn on_state(&mut self, change: &StateChange<'_>) {
        if change.to != BookState::AwaitingSnapshot {
            return;
        }
        for (n, list) in self.lists.iter_mut().enumerate() {
            if list.channel == *change.subscription {
                list.named.clear();
                let (list, request, pause) = (n, list.request.clone(), Duration::ZERO);
                self.asks.push(ListAsk { list, request, pause });
            }
        }
    }

    /// Applies a record of the channel.
    #[cold]
    pub(super) fn on_record(&mut self, update: &RecordUpdate<'_>) {
        let Some(row) = update.record.get::<Instrument>() else { return };
        for list in &mut self.lists {
            if list.inst_type == update.topic.inst_id {
                list.named.insert(row.inst_id);
            }
        }
        self.apply(row);
    }

    /// Whether a record is one of instruments.
    #[inline]
    pub(super) fn wants(update: &RecordUpdate<'_>) -> bool {
        update.topic.channel == Channel::Instruments
    }

    /// Applies a list.
    pub(super) fn on_list(&mut self, n: usize, rows: Result<String, RestError>, now: UnixNanos) {
        let Some(list) = self.lists.get_mut(n) else { return };
        let found = rows.map_err(|error| error.to_string()).and_then(|rows| {
            instrument_rows(&rows, Dialect::V5).map_err(|error| error.to_string())
        });
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(inst_type = list.inst_type, %error, "there is no list of instruments");
                let request = list.request.clone();
                return self.asks.push(ListAsk { list: n, request, pause: RETRY });
            }
        };
        list.has_come = true;
        let named = std::mem::take(&mut list.named);
        let (inst_type, is_complete) = (list.inst_type.clone(), list.family.is_none());
        let missed_before = std::mem::take(&mut list.missing);
        let request = list.request.clone();
        for row in found.iter().filter(|row| !named.contains(&row.inst_id)) {
            self.apply(row);
        }
        if is_complete {
            let listed: BTreeSet<_> = found.iter().map(|row| row.inst_id).chain(named).collect();
            let missing = self.instruments.missing(&inst_type, |id| listed.contains(id));
            let (gone, missing) = missing.partition::<Vec<&Instrument>, _>(|row| {
                let is_over = row.exp_time.is_some_and(|at| at <= now);
                is_over || missed_before.contains(&row.inst_id)
            });
            let gone: Vec<_> = gone.iter().map(|row| row.inst_id).collect();
            let missing: BTreeSet<_> = missing.iter().map(|row| row.inst_id).collect();
            for id in gone {
                self.instruments.expire(&id);
                self.settle(&id);
            }
            if !missing.is_empty() {
                self.asks.push(ListAsk { list: n, request, pause: RETRY });
            }
            if let Some(list) = self.lists.get_mut(n) {
                list.missing = missing;
            }
        }
        self.report(ConnectionEvent::MissingLists(self.missing_lists()));
    }

    fn apply(&mut self, row: &Instrument) {
        if self.instruments.apply(row) != CatalogueChange::Unchanged {
            self.settle(&row.inst_id);
            self.follow_renames();
        }
    }

    /// Reports what was ended under an id and goes on under another.
    fn follow_renames(&mut self) {
        let Self { ended, instruments, supervisor, .. } = self;
        ended.retain(|old| {
            let Some(id) = instruments.renamed(old.inst_id()) else { return true };
            if let (Ok(new), Some(supervisor)) = (Subscription::v5(old.channel(), *id), &supervisor)
            {
                tracing::info!(%old, %new, "renamed");
                // Without a supervisor everything is about to end.
                let _ = supervisor.send(ConnectionEvent::Renamed(*old, new));
            }
            false
        });
    }

    /// Subscribes what fits now, and ends what does not fit any more.
    fn settle(&mut self, inst_id: &InstrumentId) {
        let Some(row) = self.instruments.get(inst_id) else { return };
        for selection in &self.selections {
            let Ok(subscription) = Subscription::v5(selection.channel(), *inst_id) else {
                continue;
            };
            let is_wanted = self.selects(&subscription);
            let is_new = is_wanted && !self.own.contains(&subscription);
            let event = if is_new && self.joined.insert(subscription) {
                tracing::info!(%subscription, "selected");
                ConnectionEvent::Selected(subscription)
            } else if !is_wanted && self.joined.remove(&subscription) {
                tracing::info!(%subscription, state = row.state.as_str(), "not selected any more");
                if row.is_expired() {
                    self.ended.insert(subscription);
                }
                ConnectionEvent::Deselected(subscription)
            } else {
                continue;
            };
            self.report(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::feed::FeedHandler;
    use crate::model::{DownReason, SubscriptionId};
    use crate::wire::Frame;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    fn list(rows: &[(&str, &str, &str)]) -> String {
        let rows = rows.iter().map(|(id, state, expires)| {
            format!(
                r#"{{"instId":"{id}","instType":"SWAP","state":"{state}","tickSz":"0.1","expTime":"{expires}"}}"#
            )
        });
        format!("[{}]", rows.collect::<Vec<_>>().join(","))
    }

    fn parsed(texts: &[&str]) -> Vec<Selection> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn set(texts: &[&str], own: &[&str]) -> (Selections, UnboundedReceiver<ConnectionEvent>) {
        let own: Vec<Subscription> = own.iter().map(|text| text.parse().unwrap()).collect();
        let mut made = Selections::new(Dialect::V5, Some(parsed(texts)), &own).unwrap().unwrap();
        let (sender, receiver) = unbounded_channel();
        made.set_supervisor(sender);
        (made, receiver)
    }

    fn acknowledged(made: &mut Selections, to: BookState) -> usize {
        let subscription = &"instruments:SWAP".parse().unwrap();
        made.on_state(&StateChange {
            subscription,
            subscription_id: SubscriptionId::NONE,
            from: BookState::Connecting,
            to,
            ts_recv: UnixNanos(1),
        });
        made.take_asks().len()
    }

    fn push(made: &mut Selections, rows: &str) {
        let text =
            format!(r#"{{"arg":{{"channel":"instruments","instType":"SWAP"}},"data":{rows}}}"#);
        let mut feed = FeedHandler::new(Dialect::V5);
        feed.subscribe("instruments:SWAP".parse().unwrap()).unwrap();
        let mut sink = |event: &Event<'_>| {
            if let Event::Record(update) = event {
                assert!(Selections::wants(update));
                made.on_record(update);
            }
        };
        feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(2), &mut sink).unwrap();
    }

    fn changes(events: &mut UnboundedReceiver<ConnectionEvent>) -> Vec<String> {
        let mut found = Vec::new();
        while let Ok(event) = events.try_recv() {
            found.push(match event {
                ConnectionEvent::MissingLists(_) => continue,
                ConnectionEvent::Selected(subscription) => format!("+{subscription}"),
                ConnectionEvent::Deselected(subscription) => format!("-{subscription}"),
                ConnectionEvent::Renamed(old, new) => format!("{old}={new}"),
                other => panic!("{other:?}"),
            });
        }
        found
    }

    #[test]
    fn listings_join_and_delistings_leave() {
        let (mut made, mut events) = set(&["books5:*-USDT-SWAP"], &[]);
        assert_eq!(acknowledged(&mut made, BookState::Live), 0);
        // Lists of spot, swaps and futures; this is the acknowledgement of one channel.
        assert_eq!(
            (made.channels().count(), acknowledged(&mut made, BookState::AwaitingSnapshot)),
            (3, 1)
        );
        let rows = list(&[("A-USDT-SWAP", "live", ""), ("B-USD-SWAP", "live", "")]);
        assert_eq!(made.missing_lists(), 3);
        made.on_list(1, Ok(rows), UnixNanos(3));
        assert_eq!(made.missing_lists(), 2);
        assert_eq!(changes(&mut events), ["+books5:A-USDT-SWAP"]);
        // What a push does not name stays.
        push(&mut made, &list(&[("N-USDT-SWAP", "live", "")]));
        assert_eq!(changes(&mut events), ["+books5:N-USDT-SWAP"]);
        push(&mut made, &list(&[("N-USDT-SWAP", "suspend", "")]));
        assert_eq!(changes(&mut events), [""; 0]);
        push(&mut made, &list(&[("A-USDT-SWAP", "expired", "")]));
        assert_eq!(changes(&mut events), ["-books5:A-USDT-SWAP"]);
        // It may be listed again.
        push(&mut made, &list(&[("A-USDT-SWAP", "live", "")]));
        assert_eq!(changes(&mut events), ["+books5:A-USDT-SWAP"]);
    }

    #[test]
    fn other_selections_end_what_they_do_not_want_and_leave_the_rest() {
        let (mut made, mut events) = set(&["books5:*-USDT-SWAP", "trades:A-*"], &["books5:O-SWAP"]);
        let ids = ["A-USDT-SWAP", "B-USDT-SWAP", "C-USD-SWAP", "O-SWAP"];
        push(&mut made, &list(&ids.map(|id| (id, "live", ""))));
        let joined = ["+books5:A-USDT-SWAP", "+trades:A-USDT-SWAP", "+books5:B-USDT-SWAP"];
        assert_eq!(changes(&mut events), joined);
        // The same again changes nothing, and asks for nothing.
        let same = parsed(&["books5:*-USDT-SWAP", "trades:A-*"]);
        assert_eq!(made.replace(same).unwrap(), []);
        assert_eq!((changes(&mut events).len(), made.take_asks().len()), (0, 0));
        assert_eq!(made.replace(parsed(&["books5:*-SWAP,type=SWAP"])).unwrap(), []);
        assert_eq!(changes(&mut events), ["-trades:A-USDT-SWAP", "+books5:C-USD-SWAP"]);
        // Types of instruments whose lists are not known yet, one channel for both.
        let options = ["books5:B-*", "trades:type=OPTION,family=A", "trades:type=OPTION,family=B"];
        let channels = made.replace(parsed(&options)).unwrap();
        assert_eq!(channels, ["instruments:OPTION".parse().unwrap()]);
        assert_eq!((made.take_asks().len(), made.missing_lists()), (2, 5));
        assert_eq!(changes(&mut events), ["-books5:A-USDT-SWAP", "-books5:C-USD-SWAP"]);
        // None at all; what the caller has subscribed stays.
        assert_eq!(made.replace(Vec::new()).unwrap(), []);
        assert_eq!(changes(&mut events), ["-books5:B-USDT-SWAP"]);
        push(&mut made, &list(&[("N-USDT-SWAP", "live", "")]));
        assert_eq!(changes(&mut events), [""; 0]);
    }

    /// Source: the rename of XAUT-USDT-SWAP on 2026-01-15: first the old id, then the new one.
    #[test]
    fn a_rename_is_reported_after_the_old_id_was_ended() {
        let row = |id: &str, state: &str| {
            format!(r#"[{{"instId":"{id}","instType":"SWAP","state":"{state}","instIdCode":7}}]"#)
        };
        let (mut made, mut events) = set(&["books:*-USDT-SWAP"], &[]);
        push(&mut made, &row("XAUT-USDT-SWAP", "live"));
        push(&mut made, &row("XAUT-USDT-SWAP", "expired"));
        push(&mut made, &row("XAU-USDT-SWAP", "live"));
        assert_eq!(
            changes(&mut events),
            [
                "+books:XAUT-USDT-SWAP",
                "-books:XAUT-USDT-SWAP",
                "+books:XAU-USDT-SWAP",
                "books:XAUT-USDT-SWAP=books:XAU-USDT-SWAP",
            ]
        );
        push(&mut made, &row("XAU-USDT-SWAP", "suspend"));
        assert_eq!(changes(&mut events), [""; 0], "once");
    }

    #[test]
    fn a_list_that_is_older_than_a_push_does_not_undo_it() {
        let (mut made, mut events) = set(&["books5:*-SWAP"], &[]);
        acknowledged(&mut made, BookState::AwaitingSnapshot);
        push(&mut made, &list(&[("A-SWAP", "expired", ""), ("N-SWAP", "live", "")]));
        made.on_list(1, Ok(list(&[("A-SWAP", "live", "")])), UnixNanos(3));
        assert_eq!(changes(&mut events), ["+books5:N-SWAP"]);
        // After a reconnect the list is newer than what was pushed before.
        acknowledged(&mut made, BookState::AwaitingSnapshot);
        made.on_list(1, Ok(list(&[("A-SWAP", "live", "")])), UnixNanos(3));
        assert_eq!(changes(&mut events), ["+books5:A-SWAP"]);
    }

    #[test]
    fn what_is_missing_in_a_list_leaves_after_its_expiry_or_after_a_second_one() {
        let (mut made, mut events) = set(&["books5:type=SWAP"], &[]);
        acknowledged(&mut made, BookState::AwaitingSnapshot);
        made.on_list(0, Ok(list(&[("A", "live", ""), ("B", "live", "5")])), UnixNanos(0));
        assert_eq!(changes(&mut events).len(), 2);
        made.on_list(0, Ok(list(&[])), UnixNanos::from_millis(4).unwrap());
        assert_eq!(changes(&mut events), [""; 0]);
        assert_eq!(made.take_asks()[0].pause, RETRY);
        // One of them was in a cache that lagged.
        made.on_list(0, Ok(list(&[("A", "live", "")])), UnixNanos::from_millis(4).unwrap());
        assert_eq!(changes(&mut events), ["-books5:B"]);
        assert_eq!(made.take_asks().len(), 0);
        push(&mut made, &list(&[("B", "live", "5")]));
        acknowledged(&mut made, BookState::AwaitingSnapshot);
        made.on_list(0, Ok(list(&[])), UnixNanos::from_millis(5).unwrap());
        assert_eq!(changes(&mut events), ["+books5:B", "-books5:B"]);
        made.on_list(0, Ok(list(&[])), UnixNanos::from_millis(5).unwrap());
        assert_eq!(changes(&mut events), ["-books5:A"]);
    }

    #[test]
    fn overlapping_selections_subscribe_once_and_own_subscriptions_stay() {
        let (mut made, mut events) = set(&["books5:A*", "books5:*B", "trades:*"], &["trades:AB"]);
        push(&mut made, &list(&[("AB", "live", "")]));
        assert_eq!(changes(&mut events), ["+books5:AB"]);
        push(&mut made, &list(&[("AB", "expired", "")]));
        assert_eq!(changes(&mut events), ["-books5:AB"]);
        // What the caller subscribes later stays too, and what it ends does not come back.
        push(&mut made, &list(&[("AC", "live", ""), ("AD", "live", "")]));
        assert_eq!(changes(&mut events).len(), 4);
        let of = |text: &str| text.parse::<Subscription>().unwrap();
        for (text, is_own) in
            [("books5:AC", true), ("trades:AC", true), ("books5:AD", false), ("trades:AD", false)]
        {
            made.set_own(&of(text), is_own);
        }
        push(&mut made, &list(&[("AC", "expired", ""), ("AD", "expired", "")]));
        assert_eq!(changes(&mut events), [""; 0]);
    }

    #[test]
    fn a_list_that_can_not_be_had_is_asked_for_again() {
        let (mut made, mut events) = set(&["books5:type=SWAP"], &[]);
        assert_eq!(acknowledged(&mut made, BookState::Down(DownReason::Rejected)), 0);
        for rows in [Ok("{}".to_owned()), Err(RestError::NoUrl)] {
            made.on_list(0, rows, UnixNanos(1));
            let asks = made.take_asks();
            assert_eq!((asks.len(), asks[0].list, asks[0].pause), (1, 0, RETRY));
        }
        assert_eq!(changes(&mut events), [""; 0]);
    }
}
