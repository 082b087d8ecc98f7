//! The record layer against rustls' own buffered connection, on the same bytes at any split.
//!
//! A handshake in memory gives a rustls client, and its key log the secrets of the server's
//! direction. From there on the target is the server: it seals what it likes.

use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock};

use okx_feed::internals::{Inbound, InboundError, KeySchedule, RecordError, Records, TrafficKey};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf;
use rustls::crypto::cipher::{AeadKey, Iv};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, KeyLog, RootCertStore, ServerConfig,
    ServerConnection,
};

use crate::choices::Choices;

/// The secrets of one connection, as rustls logs them.
#[derive(Debug, Default)]
struct Secrets(Mutex<Vec<(String, Vec<u8>)>>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), secret.to_owned()));
    }
}

impl Secrets {
    fn of(&self, label: &str) -> Vec<u8> {
        let all = self.0.lock().unwrap();
        all.iter().find(|(of, _)| of == label).unwrap().1.clone()
    }
}

/// A length that ring's HKDF can be asked for.
struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label of RFC 8446, section 7.1, with SHA-256 and no context.
fn expand(secret: &[u8], label: &str, len: usize) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let len_of = |n: usize| u8::try_from(n).unwrap();
    let info = [&[0, len_of(len), len_of(label.len())], label.as_bytes(), &[0]].concat();
    let mut out = vec![0; len];
    let secret = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret);
    secret.expand(&[&info], Len(len)).unwrap().fill(&mut out).unwrap();
    out
}

/// The keys of a direction, each made of the one before.
#[derive(Clone)]
struct Direction {
    secret: Vec<u8>,
    seq: u64,
}

impl Direction {
    const fn new(secret: Vec<u8>) -> Self {
        Self { secret, seq: 0 }
    }

    fn key(&self) -> [u8; 32] {
        expand(&self.secret, "key", 32).try_into().unwrap()
    }

    fn iv(&self) -> [u8; 12] {
        expand(&self.secret, "iv", 12).try_into().unwrap()
    }

    fn update(&mut self) {
        self.secret = expand(&self.secret, "traffic upd", 32);
        self.seq = 0;
    }

    /// The key as the record layer takes it from rustls.
    fn traffic_key(&self) -> TrafficKey {
        let (key, iv) = (AeadKey::from(self.key()), Iv::from(self.iv()));
        let secrets = ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv };
        TrafficKey::new(0, &secrets).unwrap()
    }

    /// A key and the nonce of the next record, apart from the code under test.
    fn next(&mut self) -> (LessSafeKey, Nonce) {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &self.key()).unwrap();
        let mut nonce = self.iv();
        for (byte, seq) in nonce[4..].iter_mut().zip(self.seq.to_be_bytes()) {
            *byte ^= seq;
        }
        self.seq += 1;
        (LessSafeKey::new(key), Nonce::assume_unique_for_key(nonce))
    }

    fn seal(&mut self, kind: u8, content: &[u8], padding: usize) -> Vec<u8> {
        let mut inner = [content, &[kind], &vec![0; padding]].concat();
        let len = u16::try_from(inner.len() + 16).unwrap().to_be_bytes();
        let head = [23, 3, 3, len[0], len[1]];
        let (key, nonce) = self.next();
        key.seal_in_place_append_tag(nonce, Aad::from(head), &mut inner).unwrap();
        [head.as_slice(), &inner].concat()
    }

    /// The kind and the content of the record at the front of `bytes`.
    fn open(&mut self, bytes: &mut &[u8]) -> (u8, Vec<u8>) {
        let (head, rest) = bytes.split_at(5);
        let (sealed, rest) = rest.split_at(usize::from(u16::from_be_bytes([head[3], head[4]])));
        let (key, nonce) = self.next();
        let mut inner = sealed.to_vec();
        let aad = Aad::from(<[u8; 5]>::try_from(head).unwrap());
        let inner = key.open_in_place(nonce, aad, &mut inner).unwrap();
        *bytes = rest;
        (inner[inner.len() - 1], inner[..inner.len() - 1].to_vec())
    }
}

/// The key schedule in place of rustls'.
struct Schedule {
    opening: Direction,
    sealing: Direction,
}

impl KeySchedule for Schedule {
    fn next_opening(&mut self) -> Result<TrafficKey, RecordError> {
        self.opening.update();
        Ok(self.opening.traffic_key())
    }

    fn next_sealing(&mut self) -> Result<TrafficKey, RecordError> {
        self.sealing.update();
        Ok(self.sealing.traffic_key())
    }

    /// What the target sends is right but for what it cuts off.
    fn ticket(&mut self, body: &[u8]) -> Result<(), RecordError> {
        if body == TICKET { Ok(()) } else { Err(RecordError::Invalid) }
    }
}

