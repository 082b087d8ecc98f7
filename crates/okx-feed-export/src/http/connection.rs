//! One connection, and what a client may take of it: time and memory.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use super::limited::Limited;

/// How long the head of a request may take, from the end of the request before it.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// How long the body of a request and its answer may take, without the body of the answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The longest head of a request, and how much of an answer waits for its client besides the last
/// piece.
const MAX_BUFFER_LEN: usize = 16 << 10;

/// The routes, with the limit of their answers.
pub(super) fn in_time(routes: Router) -> Router {
    routes.layer(from_fn(answer_in_time))
}

async fn answer_in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_LIMIT, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "too slow\n").into_response(),
    }
}

/// Answers the requests of one connection until either side ends it.
pub(super) async fn serve<I>(io: I, routes: Router)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let io = TokioIo::new(Limited::new(io));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(MAX_BUFFER_LEN)
        .serve_connection(io, TowerToHyperService::new(routes));
    // A client that breaks the protocol, is too slow or is gone concerns nobody else.
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an HTTP connection has ended");
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use axum::routing::{get, post};
    use futures_util::stream::{repeat_with, unfold};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, sleep};

    use super::super::limited::WRITE_LIMIT;
    use super::*;

    /// How many pieces a stream has given.
    type Given = Arc<AtomicUsize>;

    fn routes(given: &Given) -> Router {
        let (fast, slow) = (Arc::clone(given), Arc::clone(given));
        let endless = move || {
            let given = Arc::clone(&fast);
            let piece = move || {
                given.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>("x".repeat(1_000))
            };
            async move { Body::from_stream(repeat_with(piece)) }
        };
        let ticking = move || {
            let given = Arc::clone(&slow);
            async move {
                Body::from_stream(unfold(given, |given| async move {
                    sleep(Duration::from_secs(60)).await;
                    given.fetch_add(1, Ordering::Relaxed);
                    Some((Ok::<_, Infallible>("tick".to_owned()), given))
                }))
            }
        };
        in_time(
            Router::new()
                .route("/", get(|| async { "hello" }))
                .route("/form", post(|form: String| async move { form }))
                .route("/endless", get(endless))
                .route("/ticking", get(ticking)),
        )
    }

    fn open(given: &Given) -> (DuplexStream, JoinHandle<()>) {
        let (client, server) = duplex(4_096);
        (client, tokio::spawn(serve(server, routes(given))))
    }

    fn is_near(start: Instant, limit: Duration) -> bool {
        (limit..limit + Duration::from_secs(2)).contains(&start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_ends_the_connection() {
        let (start, given) = (Instant::now(), Given::default());
        let (mut client, served) = open(&given);
        let trickle = async {
            loop {
                if client.write_all(b"G").await.is_err() {
                    break;
                }
                sleep(Duration::from_millis(500)).await;
            }
        };
        trickle.await;
        served.await.unwrap();
        assert!(is_near(start, HEAD_LIMIT), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_ends_and_so_does_one_after_its_request() {
        let (start, given) = (Instant::now(), Given::default());
        let (_silent, served) = open(&given);
        served.await.unwrap();
        assert!(is_near(start, HEAD_LIMIT), "{:?}", start.elapsed());

        let (mut client, served) = open(&given);
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
        served.await.unwrap();
        assert!(is_near(start, HEAD_LIMIT * 2), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_refused() {
        let (start, given) = (Instant::now(), Given::default());
        let (mut client, served) = open(&given);
        let head = b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc";
        client.write_all(head).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        served.await.unwrap();
        assert!(start.elapsed() < ANSWER_LIMIT + HEAD_LIMIT + Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_reads_is_left_and_costs_little_memory() {
        let (start, given) = (Instant::now(), Given::default());
        let (mut client, served) = open(&given);
        client.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        served.await.unwrap();
        assert!(is_near(start, WRITE_LIMIT), "{:?}", start.elapsed());
        let given = given.load(Ordering::Relaxed);
        assert!((4..100).contains(&given), "{given} pieces of 1,000 bytes wait");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_read_may_be_silent_for_longer() {
        let given = Given::default();
        let (mut client, served) = open(&given);
        client.write_all(b"GET /ticking HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut buf = [0; 1_024];
        while given.load(Ordering::Relaxed) < 5 {
            assert!(client.read(&mut buf).await.unwrap() > 0);
        }
        drop(client);
        served.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_huge_head_and_a_broken_one_are_refused() {
        let given = Given::default();
        let huge = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(200_000));
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(1_000));
        for (request, status) in [
            (huge.as_str(), "431"),
            (many.as_str(), "431"),
            ("GET / HTTP/9.9\r\n\r\n", "400"),
            ("\0\0\0\0\r\n\r\n", "400"),
            ("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
            ("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
            ("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "200"),
        ] {
            let (client, served) = open(&given);
            let (mut reader, mut writer) = tokio::io::split(client);
            let request = request.as_bytes().to_vec();
            // It may end before all of it was sent.
            let send = tokio::spawn(async move { drop(writer.write_all(&request).await) });
            let mut answer = Vec::new();
            drop(reader.read_to_end(&mut answer).await);
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer}");
            assert!(!answer.ends_with("hello"));
            drop(reader);
            served.await.unwrap();
            send.abort();
        }
    }
}
