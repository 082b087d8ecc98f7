//! Decoders: frames to events, without subscriptions and state.
#![expect(unsafe_code, reason = "names are exported")]

use std::ffi::c_void;

use okx_feed::{Decoder as FrameDecoder, UnixNanos};

use crate::emit::Emitter;
use crate::frames::with_frame;
use crate::handles::{Exclusive, Handle, close, open};
use crate::pointers::{Callback, EventCallback, check_out, put};
use crate::status::{Failure, Status, guard};
use crate::types::names;

/// A decoder: frames to events. It keeps no books and no order between frames.
#[derive(Debug)]
pub struct Decoder(());

impl Handle for Decoder {
    type Object = Exclusive<(FrameDecoder, Emitter)>;
    const NAME: &'static str = "a decoder";
}

/// Makes a decoder for a dialect (okx_dialect). The callback gets each event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_decoder_new(
    dialect: i32,
    callback: EventCallback,
    user: *mut c_void,
    out: *mut *mut Decoder,
) -> Status {
    guard(|| {
        check_out(out, "out")?;
        let dialect = names::dialect(dialect)?;
        let callback = Callback::new(callback, user)
            .ok_or_else(|| Failure::new(Status::Null, "`callback` is NULL"))?;
        let decoder = (FrameDecoder::new(dialect), Emitter::new(Some(callback)));
        put(out, open(Exclusive::new(decoder)), "out")?;
        Ok(Status::Ok)
    })
}

/// Decodes one WebSocket message (okx_frame_kind) that was received at `ts_recv`.
/// OKX_STATUS_DECODE if it is malformed; then it has no event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_decoder_decode(
    decoder: *mut Decoder,
    kind: i32,
    data: *const u8,
    len: usize,
    ts_recv: u64,
) -> Status {
    guard(|| {
        with_frame(decoder, (kind, data, len), |(decoder, emitter), frame| {
            decoder.decode(frame, UnixNanos(ts_recv), emitter)
        })
    })
}

/// Closes a decoder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_decoder_close(decoder: *mut Decoder) -> Status {
    guard(|| close(decoder, Exclusive::end))
}
