//! Detects messages of the other dialect than the requested one.

use okx_feed::{Decoder, Dialect, Event, Frame, UnixNanos};

/// The most frames that are read in the other dialect: the first few are enough.
const MOST: u32 = 1_000;

/// Decodes frames that are unexpected in one dialect by the other.
pub(super) struct OtherDialect {
    decoder: Decoder,
    left: u32,
    understood: bool,
}

impl OtherDialect {
    /// The detector for frames that were requested as `dialect`.
    pub(super) fn than(dialect: Dialect) -> Self {
        let other = match dialect {
            Dialect::V3 => Dialect::V5,
            Dialect::V5 => Dialect::V3,
        };
        Self { decoder: Decoder::new(other), left: MOST, understood: false }
    }

    /// Checks a frame that names no channel in the requested dialect, or is malformed there.
    pub(super) fn check(&mut self, frame: Frame<'_>) {
        if self.understood || self.left == 0 {
            return;
        }
        self.left -= 1;
        let understood = &mut self.understood;
        let mut sink = |event: &Event<'_>| {
            *understood |= match event {
                Event::Book(_) | Event::Trade(_) | Event::Depth(_) | Event::Record(_) => true,
                Event::Skipped(skipped) => !skipped.channel.is_empty(),
                _ => false,
            };
        };
        // A frame that is malformed in both dialects is no evidence.
        let _ = self.decoder.decode(frame, UnixNanos::UNKNOWN, &mut sink);
    }

    /// The other dialect, if it decoded a message.
    pub(super) fn understood(&self) -> Option<Dialect> {
        self.understood.then_some(self.decoder.dialect())
    }
}
