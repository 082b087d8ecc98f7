//! A running client.
#![expect(unsafe_code, reason = "names are exported")]

use std::ffi::c_char;
use std::sync::{PoisonError, RwLock, TryLockError};

use okx_feed::client::ClientError;
use okx_feed::{Client as FeedClient, Dialect, Subscription};

use super::events::{Events, Queue};
use super::reader::{Reader, Readers};
use crate::channels::{not_subscribed, subscription};
use crate::handles::{Exclusive, Handle, close, open, with};
use crate::pointers::{check_out, put, put_sized, text};
use crate::status::{Failure, Outcome, Status, guard};
use crate::types::names::subscription_number;
use crate::types::{Health, State, Stats};
use crate::wait::{check_may_wait, check_process};

/// A running client: a thread that keeps books and trades up to date.
#[derive(Debug)]
pub struct Client(());

impl Handle for Client {
    type Object = Running;
    const NAME: &'static str = "a client";
}

/// A client, until it is stopped.
#[derive(Debug)]
pub(crate) struct Running {
    /// Calls hold it for reading, so that a stop waits for them.
    client: RwLock<Option<FeedClient>>,
    dialect: Dialect,
    /// The process that has the client's thread.
    process: u32,
}

impl Running {
    pub(crate) fn new(client: FeedClient, dialect: Dialect) -> Self {
        Self { client: RwLock::new(Some(client)), dialect, process: std::process::id() }
    }

    /// For calls that wait for nothing.
    fn with<R>(&self, f: impl FnOnce(&FeedClient) -> Outcome<R>) -> Outcome<R> {
        check_process(self.process)?;
        let stopped = || Failure::new(Status::Stopped, "the client has stopped");
        let client = match self.client.try_read() {
            Ok(client) => client,
            Err(TryLockError::Poisoned(client)) => client.into_inner(),
            // It is being stopped. A callback must not wait for that, since the stop waits for it.
            Err(TryLockError::WouldBlock) => return Err(stopped()),
        };
        f(client.as_ref().ok_or_else(stopped)?)
    }

    /// For calls that wait for the client.
    fn wait<R>(&self, f: impl FnOnce(&FeedClient) -> Outcome<R>) -> Outcome<R> {
        check_may_wait(self.process)?;
        self.with(f)
    }

    fn stop(&self) -> Outcome<()> {
        check_may_wait(self.process)?;
        // Held until it has stopped: another thread that stops it returns no earlier.
        let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
        client.take().map(FeedClient::stop);
        Ok(())
    }
}

pub(super) fn failure(error: ClientError) -> Failure {
    let status = match error {
        ClientError::Subscription(_) | ClientError::WrongDialect(_) => Status::Text,
        ClientError::FromSink => Status::Thread,
        ClientError::Stopped => Status::Stopped,
        _ => Status::Io,
    };
    Failure::new(status, error)
}

fn with_channel<R>(
    client: *const Client,
    channel: *const c_char,
    f: impl FnOnce(&FeedClient, Subscription) -> Outcome<R>,
) -> Outcome<R> {
    let channel = text(channel, "channel")?;
    with(client, |running| {
        let channel = subscription(running.dialect, &channel)?;
        running.with(|client| f(client, channel))
    })
}

/// Stops a client and closes the handle. The callback is not called any more once this has
/// returned; its readers and queues stay, and show that it is down. Takes at most two seconds,
/// unless the callback does not return.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_client_stop(client: *mut Client) -> Status {
    guard(|| close(client, Running::stop))
}

/// Adds a subscription. Waits for the client's thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_client_subscribe(
    client: *mut Client,
    channel: *const c_char,
) -> Status {
    guard(|| {
        let channel = text(channel, "channel")?;
        with(client, |running| {
            let channel = subscription(running.dialect, &channel)?;
            running.wait(|client| client.subscribe(channel).map_err(failure))?;
            Ok(Status::Ok)
        })
    })
}

/// Removes a subscription. Its readers stay, and show it as down.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_client_unsubscribe(
    client: *mut Client,
    channel: *const c_char,
) -> Status {
    guard(|| {
        with_channel(client, channel, |client, channel| {
            client.unsubscribe(&channel).map_err(failure)?;
            Ok(Status::Ok)
        })
    })
}

/// A reader of what a subscription holds, for any number of threads. Close it by okx_reader_close.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_client_reader(
    client: *const Client,
    channel: *const c_char,
    out: *mut *mut Reader,
) -> Status {
    guard(|| {
        check_out(out, "out")?;
        with_channel(client, channel, |client, channel| {
            let readers = Readers {
                book: client.book_reader(&channel),
                depth: client.depth_reader(&channel),
                trades: client.trade_reader(&channel),
                record: client.record_reader(&channel),
                records: client.record_ring_reader(&channel),
            };
            put(out, open(readers.some(&channel)?), "out")?;
            Ok(Status::Ok)
        })
    })
}

/// The state of a subscription.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_client_state(
    client: *const Client,
    channel: *const c_char,
    out: *mut State,
) -> Status {
    guard(|| {
        with_channel(client, channel, |client, channel| {
            let state = client.state(&channel).ok_or_else(|| not_subscribed(&channel))?;
            put(out, State::of(state), "out")?;
            Ok(Status::Ok)
        })
    })
}

/// The number of a subscription, which all of its events have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_client_subscription(
    client: *const Client,
    channel: *const c_char,
    out: *mut u32,
) -> Status {
    guard(|| {
        with_channel(client, channel, |client, channel| {
            let id = client.subscription_id(&channel).ok_or_else(|| not_subscribed(&channel))?;
            put(out, subscription_number(id), "out")?;
            Ok(Status::Ok)
        })
    })
}

/// Whether the connections are open, and if not, why. Waits for nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_client_health(client: *const Client, out: *mut Health) -> Status {
    guard(|| {
        check_out(out, "out")?;
        let health = with(client, |running| running.with(|client| Ok(client.health())))?;
        put(out, Health::from(&health), "out")?;
        Ok(Status::Ok)
    })
}

/// The counters. `size` is sizeof(okx_stats): a library of a later version writes no more. Waits
/// for the client's thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_client_stats(
    client: *const Client,
    out: *mut Stats,
    size: usize,
) -> Status {
    guard(|| {
        check_out(out, "out")?;
        let stats = with(client, |running| running.wait(|client| client.stats().map_err(failure)))?;
        put_sized(out, size, Stats::from(&stats), "out")?;
        Ok(Status::Ok)
    })
}

/// A queue of the client's later events, for one thread that waits or polls, besides the callback.
/// A full queue drops events and says so. Holds up to `capacity` events, 1 to 1,048,576.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_client_events(
    client: *const Client,
    capacity: usize,
    out: *mut *mut Events,
) -> Status {
    guard(|| {
        check_out(out, "out")?;
        if !(1..=1 << 20).contains(&capacity) {
            return Err(Failure::new(Status::Argument, "a queue holds 1 to 1,048,576 events"));
        }
        let events = with(client, |running| {
            running.with(|client| client.events(capacity).map_err(failure))
        })?;
        put(out, open(Exclusive::new(Queue::new(events))), "out")?;
        Ok(Status::Ok)
    })
}
