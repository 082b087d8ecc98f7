//! How the exchange answers what a client sends.

use super::connection::{ConnectionId, Ending, Endpoint};
use super::engine::Engine;
use super::error_replies;
use super::request::{Arg, ErrorReply, Op, Request};
use super::{access, v3, v5};
use crate::model::{Channel, Dialect};
use crate::sim::faults::{About, InjectedError};
use crate::sim::market::InstIndex;

/// Answers one message.
pub(crate) fn answer(engine: &mut Engine, id: ConnectionId, message: &[u8]) {
    let now = engine.now;
    let Some(connection) = engine.connections.open_mut(id) else { return };
    let dialect = connection.dialect();
    let text = String::from_utf8_lossy(message);
    let request = match dialect {
        Dialect::V3 => v3::parse_request(&text),
        Dialect::V5 => v5::parse_request(&text),
    };
    if request == Ok(Request::Ping) {
        if connection.endpoint == Endpoint::V5Sbe {
            // It pings by frames of the WebSocket protocol instead.
            return engine.refuse(id, &error_replies::of_request(60_012, "ping"));
        }
        return engine.reply(id, About::Reply, "pong".to_owned());
    }
    if ignores(engine, id, About::Request) {
        return;
    }
    let Some(connection) = engine.connections.open_mut(id) else { return };
    if !connection.admit(&engine.limits, now) {
        engine.connections.limits_broken += 1;
        return engine.refuse(id, &too_many(dialect));
    }
    let request = match request {
        Ok(request) => request,
        Err(refusal) => return engine.refuse(id, &refusal),
    };
    if let Some(InjectedError { code, id: which }) = refuses(engine, id, About::Request) {
        let reply_id = engine.reply_id(id, which, request.id());
        let refusal = error_replies::of_request(code, &text);
        engine.refuse(id, &refusal.with_id(reply_id.as_deref()));
    } else {
        match &request {
            Request::Channels { id: request_id, op, args } => {
                on_channels(engine, id, request_id.as_deref(), *op, args);
            }
            Request::Login { id: request_id } => on_login(engine, id, request_id.as_deref()),
            Request::Ping => {}
        }
    }
    if let (Some(connection), Some(request_id)) = (engine.connections.open_mut(id), request.id()) {
        connection.last_id = Some(request_id.to_owned());
    }
}

/// Subscribes or unsubscribes: first one reply an argument, in their order, then the data.
fn on_channels(
    engine: &mut Engine,
    id: ConnectionId,
    request_id: Option<&str>,
    op: Op,
    args: &[Arg],
) {
    let Some(connection) = engine.connections.open_mut(id) else { return };
    let endpoint = connection.endpoint;
    if !args_fit(engine, id, endpoint, args) {
        return;
    }
    let mut subscribed = Vec::new();
    for arg in args {
        let Some(connection) = engine.connections.open_mut(id) else { return };
        match access::check(&engine.market, engine.tbt_access, connection, op, arg) {
            Ok(topic) => {
                if on_channel(engine, id, request_id, (op, arg), topic) {
                    subscribed.push(topic);
                }
            }
            Err(refusal) => engine.refuse(id, &refusal.with_id(request_id)),
        }
    }
    for (inst, channel) in subscribed {
        engine.send_initial_snapshot(id, inst, channel, About::Push(inst, channel));
    }
}

