//! The embedded exchange, a client's decoders and a REST caller, on a virtual clock.

use std::collections::VecDeque;
use std::time::Duration;

use okx_feed::feed::DepthOptions;
use okx_feed::rest::{Caller, Reply, Request, RestError, RetryConfig, Step};
use okx_feed::sim::{ConnectionId, Endpoint, Exchange, Outbound};
use okx_feed::{
    BookState, Dialect, EventSink, FeedHandler, Frame, MonoNanos, Subscription, UnixNanos,
};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// One line to the exchange: what is subscribed, and whether it is connected.
pub(crate) struct Line {
    endpoint: Endpoint,
    pub(crate) handler: FeedHandler,
    id: Option<ConnectionId>,
    /// When it is lost, or connected again.
    pub(crate) change_at: MonoNanos,
}

impl Line {
    pub(crate) fn new(endpoint: Endpoint, subscription: Subscription) -> Self {
        let mut handler = FeedHandler::new(Dialect::V5);
        let options = DepthOptions { keep_updates: true, ..DepthOptions::default() };
        handler.set_depth_options(options);
        handler.subscribe(subscription).unwrap();
        Self { endpoint, handler, id: None, change_at: MonoNanos::ZERO }
    }

    /// Loses the connection, or opens one.
    pub(crate) fn change(
        &mut self,
        exchange: &mut Exchange,
        now: MonoNanos,
        sink: &mut impl EventSink,
    ) {
        let wall = exchange.market().wall(now);
        if let Some(id) = self.id.take() {
            exchange.disconnect(id);
            return self.handler.set_all_states(BookState::Connecting, wall, sink);
        }
        let id = exchange.connect(self.endpoint, now);
        self.id = Some(id);
        self.subscribe(exchange, now, sink);
    }

    /// Sends the request of what is subscribed.
    pub(crate) fn subscribe(
        &mut self,
        exchange: &mut Exchange,
        now: MonoNanos,
        sink: &mut impl EventSink,
    ) {
        let Some(id) = self.id else { return };
        let subscription = *self.handler.slots().iter().next().unwrap().subscription();
        let (channel, inst_id) = (subscription.channel().name(), subscription.inst_id());
        for op in ["unsubscribe", "subscribe"] {
            let text = format!(
                r#"{{"op":"{op}","args":[{{"channel":"{channel}","instId":"{inst_id}"}}]}}"#
            );
            exchange.receive(id, text.as_bytes(), now);
        }
        let wall = exchange.market().wall(now);
        self.handler.set_all_states(BookState::AwaitingSnapshot, wall, sink);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.id.is_some()
    }

    /// Handles what the exchange has sent; a fault of the transport ends the connection.
    pub(crate) fn receive(
        &mut self,
        exchange: &mut Exchange,
        now: MonoNanos,
        sink: &mut impl EventSink,
    ) {
        let Some(id) = self.id else { return };
        let wall = exchange.market().wall(now);
        while let Some(message) = exchange.poll_transmit(id) {
            match message {
                // What can't be decoded is lost.
                Outbound::Text(text) => {
                    let _ = self.handler.on_frame(Frame::Text(text.as_bytes()), wall, sink);
                }
                Outbound::Binary(bytes) => {
                    let _ = self.handler.on_frame(Frame::Binary(&bytes), wall, sink);
                }
                Outbound::Close { .. } | Outbound::Fault(_) => {
                    self.change_at = now + 200 * MS;
                    return self.change(exchange, now, sink);
                }
            }
        }
    }
}

/// Sends requests to the exchange, each of which takes a while.
pub(crate) struct Rest {
    pub(crate) caller: Caller,
    on_the_way: VecDeque<(MonoNanos, Reply)>,
    random: fastrand::Rng,
}

impl Rest {
    pub(crate) fn new(seed: u64) -> Self {
        let caller = Caller::new(RetryConfig::default(), seed);
        Self { caller, on_the_way: VecDeque::new(), random: fastrand::Rng::with_seed(seed) }
    }

    pub(crate) fn start(&mut self, request: Request, pause: Duration, now: MonoNanos) {
        self.caller.start(request, now + pause);
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self, now: MonoNanos) -> MonoNanos {
        match (self.on_the_way.front(), self.caller.poll(now)) {
            (Some((at, _)), _) => *at,
            (None, Step::Wait(at)) => at,
            (None, Step::Send) => now,
            (None, Step::Idle) => MonoNanos(u64::MAX),
        }
    }

    /// Sends and receives what is due; the rows of a reply, or the error that ends its request.
    pub(crate) fn step(
        &mut self,
        exchange: &mut Exchange,
        now: MonoNanos,
    ) -> Option<Result<String, RestError>> {
        if let Some((at, reply)) = self.on_the_way.front() {
            if *at > now {
                return None;
            }
            let result = self.caller.on_reply(Ok(reply), now);
            self.on_the_way.pop_front();
            return result;
        }
        if self.caller.poll(now) == Step::Send {
            let target = self.caller.request().unwrap().target().to_owned();
            let reply = exchange.rest("me", &target, now);
            let mut body = reply.body.into_bytes();
            if reply.cut {
                body.truncate(body.len() / 2);
            }
            let (status, retry_after) = (reply.status, reply.retry_after);
            let delay = Duration::from_millis(self.random.u64(1..120));
            self.on_the_way.push_back((now + delay, Reply { status, retry_after, body }));
        }
        None
    }
}

/// The wall-clock time of a virtual time.
pub(crate) fn wall(exchange: &Exchange, now: MonoNanos) -> UnixNanos {
    exchange.market().wall(now)
}
