//! What a client asks of a capture that is served.

use std::collections::HashSet;

use serde_json::{Value, json};

use okx_feed::{Dialect, Event, Topic};

/// The most topics that one client may subscribe.
const MAX_TOPICS: usize = 10_000;

/// What a client has subscribed, by the names that events have.
#[derive(Debug, Default)]
pub(super) struct Topics(HashSet<String>);

impl Topics {
    /// Whether an event is of a subscribed topic.
    fn has(&self, topic: &Topic<'_>) -> bool {
        self.0.contains(&topic.to_string())
    }

    /// Whether anything is subscribed.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an event is for this client: replies are not, since it gets its own.
    pub(super) fn wants(&self, event: &Event<'_>) -> bool {
        match event {
            Event::Book(update) => self.has(&update.topic),
            Event::Trade(update) => self.has(&update.topic),
            Event::Depth(update) => self.has(&update.topic),
            Event::Record(update) => self.has(&update.topic),
            // Its key names the channel and what it is keyed by.
            Event::Skipped(skipped) => self.0.contains(skipped.key),
            _ => false,
        }
    }

    /// Handles a request, and gives the replies.
    pub(super) fn request(&mut self, dialect: Dialect, text: &str) -> Vec<String> {
        if text == "ping" {
            return vec!["pong".to_owned()];
        }
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let op = request.get("op").and_then(Value::as_str).unwrap_or_default();
        let args = request.get("args").and_then(Value::as_array);
        let args = args.map(Vec::as_slice).unwrap_or_default();
        match op {
            "subscribe" | "unsubscribe" => {
                args.iter().map(|arg| self.change(dialect, op, &request, arg)).collect()
            }
            "login" if dialect == Dialect::V3 => {
                vec![json!({"event": op, "success": true}).to_string()]
            }
            "login" => vec![json!({"event": op, "code": "0", "msg": ""}).to_string()],
            _ => vec![refusal(dialect, "unknown request")],
        }
    }

    fn change(&mut self, dialect: Dialect, op: &str, request: &Value, arg: &Value) -> String {
        let text =
            |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, reply) = match dialect {
            Dialect::V3 => (text(Some(arg)), json!({"event": op, "channel": arg})),
            Dialect::V5 => {
                let name = format!("{}:{}", text(arg.get("channel")), text(arg.get("instId")));
                let mut reply = json!({"event": op, "arg": arg, "connId": "00000000"});
                if let (Some(id), Some(reply)) = (request.get("id"), reply.as_object_mut()) {
                    reply.insert("id".to_owned(), id.clone());
                }
                (name, reply)
            }
        };
        if op == "unsubscribe" {
            self.0.remove(&name);
        } else if self.0.len() >= MAX_TOPICS {
            return refusal(dialect, "too many subscriptions");
        } else {
            self.0.insert(name);
        }
        reply.to_string()
    }
}

fn refusal(dialect: Dialect, why: &str) -> String {
    match dialect {
        Dialect::V3 => json!({"event": "error", "message": why, "errorCode": 30040}).to_string(),
        Dialect::V5 => json!({"event": "error", "code": "60012", "msg": why}).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use okx_feed::model::Channel;

    #[test]
    fn requests_are_answered_as_each_dialect_does() {
        let mut topics = Topics::default();
        let request = r#"{"id":"7","op":"subscribe","args":[{"channel":"trades","instId":"A"}]}"#;
        let replies = topics.request(Dialect::V5, request);
        let reply: Value = serde_json::from_str(&replies[0]).unwrap();
        assert_eq!((&reply["id"], &reply["arg"]["instId"]), (&json!("7"), &json!("A")));
        assert!(topics.has(&Topic::v5(Channel::Trades, "A")));
        assert_eq!(topics.request(Dialect::V5, "ping"), ["pong"]);
        topics.request(Dialect::V5, &request.replace("subscribe", "unsubscribe"));
        assert!(topics.is_empty());
        let replies = topics.request(Dialect::V3, r#"{"op":"subscribe","args":["spot/trade:A"]}"#);
        assert_eq!(replies, [r#"{"channel":"spot/trade:A","event":"subscribe"}"#]);
        for wrong in ["", "{", "[]", r#"{"op":1}"#, r#"{"op":"x"}"#] {
            assert!(topics.request(Dialect::V5, wrong)[0].contains("60012"), "{wrong}");
        }
        assert!(topics.request(Dialect::V5, r#"{"op":"subscribe"}"#).is_empty());
    }
}
