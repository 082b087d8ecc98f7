//! Readers of what a subscription holds.
#![expect(unsafe_code, reason = "names are exported")]

use okx_feed::Subscription;
use okx_feed::publish::{BookReader, DepthReader, RecordReader, RecordRingReader, TradeReader};

use crate::channels::not_subscribed;
use crate::handles::{Handle, close, with};
use crate::pointers::{Room, check_out, put};
use crate::status::{Failure, Outcome, Status, guard};
use crate::types::{BookView, DepthView, Record, RecordView, State, TradeEntry};

/// A reader of what a subscription holds. Any number of threads may use it at once, without locks;
/// it makes no thread wait. It outlives the client, and then shows that it is down.
#[derive(Debug)]
pub struct Reader(());

impl Handle for Reader {
    type Object = Readers;
    const NAME: &'static str = "a reader";
}

/// The readers of the values that the channel has.
#[derive(Debug)]
pub(crate) struct Readers {
    pub(crate) book: Option<BookReader>,
    pub(crate) depth: Option<DepthReader>,
    pub(crate) trades: Option<TradeReader>,
    pub(crate) record: Option<RecordReader>,
    pub(crate) records: Option<RecordRingReader>,
}

impl Readers {
    /// Itself, if there is anything to read.
    pub(crate) fn some(self, channel: &Subscription) -> Outcome<Self> {
        let is_none = self.book.is_none()
            && self.depth.is_none()
            && self.trades.is_none()
            && self.record.is_none()
            && self.records.is_none();
        if is_none { Err(not_subscribed(channel)) } else { Ok(self) }
    }

    fn state(&self) -> Option<okx_feed::BookState> {
        let book = self.book.as_ref().map(|reader| reader.snapshot().state);
        let trades = || self.trades.as_ref().map(TradeReader::state);
        let record = || self.record.as_ref().map(|reader| reader.snapshot().state);
        let records = || self.records.as_ref().map(RecordRingReader::state);
        book.or_else(trades).or_else(record).or_else(records)
    }
}

fn has_no(what: &str) -> Failure {
    Failure::new(Status::NotFound, format_args!("the channel has no {what}"))
}

/// Reads one of the readers.
fn read<T, R>(
    reader: *const Reader,
    what: &str,
    which: impl FnOnce(&Readers) -> Option<&T>,
    f: impl FnOnce(&T) -> Outcome<R>,
) -> Outcome<R> {
    with(reader, |readers| f(which(readers).ok_or_else(|| has_no(what))?))
}

/// The five-level book; of an order book the best five levels. Check `state`: only a live book
/// matches the exchange's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_reader_book(reader: *const Reader, out: *mut BookView) -> Status {
    guard(|| {
        read(
            reader,
            "book",
            |of| of.book.as_ref(),
            |book| {
                put(out, book.snapshot().into(), "out")?;
                Ok(Status::Ok)
            },
        )
    })
}

/// The best 25 levels of an order book.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_reader_depth(reader: *const Reader, out: *mut DepthView) -> Status {
    guard(|| {
        read(
            reader,
            "order book",
            |of| of.depth.as_ref(),
            |book| {
                put(out, book.snapshot().into(), "out")?;
                Ok(Status::Ok)
            },
        )
    })
}

/// The trades from number `from` on that the reader still holds, oldest first, at most `capacity`
/// of them. `count` gets how many, `next` the number to go on from.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_reader_trades(
    reader: *const Reader,
    from: u64,
    out: *mut TradeEntry,
    capacity: usize,
    count: *mut usize,
    next: *mut u64,
) -> Status {
    guard(|| {
        check_out(count, "count")?;
        check_out(next, "next")?;
        read(
            reader,
            "trades",
            |of| of.trades.as_ref(),
            |trades| {
                let mut room = Room::new(out, capacity, "out")?;
                let mut after = from.max(trades.next());
                for (number, trade) in trades.since(from) {
                    if !room.push(TradeEntry { number, trade: (&trade).into() }) {
                        after = number;
                        break;
                    }
                    after = after.max(number + 1);
                }
                put(count, room.len(), "count")?;
                put(next, after, "next")?;
                Ok(Status::Ok)
            },
        )
    })
}

/// The latest record, such as a ticker. OKX_STATUS_EMPTY before the first one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_reader_record(reader: *const Reader, out: *mut RecordView) -> Status {
    guard(|| {
        check_out(out, "out")?;
        read(
            reader,
            "latest record",
            |of| of.record.as_ref(),
            |record| {
                let latest = record.snapshot();
                if !latest.value.is_some() {
                    return Ok(Status::Empty);
                }
                let mut view = RecordView {
                    version: latest.version,
                    state: State::of(latest.state),
                    reserved: 0,
                    record: Record::EMPTY,
                };
                view.record.set(&latest.value);
                put(out, view, "out")?;
                Ok(Status::Ok)
            },
        )
    })
}

/// The record of number `from` of a channel that keeps its last ones, such as liquidations, or the
/// next one that is held; its number is `version`. OKX_STATUS_EMPTY if there is none yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_reader_records(
    reader: *const Reader,
    from: u64,
    out: *mut RecordView,
) -> Status {
    guard(|| {
        check_out(out, "out")?;
        read(
            reader,
            "last records",
            |of| of.records.as_ref(),
            |records| {
                let Some((number, record)) = records.since(from).next() else {
                    return Ok(Status::Empty);
                };
                let state = State::of(records.state());
                let mut view =
                    RecordView { version: number, state, reserved: 0, record: Record::EMPTY };
                view.record.set(&record);
                put(out, view, "out")?;
                Ok(Status::Ok)
            },
        )
    })
}

/// The state of the subscription.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_reader_state(reader: *const Reader, out: *mut State) -> Status {
    guard(|| {
        with(reader, |readers| {
            let state = readers.state().ok_or_else(|| has_no("state"))?;
            put(out, State::of(state), "out")?;
            Ok(Status::Ok)
        })
    })
}

/// How often the book, the order book or the record was published; of trades and last records how
/// many there were. Cheaper than reading them, to see whether there is something new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_reader_version(reader: *const Reader, out: *mut u64) -> Status {
    guard(|| {
        with(reader, |readers| {
            let depth = readers.depth.as_ref().map(DepthReader::version);
            let book = || readers.book.as_ref().map(BookReader::version);
            let trades = || readers.trades.as_ref().map(TradeReader::next);
            let record = || readers.record.as_ref().map(RecordReader::version);
            let records = || readers.records.as_ref().map(RecordRingReader::next);
            let version = depth.or_else(book).or_else(trades).or_else(record).or_else(records);
            put(out, version.ok_or_else(|| has_no("version"))?, "out")?;
            Ok(Status::Ok)
        })
    })
}

/// Closes a reader.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_reader_close(reader: *mut Reader) -> Status {
    guard(|| close(reader, |_| Ok(())))
}
