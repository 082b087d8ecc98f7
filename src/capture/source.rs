//! What a capture is packed with: nothing, gzip, zstd, or zstd in blocks with trailers.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::block_reader::{BlockReader, Found};
use super::trailer::Trailer;
use super::zstd_frame::ZSTD_MAGIC;
use crate::model::UnixNanos;

/// Bytes of one read of the file.
const READ_LEN: usize = 256 << 10;

type Bytes = Box<dyn Read + Send>;
type Pushed = io::Chain<Cursor<Vec<u8>>, BufReader<Bytes>>;

/// The text of a capture, unpacked as it is read. What it is packed with is found in its first
/// bytes.
pub(super) struct Source {
    packing: Packing,
    /// The bytes of the file that were read so far.
    counter: Arc<AtomicU64>,
    limits: (UnixNanos, UnixNanos),
    is_torn: bool,
}

enum Packing {
    Unknown(Option<BufReader<Bytes>>),
    Plain(Pushed),
    Gzip(Box<MultiGzDecoder<Pushed>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Pushed>>>),
    Blocks(Box<(BlockReader, BufReader<Bytes>)>),
    /// There is nothing more to be read.
    Ended,
}

/// Counts what is read.
struct Counted {
    source: Bytes,
    counter: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let len = self.source.read(room)?;
        self.counter.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}

impl Source {
    pub(super) fn new(source: Bytes) -> Self {
        let counter = Arc::default();
        let counted = Counted { source, counter: Arc::clone(&counter) };
        let source = BufReader::with_capacity(READ_LEN, Box::new(counted) as Bytes);
        let limits = (UnixNanos::UNKNOWN, UnixNanos(u64::MAX));
        Self { packing: Packing::Unknown(Some(source)), counter, limits, is_torn: false }
    }

    /// Leaves out blocks without a line from `from` to before `to`, where there are blocks. To be
    /// called before the first read.
    pub(super) const fn limit(&mut self, from: UnixNanos, to: UnixNanos) {
        self.limits = (from, to);
    }

    /// The bytes of the file that were read so far.
    pub(super) fn read_len(&self) -> u64 {
        self.counter.load(Ordering::Relaxed)
    }

    /// Whether the file ends in the middle: of a block that was not committed, or of what gzip or
    /// zstd have packed.
    pub(super) fn is_torn(&self) -> bool {
        match &self.packing {
            Packing::Blocks(blocks) => blocks.0.is_torn(),
            _ => self.is_torn,
        }
    }

    /// Whether blocks at the end were left out, which are later than what is read.
    pub(super) fn is_limited(&self) -> bool {
        matches!(&self.packing, Packing::Blocks(blocks) if blocks.0.is_limited())
    }

    /// The first and the latest time of the blocks that were read or left out so far.
    pub(super) fn block_times(&self) -> Option<(UnixNanos, UnixNanos)> {
        match &self.packing {
            Packing::Blocks(blocks) => blocks.0.times(),
            _ => None,
        }
    }

    /// Where the last whole block ends, in bytes; `None` where the file has no blocks.
    pub(super) fn committed_len(&self) -> Option<u64> {
        match &self.packing {
            Packing::Blocks(blocks) => Some(blocks.0.offset()),
            _ => None,
        }
    }

    fn begin(&mut self, mut source: BufReader<Bytes>) -> io::Result<Packing> {
        let mut head = Vec::new();
        (&mut source).take(4).read_to_end(&mut head)?;
        let magic = head.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        if !head.is_empty() && head.len() < 4 && ZSTD_MAGIC.to_le_bytes().starts_with(&head) {
            self.is_torn = true;
            return Ok(Packing::Ended);
        }
        let is_skippable = magic & 0xFFFF_FFF0 == 0x184D_2A50;
        if head.starts_with(&[0x1F, 0x8B]) {
            let pushed = Cursor::new(head).chain(source);
            return Ok(Packing::Gzip(Box::new(MultiGzDecoder::new(pushed))));
        }
        let is_zstd = magic == ZSTD_MAGIC || is_skippable;
        let (mut read, mut is_block) = (head, false);
        if is_zstd {
            let mut probe = BlockReader::new(read)?;
            is_block = matches!(probe.read_block(&mut source)?, Found::Block(_));
            read = probe.take_packed();
        }
        // One whose start is damaged has a trailer too.
        let is_ours = is_block || Trailer::find(&[&read, source.buffer()].concat()).is_some();
        if is_ours {
            let mut blocks = BlockReader::new(read)?;
            blocks.limit(self.limits.0, self.limits.1);
            return Ok(Packing::Blocks(Box::new((blocks, source))));
        }
        let pushed = Cursor::new(read).chain(source);
        if is_zstd {
            return Ok(Packing::Zstd(Box::new(zstd::stream::read::Decoder::new(pushed)?)));
        }
        Ok(Packing::Plain(pushed))
    }
}

impl Read for Source {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if let Packing::Unknown(source) = &mut self.packing {
            let Some(source) = source.take() else { return Ok(0) };
            self.packing = Packing::Ended;
            self.packing = self.begin(source)?;
        }
        let read = match &mut self.packing {
            Packing::Unknown(_) | Packing::Ended => Ok(0),
            Packing::Plain(source) => source.read(room),
            Packing::Gzip(source) => source.read(room),
            Packing::Zstd(source) => source.read(room),
            Packing::Blocks(blocks) => {
                let (blocks, source) = &mut **blocks;
                return blocks.read(source, room);
            }
        };
        match read {
            // What was whole was read.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.is_torn = true;
                self.packing = Packing::Ended;
                Ok(0)
            }
            read => read,
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("read_len", &self.read_len()).finish_non_exhaustive()
    }
}
