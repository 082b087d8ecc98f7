//! Parses JSON text into values. The only file that uses the JSON parser simd-json.
//!
//! simd-json validates the text and builds a tape. Two properties are not on the tape: the digits
//! of a JSON number as written (`4085.0` must keep its zero), and the byte offset of a value, for
//! errors. Both are read from the index of structural bytes, which has one entry for each brace,
//! bracket, colon, comma, opening quote and first byte of a literal.

use std::cell::RefCell;
use std::fmt;

use simd_json::{Buffers, INPUT_PADDING, Node, StaticNode, Tape};

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::long_numbers;
use crate::model::Decimal;

/// The largest nesting depth of arrays and objects.
///
/// Real messages have a depth of five. The parser has its own stack in memory, so that nesting
/// never uses the thread's stack.
pub(crate) const MAX_JSON_DEPTH: usize = 128;

/// So many digits always fit an `i64`.
const DIGITS_OF_I64: usize = 18;

/// The JSON parser and its reused buffers.
///
/// Allocates when it is made, and for a text that is larger or denser than all before it, bounded
/// by the caller's text limit.
pub(crate) struct JsonParser {
    buffers: Buffers,
    tape: Tape<'static>,
    // A copy, because simd-json unescapes in place and long numbers are blanked, while the digits
    // of numbers are read from the original text.
    text: Vec<u8>,
    /// The byte offset of each node; filled on the first query of a document.
    offsets: Vec<u32>,
}

impl JsonParser {
    /// Makes a parser whose buffers fit texts of up to `text_len` bytes.
    pub(crate) fn new(text_len: usize) -> Self {
        let mut parser = Self {
            buffers: Buffers::with_max_depth(text_len, MAX_JSON_DEPTH),
            tape: Tape(Vec::new()),
            text: Vec::with_capacity(text_len + INPUT_PADDING),
            offsets: Vec::with_capacity(text_len),
        };
        parser.warm_up(text_len);
        parser
    }

    /// Parses `text` and passes the document to `read`.
    ///
    /// # Errors
    /// [`Kind::Json`] if the text is not JSON or nested deeper than
    /// [`DecodeLimits::MAX_JSON_DEPTH`](crate::wire::DecodeLimits::MAX_JSON_DEPTH), or the error of
    /// `read`.
    pub(crate) fn parse<R>(
        &mut self,
        text: &[u8],
        read: impl FnOnce(&Document<'_, '_>) -> Result<R, DecodeError>,
    ) -> Result<R, DecodeError> {
        self.text.clear();
        self.text.extend_from_slice(text);
        long_numbers::blank(&mut self.text);
        self.text.resize(text.len() + INPUT_PADDING, 0);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let filled =
            simd_json::fill_tape_padded(&mut self.text, text.len(), &mut self.buffers, &mut tape);
        let result = match filled {
            Ok(()) => {
                self.offsets.clear();
                read(&Document {
                    text,
                    structurals: self.buffers.structural_indexes(),
                    nodes: &tape.0,
                    offsets: RefCell::new(&mut self.offsets),
                })
            }
            Err(error) => Err(DecodeError::new(Kind::Json, error.index().min(text.len()))),
        };
        self.tape = tape.reset();
        result
    }

    /// Parses a dense text once, so that every buffer is large enough for ordinary frames.
    fn warm_up(&mut self, text_len: usize) {
        let dense = b"[[1,1,1,1]".iter().chain(b",[1,1,1,1]".iter().cycle().take(text_len));
        let mut text: Vec<u8> = dense.copied().collect();
        text.truncate(text.len() / 10 * 10);
        text.push(b']');
        let warm = self.parse(&text, |document| Ok(document.root().offset()));
        debug_assert_eq!(warm, Ok(0));
    }
}

impl fmt::Debug for JsonParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonParser").field("capacity", &self.text.capacity()).finish()
    }
}

/// A parsed text: its values in document order, with their byte offsets.
pub(crate) struct Document<'d, 't> {
    text: &'d [u8],
    structurals: &'d [u32],
    nodes: &'d [Node<'t>],
    /// The byte offset of each node, in order; empty until the first query.
    offsets: RefCell<&'d mut Vec<u32>>,
}

