//! Texts of fields as words.

/// The longest text of a field, in bytes, in whole words.
pub(super) const MAX_TEXT: usize = 128;

/// Passes the words of a text of at most `most` bytes to `put`: its length, then its bytes.
pub(super) fn put_text(text: &str, most: usize, put: &mut impl FnMut(u64)) {
    put(text.len() as u64);
    let mut chunks = text.as_bytes().chunks(8);
    for _ in 0..most.div_ceil(8) {
        let mut word = [0; 8];
        let chunk = chunks.next().unwrap_or_default();
        word.iter_mut().zip(chunk).for_each(|(to, byte)| *to = *byte);
        put(u64::from_le_bytes(word));
    }
}

/// The text of [`put_text`], in `bytes`; empty if it is none.
pub(super) fn take_text<'b>(
    bytes: &'b mut [u8; MAX_TEXT],
    most: usize,
    words: &mut impl Iterator<Item = u64>,
) -> &'b str {
    let len = words.next().and_then(|len| usize::try_from(len).ok()).unwrap_or_default();
    let words = words.take(most.div_ceil(8));
    bytes.as_chunks_mut::<8>().0.iter_mut().zip(words).for_each(|(to, word)| {
        *to = word.to_le_bytes();
    });
    bytes.get(..len.min(most)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
}
