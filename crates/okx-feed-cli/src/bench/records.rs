//! The way of the direct transport over `wss://`, without the read: sealed records to a published
//! book, for a tool that counts instructions.

use std::error::Error;
use std::hint::black_box;

use rustls::ConnectionTrafficSecrets;
use rustls::crypto::cipher::{AeadKey, Iv};

use super::measured::measured;
use okx_feed::internals::{
    Inbound, Incoming, KeySchedule, PADDING, RecordError, Records, TrafficKey,
};
use okx_feed::{Event, FeedHandler, Frame, Subscription, UnixNanos};

/// A schedule of one key: no record asks for another.
struct OneKey;

fn key() -> Result<TrafficKey, RecordError> {
    let (key, iv) = (AeadKey::from([7; 32]), Iv::from([9; 12]));
    TrafficKey::new(0, &ConnectionTrafficSecrets::Aes256Gcm { key, iv })
}

impl KeySchedule for OneKey {
    fn next_opening(&mut self) -> Result<TrafficKey, RecordError> {
        key()
    }

    fn next_sealing(&mut self) -> Result<TrafficKey, RecordError> {
        key()
    }

    fn ticket(&mut self, _: &[u8]) -> Result<(), RecordError> {
        Ok(())
    }
}

/// A record with one frame each, from the bytes that a read has given to the published book.
/// The read itself, a system call, is not counted.
pub(super) fn records_to_book(
    channel: Subscription,
    bodies: &[Vec<u8>],
    texts: &[Vec<u8>],
) -> Result<(), Box<dyn Error>> {
    let mut feed = FeedHandler::new(channel.dialect());
    feed.subscribe(channel)?;
    let reader = feed.book_reader(&channel);
    let mut sealing = Records::new(key()?, key()?, Box::new(OneKey));
    let mut inbound = Inbound::new(1 << 20, Some(Records::new(key()?, key()?, Box::new(OneKey))));
    let binary = !bodies.is_empty();
    let (mut sealed, mut out) = (Vec::new(), Vec::new());
    for bytes in if binary { bodies } else { texts } {
        let len = if binary { bytes.len() } else { bytes.len() - PADDING };
        let payload = bytes.get(..len).unwrap_or_default();
        let len = u16::try_from(payload.len())?.to_be_bytes();
        let mut frame = vec![if binary { 0x82 } else { 0x81 }];
        match u8::try_from(payload.len()) {
            Ok(len) if len < 126 => frame.push(len),
            _ => frame.extend([126, len[0], len[1]]),
        }
        frame.extend_from_slice(payload);
        sealed.clear();
        sealing.seal(&frame, &mut sealed)?;
        inbound.push(&sealed);
        measured(&mut || {
            while let Ok(Some(incoming)) = inbound.next(&mut out) {
                let frame = match incoming {
                    Incoming::Text(at) => Frame::Text(inbound.bytes(at)),
                    Incoming::Binary(at) => Frame::Binary(inbound.bytes(at)),
                    _ => continue,
                };
                let mut sink = |event: &Event<'_>| {
                    black_box(event);
                };
                black_box(feed.on_frame(frame, UnixNanos(1), &mut sink).is_ok());
            }
        });
    }
    black_box(reader);
    Ok(())
}