impl<'d, 't> Document<'d, 't> {
    /// The root value.
    pub(crate) fn root(&self) -> Value<'_, 'd, 't> {
        Value { document: self, index: 0 }
    }

    /// The whole text. The parser has checked that it is UTF-8.
    pub(crate) fn text(&self) -> &'d str {
        std::str::from_utf8(self.text).unwrap_or_default()
    }

    /// The byte offset of a node of the tape.
    ///
    /// Each structural byte, except closing and separating ones, starts exactly one node, in order.
    /// The first query costs one pass over them and later queries are constant, so many queries in
    /// any order stay linear.
    fn offset_of(&self, node: usize) -> usize {
        let mut offsets = self.offsets.borrow_mut();
        if offsets.is_empty() {
            offsets.extend(self.structurals.iter().filter(|offset| {
                let byte = usize::try_from(**offset).ok().and_then(|at| self.text.get(at));
                !matches!(byte, Some(b'}' | b']' | b':' | b',') | None)
            }));
        }
        let offset = offsets.get(node).and_then(|offset| usize::try_from(*offset).ok());
        offset.unwrap_or(self.text.len())
    }
}

/// One value of a document.
#[derive(Clone, Copy)]
pub(crate) struct Value<'v, 'd, 't> {
    document: &'v Document<'d, 't>,
    index: usize,
}

impl<'v, 'd, 't> Value<'v, 'd, 't> {
    fn node(self) -> Option<Node<'t>> {
        self.document.nodes.get(self.index).copied()
    }

    /// The byte offset of the value in the text.
    pub(crate) fn offset(self) -> usize {
        self.document.offset_of(self.index)
    }

    /// An error at this value.
    pub(crate) fn error(self, kind: Kind) -> DecodeError {
        DecodeError::new(kind, self.offset())
    }

    /// The members of an object, in the order of the text.
    ///
    /// # Errors
    /// [`Kind::WrongType`] if the value is not an object.
    pub(crate) fn object(self) -> Result<Members<'v, 'd, 't>, DecodeError> {
        match self.node() {
            Some(Node::Object { count, .. }) => Ok(Members(self.children(count))),
            _ => Err(self.error(Kind::WrongType)),
        }
    }

    /// The number of elements of an array, and the elements.
    ///
    /// # Errors
    /// [`Kind::WrongType`] if the value is not an array.
    pub(crate) fn array(self) -> Result<(usize, Elements<'v, 'd, 't>), DecodeError> {
        match self.node() {
            Some(Node::Array { len, count }) => Ok((len, self.children(count))),
            _ => Err(self.error(Kind::WrongType)),
        }
    }

    /// The text of a string, unescaped.
    ///
    /// # Errors
    /// [`Kind::WrongType`] if the value is not a string.
    pub(crate) fn str(self) -> Result<&'t str, DecodeError> {
        match self.node() {
            Some(Node::String(text)) => Ok(text),
            _ => Err(self.error(Kind::WrongType)),
        }
    }

    /// Whether the value is `null`, which is equivalent to a missing field.
    pub(crate) fn is_null(self) -> bool {
        matches!(self.node(), Some(Node::Static(StaticNode::Null)))
    }

    /// The value of `true`, `false`, `"true"` or `"false"`; `None` for anything else.
    pub(crate) fn bool(self) -> Option<bool> {
        match self.node() {
            Some(Node::Static(StaticNode::Bool(value))) => Some(value),
            Some(Node::String("true")) => Some(true),
            Some(Node::String("false")) => Some(false),
            _ => None,
        }
    }

    /// The characters of a number, which the wire writes as a string or as a JSON number.
    ///
    /// # Errors
    /// [`Kind::WrongType`] if the value is neither.
    pub(crate) fn number(self) -> Result<Digits<'t, 'd>, DecodeError> {
        match self.node() {
            Some(Node::String(text)) => Ok(Digits::Quoted(text.as_bytes())),
            Some(Node::Static(StaticNode::I64(_) | StaticNode::U64(_) | StaticNode::F64(_))) => {
                Ok(Digits::Bare(self.bare_number()))
            }
            _ => Err(self.error(Kind::WrongType)),
        }
    }

    /// An exact decimal, from a string or a JSON number, in any notation.
    ///
    /// # Errors
    /// If the value is neither, or the number is not exact as a [`Decimal`].
    pub(crate) fn decimal(self) -> Result<Decimal, DecodeError> {
        Decimal::parse_value(self.number()?.bytes()).map_err(|e| self.error(e.into()))
    }

    /// As [`Value::decimal`], but requires that the decimal reproduces the text.
    ///
    /// # Errors
    /// As [`Value::decimal`], and if the text is not reproduced.
    pub(crate) fn decimal_text(self) -> Result<Decimal, DecodeError> {
        Decimal::parse(self.number()?.bytes()).map_err(|e| self.error(e.into()))
    }

    /// An integer, from a string or a JSON number: digits, with a sign if it is negative.
    ///
    /// # Errors
    /// If the value is neither, or the number is not an integer that fits `T`.
    pub(crate) fn integer<T: TryFrom<i128>>(self) -> Result<T, DecodeError> {
        let digits = self.number()?;
        let text = digits.bytes();
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        // A text that is not reproduced is rejected, as for decimals.
        let padded = text.first() == Some(&b'0') && (text.len() > 1 || negative);
        if text.is_empty() || padded || !text.iter().all(u8::is_ascii_digit) {
            return Err(self.error(Kind::Number));
        }
        let value = if text.len() <= DIGITS_OF_I64 {
            let value = text.iter().fold(0i64, |value, &byte| value * 10 + i64::from(byte - b'0'));
            Some(i128::from(value))
        } else {
            text.iter().try_fold(0i128, |value, &byte| {
                value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))
            })
        };
        let signed = value.map(|value| if negative { -value } else { value });
        let fitting = signed.and_then(|value| T::try_from(value).ok());
        fitting.ok_or_else(|| self.error(Kind::NumberOverflow))
    }

    /// The characters of a JSON number: from its first byte to the first that cannot be part of it.
    fn bare_number(self) -> &'d [u8] {
        let rest = self.document.text.get(self.offset()..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    fn children(self, count: usize) -> Elements<'v, 'd, 't> {
        let start = self.index + 1;
        Elements { document: self.document, next: start, end: start + count }
    }
}

