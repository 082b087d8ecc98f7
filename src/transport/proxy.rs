//! Which proxy a connection goes through, and the tunnel through it.

use std::fmt;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_socks::tcp::Socks5Stream;
use tokio_tungstenite::tungstenite::http::Uri;

use super::error::{ConnectError, TransportError};
use super::reply::Reply;
use super::target::{Target, bracketed, without_user};

/// The proxy that connections go through.
///
/// A proxy is `http://HOST:PORT` (HTTP's `CONNECT`) or `socks5://HOST:PORT`; the port is 80 or 1080
/// where none is given. Either may have a user and a password before the host, which are never
/// logged. `socks5h://` is the same as `socks5://`: the proxy always resolves the exchange's name.
/// TLS goes through the proxy unopened. Not supported: TLS to the proxy itself (`https://`), SOCKS
/// 4 and 4a.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// The proxy that the environment names: `HTTPS_PROXY` for `wss://`, `HTTP_PROXY` for `ws://`
    /// (but not where `REQUEST_METHOD` is set, as in CGI, where a client of the server controls
    /// it), else `ALL_PROXY`; except for the hosts in `NO_PROXY`. Lower-case names work as well. As
    /// with curl, addresses of this machine are no exception unless `NO_PROXY` names them.
    #[default]
    FromEnv,
    /// None, whatever the environment says.
    Direct,
    /// This one, whatever the environment says.
    Url(String),
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FromEnv => f.write_str("FromEnv"),
            Self::Direct => f.write_str("Direct"),
            Self::Url(url) => f.debug_tuple("Url").field(&without_user(url)).finish(),
        }
    }
}

/// The proxy rules, read once at the start.
#[derive(Clone, Debug, Default)]
pub(super) struct ProxyRules {
    secure: Option<String>,
    plain: Option<String>,
    except: String,
}

impl ProxyRules {
    /// Reads the option, or the environment where it says so.
    pub(super) fn new(proxy: &Proxy, env: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| {
            let set = |name: &str| env(name).filter(|value| !value.trim().is_empty());
            set(name).or_else(|| set(&name.to_ascii_lowercase()))
        };
        match proxy {
            Proxy::Direct => Self::default(),
            Proxy::Url(url) => {
                let url = Some(url.clone());
                Self { secure: url.clone(), plain: url, except: String::new() }
            }
            Proxy::FromEnv => {
                let all = var("ALL_PROXY");
                let http = var("HTTP_PROXY").filter(|_| env("REQUEST_METHOD").is_none());
                Self {
                    secure: var("HTTPS_PROXY").or_else(|| all.clone()),
                    plain: http.or(all),
                    except: var("NO_PROXY").unwrap_or_default(),
                }
            }
        }
    }

    /// The proxy before a target; `None` where there is none.
    ///
    /// # Errors
    /// [`TransportError::Proxy`] where there is one that can't be used.
    pub(super) fn proxy_of(&self, target: &Target) -> Result<Option<ProxyServer>, TransportError> {
        let url = if target.secure { &self.secure } else { &self.plain };
        let Some(url) = url.as_deref().map(str::trim) else { return Ok(None) };
        let bad = |why: &str| TransportError::Proxy { url: without_user(url), why: why.to_owned() };
        // The scheme does not matter here: the proxy for it was chosen above.
        let to = format!("http://{}/", bracketed(&target.host));
        let to: Uri = to.parse().map_err(|_| bad("the exchange's host can't be named to it"))?;
        let found = Matcher::builder().all(url).build().intercept(&to);
        let found = found.ok_or_else(|| bad("it is not http://HOST:PORT or socks5://HOST:PORT"))?;
        let server = ProxyServer::of(&found).map_err(bad)?;
        let rules = Matcher::builder().all(url).no(self.except.as_str()).build();
        Ok(rules.intercept(&to).map(|_| server))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    Socks5,
}

/// A proxy that connections go through.
#[derive(Clone)]
pub(super) struct ProxyServer {
    kind: Kind,
    pub(super) host: String,
    pub(super) port: u16,
    intercept: Intercept,
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}:{}", self.kind, self.host, self.port)
    }
}

impl ProxyServer {
    fn of(intercept: &Intercept) -> Result<Self, &'static str> {
        let uri = intercept.uri();
        let (kind, port) = match uri.scheme_str() {
            Some("http") => (Kind::Http, 80),
            Some("socks5" | "socks5h") => (Kind::Socks5, 1080),
            Some("https") => return Err("TLS to the proxy itself is not supported"),
            _ => return Err("SOCKS 4 is not supported"),
        };
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("it names no host");
        }
        let port = uri.port_u16().unwrap_or(port);
        Ok(Self { kind, host, port, intercept: intercept.clone() })
    }

    /// Opens a tunnel to the target.
    ///
    /// # Errors
    /// What the proxy or the connection to it fails with.
    pub(super) async fn tunnel<S>(
        &self,
        mut stream: S,
        target: &Target,
        user_agent: &str,
    ) -> Result<S, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.kind {
            Kind::Socks5 => {
                let to = (target.host.as_str(), target.port);
                let made = match self.intercept.raw_auth() {
                    Some((user, password)) => {
                        Socks5Stream::connect_with_password_and_socket(stream, to, user, password)
                            .await
                    }
                    None => Socks5Stream::connect_with_socket(stream, to).await,
                };
                Ok(made.map_err(|error| ConnectError::Socks(error.to_string()))?.into_inner())
            }
            Kind::Http => {
                let to = format!("{}:{}", bracketed(&target.host), target.port);
                let auth = self.intercept.basic_auth().and_then(|auth| auth.to_str().ok());
                let auth = auth.map(|auth| format!("Proxy-Authorization: {auth}\r\n"));
                let auth = auth.unwrap_or_default();
                let request = format!(
                    "CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {user_agent}\r\n{auth}\r\n"
                );
                stream.write_all(request.as_bytes()).await?;
                let reply = Reply::read(&mut stream).await?;
                if !(200..300).contains(&reply.status) {
                    let refusal = reply.refusal(&mut stream).await;
                    return Err(ConnectError::ProxyRefused(Box::new(refusal)));
                }
                if !reply.rest.is_empty() {
                    return Err(ConnectError::Reply("the proxy sends more than its answer"));
                }
                Ok(stream)
            }
        }
    }
}

