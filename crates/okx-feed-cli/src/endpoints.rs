//! Where a running feed can be seen: its metrics, and its page.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use okx_feed_export::Feeds;
use okx_feed_export::http::HttpServer;
use okx_feed_export::metrics::{self, Metrics, MetricsOptions};
use okx_feed_export::web::{self, Token, WebError};

use super::error::CliError;

/// The variable that has the page's token where no file has it.
const TOKEN_VARIABLE: &str = "OKX_FEED_WEB_TOKEN";

/// Where a running feed can be seen.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Metrics and page")]
pub(crate) struct EndpointArgs {
    /// Serve Prometheus metrics, /healthz and /readyz on this address, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,
    /// With --metrics, also those of each subscription, of 1,000 at most
    #[arg(long, requires = "metrics")]
    pub(crate) metrics_by_instrument: bool,
    /// Serve a page for a browser on this address, such as 127.0.0.1:9465: books, trades, charts,
    /// losses. An address that is not loopback needs a token
    #[arg(long, value_name = "ADDR")]
    pub(crate) web: Option<SocketAddr>,
    /// The file with the page's token; else `OKX_FEED_WEB_TOKEN` has it
    #[arg(long, value_name = "FILE", requires = "web")]
    pub(crate) web_token_file: Option<PathBuf>,
}

/// The servers that run. Dropping them stops them.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    _metrics: Option<HttpServer>,
    _web: Option<HttpServer>,
}

impl EndpointArgs {
    /// Starts what was asked for, and reports each address.
    ///
    /// # Errors
    /// Where an address can't be listened on, or the page needs a token.
    pub(crate) fn start(
        &self,
        feeds: &Feeds,
        report: impl Fn(&str),
    ) -> Result<Endpoints, CliError> {
        let metrics = self.metrics.map(|addr| {
            let mut options = MetricsOptions::default();
            options.by_instrument = self.metrics_by_instrument;
            let failed = |source| CliError::Endpoint(WebError::Listen { addr, source });
            metrics::serve(addr, Metrics::new(feeds.clone(), options)).map_err(failed)
        });
        let metrics = metrics.transpose()?;
        if let Some(server) = &metrics {
            report(&format!("metrics on http://{}/metrics", server.addr()));
        }
        let token = if self.web.is_some() { token(self.web_token_file.as_deref())? } else { None };
        let web = self.web.map(|addr| web::serve(addr, feeds.clone(), token));
        let web = web.transpose().map_err(CliError::Endpoint)?;
        if let Some(server) = &web {
            report(&format!("page on http://{}/", server.addr()));
        }
        Ok(Endpoints { _metrics: metrics, _web: web })
    }
}

/// The page's token, of the file or of the environment.
///
/// # Errors
/// Where the file can't be read, and where the text is no token.
pub(crate) fn token(file: Option<&Path>) -> Result<Option<Token>, CliError> {
    let text = match file {
        Some(path) => {
            let read = std::fs::read_to_string(path);
            Some(read.map_err(|source| CliError::Open { path: path.to_owned(), source })?)
        }
        None => std::env::var(TOKEN_VARIABLE).ok().filter(|text| !text.is_empty()),
    };
    text.map(|text| Token::new(&text)).transpose().map_err(CliError::Token)
}
