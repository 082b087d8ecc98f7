//! The arguments of a client.

use std::path::PathBuf;

use okx_feed::transport::Proxy;
use okx_feed::{Client, ClientBuilder, Credentials, EventSink, Region, UnixNanos};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::instruments::PyInstruments;
use crate::subscriptions::{dialect, texts};
use crate::{errors, options};

/// The arguments of `Client`, as Python passes them.
#[derive(FromPyObject)]
pub(crate) struct Arguments<'py> {
    #[pyo3(item)]
    pub(crate) subscriptions: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    pub(crate) dialect: String,
    #[pyo3(item)]
    select: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    url: Option<String>,
    #[pyo3(item)]
    rest_url: Option<String>,
    #[pyo3(item)]
    region: String,
    #[pyo3(item)]
    demo: bool,
    #[pyo3(item)]
    proxy: Option<String>,
    #[pyo3(item)]
    headers: Option<Vec<(String, String)>>,
    #[pyo3(item)]
    ca_file: Option<PathBuf>,
    #[pyo3(item)]
    login: Option<Login>,
    #[pyo3(item)]
    redundancy: usize,
    #[pyo3(item)]
    busy_poll: bool,
    #[pyo3(item)]
    record: Option<PathBuf>,
    #[pyo3(item)]
    trade_history_since: Option<u64>,
    #[pyo3(item)]
    book_snapshots: bool,
    #[pyo3(item)]
    sbe: Option<Py<PyInstruments>>,
    #[pyo3(item)]
    options: Option<Bound<'py, PyDict>>,
    #[pyo3(item)]
    pub(crate) text_capacity: usize,
}

/// The key to log in with.
#[derive(FromPyObject)]
enum Login {
    /// Key, secret and passphrase.
    Parts(String, String, String),
    /// A file of them, or `env` for the variables of the environment.
    Named(PathBuf),
}

impl Login {
    fn credentials(self) -> PyResult<Credentials> {
        match self {
            Self::Parts(key, secret, passphrase) => Ok(Credentials::new(key, secret, passphrase)),
            Self::Named(path) if path.as_os_str() == "env" => {
                let found = Credentials::from_env().map_err(errors::client)?;
                found.ok_or_else(|| {
                    errors::config("OKX_API_KEY, OKX_API_SECRET and OKX_API_PASSPHRASE are not set")
                })
            }
            Self::Named(path) => Credentials::from_file(&path).map_err(errors::client),
        }
    }
}

/// The region of a name.
pub(crate) fn region(name: &str) -> PyResult<Region> {
    match name {
        "global" => Ok(Region::Global),
        "eea" => Ok(Region::Eea),
        "us" => Ok(Region::Us),
        _ => Err(errors::config(format!("unknown region {name:?}: global, eea or us"))),
    }
}

/// A proxy: a URL, `none`, or by default the one that the environment names.
pub(crate) fn proxy(text: Option<String>) -> Proxy {
    match text {
        None => Proxy::FromEnv,
        Some(text) if text == "none" => Proxy::Direct,
        Some(url) => Proxy::Url(url),
    }
}

impl Arguments<'_> {
    /// The builder of these arguments.
    ///
    /// # Errors
    /// `okx_feed.ConfigError`, `TypeError`.
    pub(crate) fn builder<S: EventSink + Send + 'static>(
        self,
        sink: S,
    ) -> PyResult<ClientBuilder<S>> {
        if !(1..=16).contains(&self.redundancy) {
            return Err(errors::config("redundancy: 1 to 16 connections"));
        }
        let mut builder = Client::builder(dialect(&self.dialect)?)
            .sink(sink)
            .region(region(&self.region)?)
            .proxy(proxy(self.proxy))
            .redundancy(self.redundancy);
        for text in texts(self.subscriptions.as_ref())? {
            builder = builder.subscribe(&text);
        }
        for text in texts(self.select.as_ref())? {
            builder = builder.select(&text);
        }
        for (name, value) in self.headers.into_iter().flatten() {
            builder = builder.header(name, value);
        }
        if let Some(url) = self.url {
            builder = builder.url(url);
        }
        if let Some(url) = self.rest_url {
            builder = builder.rest_url(url);
        }
        if let Some(path) = self.ca_file {
            builder = builder.ca_file(path);
        }
        if let Some(login) = self.login {
            builder = builder.login(login.credentials()?);
        }
        if let Some(dir) = self.record {
            builder = builder.record(dir);
        }
        if let Some(since) = self.trade_history_since {
            builder = builder.with_trade_history(UnixNanos(since));
        }
        if let Some(instruments) = self.sbe {
            builder = builder.sbe(instruments.get().codes());
        }
        builder = if self.demo { builder.demo() } else { builder };
        builder = if self.busy_poll { builder.busy_poll() } else { builder };
        builder = if self.book_snapshots { builder.with_book_snapshots() } else { builder };
        let mut result = Ok(());
        if let Some(options) = self.options {
            builder = builder.configure(|config| result = options::apply(config, &options));
        }
        result.map(|()| builder)
    }
}
