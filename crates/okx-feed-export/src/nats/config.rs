//! Where the server is, who asks, and what a stream keeps.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use super::error::NatsError;
use super::subject::PREFIX;

/// How to log in at the server. Never printed: its `Debug` has no secret.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum NatsAuth {
    /// Without, or with the user and the password in the URL.
    #[default]
    None,
    /// A user and a password.
    User {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token.
    Token(String),
    /// A file of credentials: a JWT and the seed of a key, as `nsc` writes it.
    Credentials(PathBuf),
}

impl fmt::Debug for NatsAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::User { .. } => "User",
            Self::Token(_) => "Token",
            Self::Credentials(_) => "Credentials",
        })
    }
}

/// Which server, and how to reach it.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct NatsServer {
    /// `nats://HOST:PORT`, or `tls://`; several with commas between them.
    pub url: String,
    /// How to log in.
    pub auth: NatsAuth,
    /// Trust only the CA certificates of this PEM file.
    pub ca_file: Option<PathBuf>,
    /// A client's certificate and its key, PEM files.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Refuse a server without TLS.
    pub require_tls: bool,
}

impl fmt::Debug for NatsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsServer").field("url", &self.shown()).field("auth", &self.auth).finish()
    }
}

impl NatsServer {
    /// A server by its URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// The URL without a user and a password, to be printed. Of a URL with a comma in a password,
    /// which is refused, only what is behind the last `@`.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.may_split_login()
            && let Some((_, host)) = self.url.rsplit_once('@')
        {
            return host.to_owned();
        }
        let shown = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            (None, Some((_, host))) => host.to_owned(),
            _ => url.to_owned(),
        };
        self.url.split(',').map(|url| shown(url.trim())).collect::<Vec<_>>().join(",")
    }

    /// Whether a comma may be one of a password: what is before it has no `@` and something behind
    /// it has one, or what is behind it has one and no scheme.
    fn may_split_login(&self) -> bool {
        let parts = || self.url.split(',');
        let mut until_login = parts().rev().skip_while(|part| !part.contains('@'));
        until_login.any(|part| !part.contains('@'))
            || parts().skip(1).any(|part| part.contains('@') && !part.contains("://"))
    }

    /// Checks the URL. Asks nobody.
    ///
    /// # Errors
    /// [`NatsError`] if it is no URL of a server, or a login in it is not clear.
    pub fn check(&self) -> Result<(), NatsError> {
        self.addresses().map(drop)
    }

    /// The addresses, without what logs in: the library writes them to its log.
    pub(super) fn addresses(&self) -> Result<Vec<ServerAddr>, NatsError> {
        self.login_of_url()?;
        let shown = self.shown();
        shown.split(',').map(|url| url.parse().map_err(|_| NatsError::Url(self.shown()))).collect()
    }

    /// The login in the first URL that has one: a user and a password, or a token.
    fn login_of_url(&self) -> Result<NatsAuth, NatsError> {
        if self.may_split_login() {
            return Err(NatsError::CommaInLogin);
        }
        for url in self.url.split(',').map(str::trim) {
            // The error of the library may repeat the URL, and with it a password.
            let parsed: ServerAddr = url.parse().map_err(|_| NatsError::Url(self.shown()))?;
            match (parsed.username(), parsed.password()) {
                (None, _) => {}
                (Some(user), Some(password)) => {
                    let (user, password) = (decoded(user), decoded(password));
                    return Ok(NatsAuth::User { user, password });
                }
                (Some(token), None) => return Ok(NatsAuth::Token(decoded(token))),
            }
        }
        Ok(NatsAuth::None)
    }

    /// The options of a connection.
    pub(super) async fn options(&self, name: String) -> Result<ConnectOptions, NatsError> {
        let mut options = ConnectOptions::new()
            .name(name)
            .connection_timeout(Duration::from_secs(5))
            .ping_interval(Duration::from_secs(5));
        let of_url = self.login_of_url()?;
        let auth = if matches!(self.auth, NatsAuth::None) { &of_url } else { &self.auth };
        options = match auth {
            NatsAuth::None => options,
            NatsAuth::User { user, password } => {
                options.user_and_password(user.clone(), password.clone())
            }
            NatsAuth::Token(token) => options.token(token.clone()),
            NatsAuth::Credentials(path) => {
                let read = options.credentials_file(path).await;
                read.map_err(|source| NatsError::Credentials { path: path.clone(), source })?
            }
        };
        if let Some(path) = &self.ca_file {
            options = options.add_root_certificates(path.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        Ok(options.require_tls(self.require_tls))
    }
}

/// A part of a URL with `%40` as `@`.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A JetStream stream with what is published. It is made where there is none; one that exists is
/// used as it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamOptions {
    /// The name.
    pub name: String,
    /// How long messages are kept.
    pub max_age: Duration,
    /// The most bytes that are kept; the oldest messages go first.
    pub max_bytes: i64,
    /// How long a message id is remembered; no longer than `max_age`.
    pub duplicate_window: Duration,
    /// Kept in memory instead of in files.
    pub in_memory: bool,
    /// How many servers of a cluster keep it.
    pub replicas: usize,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            name: Self::NAME.to_owned(),
            max_age: Duration::from_secs(60 * 60),
            max_bytes: 4 << 30,
            duplicate_window: Duration::from_secs(120),
            in_memory: false,
            replicas: 1,
        }
    }
}