/// The content of a NewSessionTicket: lifetime, age, nonce, ticket, no extensions.
const TICKET: &[u8] = b"\0\0\x0e\x10\0\0\0\x01\x01n\0\x06ticket\0\0";

/// What a record layer makes of a stream of records.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    content: Vec<u8>,
    is_closed: bool,
    is_refused: bool,
}

/// Choices: records of any kind, sealed and then perhaps damaged, that come in parts. Both record
/// layers give the same content, and refuse or close at the same place.
pub fn tls_records(bytes: &[u8]) {
    let mut choices = Choices::bytes(bytes);
    let (client, server, secrets) = connected();
    let mut sending = Direction::new(secrets.of("SERVER_TRAFFIC_SECRET_0"));
    let receiving = Direction::new(secrets.of("CLIENT_TRAFFIC_SECRET_0"));
    let schedule = Schedule { opening: sending.clone(), sealing: receiving.clone() };
    let keys = (sending.traffic_key(), receiving.traffic_key());
    let records = Records::new(keys.0, keys.1, Box::new(schedule));
    drop(server);
    let (stream, may_be_stricter) = stream(&mut choices, &mut sending);
    let mut splits = vec![stream.len()];
    (0..choices.below(6)).for_each(|_| splits.push(choices.below(stream.len() + 1)));
    splits.sort_unstable();
    let (ours, out) = read_ours(&stream, &splits, records);
    let theirs = read_theirs(&stream, &splits, client);
    if may_be_stricter && ours.is_refused {
        // rustls does not look at the outer type of a sealed record; ours refuses all but one. It
        // accepts an empty record of a handshake, which has to end the connection (RFC 8446, 5.4).
        assert!(theirs.content.starts_with(&ours.content));
        return;
    }
    assert_eq!(ours, theirs);
    check_answers(&out, receiving);
}

/// What was answered: announcements of new keys alone, each sealed with the key before.
fn check_answers(mut out: &[u8], mut receiving: Direction) {
    while !out.is_empty() {
        assert_eq!(receiving.open(&mut out), (22, vec![24, 0, 0, 1, 0]));
        receiving.update();
    }
}

/// A stream of records, and whether one has another outer type or is an empty part of a handshake.
fn stream(choices: &mut Choices<'_>, sending: &mut Direction) -> (Vec<u8>, bool) {
    let (mut parts, mut may_be_stricter) = (Vec::new(), false);
    let mut size = 0;
    while !choices.is_spent() && size < 1 << 16 {
        let mut record = record(choices, sending, &mut may_be_stricter);
        match choices.below(40) {
            30 => {
                let at = choices.below(record.len());
                record[at] ^= 1 << choices.below(8);
                may_be_stricter |= at == 0;
            }
            31 => {
                let len = choices.below(record.len());
                record.truncate(len);
            }
            32 => continue,
            33 => parts.push(record.clone()),
            34 => record = b"\x14\x03\x03\0\x01\x01".to_vec(),
            35 if !parts.is_empty() => {
                let at = choices.below(parts.len());
                parts.insert(at, record.clone());
            }
            36 => {
                let len =
                    u16::try_from(choices.pick(&[0, 1, 16, 17, 16_640, 16_641, 65_535])).unwrap();
                record = [b"\x17\x03\x03".as_slice(), &len.to_be_bytes()].concat();
                record.extend(std::iter::repeat_n(7, usize::from(len)));
            }
            _ => {}
        }
        size += record.len();
        parts.push(record);
    }
    (parts.concat(), may_be_stricter)
}

