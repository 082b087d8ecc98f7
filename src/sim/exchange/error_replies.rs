//! The texts of the exchange's errors, by code.

use super::request::{Arg, ErrorReply};
use super::{v3, v5};
use crate::model::Dialect;

/// The error of a code about one argument, in the words that the dialect has for it.
pub(crate) fn naming(dialect: Dialect, code: u16, arg: &Arg) -> ErrorReply {
    let code = u32::from(code);
    let words = match dialect {
        Dialect::V3 => v3::no_channel(arg).message,
        Dialect::V5 => v5::no_channel(arg).message,
    };
    ErrorReply::new(code, words)
}

/// The error of a code that names no argument.
pub(crate) fn naming_nothing(code: u16) -> ErrorReply {
    ErrorReply::new(code.into(), text(code))
}

/// The error with which one argument of a request is refused: it names it where the exchange does.
pub(crate) fn of_arg(dialect: Dialect, code: u16, arg: &Arg) -> ErrorReply {
    match u32::from(code) {
        v3::NO_CHANNEL | v5::NO_CHANNEL => naming(dialect, code, arg),
        _ => naming_nothing(code),
    }
}

/// The error with which a whole request is refused: it repeats it where the exchange does.
pub(crate) fn of_request(code: u16, request: &str) -> ErrorReply {
    match u32::from(code) {
        v3::BAD_REQUEST => ErrorReply::new(code.into(), format!("Unrecognized request: {request}")),
        v5::BAD_REQUEST => ErrorReply::new(code.into(), format!("Invalid request: {request}")),
        _ => naming_nothing(code),
    }
}

/// The words of a code. Source: `docs/PROTOCOL.md` 3.2 and the exchange's list of
/// error codes; some are shortened.
const fn text(code: u16) -> &'static str {
    match code {
        30_008 => "Request timestamp expired",
        30_026 => "Requested too frequently; endpoint limit exceeded",
        30_039 => "Unrecognized request",
        30_041 => "User not logged in / User must be logged in to connect",
        30_043 => "Internal system error",
        50_001 => "Service temporarily unavailable. Try again later",
        50_004 => "API endpoint request timeout",
        50_011 => "Rate limit reached. Please refer to API documentation and throttle requests",
        50_013 => "Systems are busy. Please try again later.",
        50_026 => "System error. Try again later",
        50_040 => "Too frequent operations. Please try again later",
        50_061 => "Sub-account rate limit exceeded",
        60_011 => "Please log in",
        60_012 => "Invalid request",
        60_013 => "Invalid args",
        60_014 => "Requests too frequent",
        64_003 => "Your trading fee tier doesn't meet the requirement to access this channel",
        _ => "Internal system error",
    }
}
