#![cfg_attr(
    not(feature = "internals"),
    allow(
        dead_code,
        unnameable_types,
        unreachable_pub,
        unused_imports,
        reason = "only `internals` names some items; the lints run with it"
    )
)]
//! A low-latency feed handler for the OKX v5 and OKEX v3 market-data WebSockets.
//!
//! It turns the frames of the exchange into events, order books and trades. Prices and sizes are
//! exact decimals. Both protocols give the same events.
//!
//! # Quick start
//!
//! A strategy that only wants the market uses [`Client`]. It connects, subscribes, resynchronises
//! what was lost and reconnects by itself; books and trades are read from any thread:
//!
#![cfg_attr(feature = "client", doc = "```no_run")]
#![cfg_attr(not(feature = "client"), doc = "```ignore")]
//! use okx_feed::{Client, Dialect};
//!
//! let client = Client::builder(Dialect::V5).subscribe("books5:BTC-USDT").spawn()?;
//! let books = client.book_reader(&"books5:BTC-USDT".parse()?).expect("it is subscribed");
//! let snapshot = books.snapshot();
//! if snapshot.state.is_live() {
//!     println!("{:?} / {:?}", snapshot.best_bid(), snapshot.best_ask());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A program with sockets of its own uses the parts, none of which does I/O or reads a clock:
//!
//! | Part | What it does |
//! |---|---|
//! | [`Decoder`] | Bytes of a frame to events |
//! | [`FeedHandler`] | Frames of one connection to events, books and trades, and readers of them |
//! | [`Session`] | Control plane of one connection: subscriptions, pings, limits, backoff |
//! | [`Arbiter`] | The events of several redundant connections to one stream without duplicates |
//! | [`DepthBook`] | Full-depth order book with sequence and checksum verification |
//!
//! # Threads
//!
//! A client has one thread of its own for all connections, or one for each
//! ([`ThreadOptions::per_connection`](client::ThreadOptions::per_connection)). The event sink is
//! called there, one call at a time, after the state that an event changes. Readers
//! ([`BookReader`], [`DepthReader`], [`TradeReader`]) may be used on any thread: one writer
//! publishes through sequence locks, and no reader ever makes it wait.
//!
//! # Allocation
//!
//! From the bytes of a frame to the published book nothing locks, logs, waits or reads a clock, and
//! nothing allocates in steady state. Memory is allocated when a connection or a subscription is
//! made. One exception: a frame for the general JSON parser that is larger than 32 KiB, or has more
//! values for its length than ordinary JSON, grows buffers once, within
//! [`DecodeLimits`](wire::DecodeLimits). `tests/feed/alloc.rs` counts allocations.
//!
//! # Features
//!
//! | Feature | Default | What it adds |
//! |---|---|---|
//! | `client` | yes | [`Client`]: sockets, TLS, reconnect (tokio, tokio-tungstenite, rustls) |
//! | `direct` | no | a transport that decodes where bytes were received, for busy polling (Unix) |
//! | `sim` | no | the embedded exchange, for tests and demonstrations without a network |
//! | `capture` | no | recording of raw frames, captures, and their replay |
//! | `shm` | no | publication to other processes through shared memory (Unix) |
//! | `export` | no | books and trades as Parquet, CSV and hftbacktest's files |
//! | `rest` | no | the REST interface: history, snapshots, history joined with live trades (ureq) |
//! | `serde` | no | `Serialize` and, where it makes sense, `Deserialize` for the plain values |
//!
//! Without features it is decoder, books, session and feed handler.

pub mod book;
#[cfg(feature = "capture")]
pub mod capture;
#[cfg(feature = "client")]
pub mod client;
pub mod event;
#[cfg(feature = "export")]
pub mod export;
pub mod feed;
pub mod model;
pub mod publish;
#[cfg(feature = "capture")]
pub mod replay;
#[cfg(feature = "rest")]
pub mod rest;
pub mod session;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "client")]
pub mod transport;
pub mod wire;

pub use book::{Book5, DepthBook, DepthUpdate};
#[cfg(feature = "client")]
pub use client::{
    Client, ClientBuilder, ClientConfig, ClientError, ClientReader, ClientStats, Credentials,
};
pub use event::{
    BookUpdate, Control, DepthChange, Event, EventSink, Malformed, NoSink, RecordUpdate,
    TradeUpdate,
};
pub use feed::{Arbiter, FeedHandler};
pub use model::{
    BookState, Channel, Decimal, Dialect, DownReason, InstrumentId, Level, Market, MonoNanos,
    Price, Qty, Record, Side, Subscription, SubscriptionId, Topic, Trade, UnixNanos,
};
pub use publish::{BookReader, DepthReader, RecordReader, TradeReader};
#[cfg(feature = "capture")]
pub use replay::Replay;
pub use session::Session;
pub use wire::{DecodeError, DecodeErrorKind, Decoder, Frame};

#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
