//! Acknowledgements of JetStream.

use serde::Deserialize;

/// What the server says of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ack {
    Stored,
    Duplicate,
    Refused(String),
}

/// The codes of errors that are of the moment: too many messages wait, or there is no room for now.
/// As HTTP's.
const NOT_NOW: [u16; 2] = [429, 503];

impl Ack {
    /// Reads one. `None` if the server takes nothing for now, such as a status instead of an
    /// answer: no stream has the subject, or the server has not read its streams again yet.
    pub(super) fn of(is_status: bool, payload: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Refusal {
            code: u16,
            #[serde(default)]
            description: String,
        }
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            duplicate: bool,
            error: Option<Refusal>,
        }
        if is_status {
            return None;
        }
        let answer: Answer = match serde_json::from_slice(payload) {
            Ok(answer) => answer,
            Err(error) => return Some(Self::Refused(error.to_string())),
        };
        match answer.error {
            Some(Refusal { code, .. }) if NOT_NOW.contains(&code) => None,
            Some(Refusal { code, description }) => {
                Some(Self::Refused(format!("{description} ({code})")))
            }
            None if answer.duplicate => Some(Self::Duplicate),
            None => Some(Self::Stored),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_for_now_is_no_answer() {
        let of = |text: &str| Ack::of(false, text.as_bytes());
        assert_eq!(of(r#"{"stream":"MD_OKX","seq":7}"#), Some(Ack::Stored));
        let duplicate = r#"{"stream":"MD_OKX","seq":7,"duplicate":true}"#;
        assert_eq!(of(duplicate), Some(Ack::Duplicate));
        let error = |code| {
            format!(r#"{{"error":{{"code":{code},"err_code":1,"description":"no"}},"stream":"M"}}"#)
        };
        assert_eq!(of(&error(400)), Some(Ack::Refused("no (400)".to_owned())));
        assert_eq!((of(&error(429)), of(&error(503)), Ack::of(true, b"")), (None, None, None));
        assert!(matches!(of("{"), Some(Ack::Refused(_))));
    }
}