/// The characters of a number, borrowed from their source.
#[derive(Clone, Copy)]
pub(crate) enum Digits<'t, 'd> {
    /// From a string.
    Quoted(&'t [u8]),
    /// From a JSON number.
    Bare(&'d [u8]),
}

impl Digits<'_, '_> {
    pub(crate) const fn bytes(&self) -> &[u8] {
        match self {
            Self::Quoted(bytes) => bytes,
            Self::Bare(bytes) => bytes,
        }
    }
}

/// The elements of an array, in order.
#[derive(Clone, Copy)]
pub(crate) struct Elements<'v, 'd, 't> {
    document: &'v Document<'d, 't>,
    next: usize,
    end: usize,
}

impl<'v, 'd, 't> Iterator for Elements<'v, 'd, 't> {
    type Item = Value<'v, 'd, 't>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let value = Value { document: self.document, index: self.next };
        let below = match value.node()? {
            Node::Object { count, .. } | Node::Array { count, .. } => count,
            _ => 0,
        };
        self.next += 1 + below;
        Some(value)
    }
}

/// The members of an object, in order: keys, unescaped, and values.
pub(crate) struct Members<'v, 'd, 't>(Elements<'v, 'd, 't>);

impl<'v, 'd, 't> Iterator for Members<'v, 'd, 't> {
    type Item = (&'t str, Value<'v, 'd, 't>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.next()?;
        let value = self.0.next()?;
        Some((key.str().ok()?, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<R>(text: &str, read: impl FnOnce(&Document<'_, '_>) -> Result<R, DecodeError>) -> R {
        JsonParser::new(1 << 10).parse(text.as_bytes(), read).unwrap()
    }

    #[test]
    fn numbers_keep_the_digits_of_the_text() {
        let text =
            r#"{"a\"b":[4085.0, "124.0" ,-7,{"x":[]},1e5,[[0.10]]], "z":12345678901234567890123}"#;
        let mut seen = Vec::new();
        read(text, |doc| {
            let mut stack = vec![doc.root()];
            while let Some(value) = stack.pop() {
                if let Ok(digits) = value.number() {
                    seen.push(String::from_utf8(digits.bytes().to_vec()).unwrap());
                }
                let members = value.object().map(|m| m.map(|(_, v)| v).collect::<Vec<_>>());
                let elements = value.array().map(|(_, e)| e.collect::<Vec<_>>());
                stack.extend(members.or(elements).unwrap_or_default().into_iter().rev());
            }
            Ok(())
        });
        assert_eq!(seen, ["4085.0", "124.0", "-7", "1e5", "0.10", "12345678901234567890123"]);
    }

    #[test]
    fn every_value_has_its_byte_offset() {
        let text = r#" { "k\"ey" : [ 1 , "a\\" , true ] , "o" : { "n" : null } }"#;
        read(text, |doc| {
            let members: Vec<_> = doc.root().object()?.collect();
            let [(key, array), (other, object)] = members[..] else { panic!() };
            assert_eq!((key, other), ("k\"ey", "o"));
            let offsets: Vec<_> = array.array()?.1.map(Value::offset).collect();
            assert_eq!(offsets, [15, 19, 27]);
            let null = object.object()?.next().unwrap().1;
            assert_eq!(&text[null.offset()..null.offset() + 4], "null");
            // Queries in reverse order are allowed.
            assert_eq!(array.offset(), 13);
            assert_eq!(doc.root().offset(), 1);
            Ok(())
        });
    }

    #[test]
    fn integers_are_checked() {
        let text = r#"["12",-1,"1.0","",256,"00",99999999999999999999999999999999999999999]"#;
        read(text, |doc| {
            let values: Vec<_> = doc.root().array()?.1.collect();
            assert_eq!(values[0].integer::<u8>(), Ok(12));
            assert_eq!(values[1].integer::<i64>(), Ok(-1));
            assert_eq!(values[1].integer::<u32>().unwrap_err().kind, Kind::NumberOverflow);
            assert_eq!(values[2].integer::<u32>().unwrap_err().kind, Kind::Number);
            assert_eq!(values[3].integer::<u32>().unwrap_err().kind, Kind::Number);
            assert_eq!(
                values[4].integer::<u8>().unwrap_err(),
                values[4].error(Kind::NumberOverflow)
            );
            assert_eq!(values[5].integer::<u8>().unwrap_err().kind, Kind::Number);
            assert_eq!(values[6].integer::<i128>().unwrap_err().kind, Kind::NumberOverflow);
            Ok(())
        });
    }

    #[test]
    fn invalid_json_is_rejected() {
        let mut parser = JsonParser::new(64);
        for text in [
            &b""[..],
            b" ",
            b"{",
            b"{}x",
            b"[1,]",
            b"{\"a\":}",
            b"nul",
            b"\"\x01\"",
            b"\"\xff\"",
            b"[01]",
            b"pong",
            b"{} {}",
            b"\"\\x\"",
            b"[1e]",
            b"[-]",
            b"[.5]",
            b"[5.]",
        ] {
            let result = parser.parse(text, |_| Ok(()));
            assert_eq!(result.unwrap_err().kind, Kind::Json, "{:?}", text.escape_ascii());
        }
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parser.parse(deep(MAX_JSON_DEPTH).as_bytes(), |_| Ok(())).is_ok());
        assert!(parser.parse(deep(MAX_JSON_DEPTH + 1).as_bytes(), |_| Ok(())).is_err());
        assert!(parser.parse("[".repeat(4096).as_bytes(), |_| Ok(())).is_err());
    }
}
