//! Replays: captures through the path of live frames.
#![expect(unsafe_code, reason = "names are exported")]

use std::ffi::{c_char, c_void};

use okx_feed::model::ChannelKind;
use okx_feed::replay::{ReplayError, Speed};
use okx_feed::{Replay as FeedReplay, Subscription};

use super::reader::{Reader, Readers};
use crate::channels::subscription;
use crate::emit::Emitter;
use crate::handles::{Exclusive, Handle, close, open, with};
use crate::pointers::{Callback, EventCallback, check_out, put, put_sized, text, texts};
use crate::status::{Failure, Outcome, Status, guard};
use crate::types::{ReplayCounts, names};

/// A replay: captures through the same code as live frames, with the recorded times.
#[derive(Debug)]
pub struct Replay(());

impl Handle for Replay {
    type Object = Exclusive<FeedReplay<Emitter>>;
    const NAME: &'static str = "a replay";
}

fn failure(error: ReplayError) -> Failure {
    let status = match error {
        ReplayError::Subscription(_) => Status::Text,
        ReplayError::Speed | ReplayError::Times => Status::Argument,
        _ => Status::Io,
    };
    Failure::new(status, error)
}

/// Opens a replay of files. `dialect` (okx_dialect) is for files that do not say theirs, otherwise
/// 0. It plays the channels that are named, or all if there are none.
/// `speed` is how many times as fast as it was recorded; 0 is as fast as possible. The callback
/// gets each event, in okx_replay_step and okx_replay_run; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_replay_open(
    paths: *const *const c_char,
    paths_len: usize,
    dialect: i32,
    channels: *const *const c_char,
    channels_len: usize,
    speed: f64,
    callback: EventCallback,
    user: *mut c_void,
    out: *mut *mut Replay,
) -> Status {
    guard(|| {
        check_out(out, "out")?;
        let speed = if speed == 0.0 { Speed::Max } else { Speed::Times(speed) };
        let mut builder =
            FeedReplay::builder().files(texts(paths, paths_len, "paths")?).speed(speed);
        if dialect != 0 {
            builder = builder.dialect(names::dialect(dialect)?);
        }
        for channel in texts(channels, channels_len, "channels")? {
            builder = builder.subscribe(&channel);
        }
        let replay = builder.sink(Emitter::new(Callback::new(callback, user))).open();
        put(out, open(Exclusive::new(replay.map_err(failure)?)), "out")?;
        Ok(Status::Ok)
    })
}

/// Plays the next line. OKX_STATUS_END at the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_replay_step(replay: *mut Replay) -> Status {
    guard(|| {
        with(replay, |replay| {
            replay.with(|replay| match replay.step().map_err(failure)? {
                true => Ok(Status::Ok),
                false => Ok(Status::End),
            })
        })
    })
}

/// Plays to the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_replay_run(replay: *mut Replay) -> Status {
    guard(|| {
        with(replay, |replay| {
            replay.with(|replay| {
                while replay.step().map_err(failure)? {}
                Ok(Status::Ok)
            })
        })
    })
}

fn check_has_reader(channel: &Subscription) -> Outcome<()> {
    match channel.channel().kind() {
        ChannelKind::Book5 | ChannelKind::Depth | ChannelKind::Trades => Ok(()),
        ChannelKind::Latest(_) | ChannelKind::Stream(_) | ChannelKind::Raw => {
            let reason = "a replay has readers of books, order books and trades only";
            Err(Failure::new(Status::NotFound, format_args!("{channel}: {reason}")))
        }
    }
}

/// A reader of what a subscription holds after the lines that were played: books, order books and
/// trades only. OKX_STATUS_NOT_FOUND for a channel of records.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_replay_reader(
    replay: *mut Replay,
    channel: *const c_char,
    out: *mut *mut Reader,
) -> Status {
    guard(|| {
        check_out(out, "out")?;
        let channel = text(channel, "channel")?;
        with(replay, |replay| {
            replay.with(|replay| {
                let channel = subscription(replay.dialect(), &channel)?;
                check_has_reader(&channel)?;
                let readers = Readers {
                    book: replay.book_reader(&channel),
                    depth: replay.depth_reader(&channel),
                    trades: replay.trade_reader(&channel),
                    record: None,
                    records: None,
                };
                put(out, open(readers.some(&channel)?), "out")?;
                Ok(Status::Ok)
            })
        })
    })
}

/// What was played so far. `size` is sizeof(okx_replay_counts).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_replay_report(
    replay: *const Replay,
    out: *mut ReplayCounts,
    size: usize,
) -> Status {
    guard(|| {
        let report = with(replay, |replay| replay.with(|replay| Ok(replay.report())))?;
        put_sized(out, size, ReplayCounts::from(&report), "out")?;
        Ok(Status::Ok)
    })
}

/// Closes a replay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_replay_close(replay: *mut Replay) -> Status {
    guard(|| close(replay, Exclusive::end))
}
