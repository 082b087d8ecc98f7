//! Damaged bytes: always such that a careful reader can see it.

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::outbound::Outbound;
use crate::model::Dialect;
use crate::sim::market::Rng;

/// The most bytes that one corruption overwrites.
const MAX_BYTES: u64 = 4;
/// More than any message of the exchange inflates to.
const MAX_TEXT: usize = 1 << 20;

/// Overwrites up to four bytes. A text gets control characters, which JSON has nowhere; a
/// compressed stream gets anything that no longer inflates. `None` where there is nothing to
/// damage.
pub(super) fn corrupt(message: &Outbound, rng: &mut Rng) -> Option<Outbound> {
    let bytes = bytes_of(message).filter(|bytes| !bytes.is_empty())?;
    let mut bytes = bytes.to_vec();
    let compressed = matches!(message, Outbound::Binary(_));
    for _ in 0..=rng.below(MAX_BYTES) {
        let at = usize::try_from(rng.below(count(bytes.len()))).unwrap_or_default();
        let noise = u8::try_from(rng.below(if compressed { 255 } else { 8 })).unwrap_or_default();
        if let Some(byte) = bytes.get_mut(at) {
            *byte = if compressed { *byte ^ (noise + 1) } else { noise };
        }
    }
    if is_sbe(message) {
        // Nothing shows that a value is another: the header becomes one of a block without length.
        return Some(Outbound::Binary(without_block(message)?.into()));
    }
    if compressed {
        if inflate(&bytes).is_some() {
            // A block type that DEFLATE does not have.
            *bytes.first_mut()? |= 0b110;
        }
        return Some(Outbound::Binary(bytes.into()));
    }
    text(bytes)
}

/// Whether a message is in SBE: schema 1, and a template of its own.
fn is_sbe(message: &Outbound) -> bool {
    let Outbound::Binary(bytes) = message else { return false };
    matches!(bytes.get(..6), Some([_, _, template, 3, 1, 0]) if (0xe8..=0xee).contains(template))
}

fn without_block(message: &Outbound) -> Option<Vec<u8>> {
    let mut bytes = bytes_of(message)?.to_vec();
    bytes.get_mut(..2)?.fill(0);
    Some(bytes)
}

/// Ends a message before its last byte. `None` where it is too short.
pub(super) fn truncate(message: &Outbound, rng: &mut Rng) -> Option<Outbound> {
    let bytes = bytes_of(message).filter(|bytes| bytes.len() >= 2)?;
    let len = 1 + usize::try_from(rng.below(count(bytes.len() - 1))).unwrap_or_default();
    let bytes = bytes.get(..len)?.to_vec();
    match message {
        Outbound::Binary(_) => Some(Outbound::Binary(bytes.into())),
        _ => text(bytes),
    }
}

/// Changes the checksum. `None` where there is none, or 0, which means none.
pub(super) fn wrong_checksum(message: &Outbound) -> Option<Outbound> {
    const KEY: &str = r#""checksum":"#;
    let text = match message {
        Outbound::Text(text) => text.to_string(),
        Outbound::Binary(frame) => String::from_utf8(inflate(frame)?).ok()?,
        _ => return None,
    };
    let (head, tail) = text.split_once(KEY)?;
    let digits = tail.find([',', '}'])?;
    let (number, tail) = tail.split_at_checked(digits)?;
    let number: i32 = number.parse().ok().filter(|number| *number != 0)?;
    // Any bit will do, but the lowest could make it 0, which means none.
    let changed = format!("{head}{KEY}{}{tail}", number ^ 0x0101_0100);
    match message {
        Outbound::Text(_) => Some(Outbound::Text(changed.into())),
        _ => Some(Outbound::Binary(deflate(changed.as_bytes(), Compression::new(6))?)),
    }
}

/// A message that no channel sends, of at least `len` bytes on the wire.
pub(super) fn giant(dialect: Dialect, len: usize) -> Option<Outbound> {
    let text = padding(len);
    match dialect {
        Dialect::V5 => Some(Outbound::Text(text.into())),
        Dialect::V3 => Some(Outbound::Binary(deflate(text.as_bytes(), Compression::none())?)),
    }
}

