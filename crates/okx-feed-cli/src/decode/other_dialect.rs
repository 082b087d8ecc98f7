//! Whether the messages are of the other dialect than the one that was asked for.

use okx_feed::{Decoder, Dialect, Event, Frame, UnixNanos};

/// The most frames that are read in the other dialect: the first few tell it.
const MOST: u32 = 1_000;

/// Reads what makes no sense in one dialect in the other.
pub(super) struct OtherDialect {
    decoder: Decoder,
    left: u32,
    understood: bool,
}

impl OtherDialect {
    /// Where `dialect` was asked for.
    pub(super) fn than(dialect: Dialect) -> Self {
        let other = match dialect {
            Dialect::V3 => Dialect::V5,
            Dialect::V5 => Dialect::V3,
        };
        Self { decoder: Decoder::new(other), left: MOST, understood: false }
    }

    /// Looks at a frame that names no channel in the dialect that was asked for, or is malformed
    /// there.
    pub(super) fn look(&mut self, frame: Frame<'_>) {
        if self.understood || self.left == 0 {
            return;
        }
        self.left -= 1;
        let understood = &mut self.understood;
        let mut sink = |event: &Event<'_>| {
            *understood |= match event {
                Event::Book(_) | Event::Trade(_) | Event::Depth(_) => true,
                Event::Skipped(skipped) => !skipped.channel.is_empty(),
                _ => false,
            };
        };
        // What neither can read tells nothing.
        let _ = self.decoder.decode(frame, UnixNanos::UNKNOWN, &mut sink);
    }

    /// The other dialect, where it has understood a message.
    pub(super) fn understood(&self) -> Option<Dialect> {
        self.understood.then_some(self.decoder.dialect())
    }
}
