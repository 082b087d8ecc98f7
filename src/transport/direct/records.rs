//! The records of TLS 1.3, opened where they lie (RFC 8446, section 5). Sans-IO.
//!
//! The handshake, the certificates and the key schedule are rustls': this is what stands in place
//! of its record layer, which allocates for each record.

use std::fmt;
use std::ops::Range;

use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use rustls::ConnectionTrafficSecrets;
use rustls::client::ClientConnectionData;
use rustls::kernel::KernelConnection;

use super::record_error::RecordError;

/// The length of a record's head.
pub const RECORD_HEAD: usize = 5;
/// The longest content of a record.
const MAX_CONTENT: usize = 1 << 14;
/// The longest record behind its head: content, its type, padding and tag.
const MAX_SEALED: usize = MAX_CONTENT + 256;
const TAG_LEN: usize = 16;
/// How many bytes are opened to keep the code in the caches: as many as a five-level book has.
const WARMUP_LEN: usize = 448;
/// The longest message of a handshake that is put together from several records.
const MAX_HANDSHAKE: usize = 0xffff;
/// How many changes of keys may come without data between, whether or not they ask for one back,
/// and how many pointless alerts; as with rustls.
const MAX_KEY_UPDATES: u8 = 32;
const MAX_WARNINGS: u8 = 4;
/// How many records are sealed with one key. That of AES-GCM is about 2^24.5 (RFC 8446, section
/// 5.5).
const MAX_SEALED_RECORDS: u64 = 1 << 24;

mod content {
    pub(super) const ALERT: u8 = 21;
    pub(super) const HANDSHAKE: u8 = 22;
    pub(super) const DATA: u8 = 23;
}

mod handshake {
    pub(super) const NEW_SESSION_TICKET: u8 = 4;
    pub(super) const KEY_UPDATE: u8 = 24;
}

/// A key, and the vector that a record's number makes a nonce of.
pub struct TrafficKey {
    key: LessSafeKey,
    iv: [u8; 12],
    seq: u64,
}

impl fmt::Debug for TrafficKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrafficKey").field("seq", &self.seq).finish_non_exhaustive()
    }
}

impl TrafficKey {
    /// A key out of what rustls extracts. The record with which it begins has the number `seq`.
    ///
    /// # Errors
    /// [`RecordError::Keys`] where the suite is none of TLS 1.3.
    pub fn new(seq: u64, secrets: &ConnectionTrafficSecrets) -> Result<Self, RecordError> {
        let (algorithm, key, iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => return Err(RecordError::Keys),
        };
        let key = UnboundKey::new(algorithm, key.as_ref()).map_err(|_| RecordError::Keys)?;
        let iv = iv.as_ref().try_into().map_err(|_| RecordError::Keys)?;
        Ok(Self { key: LessSafeKey::new(key), iv, seq })
    }

    /// The nonce of the next record (RFC 8446, section 5.3).
    #[inline]
    fn nonce(&mut self) -> Result<Nonce, RecordError> {
        let seq = self.seq;
        self.seq = seq.checked_add(1).ok_or(RecordError::SequenceOverflow)?;
        let [.., a, b, c, d, e, f, g, h] = self.iv;
        let low = (u64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ seq).to_be_bytes();
        let mut nonce = self.iv;
        nonce.iter_mut().skip(4).zip(low).for_each(|(byte, low)| *byte = low);
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

/// What makes the next keys of a connection, and keeps its tickets.
pub trait KeySchedule: Send {
    /// The next key to open records with.
    ///
    /// # Errors
    /// [`RecordError::Keys`].
    fn next_opening(&mut self) -> Result<TrafficKey, RecordError>;

    /// The next key to seal records with.
    ///
    /// # Errors
    /// [`RecordError::Keys`].
    fn next_sealing(&mut self) -> Result<TrafficKey, RecordError>;

    /// Keeps a ticket: the content of a NewSessionTicket message.
    ///
    /// # Errors
    /// [`RecordError::Invalid`].
    fn ticket(&mut self, body: &[u8]) -> Result<(), RecordError>;
}

impl KeySchedule for KernelConnection<ClientConnectionData> {
    fn next_opening(&mut self) -> Result<TrafficKey, RecordError> {
        let (seq, secrets) = self.update_rx_secret().map_err(|_| RecordError::Keys)?;
        TrafficKey::new(seq, &secrets)
    }

    fn next_sealing(&mut self) -> Result<TrafficKey, RecordError> {
        let (seq, secrets) = self.update_tx_secret().map_err(|_| RecordError::Keys)?;
        TrafficKey::new(seq, &secrets)
    }

    fn ticket(&mut self, body: &[u8]) -> Result<(), RecordError> {
        self.handle_new_session_ticket(body).map_err(|_| RecordError::Invalid)
    }
}

/// What came of a call of [`Records::open`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The record is incomplete.
    Incomplete,
    /// So many bytes of content, which may be none.
    Data(usize),
    /// A message of TLS itself, which was handled.
    Handled,
    /// The other side has closed the connection. What follows is not authentic.
    Closed,
}

/// The record layer of a TLS 1.3 connection after its handshake, for both directions.
pub struct Records {
    opening: TrafficKey,
    sealing: TrafficKey,
    schedule: Box<dyn KeySchedule>,
    /// The beginning of a handshake message that goes on in the next record.
    handshake: Vec<u8>,
    key_updates_left: u8,
    warnings_left: u8,
    is_closed: bool,
    /// What is opened to keep the code in the caches.
    warmup: [u8; WARMUP_LEN],
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { opening, sealing, .. } = self;
        f.debug_struct("Records")
            .field("opening", opening)
            .field("sealing", sealing)
            .finish_non_exhaustive()
    }
}