/// A sealed record, or two. An empty part of a handshake is noted in `has_empty`.
fn record(choices: &mut Choices<'_>, sending: &mut Direction, has_empty: &mut bool) -> Vec<u8> {
    let padding = if choices.one_in(6) { choices.below(300) } else { 0 };
    match choices.below(16) {
        0 => {
            let request = choices.pick(&[0, 1, 1, 2]);
            let record = sending.seal(22, &[24, 0, 0, 1, request], padding);
            sending.update();
            record
        }
        1 => {
            let body = &TICKET[..TICKET.len() - choices.pick(&[0, 0, 0, 1])];
            let len = u8::try_from(body.len()).unwrap();
            let message = [&[4, 0, 0, len], body].concat();
            if choices.one_in(2) {
                return sending.seal(22, &message, padding);
            }
            // In two records, perhaps with another between them.
            let at = 1 + choices.below(message.len() - 1);
            let mut both = sending.seal(22, &message[..at], padding);
            if choices.one_in(6) {
                both.extend(sending.seal(choices.pick(&[23, 21]), &[1, 0], 0));
            }
            both.extend(sending.seal(22, &message[at..], 0));
            both
        }
        2 => {
            let level = choices.pick(&[1, 1, 1, 2, 3]);
            sending.seal(21, &[level, choices.pick(&[90, 90, 90, 0, 20, 255])], padding)
        }
        3 => {
            let kind = choices.pick(&[20, 21, 22, 0, 24, 25]);
            let content = choices.pick(&[b"".as_slice(), b"\0\0\0\0", b"\x01", b"\x18\0\0\x01"]);
            *has_empty |= kind == 22 && content.is_empty();
            sending.seal(kind, content, padding)
        }
        4 => {
            let len = choices.pick(&[16_384, 16_385, 16_383, 16_000]);
            sending.seal(23, &vec![b'l'; len], choices.pick(&[0, 1, 16]))
        }
        // Two key updates, or a key update and more, in one record.
        5 if choices.one_in(4) => sending.seal(22, &[24, 0, 0, 1, 0, 24, 0, 0, 1, 0], padding),
        n => {
            let len = choices.below(200);
            sending.seal(23, &vec![u8::try_from(n).unwrap(); len], padding)
        }
    }
}

fn read_ours(stream: &[u8], splits: &[usize], records: Records) -> (Seen, Vec<u8>) {
    let mut inbound = Inbound::new(1000, Some(records));
    let mut seen = Seen { content: Vec::new(), is_closed: false, is_refused: false };
    let (mut out, mut start) = (Vec::new(), 0);
    for end in splits {
        inbound.push(&stream[start..*end]);
        start = *end;
        loop {
            // It changes nothing, wherever it comes in between.
            inbound.warm_caches();
            match inbound.content(usize::MAX >> 1, &mut out) {
                Ok(Some(content)) => seen.content.extend_from_slice(content),
                Ok(None) => break,
                Err(InboundError::Record(_)) => {
                    seen.is_refused = true;
                    return (seen, out);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    seen.is_closed = inbound.is_closed();
    (seen, out)
}

fn read_theirs(stream: &[u8], splits: &[usize], mut client: ClientConnection) -> Seen {
    let mut seen = Seen { content: Vec::new(), is_closed: false, is_refused: false };
    let mut start = 0;
    for end in splits {
        let mut part = &stream[start..*end];
        start = *end;
        while !part.is_empty() && !seen.is_refused {
            client.read_tls(&mut part).unwrap();
            match client.process_new_packets() {
                Ok(state) => seen.is_closed = state.peer_has_closed(),
                Err(_) => seen.is_refused = true,
            }
            let mut content = Vec::new();
            // What is there is read; that no more is there is no error here.
            let _ = client.reader().read_to_end(&mut content);
            seen.content.extend(content);
            if seen.is_closed {
                return seen;
            }
        }
    }
    seen
}

/// A client and a server after their handshake, and the client's secrets.
fn connected() -> (ClientConnection, ServerConnection, Arc<Secrets>) {
    let (mut config, server_config) = configs();
    let secrets = Arc::new(Secrets::default());
    config.key_log = Arc::clone(&secrets) as Arc<dyn KeyLog>;
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerConnection::new(server_config).unwrap();
    while client.is_handshaking() || server.is_handshaking() || client.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut to_server = wire.as_slice();
        while !to_server.is_empty() {
            server.read_tls(&mut to_server).unwrap();
            server.process_new_packets().unwrap();
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut to_client = wire.as_slice();
        while !to_client.is_empty() {
            client.read_tls(&mut to_client).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    (client, server, secrets)
}

/// The configurations of both sides: made once, since keys are slow to make.
fn configs() -> (ClientConfig, Arc<ServerConfig>) {
    static CONFIGS: OnceLock<(ClientConfig, Arc<ServerConfig>)> = OnceLock::new();
    let make = || {
        let mut provider = rustls::crypto::ring::default_provider();
        let suite = rustls::crypto::ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
        provider.cipher_suites = vec![suite];
        let provider = Arc::new(provider);
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certified.cert.der().clone()).unwrap();
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let versions = [&rustls::version::TLS13];
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let client = client.with_protocol_versions(&versions).unwrap();
        let client = client.with_root_certificates(roots).with_no_client_auth();
        let server = ServerConfig::builder_with_provider(provider);
        let server = server.with_protocol_versions(&versions).unwrap().with_no_client_auth();
        let chain = vec![certified.cert.der().clone()];
        let mut server = server.with_single_cert(chain, key).unwrap();
        server.send_tls13_tickets = 0;
        (client, Arc::new(server))
    };
    CONFIGS.get_or_init(make).clone()
}
