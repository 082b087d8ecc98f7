//! What clients ask for, and what the exchange refuses, in the words common to both dialects.

use serde_json::Value;

/// A client's message, read by its dialect's own parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The text `ping`.
    Ping,
    /// `subscribe` or `unsubscribe`.
    Channels { id: Option<String>, op: Op, args: Vec<Arg> },
    /// `login`.
    Login { id: Option<String> },
}

impl Request {
    /// The id that the client gave it.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Channels { id, .. } | Self::Login { id } => id.as_deref(),
            Self::Ping => None,
        }
    }
}

/// What a request does to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Subscribe,
    Unsubscribe,
}

impl Op {
    /// The name on the wire, in requests and in acknowledgements.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "subscribe" => Some(Self::Subscribe),
            "unsubscribe" => Some(Self::Unsubscribe),
            _ => None,
        }
    }
}

/// One argument of a request, as text. Whether the names exist is checked later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arg {
    /// v3's market, the part before the slash; empty in v5.
    pub(crate) market: String,
    pub(crate) channel: String,
    /// The instrument, or what else the channel is keyed by.
    pub(crate) inst_id: String,
    /// The instrument's number, which SBE's path takes in the place of the id.
    pub(crate) code: Option<i64>,
    /// v5's members besides the channel, the narrowest last.
    pub(crate) members: Vec<(&'static str, String)>,
    /// The bytes that count towards the limit on a request's arguments.
    pub(crate) bytes: usize,
}

impl Arg {
    /// A member of v5's argument.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        let found = self.members.iter().find(|(member, _)| *member == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// An error reply: the exchange's code and text, and the id of the request if it had one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErrorReply {
    pub(crate) id: Option<String>,
    pub(crate) code: u32,
    pub(crate) message: String,
}

impl ErrorReply {
    pub(crate) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { id: None, code, message: message.into() }
    }

    pub(crate) fn with_id(mut self, id: Option<&str>) -> Self {
        self.id = id.map(str::to_owned);
        self
    }
}

/// A text as a JSON string, quotes and escapes included.
pub(crate) fn json_string(text: &str) -> String {
    Value::from(text).to_string()
}
