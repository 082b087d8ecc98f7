//! The faults of the runs.

use okx_feed::Dialect;

/// Faults of the transport, of messages and of answers.
const COMMON: [&str; 28] = [
    "drop",
    "rst",
    "halfopen",
    "stall:for=1s",
    "stall:for=9s",
    "trickle",
    "fragment",
    "badframe",
    "corrupt",
    "corrupt:p=0.3,times=5",
    "truncate",
    "giant:bytes=70000",
    "bomb:bytes=70000",
    "noack:times=3",
    "ignore:times=2",
    "ignore:times=4",
    "error:times=2",
    "close:code=4004",
    "close:code=4005",
    "notice:after=3s",
    "snapshot",
    "gap",
    "gap:each=3,times=2",
    "repeat:times=3",
    "reorder",
    "checksum",
    "checksum:each=2,times=2",
    "reorder:times=3",
];

/// Open connections without data, or without some of it. Without a `for` only a reconnect helps.
const SILENT: [&[&str]; 12] = [
    &["silence"],
    &["silence:for=3s"],
    &["silence:for=9s"],
    &["silence:on=any,for=4s"],
    &["silence:on=reply,for=4s"],
    &["silence:on=any", "wsping:every=500ms"],
    &["wsping:every=300ms"],
    &["forget"],
    &["unsub"],
    &["unsub", "nodata:p=1,times=2"],
    &["nodata:p=1,times=2", "drop"],
    &["forget", "ignore:p=1,times=3"],
];

/// Errors of requests, and errors without a request. A fault that waits for a request comes with
/// one that makes the client send it.
const ERRORS: [&[&str]; 14] = [
    &["stray:names=other"],
    &["stray:names=live"],
    &["stray:names=live", "stray:names=live", "stray:names=other"],
    &["stray:names=none,code=50026"],
    &["stray:names=other,p=1,times=3", "forget"],
    &["stray:names=live,p=1,times=3", "gap"],
    &["stray:names=live,id=own,p=1,times=2", "gap"],
    &["stray:names=other,id=own,p=1,times=2", "gap"],
    &["stray:names=live,id=other,p=1,times=2", "unsub"],
    &["stray:names=none,p=1,times=2", "unsub"],
    &["stray:names=other,p=1,times=2", "noack:times=2", "gap"],
    &["close:code=4008"],
    &["close:code=4009"],
    &["stray:names=live", "close:code=4008"],
];

/// The error with which an argument or a request is refused, for a while.
const V5_CODES: [u16; 15] = [
    50001, 50004, 50011, 50013, 50026, 50040, 50061, 60011, 60012, 60013, 60014, 60018, 63999,
    64003, 64007,
];
const V3_CODES: [u16; 7] = [30008, 30026, 30039, 30040, 30041, 30043, 30014];

/// The next fault of one connection.
pub(crate) fn pick(random: &mut fastrand::Rng, dialect: Dialect, channels: &[&str]) -> Vec<String> {
    let all = |rules: &[&str]| rules.iter().map(|rule| (*rule).to_owned()).collect();
    match random.u8(..6) {
        0 | 1 => all(&[COMMON[random.usize(..COMMON.len())]]),
        2 => all(SILENT[random.usize(..SILENT.len())]),
        3 => all(ERRORS[random.usize(..ERRORS.len())]),
        4 => vec![quiet_channel(random, channels)],
        _ => refusal(random, dialect),
    }
}

/// One channel has no data, or is not acknowledged.
fn quiet_channel(random: &mut fastrand::Rng, channels: &[&str]) -> String {
    let channel = channels[random.usize(..channels.len())];
    let kinds = [
        "silence:for=4s",
        "silence:for=12s",
        "forget",
        "unsub",
        "nodata:p=1,times=2",
        "ignore:p=1,times=3",
        "error:code=60018,times=3",
    ];
    let kind = kinds[random.usize(..kinds.len())];
    let colon = if kind.contains(':') { ',' } else { ':' };
    format!("{kind}{colon}channel={channel}")
}

/// Some subscriptions are refused, and something makes the client send them.
fn refusal(random: &mut fastrand::Rng, dialect: Dialect) -> Vec<String> {
    let codes: &[_] = if dialect == Dialect::V3 { &V3_CODES } else { &V5_CODES };
    let code = codes[random.usize(..codes.len())];
    let kind = ["error", "reject"][random.usize(..2)];
    let id = ["own", "none", "other"][random.usize(..3)];
    let cause = ["forget", "unsub", "gap", "checksum", "snapshot"][random.usize(..5)];
    let times = random.u8(1..4);
    vec![format!("{kind}:code={code},id={id},p=1,times={times}"), cause.to_owned()]
}
