//! Servers that want a login or have TLS: who gets in, and that no secret is printed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use okx_feed::NoSink;
use okx_feed_export::nats::{NatsAuth, NatsServer, NatsSource, SourceOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa};
use serde_json::{Value, json};

use super::hand_feed::HandFeed;
use super::server::{TestServer, scratch_dir};

/// Runs `watch --nats` with the most log lines for a second.
fn watch(url: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_okx-feed"))
        .args(["-vvv", "watch", "--nats", url, "--core", "--json", "--duration", "1s"])
        .args(args)
        .arg("md.okx.v5.books5.*")
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

/// The exit code, and that neither output has a secret.
fn code(output: &Output, secrets: &[&str]) -> Option<i32> {
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        let found = secrets.iter().find(|secret| text.contains(**secret));
        assert_eq!(found, None, "{text}");
    }
    output.status.code()
}

/// A book that an exporter with this login has sent to a source with the same.
fn assert_book_arrives(server: &NatsServer) {
    let mut feed = HandFeed::start(server.clone(), 1);
    feed.show(1);
    feed.wait_for(2);
    let options = SourceOptions::new(server.clone(), ["md.okx.>"]);
    let source = NatsSource::spawn(options, NoSink).unwrap();
    let topic = feed.topics[0];
    let is_live = || source.book_reader(&topic).is_some_and(|reader| reader.live().is_some());
    for _ in 0..6_000 {
        if is_live() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no book: {:?}", source.stats().last_error());
}

/// A source without the right login: the reason, which has no secret.
fn refusal(server: &NatsServer, secrets: &[&str]) -> String {
    let options = SourceOptions::new(server.clone(), ["md.okx.>"]);
    let source = NatsSource::spawn(options, NoSink).unwrap();
    let error = (0..6_000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        source.stats().last_error()
    });
    let error = error.unwrap();
    assert_eq!(source.stats().connects(), 0, "{error}");
    let text = format!("{error} {server:?} {}", server.shown());
    assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
    error
}

#[test]
fn a_user_and_a_password_are_needed_and_never_printed() {
    let args = ["--user", "okx", "--pass", "pass-word"];
    let Some(server) = TestServer::start(&args) else { return };
    let (url, secrets) = (server.url(), ["pass-word", "wrong-word"]);
    let user = |password: &str| NatsAuth::User { user: "okx".into(), password: password.into() };
    let mut of = NatsServer::new(&url);
    of.auth = user("pass-word");
    assert_book_arrives(&of);
    of.auth = user("wrong-word");
    refusal(&of, &secrets);
    let in_url = url.replace("nats://", "nats://okx:wrong-word@");
    refusal(&NatsServer::new(&in_url), &secrets);

    let login = |password| [("NATS_USER", "okx"), ("NATS_PASSWORD", password)];
    assert_eq!(code(&watch(&url, &[], &login("pass-word")), &secrets), Some(0));
    assert_eq!(code(&watch(&url, &[], &login("wrong-word")), &secrets), Some(2));
    assert_eq!(code(&watch(&url, &[], &[]), &secrets), Some(2));
    assert_eq!(code(&watch(&in_url, &[], &[]), &secrets), Some(2));
    assert_eq!(code(&watch(&in_url.replace("wrong", "pass"), &[], &[]), &secrets), Some(0));
}

#[test]
fn a_token_is_needed_and_never_printed() {
    let Some(server) = TestServer::start(&["--auth", "to-ken"]) else { return };
    let (url, secrets) = (server.url(), ["to-ken", "wro-ng"]);
    let mut of = NatsServer::new(&url);
    of.auth = NatsAuth::Token("to-ken".to_owned());
    assert_book_arrives(&of);
    of.auth = NatsAuth::Token("wro-ng".to_owned());
    refusal(&of, &secrets);
    assert_eq!(code(&watch(&url, &[], &[("NATS_TOKEN", "to-ken")]), &secrets), Some(0));
    assert_eq!(code(&watch(&url, &[], &[("NATS_TOKEN", "wro-ng")]), &secrets), Some(2));
}

