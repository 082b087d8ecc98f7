//! A WebSocket server that plays captures to each client.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::player::{Outgoing, Playlist, play};
use super::requests::Topics;
use crate::error::{CliError, Outcome, say};
use crate::interrupt::Interrupt;

/// Frames that wait for a client that reads slowly, before the capture waits for it.
const WAITING: usize = 1_024;

/// How long no client is accepted after one could not be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(5);

/// Serves until Ctrl-C.
///
/// # Errors
/// If the address can't be listened on.
pub(crate) fn run(listen: &str, playlist: Playlist) -> Result<Outcome, CliError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let served = runtime.block_on(async {
        let mut interrupt = Interrupt::listen().map_err(CliError::Start)?;
        let listener = TcpListener::bind(listen).await;
        let failed = |source| CliError::Listen { addr: listen.to_owned(), source };
        let listener = listener.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let path =
            if playlist.dialect == okx_feed::Dialect::V3 { "/ws/v3" } else { "/ws/v5/public" };
        say(format_args!(
            "okx-feed serve: {} of {}, each client from its start",
            crate::format::Counted(playlist.files.len() as u64, "capture"),
            playlist.dialect
        ));
        say(format_args!("  ws://{addr}{path}"));
        say(format_args!("  Ctrl-C ends it"));
        let playlist = Arc::new(playlist);
        loop {
            tokio::select! {
                () = interrupt.wait() => return Ok(()),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&playlist)))),
                    // Too many open files, most likely: others may close theirs.
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    });
    // A player may be asleep for as long as the capture is.
    runtime.shutdown_background();
    served.map(|()| Outcome::Clean)
}

/// Serves one client to the end of the captures.
async fn serve(stream: TcpStream, playlist: Arc<Playlist>) {
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let (mut to_socket, mut from_socket) = socket.split();
    let topics = Arc::new(Mutex::new(Topics::default()));
    let (to_client, mut outgoing) = mpsc::channel(WAITING);
    let dialect = playlist.dialect;
    // Begins with the first subscription; the channel ends with it.
    let mut player = Some((to_client, playlist));
    loop {
        tokio::select! {
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
                if has_topics && let Some((to_client, playlist)) = player.take() {
                    let topics = Arc::clone(&topics);
                    tokio::task::spawn_blocking(move || {
                        if let Err(error) = play(&playlist, &topics, &to_client) {
                            say(format_args!("okx-feed serve: {error}"));
                        }
                    });
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
