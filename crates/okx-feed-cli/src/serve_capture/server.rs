//! A WebSocket server that plays captures to each client.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;

use super::lines::{FreeLines, Line};
use super::player::{Outgoing, Playlist, play};
use super::requests::Topics;
use crate::certificate::Certificate;
use crate::error::{CliError, Outcome, say};
use crate::format::Counted;
use crate::interrupt::Interrupt;
use okx_feed::Dialect;
use okx_feed::sim::server_config;

/// Frames that wait for a client that reads slowly, before the capture waits for it.
const WAITING: usize = 1_024;

/// How long no client is accepted after one could not be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(5);

/// How long clients have to close their connections at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What the clients share.
struct Shared {
    playlist: Playlist,
    lines: FreeLines,
    tls: Option<TlsAcceptor>,
}

/// Serves until Ctrl-C, over TLS where there is a certificate.
///
/// # Errors
/// If the address can't be listened on.
pub(crate) fn run(
    listen: &str,
    playlist: Playlist,
    certificate: Option<&Certificate>,
) -> Result<Outcome, CliError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let tls = certificate.map(acceptor).transpose().map_err(CliError::Start)?;
    let lines = FreeLines::new(playlist.lines);
    let shared = Arc::new(Shared { playlist, lines, tls });
    let served = runtime.block_on(listen_on(listen, &shared));
    // A player may be asleep for as long as the capture is.
    runtime.shutdown_background();
    served.map(|()| Outcome::Clean)
}

fn acceptor(made: &Certificate) -> io::Result<TlsAcceptor> {
    Ok(TlsAcceptor::from(server_config(made.chain.as_bytes(), made.key.as_bytes())?))
}

async fn listen_on(listen: &str, shared: &Arc<Shared>) -> Result<(), CliError> {
    let mut interrupt = Interrupt::listen().map_err(CliError::Start)?;
    let listener = TcpListener::bind(listen).await;
    let failed = |source| CliError::Listen { addr: listen.to_owned(), source };
    let listener = listener.map_err(failed)?;
    greet(&shared.playlist, shared.tls.is_some(), listener.local_addr().map_err(failed)?);
    let ended = watch::Sender::new(false);
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            () = interrupt.wait() => break,
            Some(_) = clients.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    clients.spawn(accept(stream, Arc::clone(shared), ended.subscribe()));
                }
                // Too many open files, most likely: others may close theirs.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    ended.send_replace(true);
    let closing = async { while clients.join_next().await.is_some() {} };
    // Those that do not answer lose their connection.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
    Ok(())
}

/// Prints the address and what is served there.
fn greet(playlist: &Playlist, is_tls: bool, addr: std::net::SocketAddr) {
    if !addr.ip().is_loopback() {
        say(format_args!("warning: {addr} can be reached from other machines, with no password"));
    }
    let path = match playlist.dialect {
        Dialect::V3 => "/ws/v3",
        Dialect::V5 => "/ws/v5/public",
    };
    let scheme = if is_tls { "wss" } else { "ws" };
    say(format_args!(
        "okx-feed serve: {} of {}, {}, each client from its start",
        Counted(playlist.files.len() as u64, "capture"),
        playlist.dialect,
        Counted(playlist.lines as u64, "line")
    ));
    say(format_args!("  {scheme}://{addr}{path}"));
    say(format_args!("  Ctrl-C ends it"));
}

async fn accept(stream: TcpStream, shared: Arc<Shared>, ended: watch::Receiver<bool>) {
    match shared.tls.clone() {
        None => serve(stream, shared, ended).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, shared, ended).await;
            }
        }
    }
}

/// Serves one client to the end of the captures.
async fn serve<S>(stream: S, shared: Arc<Shared>, mut ended: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let (mut to_socket, mut from_socket) = socket.split();
    let topics = Arc::new(Mutex::new(Topics::default()));
    let (to_client, mut outgoing) = mpsc::channel(WAITING);
    let dialect = shared.playlist.dialect;
    let line = shared.lines.take();
    // Begins with the first subscription; the channel ends with it.
    let mut player = Some(to_client);
    loop {
        tokio::select! {
            _ = ended.changed() => return drop(to_socket.close().await),
            message = from_socket.next() => {
                let Some(Ok(message)) = message else { return };
                let Message::Text(text) = message else {
                    if message.is_close() { return }
                    continue;
                };
                let replies = {
                    let mut topics = topics.lock().unwrap_or_else(PoisonError::into_inner);
                    topics.request(dialect, &text)
                };
                for reply in replies {
                    if to_socket.send(Message::text(reply)).await.is_err() { return }
                }
                let has_topics = !topics.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
                if has_topics && let Some(to_client) = player.take() {
                    spawn_player(Arc::clone(&shared), &line, Arc::clone(&topics), to_client);
                }
            }
            frame = outgoing.recv() => {
                let message = match frame {
                    Some(Outgoing::Text(text)) => Message::text(text),
                    Some(Outgoing::Binary(bytes)) => Message::binary(bytes),
                    // The end of the captures. A client that is gone needs no close.
                    None => return drop(to_socket.close().await),
                };
                if to_socket.send(message).await.is_err() { return }
            }
        }
    }
}

fn spawn_player(
    shared: Arc<Shared>,
    line: &Line<'_>,
    topics: Arc<Mutex<Topics>>,
    to_client: mpsc::Sender<Outgoing>,
) {
    let number = line.number();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = play(&shared.playlist, number, &topics, &to_client) {
            say(format_args!("okx-feed serve: {error}"));
        }
    });
}