/// A proxy for requests other than the upgrade to a WebSocket.
#[cfg(feature = "rest")]
#[derive(Clone)]
pub(crate) struct HttpProxy {
    /// Whether it is SOCKS 5 and not HTTP's `CONNECT`.
    pub(crate) is_socks: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User and password.
    pub(crate) auth: Option<(String, String)>,
}

/// The proxy before a URL, by the same rules as for connections; `None` where there is none.
///
/// # Errors
/// [`TransportError::Url`] or [`TransportError::Proxy`].
#[cfg(feature = "rest")]
pub(crate) fn http_proxy(proxy: &Proxy, url: &str) -> Result<Option<HttpProxy>, TransportError> {
    let env = |name: &str| std::env::var(name).ok();
    let found = ProxyRules::new(proxy, env).proxy_of(&Target::parse(url)?)?;
    Ok(found.map(|server| {
        let basic = server.intercept.basic_auth().and_then(|auth| auth.to_str().ok());
        let raw = server.intercept.raw_auth();
        let raw = raw.map(|(user, password)| (user.to_owned(), password.to_owned()));
        HttpProxy {
            is_socks: server.kind == Kind::Socks5,
            host: server.host.clone(),
            port: server.port,
            auth: raw.or_else(|| basic.and_then(user_and_password)),
        }
    }))
}

/// What `Basic` authorization says.
#[cfg(feature = "rest")]
fn user_and_password(basic: &str) -> Option<(String, String)> {
    use base64::Engine;
    let text = basic.strip_prefix("Basic ")?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(proxy: &Proxy, env: &[(&str, &str)], url: &str) -> Result<Option<String>, String> {
        let env = |name: &str| {
            env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let rules = ProxyRules::new(proxy, env);
        let server = rules.proxy_of(&Target::parse(url).unwrap());
        server.map(|server| server.map(|s| format!("{s:?}"))).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_names_a_proxy_by_scheme_with_exceptions() {
        let env = [
            ("https_proxy", "http://secure:3128"),
            ("HTTP_PROXY", "plain"),
            ("ALL_PROXY", "socks5h://all"),
            ("NO_PROXY", "localhost, 10.0.0.0/8,.okx.com"),
        ];
        let of = |env: &[(&str, &str)], url| before(&Proxy::FromEnv, env, url).unwrap();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(&env, "wss://a.example/"), some("Http secure:3128"));
        assert_eq!(of(&env, "ws://a.example/"), some("Http plain:80"));
        assert_eq!(of(&env[2..], "ws://a.example/"), some("Socks5 all:1080"));
        assert_eq!(of(&env[2..], "wss://[::1]/"), some("Socks5 all:1080"));
        for url in ["wss://ws.okx.com/", "ws://10.1.2.3/", "ws://localhost:1/"] {
            assert_eq!(of(&env, url), None, "{url}");
        }
        assert_eq!(of(&[("HTTPS_PROXY", " ")], "wss://a.example/"), None);
        // In CGI a server's clients control this variable.
        let cgi = [("HTTP_PROXY", "evil:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(of(&cgi, "ws://a.example/"), None);
        assert_eq!(before(&Proxy::Direct, &env, "wss://a.example/"), Ok(None));
    }

    #[test]
    fn an_option_overrides_the_environment_and_no_password_is_shown() {
        let proxy = Proxy::Url("socks5://user:pa%20ss@[::1]:9".to_owned());
        assert_eq!(format!("{proxy:?}"), r#"Url("socks5://[::1]:9")"#);
        let env = [("HTTPS_PROXY", "http://other"), ("NO_PROXY", "*")];
        assert_eq!(before(&proxy, &env, "wss://a.example/"), Ok(Some("Socks5 ::1:9".to_owned())));
        let rules = ProxyRules::new(&proxy, |_| None);
        let server = rules.proxy_of(&Target::parse("ws://a/").unwrap()).unwrap().unwrap();
        assert_eq!(server.intercept.raw_auth(), Some(("user", "pa ss")));
        for bad in ["https://u:secret@p:1", "socks4://u:secret@p", "ftp://u:secret@p", "http://"] {
            let error = before(&Proxy::Url(bad.to_owned()), &[], "ws://a/").unwrap_err();
            assert!(error.contains("proxy") && !error.contains("secret"), "{error}");
        }
    }
}
