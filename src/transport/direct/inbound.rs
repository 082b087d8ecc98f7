//! The receive buffer of a connection: bytes of the socket to messages, in place. Sans-IO.

use std::ops::Range;

use super::frames::{FrameError, FrameReader, Incoming};
use super::record_error::RecordError;
use super::records::{Opened, RECORD_HEAD, Records};

/// The size of the buffer. It grows where a message is longer.
const BUFFER: usize = 256 << 10;
/// How much room a read has at least.
const MIN_ROOM: usize = 32 << 10;

/// Why what was received is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InboundError {
    /// By the WebSocket.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// By TLS.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The bytes of one connection that were received and not read yet.
///
/// The buffer holds, from its front: the fragments of a message that is incomplete, content that
/// was not read yet, and records that were not opened yet. Records are opened one by one as their
/// content is needed, so that the first message of a burst does not wait for the others. Over
/// `ws://` all that is received is content.
///
/// Allocates where it is made, and where a message is longer than the buffer: then up to twice the
/// longest message, as its bytes arrive.
#[derive(Debug)]
pub struct Inbound {
    bytes: Vec<u8>,
    plain: Range<usize>,
    sealed: Range<usize>,
    frames: FrameReader,
    records: Option<Records>,
    /// Whether TLS was closed by the other side.
    is_closed: bool,
}

impl Inbound {
    /// An empty buffer for messages of at most `max_len` bytes; with the record layer where the
    /// connection has TLS.
    #[must_use]
    pub fn new(max_len: usize, records: Option<Records>) -> Self {
        Self {
            bytes: vec![0; BUFFER],
            plain: 0..0,
            sealed: 0..0,
            frames: FrameReader::new(max_len),
            records,
            is_closed: false,
        }
    }

    /// Where the next bytes of the socket are to be put: 32 KiB or more.
    #[inline]
    pub fn room(&mut self) -> &mut [u8] {
        if self.is_empty() {
            (self.plain, self.sealed) = (0..0, 0..0);
        }
        if self.bytes.len() - self.sealed.end < MIN_ROOM {
            self.make_room();
        }
        self.bytes.get_mut(self.sealed.end..).unwrap_or_default()
    }

    /// So many bytes were put at the front of the room.
    #[inline]
    pub fn received(&mut self, len: usize) {
        self.sealed.end = (self.sealed.end + len).min(self.bytes.len());
        if self.records.is_none() {
            self.plain.end = self.sealed.end;
            self.sealed.start = self.sealed.end;
        }
    }

    /// Appends bytes of the socket that were read elsewhere.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.room();
            let len = bytes.len().min(room.len());
            let (now, later) = bytes.split_at(len);
            room.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            self.received(len);
            bytes = later;
        }
    }

    /// The next message or control frame; `None` where more bytes are needed first. Answers of TLS
    /// are appended to `out`.
    ///
    /// # Errors
    /// [`InboundError`]; the connection is of no use any more then.
    #[inline]
    pub fn next(&mut self, out: &mut Vec<u8>) -> Result<Option<Incoming>, InboundError> {
        loop {
            if !self.plain.is_empty()
                && let Some(incoming) = self.frames.next(&mut self.bytes, &mut self.plain)?
            {
                return Ok(Some(incoming));
            }
            if !self.open(out)? {
                return Ok(None);
            }
        }
    }

    /// Opens the next record. False where none is whole.
    #[inline]
    fn open(&mut self, out: &mut Vec<u8>) -> Result<bool, InboundError> {
        let Some(records) = &mut self.records else { return Ok(false) };
        // Where nothing has to lie together with it, content stays where it is decrypted.
        let is_alone = self.plain.is_empty() && !self.frames.has_partial();
        let to = if is_alone { self.sealed.start + RECORD_HEAD } else { self.plain.end };
        match records.open(&mut self.bytes, to, &mut self.sealed, out)? {
            Opened::Data(len) if is_alone => self.plain = to..to + len,
            Opened::Data(len) => self.plain.end += len,
            Opened::Handled => {}
            Opened::Incomplete => return Ok(false),
            Opened::Closed => {
                self.is_closed = true;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Content that is no frame yet, as of the answer to a request for an upgrade; `None` where
    /// more bytes are needed first. It counts as read.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn content(
        &mut self,
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<&[u8]>, InboundError> {
        while self.plain.is_empty() {
            if !self.open(out)? {
                return Ok(None);
            }
        }
        let start = self.plain.start;
        self.plain.start = self.plain.end.min(start + most);
        Ok(self.bytes.get(start..self.plain.start))
    }

    /// Gives back content that [`Inbound::content`] gave last and that belongs to frames.
    pub fn give_back(&mut self, content: &[u8]) {
        let held =
            |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default().to_vec();
        let (plain, sealed) = (held(&self.plain), held(&self.sealed));
        let plain_len = content.len() + plain.len();
        let all = [content, &plain, &sealed].concat();
        let len = all.len();
        self.bytes = all;
        self.bytes.resize(len.max(BUFFER - MIN_ROOM) + MIN_ROOM, 0);
        (self.plain, self.sealed) = (0..plain_len, plain_len..len);
    }

    /// The bytes of a range of [`Incoming`].
    #[inline]
    #[must_use]
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Whether all that was received has been read, and more may come.
    #[inline]
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.plain.is_empty() && self.sealed.is_empty() && !self.is_closed
    }

    /// Whether TLS was closed by the other side, so that nothing more comes.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Keeps what opens records in the caches.
    pub fn warm_caches(&mut self) {
        if let Some(records) = &mut self.records {
            records.warm_caches();
        }
    }

    /// The record layer, to seal with.
    pub const fn records_mut(&mut self) -> Option<&mut Records> {
        self.records.as_mut()
    }

    /// Throws away what was received, as behind a close frame.
    pub const fn discard(&mut self) {
        self.plain.start = self.plain.end;
        self.sealed.start = self.sealed.end;
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.sealed.is_empty() && !self.frames.has_partial()
    }

    /// Moves what is kept to the front; where that is not enough, doubles the buffer.
    #[cold]
    fn make_room(&mut self) {
        let front = if self.plain.is_empty() { self.sealed.start } else { self.plain.start };
        let front = self.frames.keeps_from(front);
        self.bytes.copy_within(front..self.sealed.end, 0);
        self.frames.moved(front);
        let moved = |range: &Range<usize>| {
            range.start.saturating_sub(front)..range.end.saturating_sub(front)
        };
        (self.plain, self.sealed) = (moved(&self.plain), moved(&self.sealed));
        if self.bytes.len() - self.sealed.end < MIN_ROOM {
            self.bytes.resize(2 * self.bytes.len(), 0);
        }
    }
}
