//! Frames as a connection delivers them, end to end in memory, and the subscriptions of each.

use flate2::{Compress, Compression, FlushCompress};
use okx_feed::sim::{ExchangeConfig, Limits, Outbound, PushIntervals, record};
use okx_feed::{Dialect, Frame, Subscription};

/// Different frames in a stream: too many for the branch predictor to know by heart.
pub(crate) const COUNT: usize = 1024;

/// A stream of frames.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) subscriptions: Vec<Subscription>,
    bytes: Vec<u8>,
    /// The end of each frame, whether it is binary, and the place of its subscription.
    frames: Vec<(usize, bool, usize)>,
}

impl Stream {
    pub(crate) fn new(name: impl Into<String>, dialect: Dialect) -> Self {
        let (subscriptions, bytes, frames) = (Vec::new(), Vec::new(), Vec::new());
        Self { name: name.into(), dialect, subscriptions, bytes, frames }
    }

    /// One stream of each dialect and channel, from the embedded exchange.
    pub(crate) fn all() -> Vec<Self> {
        [
            "swap/depth5:BTC-USDT-SWAP",
            "spot/trade:BTC-USDT",
            "books5:BTC-USDT-SWAP",
            "bbo-tbt:BTC-USDT-SWAP",
            "trades:BTC-USDT",
        ]
        .map(Self::simulated)
        .into()
    }

    /// The pushes of the embedded exchange on one channel.
    pub(crate) fn simulated(channel: &str) -> Self {
        let subscription: Subscription = channel.parse().unwrap();
        let config = ExchangeConfig {
            intervals: PushIntervals::EVERY_CHANGE,
            limits: Limits { idle: None, ..Limits::default() },
            // As until 2026-06, so that there is something to verify.
            v5_checksums: true,
            ..ExchangeConfig::default()
        };
        let name = format!("{} {}", subscription.dialect(), subscription.channel().name());
        let mut stream = Self::new(name, subscription.dialect());
        for frame in record(&config, &subscription, COUNT) {
            match frame {
                Outbound::Text(text) => stream.push(text.as_bytes(), false, subscription),
                Outbound::Binary(body) => stream.push(&body, true, subscription),
                Outbound::Close { reason, .. } => panic!("{reason}"),
                Outbound::Fault(fault) => panic!("{fault:?}"),
            }
        }
        assert_eq!(stream.len(), COUNT);
        stream
    }

    pub(crate) fn push(&mut self, frame: &[u8], binary: bool, subscription: Subscription) {
        let known = self.subscriptions.iter().position(|known| *known == subscription);
        let place = known.unwrap_or_else(|| {
            self.subscriptions.push(subscription);
            self.subscriptions.len() - 1
        });
        self.push_at(frame, binary, place);
    }

    /// Adds a frame of the subscription at a place.
    pub(crate) fn push_at(&mut self, frame: &[u8], binary: bool, place: usize) {
        self.bytes.extend_from_slice(frame);
        self.frames.push((self.bytes.len(), binary, place));
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// The frames in order, each with its subscription's place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Frame<'_>, usize)> {
        let mut start = 0;
        self.frames.iter().map(move |(end, binary, place)| {
            let bytes = &self.bytes[start..*end];
            start = *end;
            (if *binary { Frame::Binary(bytes) } else { Frame::Text(bytes) }, *place)
        })
    }

    /// The subscription of a place.
    pub(crate) fn subscription(&self, place: usize) -> &Subscription {
        &self.subscriptions[place]
    }
}

/// A text as v3 sends it: raw DEFLATE as zlib makes it by default.
pub(crate) fn deflated(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 64);
    let mut zlib = Compress::new(Compression::default(), false);
    zlib.compress_vec(text, &mut out, FlushCompress::Finish).unwrap();
    out
}

/// The text of a frame, inflated where it is binary.
pub(crate) fn text_of(frame: Frame<'_>) -> Vec<u8> {
    match frame {
        Frame::Text(text) => text.to_vec(),
        Frame::Binary(body) => {
            let mut text = vec![0; 1 << 16];
            let mut libdeflate = libdeflater::Decompressor::new();
            let len = libdeflate.deflate_decompress(body, &mut text).unwrap();
            text.truncate(len);
            text
        }
    }
}
