//! Short texts without heap.

use std::fmt;

use arrayvec::ArrayString;

/// A text of at most `N` bytes, `Copy` and without heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text<const N: usize>(ArrayString<N>);

impl<const N: usize> Text<N> {
    /// The empty text.
    pub const EMPTY: Self = Self(ArrayString::new_const());

    /// Copies a text, or as many of its characters as fit.
    #[must_use]
    pub fn cut(text: &str) -> Self {
        let mut end = text.len().min(N);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(ArrayString::from(text.get(..end).unwrap_or_default()).unwrap_or_default())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let text = "é".repeat(100);
        assert_eq!(Text::<128>::cut(&text).as_str(), "é".repeat(64));
        let odd = Text::<128>::cut(&format!("x{text}"));
        assert_eq!((odd.as_str().len(), odd.as_str().chars().count()), (127, 64));
        assert_eq!(Text::<128>::cut("").as_str(), "");
    }
}
