//! The arguments of a client.

use std::path::PathBuf;

use okx_feed::transport::{Proxy, Region};
use okx_feed::{Client, ClientBuilder, Credentials, Dialect, EventSink, UnixNanos};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::arguments::given;
use crate::instruments::PyInstruments;
use crate::subscriptions::texts;
use crate::{arguments, errors, options};

/// The key to log in with: a tuple of key, secret and passphrase, a file of them, or `env` for the
/// variables of the environment.
fn credentials(login: &Bound<'_, PyAny>) -> PyResult<Credentials> {
    let named = |error: PyErr| arguments::named(login.py(), "login", &error);
    if login.is_instance_of::<PyTuple>() {
        let (key, secret, passphrase): (String, String, String) = login.extract().map_err(named)?;
        return Ok(Credentials::new(key, secret, passphrase));
    }
    let path: PathBuf = login.extract().map_err(named)?;
    if path.as_os_str() != "env" {
        return Credentials::from_file(&path).map_err(errors::client);
    }
    let found = Credentials::from_env().map_err(errors::client)?;
    found.ok_or_else(|| {
        errors::config("OKX_API_KEY, OKX_API_SECRET and OKX_API_PASSPHRASE are not set")
    })
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

/// The texts of an argument that is one text or several.
fn names(of: &Bound<'_, PyDict>, name: &str) -> PyResult<Vec<String>> {
    let value: Option<Bound<'_, PyAny>> = given(of, name)?;
    texts(value.as_ref()).map_err(|error| arguments::named(of.py(), name, &error))
}

/// The builder of the arguments of `Client`, as Python passes them.
///
/// # Errors
/// `okx_feed.ConfigError`, `TypeError`.
pub(crate) fn builder<S: EventSink + Send + 'static>(
    of: &Bound<'_, PyDict>,
    dialect: Dialect,
    sink: S,
) -> PyResult<ClientBuilder<S>> {
    let redundancy = given(of, "redundancy")?;
    if !(1..=16).contains(&redundancy) {
        return Err(errors::config("redundancy: 1 to 16 connections"));
    }
    let mut builder = Client::builder(dialect)
        .sink(sink)
        .region(region(&given::<String>(of, "region")?)?)
        .proxy(proxy(given(of, "proxy")?))
        .redundancy(redundancy);
    for text in names(of, "subscriptions")? {
        builder = builder.subscribe(&text);
    }
    for text in names(of, "select")? {
        builder = builder.select(&text);
    }
    if let Some(headers) = given::<Option<Bound<'_, PyAny>>>(of, "headers")? {
        for (name, value) in arguments::headers(&headers)? {
            builder = builder.header(name, value);
        }
    }
    if let Some(url) = given::<Option<String>>(of, "url")? {
        builder = builder.url(url);
    }
    if let Some(url) = given::<Option<String>>(of, "rest_url")? {
        builder = builder.rest_url(url);
    }
    if let Some(path) = given::<Option<PathBuf>>(of, "ca_file")? {
        builder = builder.ca_file(path);
    }
    if let Some(login) = given::<Option<Bound<'_, PyAny>>>(of, "login")? {
        builder = builder.login(credentials(&login)?);
    }
    if let Some(dir) = given::<Option<PathBuf>>(of, "record")? {
        builder = builder.record(dir);
    }
    if let Some(since) = given(of, "trade_history_since")? {
        builder = builder.with_trade_history(UnixNanos(since));
    }
    if let Some(instruments) = given::<Option<Py<PyInstruments>>>(of, "sbe")? {
        builder = builder.sbe(instruments.get().codes());
    }
    builder = if given(of, "demo")? { builder.demo() } else { builder };
    builder = if given(of, "busy_poll")? { builder.busy_poll() } else { builder };
    builder = if given(of, "book_snapshots")? { builder.with_book_snapshots() } else { builder };
    let mut result = Ok(());
    if let Some(options) = given::<Option<Bound<'_, PyAny>>>(of, "options")? {
        builder = builder.configure(|config| result = options::apply(config, &options));
    }
    result.map(|()| builder)
}