/// A small frame that inflates to at least `len` bytes.
pub(super) fn bomb(len: usize) -> Option<Outbound> {
    deflate(padding(len).as_bytes(), Compression::best()).map(Outbound::Binary)
}

fn padding(len: usize) -> String {
    format!(r#"{{"event":"padding","text":"{}"}}"#, "x".repeat(len))
}

fn bytes_of(message: &Outbound) -> Option<&[u8]> {
    match message {
        Outbound::Text(text) => Some(text.as_bytes()),
        Outbound::Binary(bytes) => Some(bytes),
        _ => None,
    }
}

fn text(bytes: Vec<u8>) -> Option<Outbound> {
    String::from_utf8(bytes).ok().map(|text| Outbound::Text(text.into()))
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// The text of a complete stream with nothing behind it; `None` for anything else.
fn inflate(frame: &[u8]) -> Option<Vec<u8>> {
    let mut stream = Decompress::new(false);
    let mut out = Vec::with_capacity(MAX_TEXT);
    let end = stream.decompress_vec(frame, &mut out, FlushDecompress::Finish).ok()?;
    (end == Status::StreamEnd && stream.total_in() == count(frame.len())).then_some(out)
}

fn deflate(text: &[u8], level: Compression) -> Option<Bytes> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 1_000 + 64);
    let mut stream = Compress::new(level, false);
    let end = stream.compress_vec(text, &mut out, FlushCompress::Finish).ok()?;
    (end == Status::StreamEnd).then(|| Bytes::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = r#"{"table":"spot/depth","data":[{"checksum":-1855196187}]}"#;

    fn both() -> [Outbound; 2] {
        let frame = deflate(BOOK.as_bytes(), Compression::new(6)).unwrap();
        [Outbound::Text(BOOK.into()), Outbound::Binary(frame)]
    }

    /// What a careful reader reads of a message: JSON or nothing.
    fn read(message: &Outbound) -> Option<serde_json::Value> {
        let text = match message {
            Outbound::Text(text) => text.as_bytes().to_vec(),
            Outbound::Binary(frame) => inflate(frame)?,
            _ => return None,
        };
        serde_json::from_slice(&text).ok()
    }

    #[test]
    fn corrupt_and_truncated_messages_can_never_be_read() {
        let mut rng = Rng::new(1);
        for message in both() {
            assert!(read(&message).is_some());
            for _ in 0..2_000 {
                let corrupted = corrupt(&message, &mut rng).unwrap();
                assert_eq!(read(&corrupted), None, "{corrupted:?}");
                let cut = truncate(&message, &mut rng).unwrap();
                assert_eq!(read(&cut), None, "{cut:?}");
                assert_ne!(cut, message);
            }
        }
        assert_eq!(corrupt(&Outbound::Text("".into()), &mut rng), None);
        assert_eq!(truncate(&Outbound::Text("x".into()), &mut rng), None);
    }

    #[test]
    fn checksums_change_and_nothing_else() {
        for message in both() {
            let read = read(&wrong_checksum(&message).unwrap()).unwrap();
            let sent = read["data"][0]["checksum"].as_i64().unwrap();
            assert!(sent != -1_855_196_187 && i32::try_from(sent).is_ok_and(|sent| sent != 0));
            assert_eq!(read["table"], "spot/depth");
        }
        for text in [r#"{"checksum":0}"#, r#"{"asks":[]}"#, r#"{"checksum":x}"#, "pong"] {
            assert_eq!(wrong_checksum(&Outbound::Text(text.into())), None);
        }
    }

    #[test]
    fn giants_are_as_large_as_they_say_and_bombs_are_small() {
        for dialect in [Dialect::V3, Dialect::V5] {
            let giant = giant(dialect, 100_000).unwrap();
            assert!(bytes_of(&giant).unwrap().len() >= 100_000);
            assert!(read(&giant).is_some());
        }
        let bomb = bomb(1_000_000).unwrap();
        assert!(bytes_of(&bomb).unwrap().len() < 5_000);
        assert!(read(&bomb).is_some());
    }
}