impl Records {
    /// The record layer with the first keys of both directions.
    #[must_use]
    pub fn new(opening: TrafficKey, sealing: TrafficKey, schedule: Box<dyn KeySchedule>) -> Self {
        Self {
            opening,
            sealing,
            schedule,
            handshake: Vec::new(),
            key_updates_left: MAX_KEY_UPDATES,
            warnings_left: MAX_WARNINGS,
            is_closed: false,
            warmup: [0; WARMUP_LEN],
        }
    }

    /// Opens bytes that are no record, so that the key and the code that opens stay in the caches.
    /// Nothing comes of it: they are not authentic.
    pub fn warm_caches(&mut self) {
        let Self { opening, warmup, .. } = self;
        let nonce = Nonce::assume_unique_for_key(opening.iv);
        let aad = Aad::from([content::DATA, 3, 3, 0, 0]);
        let _ = opening.key.open_within(nonce, aad, warmup, 0..);
    }

    /// Opens the record at the front of `bytes[sealed]`, and puts its content to `bytes[to..]`.
    ///
    /// `sealed` is shortened by the record. `to` must not lie behind its start: content is moved to
    /// the front while it is decrypted, so that what several records hold lies together. Answers
    /// that are due are appended to `out`, sealed. Nothing is allocated but for handshake messages.
    ///
    /// # Errors
    /// [`RecordError`]; the connection is of no use any more then.
    #[inline]
    pub fn open(
        &mut self,
        bytes: &mut [u8],
        to: usize,
        sealed: &mut Range<usize>,
        out: &mut Vec<u8>,
    ) -> Result<Opened, RecordError> {
        if self.is_closed {
            return Ok(Opened::Closed);
        }
        let Some(len) = record_len(bytes.get(sealed.clone()).unwrap_or_default())? else {
            return Ok(Opened::Incomplete);
        };
        let start = sealed.start + RECORD_HEAD;
        let end = start + len;
        let (true, Some(from), Some(room)) =
            (end <= sealed.end, start.checked_sub(to), bytes.get_mut(to..end))
        else {
            return Ok(Opened::Incomplete);
        };
        let [high, low] = u16::try_from(len).map_err(|_| RecordError::TooLong)?.to_be_bytes();
        let nonce = self.opening.nonce()?;
        let aad = Aad::from([content::DATA, 3, 3, high, low]);
        let opened = self.opening.key.open_within(nonce, aad, room, from..);
        let inner = opened.map_err(|_| RecordError::Decrypt)?;
        sealed.start = end;
        if inner.len() > MAX_CONTENT + 1 {
            return Err(RecordError::TooLong);
        }
        // The last byte that is not padding is the type.
        let typed = inner.iter().rposition(|byte| *byte != 0).ok_or(RecordError::Invalid)?;
        let (kind, len) = (inner.get(typed).copied(), typed);
        if kind == Some(content::DATA) && self.handshake.is_empty() {
            self.key_updates_left = MAX_KEY_UPDATES;
            return Ok(Opened::Data(len));
        }
        let content = inner.get(..len).unwrap_or_default();
        self.handle(kind.unwrap_or_default(), content, out)
    }

    /// Appends content to `out`, in as many records as it needs.
    ///
    /// # Errors
    /// [`RecordError`] where a key can't be made.
    pub fn seal(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        for part in content.chunks(MAX_CONTENT) {
            if self.sealing.seq >= MAX_SEALED_RECORDS {
                self.update_sealing(out)?;
            }
            self.seal_record(content::DATA, part, out)?;
        }
        Ok(())
    }

    /// Appends an alert to `out`: close_notify (0) as a warning, any other as fatal.
    ///
    /// # Errors
    /// [`RecordError::SequenceOverflow`].
    pub fn seal_alert(&mut self, alert: u8, out: &mut Vec<u8>) -> Result<(), RecordError> {
        let level = if alert == 0 { 1 } else { 2 };
        self.seal_record(content::ALERT, &[level, alert], out)
    }

