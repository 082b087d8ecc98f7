//! Options of a client.
#![expect(unsafe_code, reason = "names are exported")]

use std::ffi::{c_char, c_void};

use okx_feed::transport::Proxy;
use okx_feed::{Client as FeedClient, ClientBuilder, Credentials};

use super::client::{Client, Running};
use crate::channels::subscription;
use crate::emit::Emitter;
use crate::handles::{Exclusive, Handle, close, open, with};
use crate::pointers::{Callback, EventCallback, check_out, put, text};
use crate::status::{Failure, Outcome, Status, guard};
use crate::types::names;

/// The options of a client that is to be started.
#[derive(Debug)]
pub struct Options(());

impl Handle for Options {
    type Object = Exclusive<Chosen>;
    const NAME: &'static str = "options";
}

/// What was chosen so far.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// `None` only while an option is being set.
    builder: Option<ClientBuilder>,
    dialect: okx_feed::Dialect,
    callback: Option<Callback>,
}

fn change(options: *const Options, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Outcome {
    with(options, |chosen| {
        chosen.with(|chosen| {
            let builder = chosen.builder.take().map(change);
            chosen.builder = builder;
            Ok(Status::Ok)
        })
    })
}

/// Makes options with the defaults, for a dialect (okx_dialect). okx_client_start closes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_new(dialect: i32, out: *mut *mut Options) -> Status {
    guard(|| {
        check_out(out, "out")?;
        let dialect = names::dialect(dialect)?;
        let builder = Some(FeedClient::builder(dialect));
        let chosen = Chosen { builder, dialect, callback: None };
        put(out, open(Exclusive::new(chosen)), "out")?;
        Ok(Status::Ok)
    })
}

/// Closes options without starting a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_close(options: *mut Options) -> Status {
    guard(|| close(options, Exclusive::end))
}

/// Subscribes a channel, such as "books5:BTC-USDT", or "futures/depth5:BTC-USD-190517" in v3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_subscribe(
    options: *mut Options,
    channel: *const c_char,
) -> Status {
    guard(|| {
        let channel = text(channel, "channel")?;
        with(options, |chosen| {
            chosen.with(|chosen| {
                let channel = subscription(chosen.dialect, &channel)?;
                let builder = chosen.builder.take();
                chosen.builder = builder.map(|builder| builder.subscriptions([channel]));
                Ok(Status::Ok)
            })
        })
    })
}

/// Connects to another address than the exchange's own, such as "ws://127.0.0.1:8443/ws/v5/public".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_url(options: *mut Options, url: *const c_char) -> Status {
    guard(|| {
        let url = text(url, "url")?;
        change(options, |builder| builder.url(url))
    })
}

/// Connects to the exchange's address of a region (okx_region).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_region(options: *mut Options, region: i32) -> Status {
    guard(|| {
        let region = names::region(region)?;
        change(options, |builder| builder.region(region))
    })
}

/// Connects to demo trading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_demo(options: *mut Options) -> Status {
    guard(|| change(options, ClientBuilder::demo))
}

/// Also trusts the CA certificates of a PEM file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_ca_file(options: *mut Options, path: *const c_char) -> Status {
    guard(|| {
        let path = text(path, "path")?;
        change(options, |builder| builder.ca_file(path))
    })
}

/// Logs in on every connection, as tick-by-tick books need.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_login(
    options: *mut Options,
    key: *const c_char,
    secret: *const c_char,
    passphrase: *const c_char,
) -> Status {
    guard(|| {
        let (key, secret) = (text(key, "key")?, text(secret, "secret")?);
        let credentials = Credentials::new(key, secret, text(passphrase, "passphrase")?);
        change(options, |builder| builder.login(credentials))
    })
}

/// Opens so many redundant connections, 1 to 16: the first copy of each update counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_redundancy(options: *mut Options, lines: usize) -> Status {
    guard(|| {
        if !(1..=16).contains(&lines) {
            return Err(Failure::new(Status::Argument, "1 to 16 connections"));
        }
        change(options, |builder| builder.redundancy(lines))
    })
}

/// Polls the sockets instead of waiting for them: lower latency for a whole core.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_busy_poll(options: *mut Options) -> Status {
    guard(|| change(options, ClientBuilder::busy_poll))
}

/// Binds the client's thread to a core, from 0 (Linux). Where the system refuses it, the client
/// runs without it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_core(options: *mut Options, core: usize) -> Status {
    guard(|| change(options, |builder| builder.configure(|to| to.thread.core = Some(core))))
}

/// Connects through a proxy, such as "socks5://127.0.0.1:1080", whatever the environment says; ""
/// is for no proxy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_proxy(options: *mut Options, url: *const c_char) -> Status {
    guard(|| {
        let url = text(url, "url")?;
        let proxy = if url.is_empty() { Proxy::Direct } else { Proxy::Url(url) };
        change(options, |builder| builder.proxy(proxy))
    })
}

/// Records every frame that is received to files in a directory, which is made if it is missing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_record(
    options: *mut Options,
    directory: *const c_char,
) -> Status {
    guard(|| {
        let directory = text(directory, "directory")?;
        change(options, |builder| builder.record(directory.as_str()))
    })
}

/// Calls a function for each event, on the client's thread, which waits for it. It may use readers
/// and clients, but calls that wait for a client, this one or another, give OKX_STATUS_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_options_on_event(
    options: *mut Options,
    callback: EventCallback,
    user: *mut c_void,
) -> Status {
    guard(|| {
        let callback = Callback::new(callback, user);
        let callback = callback.ok_or_else(|| Failure::new(Status::Null, "`callback` is NULL"))?;
        with(options, |chosen| {
            chosen.with(|chosen| {
                chosen.callback = Some(callback);
                Ok(Status::Ok)
            })
        })
    })
}

/// Starts a client, and closes the options unless it fails because of the pointers.
///
/// No connection is no failure: the client tries for as long as it runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_client_start(options: *mut Options, out: *mut *mut Client) -> Status {
    guard(|| {
        check_out(out, "out")?;
        let chosen = with(options, Exclusive::take)?;
        close(options, Exclusive::end)?;
        let Chosen { builder, dialect, callback } = chosen;
        let fault = || Failure::new(Status::Panic, "an earlier call has failed by a fault");
        let client = builder.ok_or_else(fault)?.sink(Emitter::of_client(callback)).spawn();
        let client = client.map_err(super::client::failure)?;
        put(out, open(Running::new(client, dialect)), "out")?;
        Ok(Status::Ok)
    })
}
