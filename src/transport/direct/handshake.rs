//! The TLS 1.3 handshake, by rustls: certificates, key exchange, key schedule.

use std::io;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{AlertDescription, ClientConfig, Error as TlsError, PeerIncompatible};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::records::{Records, TrafficKey};
use crate::transport::error::ConnectError;

/// How many bytes of a handshake may wait for their end.
const MAX_INCOMING: usize = 256 << 10;

/// What the state of a handshake demands next.
enum Step {
    Again,
    Flush,
    Read,
    Done,
}

/// Does the handshake. Returns the record layer, and what was received behind it: sealed records,
/// the last of which may be incomplete.
///
/// # Errors
/// [`ConnectError::NoTls13`] where the other side has only older versions of TLS;
/// [`ConnectError::NoTlsAnswer`] where it ends the connection before it has sent anything; errors
/// of the connection, and of the certificates.
pub(super) async fn handshake(
    tcp: &mut TcpStream,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> Result<(Records, Vec<u8>), ConnectError> {
    let mut connection = UnbufferedClientConnection::new(config, name).map_err(invalid)?;
    let (mut incoming, mut outgoing) = (Vec::new(), Vec::new());
    let mut is_answered = false;
    loop {
        let UnbufferedStatus { discard, state, .. } = connection.process_tls_records(&mut incoming);
        let step = match state.and_then(|state| step(state, &mut outgoing)) {
            Ok(step) => step,
            Err(error) => {
                send_alert(&mut connection, tcp).await;
                return Err(refused(error));
            }
        };
        incoming.drain(..discard);
        match step {
            Step::Again => {}
            Step::Flush => {
                tcp.write_all(&outgoing).await?;
                outgoing.clear();
            }
            Step::Read if incoming.len() >= MAX_INCOMING => {
                return Err(invalid(TlsError::PeerSentOversizedRecord));
            }
            Step::Read => {
                let read = match tcp.read_buf(&mut incoming).await {
                    Ok(0) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                    read => read,
                };
                match read {
                    Ok(_) => is_answered = true,
                    Err(error) if is_answered => return Err(error.into()),
                    Err(error) => return Err(ConnectError::NoTlsAnswer(error)),
                }
            }
            Step::Done => break,
        }
    }
    let (secrets, kernel) = connection.dangerous_into_kernel_connection().map_err(invalid)?;
    let key = |(seq, secrets)| TrafficKey::new(seq, &secrets).map_err(io::Error::other);
    let records = Records::new(key(secrets.rx)?, key(secrets.tx)?, Box::new(kernel));
    Ok((records, incoming))
}

fn step<Data>(
    state: ConnectionState<'_, '_, Data>,
    outgoing: &mut Vec<u8>,
) -> Result<Step, TlsError> {
    match state {
        ConnectionState::EncodeTlsData(mut data) => {
            let start = outgoing.len();
            let mut room = 0;
            loop {
                outgoing.resize(start + room, 0);
                match data.encode(outgoing.get_mut(start..).unwrap_or_default()) {
                    Ok(len) => {
                        outgoing.truncate(start + len);
                        return Ok(Step::Again);
                    }
                    Err(EncodeError::InsufficientSize(size)) => room = size.required_size,
                    Err(error) => return Err(TlsError::General(error.to_string())),
                }
            }
        }
        ConnectionState::TransmitTlsData(data) => {
            data.done();
            Ok(Step::Flush)
        }
        ConnectionState::BlockedHandshake => Ok(Step::Read),
        ConnectionState::WriteTraffic(_) => Ok(Step::Done),
        // A server that sends data before a request, or ends the connection.
        _ => Err(TlsError::HandshakeNotComplete),
    }
}

/// Says to the other side why its handshake is refused, where there is room to.
async fn send_alert(connection: &mut UnbufferedClientConnection, tcp: &mut TcpStream) {
    let mut outgoing = Vec::new();
    let status = connection.process_tls_records(&mut []);
    if let Ok(state @ ConnectionState::EncodeTlsData(_)) = status.state
        && step(state, &mut outgoing).is_ok()
    {
        // The connection is given up in any case.
        let _ = tcp.write_all(&outgoing).await;
    }
}

fn refused(error: TlsError) -> ConnectError {
    match error {
        TlsError::AlertReceived(
            AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure,
        )
        | TlsError::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => ConnectError::NoTls13,
        error => invalid(error),
    }
}

/// The error of a connection over tokio-rustls.
fn invalid(error: TlsError) -> ConnectError {
    io::Error::new(io::ErrorKind::InvalidData, error).into()
}
