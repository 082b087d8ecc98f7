//! Books.

use okx_feed::book::BookFlags;
use okx_feed::publish::{DepthSnapshot, Latest};
use okx_feed::{Book5, Level as FeedLevel};

use super::names::{NO_SEQ, State};

/// The most levels a side of an `okx_book`.
pub const BOOK_LEVELS: usize = 5;

/// The most levels a side of an `okx_depth_view`.
pub const DEPTH_LEVELS: usize = 25;

/// One price level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Level {
    /// The price's mantissa.
    pub px: i64,
    /// The size's mantissa: base currency on spot, contracts on derivatives. 0 in an update of an
    /// order book: the level is deleted.
    pub sz: i64,
    /// The number of orders; 0 if it is not known.
    pub orders: u32,
    /// The price's scale, 0 to 18.
    pub px_scale: u8,
    /// The size's scale, 0 to 18.
    pub sz_scale: u8,
    /// Zero.
    pub reserved: [u8; 2],
}

/// A book of up to five levels a side, best first. 272 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Book {
    /// The exchange's time.
    pub ts_event: u64,
    /// The time of receipt.
    pub ts_recv: u64,
    /// The exchange's sequence number; OKX_NO_SEQ if it sends none.
    pub seq: i64,
    /// The number of asks, 0 to 5.
    pub asks_len: u8,
    /// The number of bids, 0 to 5.
    pub bids_len: u8,
    /// 1 crossed, 2 a side was unsorted, 4 a level of size 0.
    pub flags: u8,
    /// Zero.
    pub reserved: [u8; 5],
    /// The asks, lowest first; those past `asks_len` are zero.
    pub asks: [Level; BOOK_LEVELS],
    /// The bids, highest first; those past `bids_len` are zero.
    pub bids: [Level; BOOK_LEVELS],
}

// An event points to the library's own book and levels.
const _: () = assert!(size_of::<Book>() == size_of::<Book5>() && size_of::<Book>() == 272);
const _: () = assert!(align_of::<Book>() == align_of::<Book5>());
const _: () = assert!(size_of::<Level>() == size_of::<FeedLevel>() && size_of::<Level>() == 24);
const _: () = assert!(align_of::<Level>() == align_of::<FeedLevel>());
const _: () = assert!(Book5::LEVELS == BOOK_LEVELS && DepthSnapshot::LEVELS == DEPTH_LEVELS);

/// A book and the state of its subscription, of one moment.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BookView {
    /// The book.
    pub book: Book,
    /// The number of its publications: equal numbers mean equal values.
    pub version: u64,
    /// Whether it is live.
    pub state: State,
    /// Zero.
    pub reserved: u32,
}

/// The best levels of an order book and the state of its subscription, of one moment.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct DepthView {
    /// The exchange's time of the last message that changed these levels.
    pub ts_event: u64,
    /// The time of receipt.
    pub ts_recv: u64,
    /// The exchange's sequence number; OKX_NO_SEQ if it sends none.
    pub seq: i64,
    /// The number of its publications: equal numbers mean equal values.
    pub version: u64,
    /// Whether it is live.
    pub state: State,
    /// The number of asks.
    pub asks_len: u16,
    /// The number of bids.
    pub bids_len: u16,
    /// The asks, lowest first; those past `asks_len` are zero.
    pub asks: [Level; DEPTH_LEVELS],
    /// The bids, highest first; those past `bids_len` are zero.
    pub bids: [Level; DEPTH_LEVELS],
}

impl From<&FeedLevel> for Level {
    #[inline]
    fn from(level: &FeedLevel) -> Self {
        let (px, sz) = (level.px(), level.sz());
        Self {
            px: px.mantissa(),
            sz: sz.mantissa(),
            orders: level.orders(),
            px_scale: px.scale(),
            sz_scale: sz.scale(),
            reserved: [0; 2],
        }
    }
}

/// As many levels as fit, and their number.
fn side<const N: usize>(levels: &[FeedLevel]) -> ([Level; N], usize) {
    let mut side = [Level::default(); N];
    side.iter_mut().zip(levels).for_each(|(to, from)| *to = from.into());
    (side, levels.len().min(N))
}

impl From<&Book5> for Book {
    #[inline]
    fn from(book: &Book5) -> Self {
        let ((asks, asks_len), (bids, bids_len)) = (side(book.asks()), side(book.bids()));
        let small = |len: usize| u8::try_from(len).unwrap_or(u8::MAX);
        Self {
            ts_event: book.ts_event.0,
            ts_recv: book.ts_recv.0,
            seq: book.seq,
            asks_len: small(asks_len),
            bids_len: small(bids_len),
            flags: bits(book.flags()),
            reserved: [0; 5],
            asks,
            bids,
        }
    }
}

const fn bits(flags: BookFlags) -> u8 {
    flags.bits()
}

impl From<Latest<Book5>> for BookView {
    #[inline]
    fn from(latest: Latest<Book5>) -> Self {
        let (version, state) = (latest.version, State::of(latest.state));
        Self { book: (&latest.value).into(), version, state, reserved: 0 }
    }
}

impl From<Latest<DepthSnapshot>> for DepthView {
    fn from(latest: Latest<DepthSnapshot>) -> Self {
        let book = &latest.value;
        let ((asks, asks_len), (bids, bids_len)) = (side(book.asks()), side(book.bids()));
        let small = |len: usize| u16::try_from(len).unwrap_or(u16::MAX);
        Self {
            ts_event: book.ts_event.0,
            ts_recv: book.ts_recv.0,
            seq: book.seq.unwrap_or(NO_SEQ),
            version: latest.version,
            state: State::of(latest.state),
            asks_len: small(asks_len),
            bids_len: small(bids_len),
            asks,
            bids,
        }
    }
}