/// Subscribes or unsubscribes one that is there; true where data follows.
fn on_channel(
    engine: &mut Engine,
    id: ConnectionId,
    request_id: Option<&str>,
    (op, arg): (Op, &Arg),
    (inst, channel): (InstIndex, Channel),
) -> bool {
    let (about, now) = (About::Ack(inst, channel), engine.now);
    if ignores(engine, id, about) {
        return false;
    }
    if let Some(code) = overfull(engine, id, op, (inst, channel)) {
        engine.connections.end(id, Ending::TooManyChannels(code), now);
        return false;
    }
    let faults = engine.connections.faults_of(id);
    let stray = faults.and_then(|(faults, topics, log)| faults.strays(about, topics, now, log));
    if let Some(stray) = stray {
        engine.stray(id, Some(arg), request_id, stray);
    }
    if let Some(InjectedError { code, id: which }) = refuses(engine, id, about) {
        let reply_id = engine.reply_id(id, which, request_id);
        let refusal = error_replies::of_arg(channel.dialect(), code, arg);
        engine.refuse(id, &refusal.with_id(reply_id.as_deref()));
        return false;
    }
    let Some(connection) = engine.connections.open_mut(id) else { return false };
    let text = match channel.dialect() {
        Dialect::V3 => v3::ack(op, arg),
        Dialect::V5 => v5::ack(request_id, op, arg, &connection.conn_id),
    };
    engine.reply(id, about, text);
    let withholds_data = |engine: &mut Engine| {
        let faults = engine.connections.faults_of(id);
        faults.is_some_and(|(faults, _, log)| faults.withholds(about, now, log))
    };
    let served = op == Op::Subscribe && !withholds_data(engine);
    match served {
        true => engine.subscribe(id, inst, channel),
        false => engine.unsubscribe(id, inst, channel),
    }
    served
}

/// The code with which by a fault the connection is closed, where it has too many subscriptions
/// with this one.
fn overfull(
    engine: &mut Engine,
    id: ConnectionId,
    op: Op,
    topic: (InstIndex, Channel),
) -> Option<u16> {
    let subscribed = &engine.connections.open_mut(id)?.subscriptions;
    if op == Op::Unsubscribe || subscribed.contains(&topic) {
        return None;
    }
    let (count, now) = (subscribed.len() + 1, engine.now);
    let (faults, _, log) = engine.connections.faults_of(id)?;
    faults.overfull(count, now, log)
}

/// Whether a fault drops a request, or an argument of one.
fn ignores(engine: &mut Engine, id: ConnectionId, about: About) -> bool {
    let (now, faults) = (engine.now, engine.connections.faults_of(id));
    faults.is_some_and(|(faults, _, log)| faults.ignores(about, now, log))
}

/// How a fault refuses a request, or a subscription.
fn refuses(engine: &mut Engine, id: ConnectionId, about: About) -> Option<InjectedError> {
    let (now, faults) = (engine.now, engine.connections.faults_of(id));
    faults.and_then(|(faults, _, log)| faults.refuses(about, now, log))
}

/// Whether the request's arguments are short enough; where not, it has been refused.
fn args_fit(engine: &mut Engine, id: ConnectionId, endpoint: Endpoint, args: &[Arg]) -> bool {
    let dialect = endpoint.dialect();
    let limit = match dialect {
        Dialect::V3 => engine.limits.v3_args_bytes,
        Dialect::V5 => engine.limits.v5_args_bytes,
    };
    let bytes: usize = args.iter().map(|arg| arg.bytes).sum();
    if limit.is_none_or(|limit| bytes <= limit) {
        return true;
    }
    engine.connections.limits_broken += 1;
    match dialect {
        // What v3 said is not known; that it had the limit is.
        Dialect::V3 => engine.refuse(id, &ErrorReply::new(v3::BAD_REQUEST, "Request too long")),
        Dialect::V5 => engine.connections.end(id, Ending::RequestTooLong, engine.now),
    }
    false
}

fn on_login(engine: &mut Engine, id: ConnectionId, request_id: Option<&str>) {
    let accept = engine.accept_logins;
    let Some(connection) = engine.connections.open_mut(id) else { return };
    connection.logged_in = accept;
    match (connection.dialect(), accept) {
        (Dialect::V3, true) => engine.reply(id, About::Reply, v3::login()),
        (Dialect::V3, false) => {
            engine.refuse(id, &ErrorReply::new(v3::LOGIN_FAILED, "login failure"));
        }
        (Dialect::V5, true) => {
            let message = v5::login(request_id, &connection.conn_id);
            engine.reply(id, About::Reply, message);
        }
        (Dialect::V5, false) => engine.refuse(id, &v5::no_key().with_id(request_id)),
    }
}

fn too_many(dialect: Dialect) -> ErrorReply {
    match dialect {
        Dialect::V3 => {
            ErrorReply::new(v3::TOO_MANY, "Requested too frequently; endpoint limit exceeded")
        }
        Dialect::V5 => ErrorReply::new(v5::TOO_MANY, "Requests too frequent"),
    }
}