/// A certificate of `localhost` and its key, and the authority's, as PEM files of a folder.
fn write_certificates(dir: &Path, name: &str, host: &str) -> [String; 3] {
    let mut issuer = CertificateParams::default();
    issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(issuer, rcgen::KeyPair::generate().unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = CertificateParams::new([host.to_owned()]).unwrap();
    let chain = params.signed_by(&key, &issuer).unwrap().pem();
    let write = |part: &str, text: String| {
        let path = dir.join(format!("{name}-{part}.pem"));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    [write("cert", chain), write("key", key.serialize_pem()), write("ca", issuer.pem())]
}

#[test]
fn a_server_with_tls_needs_a_certificate_that_is_trusted() {
    let dir = scratch_dir();
    let [cert, key, ca] = write_certificates(&dir, "server", "localhost");
    let args = ["--tls", "--tlscert", &cert, "--tlskey", &key];
    let Some(server) = TestServer::start(&args) else { return };
    let url = server.url().replace("nats://127.0.0.1", "tls://localhost");
    let mut of = NatsServer::new(&url);
    of.ca_file = Some(ca.clone().into());
    assert_book_arrives(&of);
    // By its address, which the certificate does not name; by another authority; by none.
    let by_address = url.replace("localhost", "127.0.0.1");
    let [_, _, other] = write_certificates(&dir, "other", "localhost");
    assert_eq!(code(&watch(&url, &["--nats-ca-file", &ca], &[]), &[]), Some(0));
    for (url, args) in [
        (&by_address, &["--nats-ca-file", &ca][..]),
        (&url, &["--nats-ca-file", &other]),
        (&url, &[]),
    ] {
        assert_eq!(code(&watch(url, args, &[]), &[]), Some(2), "{url} {args:?}");
    }
    let _ = fs::remove_dir_all(dir);
}

#[test]
fn a_password_is_not_sent_to_a_server_without_tls_where_the_url_asks_for_it() {
    let args = ["--user", "okx", "--pass", "pass-word"];
    let Some(server) = TestServer::start(&args) else { return };
    let url = server.url().replace("nats://", "tls://");
    let login = [("NATS_USER", "okx"), ("NATS_PASSWORD", "pass-word")];
    assert_eq!(code(&watch(&url, &[], &login), &["pass-word"]), Some(2));
}

#[test]
fn a_server_may_want_a_certificate_of_the_client() {
    let dir = scratch_dir();
    let [cert, key, ca] = write_certificates(&dir, "server", "localhost");
    let [own_cert, own_key, own_ca] = write_certificates(&dir, "client", "client.example");
    let args = [
        &["--tls", "--tlsverify", "--tlscert", &cert, "--tlskey", &key][..],
        &["--tlscacert", &own_ca],
    ];
    let Some(server) = TestServer::start(&args.concat()) else { return };
    let url = server.url().replace("nats://127.0.0.1", "tls://localhost");
    let trusted = ["--nats-ca-file", &ca];
    let shown = ["--nats-cert", &own_cert, "--nats-key", &own_key];
    assert_eq!(code(&watch(&url, &[&trusted[..], &shown].concat(), &[]), &[]), Some(0));
    assert_eq!(code(&watch(&url, &trusted, &[]), &[]), Some(2));
    let mut of = NatsServer::new(&url);
    of.ca_file = Some(ca.into());
    of.certificate = Some((own_cert.into(), own_key.into()));
    assert_book_arrives(&of);
    let _ = fs::remove_dir_all(dir);
}

#[test]
fn a_file_of_credentials_logs_in() {
    let (operator, system, account) =
        (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let (user, stranger) = (KeyPair::new_user(), KeyPair::new_user());
    let most = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
        "conn": -1, "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1,
        "consumer": -1,
    });
    let account_claims = json!({ "type": "account", "version": 2, "limits": most });
    let operator_jwt = jwt(&operator, &operator, &json!({ "type": "operator", "version": 2 }));
    let preloaded = [&system, &account].map(|of| {
        let claims = if of.public_key() == system.public_key() {
            json!({ "type": "account", "version": 2, "limits": {
                "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
                "wildcards": true, "conn": -1, "leaf": -1,
            } })
        } else {
            account_claims.clone()
        };
        format!("{}: {}", of.public_key(), jwt(&operator, of, &claims))
    });
    let dir = scratch_dir();
    let config = dir.join("server.conf");
    let text = format!(
        "operator: {operator_jwt}\nsystem_account: {}\nresolver: MEMORY\n\
         resolver_preload: {{\n{}\n}}\n",
        system.public_key(),
        preloaded.join("\n"),
    );
    fs::write(&config, text).unwrap();
    let Some(server) = TestServer::start(&["-c", config.to_str().unwrap()]) else { return };
    let claims = json!({
        "type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1,
    });
    let write = |name: &str, jwt: &str, seed: &str| {
        let path = dir.join(name);
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        fs::write(&path, text).unwrap();
        path
    };
    let seed = user.seed().unwrap();
    let user_jwt = jwt(&account, &user, &claims);
    let good = write("good.creds", &user_jwt, &seed);
    // Signed by a stranger to the server.
    let forged_jwt = jwt(&KeyPair::new_account(), &stranger, &claims);
    let forged_seed = stranger.seed().unwrap();
    let forged = write("forged.creds", &forged_jwt, &forged_seed);
    let secrets = [seed.as_str(), &forged_seed, &user_jwt, &forged_jwt];
    let url = server.url();
    let run = |path: &Path| watch(&url, &["--nats-creds", path.to_str().unwrap()], &[]);
    assert_eq!(code(&run(&good), &secrets), Some(0));
    assert_eq!(code(&run(&forged), &secrets), Some(2));
    assert_eq!(code(&run(&dir.join("none.creds")), &secrets), Some(2));
    let mut of = NatsServer::new(&url);
    of.auth = NatsAuth::Credentials(good);
    assert_book_arrives(&of);
    of.auth = NatsAuth::Credentials(forged);
    refusal(&of, &secrets);
    let _ = fs::remove_dir_all(dir);
}

/// A token by which one key vouches for another, as `nsc` makes them.
fn jwt(issuer: &KeyPair, subject: &KeyPair, claims: &Value) -> String {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let head = encode(br#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let body = json!({
        "jti": subject.public_key(), "iat": 1_700_000_000, "iss": issuer.public_key(),
        "name": "test", "sub": subject.public_key(), "nats": claims,
    });
    let body = encode(body.to_string().as_bytes());
    let text = format!("{head}.{body}");
    let signature = encode(&issuer.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}

#[test]
fn a_user_without_a_password_is_found_before_the_service_starts() {
    let dir = scratch_dir();
    let path = dir.join("f.toml");
    let feed = "[[feed]]\nname = \"a\"\nchannels = [\"books5:A\"]\n[feed.nats]\n";
    fs::write(&path, format!("{feed}url = \"nats://h\"\n")).unwrap();
    let check = |env: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_okx-feed"));
        command.args(["run", "--check", "--config"]).arg(&path);
        command
            .env_remove("NATS_TOKEN")
            .env_remove("NATS_PASSWORD")
            .envs(env.iter().copied())
            .output()
            .unwrap()
    };
    let half = check(&[("NATS_USER", "bob")]);
    let error = String::from_utf8_lossy(&half.stderr);
    assert_eq!(half.status.code(), Some(2), "{error}");
    assert!(error.contains("f.toml:5: ") && error.contains("NATS_PASSWORD"), "{error}");
    assert_eq!(code(&check(&[("NATS_USER", "bob"), ("NATS_PASSWORD", "word")]), &[]), Some(0));
    fs::remove_dir_all(dir).unwrap();
}
