//! The timed frames: of the embedded exchange, or of a capture.

use std::path::Path;

use crate::args::{Format, ProtocolArg, open_capture};
use crate::error::CliError;
use crate::exchange;
use crate::other_dialect::OtherDialect;
use okx_feed::capture::EntryKind;
use okx_feed::sim::{Limits, Outbound, record};
use okx_feed::{Decoder, Dialect, Event, Frame, Subscription, UnixNanos};

/// Market events a second of the embedded exchange. What is timed does not depend on it.
const EVENTS_PER_SEC: u32 = 1_000;

/// How many frames of the embedded exchange differ; a longer run repeats them. That many do not fit
/// into a first-level cache, and no branch predictor learns them. Many more would evict the code
/// from the TLB and the caches between two frames, while a client receives all frames in the same
/// few pages.
const DIFFERENT: usize = 1_024;

/// Frames end to end in memory.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) dialect: Dialect,
    /// The subscriptions of the frames.
    pub(super) subscriptions: Vec<Subscription>,
    /// How many frames do not decode.
    pub(super) malformed: usize,
    /// The protocol of the frames, if it is another one.
    pub(super) other_dialect: Option<ProtocolArg>,
    bytes: Vec<u8>,
    /// The end of each frame, and whether it is binary.
    ends: Vec<(usize, bool)>,
    text_bytes: usize,
    timed: usize,
}

impl Frames {
    const fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            subscriptions: Vec::new(),
            malformed: 0,
            other_dialect: None,
            bytes: Vec::new(),
            ends: Vec::new(),
            text_bytes: 0,
            timed: 0,
        }
    }

    /// Generates frames of one channel with the embedded exchange. They are repeated until `timed`
    /// are timed.
    ///
    /// # Errors
    /// [`CliError::NotPushed`] if it does not push the channel.
    pub(super) fn simulated(
        subscription: Subscription,
        timed: usize,
        seed: u64,
    ) -> Result<Self, CliError> {
        let count = timed.min(DIFFERENT);
        let dialect = subscription.dialect();
        let listings = exchange::demo_listings(dialect, 1);
        let mut config = exchange::config(listings, EVENTS_PER_SEC, seed, true);
        config.limits = Limits { idle: None, ..config.limits };
        let mut frames = Self { timed, ..Self::new(dialect) };
        frames.subscriptions.push(subscription);
        for frame in record(&config, &subscription, count) {
            match frame {
                Outbound::Text(text) => frames.push(text.as_bytes(), false),
                Outbound::Binary(body) => frames.push(&body, true),
                Outbound::Close { .. } | Outbound::Fault(_) => {}
            }
        }
        if frames.len() < count {
            return Err(CliError::NotPushed { channel: subscription.to_string() });
        }
        frames.look();
        Ok(frames)
    }

    /// Reads frames from a capture or standard input, one a line. Lines without a frame are left
    /// out.
    ///
    /// # Errors
    /// If the file can't be opened or read, or has no frames.
    pub(super) fn captured(
        path: &Path,
        format: Option<Format>,
        dialect: Dialect,
    ) -> Result<Self, CliError> {
        let mut capture = open_capture(path, format)?;
        let mut frames = Self::new(dialect);
        while let Some(entry) = capture.next_entry()? {
            match entry.kind {
                EntryKind::Frame(frame) if !frame.is_empty() => {
                    let (Frame::Text(bytes) | Frame::Binary(bytes)) = frame;
                    frames.push(bytes, matches!(frame, Frame::Binary(_)));
                }
                _ => {}
            }
        }
        if frames.len() == 0 {
            return Err(CliError::NoFrame { path: path.to_owned() });
        }
        frames.timed = frames.len();
        frames.look();
        if frames.subscriptions.is_empty() {
            let mut other = OtherDialect::than(match dialect {
                Dialect::V3 => ProtocolArg::V3,
                Dialect::V5 => ProtocolArg::V5,
            });
            frames.iter().for_each(|frame| other.check(frame));
            frames.other_dialect = other.understood();
        }
        Ok(frames)
    }

    fn push(&mut self, bytes: &[u8], binary: bool) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push((self.bytes.len(), binary));
    }

    /// Decodes all frames once, for their subscriptions, the lengths of their texts and the number
    /// of malformed ones.
    fn look(&mut self) {
        let mut decoder = Decoder::new(self.dialect);
        let (mut found, mut text_bytes, mut malformed) = (Vec::new(), 0, 0);
        for frame in self.iter() {
            let mut note = |event: &Event<'_>| {
                if let Some(name) = name_of(event)
                    && !found.contains(&name)
                {
                    found.push(name);
                }
            };
            match decoder.decode(frame, UnixNanos::UNKNOWN, &mut note) {
                Ok(decoded) => text_bytes += decoded.text_len,
                Err(_) => malformed += 1,
            }
        }
        (self.text_bytes, self.malformed) = (text_bytes, malformed);
        let parsed = found.iter().filter_map(|name| Subscription::parse(self.dialect, name).ok());
        self.subscriptions = parsed.collect();
    }

    /// The number of different frames.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The number of timed frames. Each different frame is timed about equally often.
    pub(super) const fn timed(&self) -> usize {
        self.timed
    }

    /// The frames in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Frame<'_>> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |(end, binary)| {
            let bytes = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            if *binary { Frame::Binary(bytes) } else { Frame::Text(bytes) }
        })
    }

    /// Whether any frame is compressed.
    pub(super) fn compressed(&self) -> bool {
        self.ends.iter().any(|(_, binary)| *binary)
    }

    /// The mean lengths of a frame and of its text, in bytes.
    pub(super) fn mean_lengths(&self) -> (usize, usize) {
        let count = self.len().max(1);
        (self.bytes.len() / count, self.text_bytes / count)
    }
}

/// The subscription of an event; `None` for an event without one.
fn name_of(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Book(update) => Some(update.topic.to_string()),
        Event::Trade(update) => Some(update.topic.to_string()),
        Event::Depth(update) => Some(update.topic.to_string()),
        _ => None,
    }
}
