//! Who may see the page.

use std::fmt;
use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::assets;

/// The cookie that a browser keeps after a login.
const COOKIE: &str = "okx_feed_token";

/// The shortest token.
const MIN_LEN: usize = 16;

/// The longest token.
const MAX_LEN: usize = 128;

/// What a visitor must know where the page is reachable from other machines. Its text is never
/// shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token has {MIN_LEN} to {MAX_LEN} letters, digits, '-' and '_'")]
pub struct TokenError;

impl Token {
    /// A token of 16 to 128 letters, digits, `-` and `_`; spaces and line ends around it are
    /// dropped.
    ///
    /// # Errors
    /// [`TokenError`] for any other text.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        match (MIN_LEN..=MAX_LEN).contains(&text.len()) && text.bytes().all(is_plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(TokenError),
        }
    }

    /// Whether a text is the token, in a time that depends on its length alone.
    fn is(&self, text: &str) -> bool {
        let differ = self.0.bytes().zip(text.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        differ == 0 && self.0.len() == text.len()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Lets a request pass that may see the page, and answers any other with the form for the token.
///
/// Without a token the page is on a loopback address, and the request must name one too: a name
/// that another site has pointed to this machine is refused. Pages of other sites can't load
/// anything either, so that they can't use up the streams.
pub(super) async fn check(
    State(token): State<Option<Token>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if is_of_another_site(headers) && request.uri().path() != "/" {
        return (StatusCode::FORBIDDEN, "not for other sites\n").into_response();
    }
    match &token {
        None if is_local(headers) => next.run(request).await,
        None => (StatusCode::FORBIDDEN, "the page is for this machine\n").into_response(),
        Some(token) if is_known(token, headers) => next.run(request).await,
        Some(_) if request.uri().path() == "/" => refused(assets::LOGIN.response()),
        Some(_) => refused("a token is needed\n"),
    }
}

/// The answer to a request without the token.
fn refused(content: impl IntoResponse) -> Response {
    let scheme = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, scheme, content).into_response()
}

/// Whether a browser says that a page of another site asks. A link to the page is fine.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    matches!(site, Some("cross-site" | "same-site"))
}

/// The answer to the form: the cookie, or the form again.
pub(super) fn log_in(token: Option<&Token>, form: &str) -> Response {
    let given = form.split('&').find_map(|pair| pair.strip_prefix("token="));
    match (token, given) {
        (Some(token), Some(given)) if token.is(given) => {
            let cookie = format!("{COOKIE}={given}; HttpOnly; SameSite=Strict; Path=/");
            let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        _ => refused(assets::LOGIN.response()),
    }
}

fn is_known(token: &Token, headers: &HeaderMap) -> bool {
    let text = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION).filter_map(|value| value.strip_prefix("Bearer "));
    let cookies = text(header::COOKIE).flat_map(|value| value.split(';'));
    let of_cookie = cookies.filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    bearer.chain(of_cookie).any(|given| token.is(given))
}

/// Whether a request names this machine by a loopback address.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let plain = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let is_port =
        |rest: &str| rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    // Neither a user before the name nor anything but a port behind it.
    let is_whole = host.strip_prefix(name).is_some_and(|rest| rest.is_empty() || is_port(rest));
    let is_loopback = plain.parse::<IpAddr>().is_ok_and(|addr| addr.is_loopback());
    is_whole && (plain == "localhost" || is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_the_token_itself_is_let_in() {
        for bad in ["", "short", "with space in it and long", "0123456789abcdef;"] {
            assert_eq!(Token::new(bad), Err(TokenError), "{bad}");
        }
        let token = Token::new(" 0123456789abcdef\n").unwrap();
        assert_eq!(format!("{token:?}"), "Token(..)");
        let known = |name, value| is_known(&token, &headers(name, value));
        assert!(known(header::AUTHORIZATION, "Bearer 0123456789abcdef"));
        assert!(known(header::COOKIE, "a=b; okx_feed_token=0123456789abcdef"));
        assert!(!known(header::AUTHORIZATION, "Bearer 0123456789abcdeF"));
        assert!(!known(header::AUTHORIZATION, "Bearer 0123456789abcdef0"));
        assert!(!known(header::AUTHORIZATION, "Bearer "));
        assert!(!known(header::COOKIE, "okx_feed_token_=0123456789abcdef"));
        let answer = |form| log_in(Some(&token), form).status();
        assert_eq!(answer("token=0123456789abcdef"), StatusCode::SEE_OTHER);
        assert_eq!(answer("token=0123456789abcdeg"), StatusCode::UNAUTHORIZED);
        assert_eq!(log_in(None, "token=").status(), StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn a_foreign_name_is_refused_on_loopback() {
        let local = |value| is_local(&headers(header::HOST, value));
        assert!(local("localhost:9001") && local("127.0.0.1:80") && local("[::1]:9001"));
        assert!(!local("evil.example:9001") && !local("10.0.0.1") && !local("127.0.0.1.evil"));
        assert!(!local("localhost.evil:9001") && !local("[::1].evil") && !local("[::1"));
        assert!(!local("") && !local("127.0.0.1@evil") && !local("0x7f000001"));
        assert!(!is_local(&HeaderMap::new()));
    }
}