    fn seal_record(&mut self, kind: u8, part: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        let len = part.len() + 1 + TAG_LEN;
        let [high, low] = u16::try_from(len).map_err(|_| RecordError::TooLong)?.to_be_bytes();
        let head = [content::DATA, 3, 3, high, low];
        out.extend_from_slice(&head);
        let start = out.len();
        out.extend_from_slice(part);
        out.push(kind);
        let nonce = self.sealing.nonce()?;
        let inner = out.get_mut(start..).unwrap_or_default();
        let sealed = self.sealing.key.seal_in_place_separate_tag(nonce, Aad::from(head), inner);
        out.extend_from_slice(sealed.map_err(|_| RecordError::Keys)?.as_ref());
        Ok(())
    }

    /// Handles the content of a record that is not data.
    #[cold]
    fn handle(
        &mut self,
        kind: u8,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Opened, RecordError> {
        match kind {
            // RFC 8446, section 5.4.
            content::HANDSHAKE | content::ALERT if content.is_empty() => {
                Err(RecordError::Unexpected)
            }
            content::HANDSHAKE => self.handshake(content, out),
            _ if !self.handshake.is_empty() => Err(RecordError::Unexpected),
            content::ALERT => self.alert(content),
            0 => Err(RecordError::Invalid),
            _ => Err(RecordError::Unexpected),
        }
    }

    fn alert(&mut self, content: &[u8]) -> Result<Opened, RecordError> {
        const CLOSE_NOTIFY: u8 = 0;
        const USER_CANCELED: u8 = 90;
        match *content {
            [1 | 2, CLOSE_NOTIFY] => {
                self.is_closed = true;
                Ok(Opened::Closed)
            }
            [1, USER_CANCELED] => {
                let left = self.warnings_left.checked_sub(1).ok_or(RecordError::Flood)?;
                self.warnings_left = left;
                Ok(Opened::Handled)
            }
            [1 | 2, alert] => Err(RecordError::Alert(alert)),
            _ => Err(RecordError::Invalid),
        }
    }

    /// Handles the handshake messages that a record ends; one may go on in the next record.
    fn handshake(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<Opened, RecordError> {
        let mut all = std::mem::take(&mut self.handshake);
        let mut rest = if all.is_empty() {
            content
        } else {
            all.extend_from_slice(content);
            all.as_slice()
        };
        while let [kind, a, b, c, body @ ..] = rest {
            let len = u32::from_be_bytes([0, *a, *b, *c]);
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            if len > MAX_HANDSHAKE {
                return Err(RecordError::TooLong);
            }
            let Some((body, behind)) = body.split_at_checked(len) else { break };
            match *kind {
                handshake::NEW_SESSION_TICKET => self.schedule.ticket(body)?,
                // The key changes with the next record, so nothing may follow in this one.
                handshake::KEY_UPDATE if !behind.is_empty() => return Err(RecordError::Unexpected),
                handshake::KEY_UPDATE => self.key_update(body, out)?,
                _ => return Err(RecordError::Unexpected),
            }
            rest = behind;
        }
        self.handshake = rest.to_vec();
        Ok(Opened::Handled)
    }

    fn key_update(&mut self, body: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        let left = self.key_updates_left.checked_sub(1).ok_or(RecordError::Flood)?;
        self.key_updates_left = left;
        match body {
            [0] => {}
            [1] => self.update_sealing(out)?,
            _ => return Err(RecordError::Invalid),
        }
        self.opening = self.schedule.next_opening()?;
        Ok(())
    }

    /// Announces a new key to the other side and uses it from then on.
    fn update_sealing(&mut self, out: &mut Vec<u8>) -> Result<(), RecordError> {
        const NOT_REQUESTED: [u8; 5] = [handshake::KEY_UPDATE, 0, 0, 1, 0];
        self.seal_record(content::HANDSHAKE, &NOT_REQUESTED, out)?;
        self.sealing = self.schedule.next_sealing()?;
        Ok(())
    }
}

/// The length of the record at the front behind its head; `None` where the head is incomplete.
#[inline]
fn record_len(bytes: &[u8]) -> Result<Option<usize>, RecordError> {
    let &[kind, major, _, high, low, ..] = bytes else { return Ok(None) };
    let len = usize::from(u16::from_be_bytes([high, low]));
    match (kind, major) {
        (content::DATA, 3) if len > MAX_SEALED => Err(RecordError::TooLong),
        (content::DATA, 3) if len <= TAG_LEN => Err(RecordError::Decrypt),
        (content::DATA, 3) => Ok(Some(len)),
        (content::DATA, _) => Err(RecordError::Version),
        (other, _) => Err(RecordError::NotEncrypted(other)),
    }
}
