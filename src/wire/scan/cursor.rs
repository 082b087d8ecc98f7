//! A place in the text that only moves forward.

/// The bytes not read yet, the padding behind the text included.
///
/// Every method gives `None` where the bytes are not as asked, and then the scan is over: no
/// method moves back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'t> {
    rest: &'t [u8],
}

impl<'t> Cursor<'t> {
    #[inline(always)]
    pub(super) const fn new(rest: &'t [u8]) -> Self {
        Self { rest }
    }

    #[inline(always)]
    pub(super) const fn rest(&self) -> &'t [u8] {
        self.rest
    }

    /// The next `N` bytes, without moving.
    #[inline(always)]
    pub(super) fn peek<const N: usize>(&self) -> Option<&'t [u8; N]> {
        match self.rest.first_chunk() {
            Some(bytes) => Some(bytes),
            None => declined(),
        }
    }

    /// The next eight bytes as a little-endian word, without moving.
    #[inline(always)]
    pub(super) fn word(&self) -> Option<u64> {
        self.peek().copied().map(u64::from_le_bytes)
    }

    #[inline(always)]
    pub(super) fn advance(&mut self, bytes: usize) -> Option<()> {
        let Some(rest) = self.rest.get(bytes..) else { return declined() };
        self.rest = rest;
        Some(())
    }

    /// Moves past `literal`.
    #[inline(always)]
    pub(super) fn expect<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        if self.accept(literal) { Some(()) } else { declined() }
    }

    /// Moves past `literal` if it comes next.
    #[inline(always)]
    pub(super) fn accept<const N: usize>(&mut self, literal: &[u8; N]) -> bool {
        let Some((next, rest)) = self.rest.split_first_chunk::<N>() else { return false };
        let is_next = is_same(next, literal);
        if is_next {
            self.rest = rest;
        }
        is_next
    }

    /// Takes the next byte.
    #[inline(always)]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let Some((byte, rest)) = self.rest.split_first() else { return declined() };
        self.rest = rest;
        Some(*byte)
    }
}

/// Whether a text has `literal` at a place.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn is_at<const N: usize>(text: &[u8], at: usize, literal: &[u8; N]) -> bool {
    let there = text.get(at..).and_then(|text| text.first_chunk());
    there.is_some_and(|there| is_same(there, literal))
}

/// Whether two texts are the same: by two words that overlap where arrays of that length would be
/// compared by more than two loads.
#[inline(always)]
fn is_same<const N: usize>(text: &[u8; N], literal: &[u8; N]) -> bool {
    match N {
        7 => match (ends(text), ends(literal)) {
            (Some(text), Some(literal)) => {
                let [first, last] = text.map(|bytes| u32::from_le_bytes(*bytes));
                let [is_first, is_last] = literal.map(|bytes| u32::from_le_bytes(*bytes));
                (first ^ is_first) | (last ^ is_last) == 0
            }
            _ => false,
        },
        11 | 13..16 => match (ends(text), ends(literal)) {
            (Some(text), Some(literal)) => {
                let [first, last] = text.map(|bytes| u64::from_le_bytes(*bytes));
                let [is_first, is_last] = literal.map(|bytes| u64::from_le_bytes(*bytes));
                (first ^ is_first) | (last ^ is_last) == 0
            }
            _ => false,
        },
        _ => text == literal,
    }
}

/// The first and the last `W` bytes.
#[inline(always)]
fn ends<const W: usize, const N: usize>(bytes: &[u8; N]) -> Option<[&[u8; W]; 2]> {
    Some([bytes.first_chunk()?, bytes.last_chunk()?])
}

/// `None`, where that is not expected.
///
/// A call that is cold says so to the compiler. Without it each check is as likely as not, what
/// comes after six of them counts as cold, and no function is inlined there. It is a branch as
/// well: by a conditional move, what follows would wait for what is checked.
#[cold]
#[inline(never)]
pub(super) const fn declined<T>() -> Option<T> {
    None
}
