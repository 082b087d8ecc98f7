//! A message as a tree, so that it can be changed field by field, and its ways of being written.

use super::choices::Choices;

/// A JSON value that is going to be written.
#[derive(Clone, Debug)]
pub enum Node {
    /// Written unchanged: numbers, `true`, `null`, and invalid JSON.
    Raw(String),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Node {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn raw(text: impl Into<String>) -> Self {
        Self::Raw(text.into())
    }

    pub fn object(members: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// The number of nodes, itself included.
    fn count(&self) -> usize {
        match self {
            Self::Raw(_) | Self::Text(_) => 1,
            Self::List(nodes) => 1 + nodes.iter().map(Self::count).sum::<usize>(),
            Self::Object(members) => 1 + members.iter().map(|(_, n)| n.count()).sum::<usize>(),
        }
    }

    /// The node of a number, counted in document order from 0.
    fn at(&mut self, number: usize) -> Option<&mut Self> {
        if number == 0 {
            return Some(self);
        }
        let mut left = number - 1;
        let below: Vec<&mut Self> = match self {
            Self::Raw(_) | Self::Text(_) => return None,
            Self::List(nodes) => nodes.iter_mut().collect(),
            Self::Object(members) => members.iter_mut().map(|(_, node)| node).collect(),
        };
        for node in below {
            let count = node.count();
            if left < count {
                return node.at(left);
            }
            left -= count;
        }
        None
    }
}

/// Values at a limit, or of another type than the field's.
const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "-0",
    "0.0",
    "00",
    "01",
    "1.",
    ".5",
    "+1",
    "1e5",
    "1E-2",
    "1E-10",
    "1E+3",
    "0E-8",
    "1.20e-18",
    "12345.0000000000000000",
    "9223372036854775807.000",
    "0.1000000000000000055",
    "-0.00",
    "n/a",
    "1e999",
    "-1e-999",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "0.000000000000000001",
    "0.0000000000000000001",
    "1.000000000000000000",
    "922337203685477580.8",
    "9.223372036854775807",
    "9.223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "4294967295",
    "4294967296",
    "255",
    "256",
    "18446744073709",
    "18446744073710",
    "0009",
    "170141183460469231731687303715884105727",
    "170141183460469231731687303715884105728",
    "340282366920938463463374607431768211456",
    "123456789012345678",
    "1234567890123456789",
    "2021-04-25T08:24:33.352Z",
    "2021-02-29T00:00:00.000Z",
    "1970-01-01T00:00:00.000Z",
    "1969-12-31T23:59:59.999Z",
    "2554-07-21T23:34:33.709Z",
    "2554-07-21T23:34:33.710Z",
    "",
    " 1",
    "buy",
    "sell",
    "partial",
    "snapshot",
    "update",
    "null",
    "true",
    "NaN",
    "\u{e9}\u{1f600}",
    "\0",
    "1234567890123456789012345678901",
    "12345678901234567890123456789012",
    "spot/depth5",
    "a/b/c",
];

/// Changes one thing in the tree: a value, its type, or the set of its members and elements.
pub fn change(choices: &mut Choices<'_>, root: &mut Node) {
    let at = choices.below(root.count());
    let Some(node) = root.at(at) else { return };
    match (choices.below(8), node) {
        (0 | 1, node) => *node = Node::text(choices.pick(VALUES)),
        (2, node) => *node = Node::raw(choices.pick(VALUES)),
        (3, node) => {
            *node = match choices.below(5) {
                0 => Node::raw("null"),
                1 => Node::List(vec![]),
                2 => Node::Object(vec![]),
                3 => Node::raw("true"),
                _ => Node::List(vec![node.clone(), node.clone()]),
            }
        }
        // A string becomes a bare value and the other way round.
        (4, node) => match node {
            Node::Text(text) => *node = Node::Raw(std::mem::take(text)),
            Node::Raw(text) => *node = Node::Text(std::mem::take(text)),
            Node::List(nodes) => nodes.reverse(),
            Node::Object(members) => members.reverse(),
        },
        (what, Node::List(nodes)) if !nodes.is_empty() => {
            let (from, to) = (choices.below(nodes.len()), choices.below(nodes.len()));
            match what {
                5 => drop(nodes.remove(from)),
                6 => nodes.insert(to, nodes[from].clone()),
                _ => nodes.swap(from, to),
            }
        }
        (what, Node::Object(members)) if !members.is_empty() => {
            let (from, to) = (choices.below(members.len()), choices.below(members.len()));
            match what {
                5 => drop(members.remove(from)),
                6 => members.insert(to, members[from].clone()),
                _ => members.swap(from, to),
            }
        }
        (_, Node::Text(text) | Node::Raw(text)) => {
            let digit = char::from(b'0' + u8::try_from(choices.below(10)).unwrap());
            match choices.below(3) {
                0 => text.push(digit),
                1 => text.insert(0, digit),
                _ => drop(text.pop()),
            }
        }
        _ => {}
    }
}

/// The style in which a tree is written.
#[derive(Clone, Copy, Default)]
pub struct Style {
    /// Spaces and line ends between the tokens.
    pub spaced: bool,
    /// Some characters of strings as `\u` escapes.
    pub escaped: bool,
}

pub fn write(choices: &mut Choices<'_>, style: Style, node: &Node) -> String {
    let mut out = String::new();
    put(choices, style, node, &mut out);
    out
}

fn put(choices: &mut Choices<'_>, style: Style, node: &Node, out: &mut String) {
    space(choices, style, out);
    match node {
        Node::Raw(text) => out.push_str(text),
        Node::Text(text) => put_text(choices, style, text, out),
        Node::List(nodes) => {
            out.push('[');
            for (at, node) in nodes.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                put(choices, style, node, out);
            }
            space(choices, style, out);
            out.push(']');
        }
        Node::Object(members) => {
            out.push('{');
            for (at, (key, node)) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                space(choices, style, out);
                put_text(choices, style, key, out);
                space(choices, style, out);
                out.push(':');
                put(choices, style, node, out);
            }
            space(choices, style, out);
            out.push('}');
        }
    }
    space(choices, style, out);
}

fn space(choices: &mut Choices<'_>, style: Style, out: &mut String) {
    if style.spaced {
        out.push_str(choices.pick(&["", " ", "\n", "\t\r\n  "]));
    }
}

fn put_text(choices: &mut Choices<'_>, style: Style, text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if style.escaped && choices.one_in(6) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
            continue;
        }
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
