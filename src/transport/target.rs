//! The URL of a connection, checked once, and the URLs of the other paths of its host.

use std::fmt;
use std::sync::Arc;

use tokio_tungstenite::tungstenite::http::Uri;

use super::error::TransportError;
use crate::model::{ChannelPath, InstrumentCodes, Subscription};

/// The paths of v5, one of which may stand in a URL for all.
const V5_PATHS: [&str; 4] =
    ["/ws/v5/public", "/ws/v5/business", "/ws/v5/private", "/ws/v5/public-sbe"];

/// A WebSocket URL in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whether TLS is used.
    pub(super) secure: bool,
    /// A name or an address, the latter without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The path, with the query where there is one.
    pub(super) path: String,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`TransportError::Url`].
    pub(crate) fn parse(url: &str) -> Result<Self, TransportError> {
        let bad = |why: &str| TransportError::Url { url: without_user(url), why: why.to_owned() };
        let uri: Uri = url.parse().map_err(|_| bad("it can't be parsed"))?;
        let secure = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(bad("it does not start with ws:// or wss://")),
        };
        Self::of(&uri, secure).ok_or_else(|| bad("it names no host"))
    }

    fn of(uri: &Uri, secure: bool) -> Option<Self> {
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let host = Some(host.to_owned()).filter(|host| !host.is_empty())?;
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let slash = if path.starts_with('/') { "" } else { "/" };
        Some(Self { secure, host, port, path: format!("{slash}{path}") })
    }

    /// The target of a redirect's `Location`, which may be relative; `None` where it is invalid, or
    /// switches TLS on or off.
    pub(super) fn redirected(&self, location: &str) -> Option<Self> {
        if location.starts_with('/') && !location.starts_with("//") {
            return Some(Self { path: location.to_owned(), ..self.clone() });
        }
        let uri: Uri = location.parse().ok()?;
        let secure = match uri.scheme_str()? {
            "ws" | "http" => false,
            "wss" | "https" => true,
            _ => return None,
        };
        Self::of(&uri, secure).filter(|target| target.secure == self.secure)
    }

    /// The host and the port, by which attempts are counted.
    pub(crate) fn host_and_port(&self) -> String {
        format!("{}:{}", self.host.to_ascii_lowercase(), self.port)
    }

    /// The host, and the port where it is not the scheme's own, as a request names them.
    pub(super) fn authority(&self) -> String {
        let host = bracketed(&self.host);
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Splits the path where one of the exchange's paths stands in it, so that the others can be
    /// put there.
    fn v5_path(&self) -> Option<(&str, &str)> {
        let (path, query) = match self.path.find('?') {
            Some(at) => self.path.split_at(at),
            None => (self.path.as_str(), ""),
        };
        let before = V5_PATHS.iter().find_map(|v5_path| path.strip_suffix(v5_path))?;
        Some((before, query))
    }
}

/// The URL, without its query, which may hold a secret.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{}{path}", self.authority())
    }
}

/// An address of IPv6 in brackets, and anything else as it is.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// A URL as it may be shown: without user and password.
#[must_use]
pub fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let between = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{between}{host}{path}")
}

/// The targets of a client: one for each path of the exchange, or one for all.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    given: Target,
    /// The instruments that the path of SBE has; `None` where it is not used.
    sbe: Option<Arc<InstrumentCodes>>,
}

impl Targets {
    pub(crate) const fn new(given: Target) -> Self {
        Self { given, sbe: None }
    }

    /// The same, with the path of SBE for what it serves.
    pub(crate) fn with_sbe(self, sbe: Option<Arc<InstrumentCodes>>) -> Self {
        Self { sbe, ..self }
    }

    /// Whether the given URL names one of the exchange's paths, so that there are others.
    pub(crate) fn has_paths(&self) -> bool {
        self.given.v5_path().is_some()
    }

    /// The path that a subscription's connection needs; `None` where the given URL serves all.
    pub(crate) fn path_of(&self, subscription: &Subscription) -> Option<ChannelPath> {
        let codes = self.sbe.as_ref().filter(|_| subscription.channel().has_sbe());
        let code = codes.and_then(|codes| codes.code(subscription.inst_id()));
        let path = subscription.channel().path();
        let path = if code.is_some() { ChannelPath::PublicSbe } else { path };
        self.has_paths().then_some(path)
    }

    /// The target of a path.
    pub(crate) fn at(&self, path: Option<ChannelPath>) -> Target {
        match (path, self.given.v5_path()) {
            (Some(path), Some((before, query))) => {
                Target { path: format!("{before}{path}{query}"), ..self.given.clone() }
            }
            _ => self.given.clone(),
        }
    }

