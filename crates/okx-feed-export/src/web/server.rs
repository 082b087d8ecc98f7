//! The HTTP side of the page.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, RawQuery};
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::access::{self, Token};
use super::assets::{ASSETS, secure};
use super::sampler::{self, Shared};
use super::stream::Page;
use super::target::Target;
use crate::feeds::Feeds;
use crate::http::HttpServer;

/// The longest form with a token.
const MAX_FORM_LEN: usize = 1024;

/// Why the page can't be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// An address that other machines reach, without a token.
    #[error("the page at {0} could be seen by other machines; it needs a token there")]
    NeedsToken(SocketAddr),
    /// The address can't be listened on.
    #[error("can't listen on {addr}: {source}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Serves the page on `addr`, on a thread of its own, until the server is dropped. On an address
/// that is not loopback a `token` is needed; HTTP does not hide it on the way, so a proxy with TLS
/// or a tunnel belongs before it.
///
/// # Errors
/// [`WebError`].
pub fn serve(addr: SocketAddr, feeds: Feeds, token: Option<Token>) -> Result<HttpServer, WebError> {
    if !addr.ip().is_loopback() && token.is_none() {
        return Err(WebError::NeedsToken(addr));
    }
    let start = move || {
        let shared = Arc::new(Shared::default());
        drop(tokio::spawn(sampler::run(feeds.clone(), Arc::clone(&shared))));
        routes(feeds, shared, token)
    };
    HttpServer::start("okx-web", addr, start).map_err(|source| WebError::Listen { addr, source })
}

fn routes(feeds: Feeds, shared: Arc<Shared>, token: Option<Token>) -> Router {
    let mut pages = Router::new();
    for asset in ASSETS {
        pages = pages.route(asset.path, get(move || async move { asset.response() }));
    }
    let events = move |RawQuery(query): RawQuery| async move {
        events(&feeds, &shared, query.as_deref().unwrap_or_default())
    };
    let pages =
        pages.route("/events", get(events)).layer(from_fn_with_state(token.clone(), access::check));
    let log_in = move |form: String| async move { access::log_in(token.as_ref(), &form) };
    let log_in = post(log_in).layer(DefaultBodyLimit::max(MAX_FORM_LEN));
    pages.route("/login", log_in).layer(map_response(secure))
}

fn events(feeds: &Feeds, shared: &Arc<Shared>, query: &str) -> Response {
    let Some(target) = Target::find(feeds, query) else {
        return (StatusCode::SERVICE_UNAVAILABLE, "nothing is subscribed\n").into_response();
    };
    match Page::open(shared, target) {
        Some(page) => {
            let headers = [(header::CONTENT_TYPE, "text/event-stream")];
            // A proxy that gathers an answer before it passes it on would make the page stale.
            let at_once = [("x-accel-buffering", "no")];
            (headers, at_once, Body::from_stream(page.events())).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response(),
    }
}
