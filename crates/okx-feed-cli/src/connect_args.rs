//! Arguments for the connection to the exchange.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use okx_feed::model::InstrumentCodes;
use okx_feed::rest::{RestClient, RestConfig};
use okx_feed::transport::{Proxy, Region};
use okx_feed::{ClientBuilder, ClientConfig, Credentials, Dialect, EventSink};

use super::catalogue::fetch;
use super::error::CliError;
use super::instruments_file::read_codes;

/// Where to connect to, and how.
#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectArgs {
    /// Where to connect to; by default the exchange's own address of the region
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Where the REST interface is, for the lists of instruments; by default the host of --url,
    /// else the exchange's own address of the region
    #[arg(long, value_name = "URL")]
    rest_url: Option<String>,
    #[command(flatten)]
    network: NetworkArgs,
}

/// Whether to log in, and with which key. The key is never a command-line argument, which other
/// users of the machine could read.
#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// Log in with the key in `OKX_API_KEY`, `OKX_API_SECRET` and `OKX_API_PASSPHRASE`
    #[arg(long, conflicts_with = "login_file")]
    login: bool,
    /// Log in with the key in this file of three lines: key=, secret=, passphrase=
    #[arg(long, value_name = "FILE")]
    login_file: Option<PathBuf>,
}

impl LoginArgs {
    /// The credentials, if a login was requested.
    pub(crate) fn credentials(&self) -> Result<Option<Credentials>, CliError> {
        match &self.login_file {
            Some(path) => Ok(Some(Credentials::from_file(path)?)),
            None if self.login => Ok(Some(Credentials::from_env()?.ok_or(CliError::NoKey)?)),
            None => Ok(None),
        }
    }
}

/// Where to send requests to, and how.
#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct RestArgs {
    /// Where to send requests to; by default the exchange's own address of the region
    #[arg(id = "url", long = "rest-url", value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    network: NetworkArgs,
}

/// The region, the proxy, headers and certificates, beside an argument with the id `url`.
#[derive(Args, Debug)]
struct NetworkArgs {
    /// The region of the account: a key is accepted only at the address of its own region
    #[arg(long, value_enum, default_value_t = RegionArg::Global, conflicts_with = "url")]
    region: RegionArg,
    /// Use demo trading
    #[arg(long)]
    demo: bool,
    /// Connect through a proxy, `http://HOST:PORT` or `socks5://HOST:PORT`; by default
    /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` decide. A password is safer there
    /// than here
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy")]
    proxy: Option<String>,
    /// Connect directly, without the proxy of the environment
    #[arg(long)]
    no_proxy: bool,
    /// Send one more header in each HTTP request
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// Trust the CA certificates of this PEM file too
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// The region of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RegionArg {
    /// All other countries
    Global,
    /// The European Economic Area
    Eea,
    /// The United States and Australia
    Us,
}

impl From<RegionArg> for Region {
    fn from(arg: RegionArg) -> Self {
        match arg {
            RegionArg::Global => Self::Global,
            RegionArg::Eea => Self::Eea,
            RegionArg::Us => Self::Us,
        }
    }
}

impl ConnectArgs {
    /// What a configuration file has: the URLs, the region and whether it is demo trading, the
    /// proxy, where `none` is no proxy at all, and the CA file.
    pub(crate) fn of_config(
        (url, rest_url): (Option<String>, Option<String>),
        (region, demo): (RegionArg, bool),
        proxy: Option<&str>,
        ca_file: Option<PathBuf>,
    ) -> Self {
        let no_proxy = proxy == Some("none");
        let proxy = proxy.filter(|_| !no_proxy).map(str::to_owned);
        let headers = Vec::new();
        Self {
            url,
            rest_url,
            network: NetworkArgs { region, demo, proxy, no_proxy, headers, ca_file },
        }
    }

    /// Whether anything of it was given.
    pub(crate) fn is_given(&self) -> bool {
        let NetworkArgs { region, demo, proxy, no_proxy, headers, ca_file } = &self.network;
        let is_default = *region == RegionArg::Global && !demo && !no_proxy && headers.is_empty();
        !is_default || self.url.is_some() || proxy.is_some() || ca_file.is_some()
    }

    /// Applies the arguments to a client's builder.
    pub(crate) fn apply<S: EventSink + Send + 'static>(
        &self,
        builder: ClientBuilder<S>,
    ) -> ClientBuilder<S> {
        let builder = builder.configure(|config| self.change(config));
        match self.rest_url() {
            Some(url) => builder.rest_url(url),
            None => builder,
        }
    }

    /// The instruments' codes, which SBE needs: of a file, else of the REST interface's lists.
    ///
    /// # Errors
    /// Those of the file or of the requests.
    pub(crate) fn codes(&self, file: Option<&Path>) -> Result<InstrumentCodes, CliError> {
        if let Some(path) = file {
            return read_codes(path);
        }
        let mut config = self.network.rest_config(Dialect::V5);
        config.url = self.rest_url();
        let mut client = RestClient::new(&config)?;
        Ok(fetch(&mut client, &"tickers:*".parse()?)?.codes())
    }

    /// The address of the REST interface, where it is not the exchange's own.
    fn rest_url(&self) -> Option<String> {
        self.rest_url.clone().or_else(|| {
            let (scheme, rest) = self.url.as_deref()?.split_once("://")?;
            let host = rest.split(['/', '?']).next()?;
            let scheme = if scheme == "wss" { "https" } else { "http" };
            Some(format!("{scheme}://{host}"))
        })
    }

    pub(crate) fn change(&self, config: &mut ClientConfig) {
        let network = &self.network;
        config.url.clone_from(&self.url);
        config.region = network.region.into();
        config.demo = network.demo;
        config.proxy = network.proxy();
        config.headers.0.clone_from(&network.headers);
        config.tls.ca_file.clone_from(&network.ca_file);
    }
}

impl RestArgs {
    /// The options of a REST client.
    pub(crate) fn config(&self, dialect: Dialect) -> RestConfig {
        RestConfig { url: self.url.clone(), ..self.network.rest_config(dialect) }
    }
}

impl NetworkArgs {
    /// The options of a REST client at the region's address.
    fn rest_config(&self, dialect: Dialect) -> RestConfig {
        let mut config = RestConfig::new(dialect);
        config.region = self.region.into();
        config.demo = self.demo;
        config.proxy = self.proxy();
        config.headers.0.clone_from(&self.headers);
        config.tls.ca_file.clone_from(&self.ca_file);
        config
    }

    fn proxy(&self) -> Proxy {
        match &self.proxy {
            Some(url) => Proxy::Url(url.clone()),
            None if self.no_proxy => Proxy::Direct,
            None => Proxy::FromEnv,
        }
    }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'NAME: VALUE'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