    /// The subscriptions in groups that may share a connection, of at most `most` each.
    pub(crate) fn grouped(
        &self,
        subscriptions: &[Subscription],
        most: usize,
    ) -> Vec<(Option<ChannelPath>, Vec<Subscription>)> {
        let mut groups: Vec<(Option<ChannelPath>, Vec<Subscription>)> = Vec::new();
        for subscription in subscriptions {
            let path = self.path_of(subscription);
            let has_room = |group: &&mut (Option<ChannelPath>, Vec<Subscription>)| {
                group.0 == path && group.1.len() < most
            };
            match groups.iter_mut().find(has_room) {
                Some((_, group)) => group.push(*subscription),
                None => groups.push((path, vec![*subscription])),
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    #[test]
    fn urls_are_read_into_their_parts() {
        let target = parse("wss://user:pass@Ws.OKX.com/ws/v5/public?brokerId=9999");
        assert_eq!((target.secure, target.port), (true, 443));
        assert_eq!(target.host_and_port(), "ws.okx.com:443");
        assert_eq!(target.authority(), "Ws.OKX.com");
        assert_eq!(target.path, "/ws/v5/public?brokerId=9999");
        assert_eq!(target.to_string(), "wss://Ws.OKX.com/ws/v5/public");
        let six = parse("ws://[::1]:8443");
        assert_eq!((six.host.as_str(), six.port, six.path.as_str()), ("::1", 8443, "/"));
        assert_eq!(six.authority(), "[::1]:8443");
        assert_eq!(parse("ws://h").port, 80);
        for bad in ["http://h/", "h:1", "ws://", "wss:///ws", "ws://user:secret@"] {
            let error = Target::parse(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_path_of_v5_is_replaced_by_that_of_the_channel_and_any_other_serves_all() {
        let path = |url: &str, channel: &str| {
            let targets = Targets::new(parse(url));
            let subscription: Subscription = channel.parse().unwrap();
            targets.at(targets.path_of(&subscription)).path
        };
        let (book, fills) = ("books5:BTC-USDT", "trades-all:BTC-USDT");
        for given in ["public", "business", "private", "public-sbe"] {
            let url = format!("wss://ws.okx.com/ws/v5/{given}");
            assert_eq!(path(&url, book), "/ws/v5/public");
            assert_eq!(path(&url, fills), "/ws/v5/business");
        }
        let behind = "ws://mirror/okx/ws/v5/business?brokerId=9999";
        assert_eq!(path(behind, book), "/okx/ws/v5/public?brokerId=9999");
        for other in ["/", "/ws/v5/public-sbe2", "/ws/v5/public/", "/feed", "/feed?a=/ws/v5/public"]
        {
            let url = format!("ws://127.0.0.1:1{other}");
            assert_eq!([path(&url, book), path(&url, fills)], [other, other]);
        }
    }

    #[test]
    fn what_sbe_has_goes_there_if_its_code_is_known() {
        let codes = InstrumentCodes::from_iter([(3, "A".parse().unwrap())]);
        let targets = Targets::new(parse("ws://h/ws/v5/public")).with_sbe(Some(Arc::new(codes)));
        let path = |channel: &str| {
            let path = targets.path_of(&channel.parse().unwrap());
            path.map(ChannelPath::as_str)
        };
        for channel in ["trades:A", "bbo-tbt:A", "books-l2-tbt:A"] {
            assert_eq!(path(channel), Some("/ws/v5/public-sbe"));
        }
        for channel in ["trades:B", "books:A", "tickers:A", "books5:A"] {
            assert_eq!(path(channel), Some("/ws/v5/public"));
        }
        assert_eq!(path("trades-all:A"), Some("/ws/v5/business"));
    }

    #[test]
    fn subscriptions_share_connections_by_path() {
        let texts = ["books5:A", "trades-all:A", "trades:A", "books:B", "trades-all:B", "books5:C"];
        let subscriptions: Vec<Subscription> = texts.iter().map(|t| t.parse().unwrap()).collect();
        let groups = |url: &str| {
            let groups = Targets::new(parse(url)).grouped(&subscriptions, 3);
            groups.into_iter().map(|(path, group)| (path, group.len())).collect::<Vec<_>>()
        };
        let (public, business) = (Some(ChannelPath::Public), Some(ChannelPath::Business));
        assert_eq!(
            groups("wss://ws.okx.com/ws/v5/public"),
            [(public, 3), (business, 2), (public, 1)]
        );
        assert_eq!(groups("ws://127.0.0.1/"), [(None, 3), (None, 3)]);
    }

    #[test]
    fn a_redirect_must_keep_the_scheme() {
        let from = parse("wss://a.example/ws/v5/public");
        let to = |location: &str| from.redirected(location).map(|target| target.to_string());
        assert_eq!(to("/other"), Some("wss://a.example/other".to_owned()));
        assert_eq!(to("https://b.example:99/x"), Some("wss://b.example:99/x".to_owned()));
        assert_eq!(to("wss://b.example/x"), Some("wss://b.example/x".to_owned()));
        for nowhere in
            ["ws://b.example/x", "http://b.example/x", "//b.example/x", "x", "", "ftp://b/"]
        {
            assert_eq!(to(nowhere), None, "{nowhere}");
        }
        assert!(parse("ws://a/").redirected("https://a/").is_none());
    }
}
