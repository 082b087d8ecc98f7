//! SBE: the captured frame and the made ones, damaged frames, frames of several messages.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod frames;
mod replies;
mod vectors;

use std::sync::Arc;

use okx_feed::model::InstrumentCodes;
use okx_feed::{DecodeError, Decoder, Dialect, Event, Frame, InstrumentId, Level, UnixNanos};

/// The codes of the vectors: 3 of the captured frame and 10459 of the made ones.
fn codes() -> Arc<InstrumentCodes> {
    let id = |text| InstrumentId::new(text).unwrap();
    Arc::new([(3, id("BTC-USDT")), (10_459, id("BTC-USDT-SWAP"))].into_iter().collect())
}

fn decoder() -> Decoder {
    let mut decoder = Decoder::new(Dialect::V5);
    decoder.set_sbe(codes());
    decoder
}

/// The events of a frame as texts.
fn decode(frame: &[u8]) -> Result<Vec<String>, DecodeError> {
    decode_frame(&mut decoder(), Frame::Binary(frame))
}

fn decode_frame(decoder: &mut Decoder, frame: Frame<'_>) -> Result<Vec<String>, DecodeError> {
    let mut events = Vec::new();
    let decoded = decoder.decode(frame, UnixNanos(7), &mut |event: &Event<'_>| {
        assert_eq!(event.ts_recv(), UnixNanos(7));
        events.push(name(event));
    })?;
    assert_eq!(decoded.events as usize, events.len());
    Ok(events)
}

/// An event with all that it carries, as text.
fn name(event: &Event<'_>) -> String {
    let seq = |seq: Option<i64>| seq.map_or_else(|| "none".to_owned(), |seq| seq.to_string());
    match event {
        Event::Book(update) => {
            let (topic, book) = (update.topic, update.book);
            let (asks, bids) = (levels(book.asks()), levels(book.bids()));
            let flags = book.flags();
            let (ts, seq) = (book.ts_event.0, seq(book.seq()));
            format!("{topic} ts {ts} seq {seq} asks {asks} bids {bids} {flags:?}")
        }
        Event::Trade(update) => {
            let (topic, trade) = (update.topic, update.trade);
            let (ts, id, seq) = (trade.ts_event.0, trade.trade_id, seq(trade.seq()));
            let (side, px, sz) = (trade.side(), trade.px(), trade.sz());
            let (count, source) = (trade.count, trade.source);
            format!(
                "{topic} ts {ts} seq {seq} id {id} {side} {px} x {sz} count {count} source {source}"
            )
        }
        Event::Depth(update) => {
            let (topic, action, ts) = (update.topic, update.action.name(), update.ts_event.0);
            let prev =
                seq(Some(update.prev_seq).filter(|prev| *prev != okx_feed::DepthUpdate::NO_SEQ));
            let (seq, asks, bids) = (seq(update.seq()), levels(update.asks), levels(update.bids));
            assert_eq!((update.checksum, update.non_rpi), (None, None));
            format!("{topic} {action} ts {ts} seq {seq} prev {prev} asks {asks} bids {bids}")
        }
        Event::Skipped(skipped) => format!("skipped {}", skipped.channel),
        Event::Control(control) => format!(
            "{} {:?} {:?} {:?} {:?}",
            control.kind, control.channel, control.inst_id, control.inst_id_code, control.code
        ),
        other => format!("{other:?}"),
    }
}

fn levels(levels: &[Level]) -> String {
    format!("{levels:?}")
}
