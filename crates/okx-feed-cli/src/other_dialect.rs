//! Detects messages of another protocol than the requested one.

use crate::args::ProtocolArg;
use okx_feed::model::InstrumentCodes;
use okx_feed::{Decoder, Event, Frame, UnixNanos};

/// The most frames that are read in other protocols: the first few are enough.
const MOST: u32 = 1_000;

/// Decodes frames that are unexpected in one protocol by the others.
pub(crate) struct OtherDialect {
    others: Vec<(ProtocolArg, Decoder)>,
    left: u32,
    understood: Option<ProtocolArg>,
}

impl OtherDialect {
    /// The detector for frames that were requested as `protocol`.
    pub(crate) fn than(protocol: ProtocolArg) -> Self {
        let all = [ProtocolArg::V3, ProtocolArg::V5, ProtocolArg::Sbe];
        let others = all.into_iter().filter(|other| *other != protocol).map(|other| {
            let mut decoder = Decoder::new(other.dialect());
            if other == ProtocolArg::Sbe {
                decoder.set_sbe(InstrumentCodes::new().into());
            }
            (other, decoder)
        });
        Self { others: others.collect(), left: MOST, understood: None }
    }

    /// Checks a frame that names no channel in the requested protocol, or is malformed there.
    pub(crate) fn check(&mut self, frame: Frame<'_>) {
        if self.understood.is_some() || self.left == 0 {
            return;
        }
        self.left -= 1;
        for (other, decoder) in &mut self.others {
            // Only binary frames are SBE, and any bytes may be an unknown message of it.
            let is_text = matches!(frame, Frame::Text(_));
            if *other == ProtocolArg::Sbe && is_text {
                continue;
            }
            let mut understood = false;
            let mut sink = |event: &Event<'_>| {
                understood |= match event {
                    Event::Book(_) | Event::Trade(_) | Event::Depth(_) | Event::Record(_) => true,
                    Event::Skipped(skipped) => {
                        *other != ProtocolArg::Sbe && !skipped.channel.is_empty()
                    }
                    _ => false,
                };
            };
            // A frame that is malformed in all protocols is no evidence.
            let _ = decoder.decode(frame, UnixNanos::UNKNOWN, &mut sink);
            if understood {
                self.understood = Some(*other);
                return;
            }
        }
    }

    /// The other protocol, if it decoded a message.
    pub(crate) const fn understood(&self) -> Option<ProtocolArg> {
        self.understood
    }
}
