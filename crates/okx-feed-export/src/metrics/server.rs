//! The HTTP side of the metrics.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;

use super::collector::Metrics;
use super::health::{health, readiness};
use crate::http::HttpServer;

/// The type of Prometheus' text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves `/metrics`, `/healthz` and `/readyz` on `addr`, on a thread of its own, until the server
/// is dropped. No page needs a password: whoever reaches the address can read them.
///
/// # Errors
/// Where the address can't be listened on.
pub fn serve(addr: SocketAddr, metrics: Metrics) -> io::Result<HttpServer> {
    HttpServer::start("okx-metrics", addr, move || routes(metrics))
}

fn routes(metrics: Metrics) -> Router {
    let of_health = metrics.feeds().clone();
    let of_readiness = of_health.clone();
    Router::new()
        .route("/", get(|| async { "okx-feed: /metrics /healthz /readyz\n" }))
        .route(
            "/metrics",
            get(move || async move { ([(header::CONTENT_TYPE, TEXT)], metrics.text()) }),
        )
        .route("/healthz", get(move || async move { page(health(&of_health)) }))
        .route("/readyz", get(move || async move { page(readiness(&of_readiness)) }))
}

fn page((is_good, report): (bool, Value)) -> Response {
    let status = if is_good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{report}\n")).into_response()
}