impl StreamOptions {
    /// The default name of the stream.
    pub const NAME: &str = "MD_OKX";

    /// The configuration of a stream of all subjects.
    pub(super) fn config(&self) -> Config {
        Config {
            name: self.name.clone(),
            description: Some("Market data of okx-feed".to_owned()),
            subjects: vec![format!("{PREFIX}.>")],
            max_age: self.max_age,
            max_bytes: self.max_bytes,
            discard: DiscardPolicy::Old,
            // The server refuses a longer one. A `max_age` of zero is without an end.
            duplicate_window: match self.max_age {
                Duration::ZERO => self.duplicate_window,
                max_age => self.duplicate_window.min(max_age),
            },
            storage: if self.in_memory { StorageType::Memory } else { StorageType::File },
            num_replicas: self.replicas,
            allow_direct: true,
            ..Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let mut server = NatsServer::new("nats://bob:pass-word@a:4222, tls://b:4222");
        server.auth = NatsAuth::Token("to-ken".to_owned());
        let shown = format!("{server:?} {}", server.shown());
        assert!(shown.contains("nats://a:4222,tls://b:4222"), "{shown}");
        server.auth = NatsAuth::User { user: "bob".to_owned(), password: "pass-word".to_owned() };
        let all = format!("{shown} {server:?}");
        assert!(!all.contains("pass-word") && !all.contains("to-ken"), "{all}");
        let addresses = format!("{:?}", server.addresses().unwrap());
        assert!(!addresses.contains("pass-word") && addresses.contains("4222"), "{addresses}");
        let login = |url: &str| NatsServer::new(url).login_of_url().unwrap();
        let of_url = login("nats://bob:pass%40word@b:4222,a:4222");
        assert!(matches!(of_url, NatsAuth::User { password, .. } if password == "pass@word"));
        assert!(
            matches!(login("nats://to-ken@b:4222"), NatsAuth::Token(token) if token == "to-ken")
        );
        assert!(matches!(login("nats://b:4222"), NatsAuth::None));
        let bad = NatsServer::new("nats://bob:pass-word@[::1:x").addresses().unwrap_err();
        assert!(!bad.to_string().contains("pass-word"), "{bad}");
    }

    #[test]
    fn no_part_of_a_password_with_a_comma_is_printed() {
        for url in [
            "nats://bob:pass,word@a:4222",
            "nats://bob:p@ss,word@a:4222",
            "nats://bob:pass,wo,rd@a:4222,b:4222",
            "b:4222,nats://bob:pass,word@a:4222",
            "nats://bob:pass, wo@rd@a:4222",
        ] {
            let server = NatsServer::new(url);
            let error = server.addresses().err();
            let all = format!("{server:?} {} {error:?}", server.shown());
            assert!(all.contains("a:4222"), "{all}");
            for part in ["pass", "p@ss", "ss", "wo", "rd", "bob"] {
                assert!(!server.shown().contains(part), "{all}");
            }
        }
        let refused = NatsServer::new("nats://bob:pass,word@a:4222").addresses().unwrap_err();
        assert!(refused.to_string().contains("%2C"), "{refused}");
        let comma = NatsServer::new("nats://bob:pass%2Cword@a:4222,b:4222");
        assert_eq!(comma.shown(), "nats://a:4222,b:4222");
        let login = comma.login_of_url().unwrap();
        assert!(matches!(login, NatsAuth::User { password, .. } if password == "pass,word"));
    }

    #[test]
    fn ids_are_remembered_no_longer_than_messages() {
        for (max_age, window) in [(30, 30), (3_600, 120), (0, 120)] {
            let max_age = Duration::from_secs(max_age);
            let config = StreamOptions { max_age, ..StreamOptions::default() }.config();
            assert_eq!((config.max_age, config.duplicate_window.as_secs()), (max_age, window));
        }
    }
}
